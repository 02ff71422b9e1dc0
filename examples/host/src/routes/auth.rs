//! Sign-in: register, login, refresh, me.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use crm_core::Role;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::accounts::{Account, NewAccount, Registered};
use crate::auth::extract::{User, claims};
use crate::auth::journal::SignIn;
use crate::auth::limiter::{PER_ACCOUNT, PER_ADDRESS};
use crate::error::{Problem, ProblemBody};
use crate::extract::{Json, Query};
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(me))
        .routes(routes!(sign_ins))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    email: String,
    full_name: String,
    /// 8 to 100 characters.
    password: String,
    /// `admin`, `manager` or `viewer`; only an admin may set it.
    role: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
struct SignedIn {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    user: Account,
}

pub(crate) fn check_email(email: &str) -> Result<String, Problem> {
    let email = email.trim().to_lowercase();
    let fine = email.len() <= 254
        && !email.chars().any(|c| c.is_control() || c.is_whitespace())
        && email.rsplit_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
        });
    if fine {
        Ok(email)
    } else {
        Err(Problem::invalid("email", "give an e-mail address"))
    }
}

/// Creates a user. The first one of an empty database becomes admin; afterwards only an admin may.
#[utoipa::path(post, path = "/api/auth/register", tag = "auth", request_body = Register,
    responses((status = 201, body = Account), (status = 403, body = ProblemBody)))]
async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Register>,
) -> Result<(StatusCode, axum::Json<Account>), Problem> {
    let first = app.accounts.count().await? == 0;
    let closed = || Problem::forbidden("only an admin may register users");
    if !first {
        let Ok(claims) = claims(&app, &headers) else {
            return Err(closed());
        };
        let caller = app
            .accounts
            .of_session(claims.sub, claims.sid)
            .await?
            .ok_or_else(closed)?;
        if caller.role != Role::Admin {
            return Err(closed());
        }
    }
    let email = check_email(&body.email)?;
    let name = body.full_name.trim();
    if !(1..=200).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Problem::invalid(
            "full_name",
            "use 1 to 200 characters on one line",
        ));
    }
    if !(8..=100).contains(&body.password.chars().count()) {
        return Err(Problem::invalid("password", "use 8 to 100 characters"));
    }
    let wanted = match body.role.as_deref() {
        None => Role::Viewer,
        Some(name) => Role::parse(name)
            .filter(|role| *role != Role::System)
            .ok_or_else(|| Problem::invalid("role", "use admin, manager or viewer"))?,
    };
    let new = NewAccount {
        email,
        full_name: name.to_owned(),
        password_hash: app.passwords.hash(body.password).await?,
        role: if first { Role::Admin } else { wanted },
    };
    match app.accounts.register(new, first).await? {
        Registered::Done(account) => Ok((StatusCode::CREATED, axum::Json(account))),
        Registered::NotFirst => Err(closed()),
        Registered::Duplicate => Err(Problem::new(
            StatusCode::CONFLICT,
            "duplicate",
            "this e-mail is already registered",
        )),
    }
}

/// Signs in. The answer and its timing do not tell whether the e-mail is known.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Login,
    responses((status = 200, body = SignedIn), (status = 401, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(body): Json<Login>,
) -> Result<axum::Json<SignedIn>, Problem> {
    if body.email.len() > 254 || body.password.chars().count() > 100 {
        return Err(Problem::unauthorized("wrong e-mail or password"));
    }
    let email = body.email.trim().to_lowercase();
    let (account, address) = (format!("account {email}"), format!("address {}", peer.ip()));
    app.limiter.check(&account, PER_ACCOUNT)?;
    app.limiter.check(&address, PER_ADDRESS)?;
    let known = app.accounts.by_email(email).await?;
    let (user, hash) = known.unzip();
    let right = app.passwords.verify(body.password, hash).await?;
    let id = user.as_ref().map(|user| user.id.clone());
    let Some(user) = user.filter(|_| right) else {
        app.accounts.failed(id).await?;
        app.limiter.failed(&account, PER_ACCOUNT);
        app.limiter.failed(&address, PER_ADDRESS);
        return Err(Problem::unauthorized("wrong e-mail or password"));
    };
    app.limiter.succeeded(&account);
    let (session, refresh_token) = app.accounts.begin_session(user.id.clone()).await?;
    signed_in(&app, user, &session, refresh_token)
}

fn signed_in(
    app: &App,
    user: Account,
    session: &str,
    refresh_token: String,
) -> Result<axum::Json<SignedIn>, Problem> {
    let access_token = app.tokens.issue(&user.id, session)?;
    Ok(axum::Json(SignedIn {
        access_token,
        refresh_token,
        token_type: "bearer",
        user,
    }))
}

/// Trades a refresh token for the next one. Using one twice ends the whole login.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = Refresh,
    responses((status = 200, body = SignedIn), (status = 401, body = ProblemBody)))]
async fn refresh(
    State(app): State<App>,
    Json(body): Json<Refresh>,
) -> Result<axum::Json<SignedIn>, Problem> {
    let (user, session, token) = app
        .accounts
        .rotate(&body.refresh_token)
        .await?
        .ok_or_else(|| Problem::unauthorized("the refresh token is not valid; sign in again"))?;
    signed_in(&app, user, &session, token)
}

/// Ends this login at once, its refresh token included.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth",
    responses((status = 204), (status = 401, body = ProblemBody)))]
async fn logout(
    State(app): State<App>,
    _user: User,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let claims = claims(&app, &headers)?;
    app.accounts.end_session(claims.sub, claims.sid).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which lines of the record of sign-ins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Lines {
    /// Only lines behind this position.
    after: Option<i64>,
    /// 1 to 1,000; 100 unless set.
    limit: Option<u32>,
}

/// Who registered, signed in, failed to, or signed out, oldest first. For admins.
#[utoipa::path(get, path = "/api/auth/sign-ins", tag = "auth", params(Lines),
    responses((status = 200, body = Vec<SignIn>), (status = 403, body = ProblemBody)))]
async fn sign_ins(
    State(app): State<App>,
    user: User,
    Query(lines): Query<Lines>,
) -> Result<axum::Json<Vec<SignIn>>, Problem> {
    if user.0.role != Role::Admin {
        return Err(Problem::forbidden("only an admin may read the sign-ins"));
    }
    let limit = lines.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 1,000"));
    }
    let after = lines.after.unwrap_or(0);
    Ok(axum::Json(app.accounts.sign_ins(after, limit).await?))
}

/// The signed-in user.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = Account), (status = 401, body = ProblemBody)))]
async fn me(user: User) -> axum::Json<Account> {
    axum::Json(user.0)
}
