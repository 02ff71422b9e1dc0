//! Sign-in: register, login, refresh, logout, me.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use crm_core::{Role, Workspace};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::accounts::{self, Account, NewAccount, Registered};
use crate::auth::cookie;
use crate::auth::extract::{User, claims};
use crate::auth::journal::SignIn;
use crate::auth::limiter::{PER_ACCOUNT, PER_ADDRESS};
use crate::error::Problem;
use crate::extract::{Json, Query};
use crate::names::RoleName;
use crate::state::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(me))
        .routes(routes!(sign_ins))
        .routes(routes!(users))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    email: String,
    full_name: String,
    #[schema(min_length = 8, max_length = 100)]
    password: String,
    /// `viewer` unless set. The first user is admin whatever this says.
    #[schema(value_type = Option<RoleName>)]
    role: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: String,
    /// For pages: the refresh token goes into a cookie that no script can read, not into the answer.
    #[serde(default)]
    cookie: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// Needed without `cookie`.
    refresh_token: Option<String>,
    /// The token is in the cookie, and the next one goes there.
    #[serde(default)]
    cookie: bool,
}

#[derive(Serialize, ToSchema)]
struct SignedIn {
    /// Good for 15 minutes.
    access_token: String,
    /// Good for 30 days, once; null when it is in the cookie.
    refresh_token: Option<String>,
    /// Always `bearer`.
    token_type: &'static str,
    user: Account,
}

fn check_email(email: &str) -> Result<String, Problem> {
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
    security((), ("bearer" = [])),
    responses((status = 201, body = Account),
        (status = 403, description = "There are users already and the caller is no admin."),
        (status = 409, description = "The e-mail is registered already.")))]
async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Register>,
) -> Result<(StatusCode, axum::Json<Account>), Problem> {
    let first = app.records.users().await? == 0;
    let closed = || Problem::forbidden("only an admin may register users");
    let mut workspace = Workspace::default();
    if !first {
        let Ok(claims) = claims(&app, &headers) else {
            return Err(closed());
        };
        let caller = app
            .records
            .of_session(claims.sub, claims.sid)
            .await?
            .ok_or_else(closed)?;
        if caller.role != Role::Admin {
            return Err(closed());
        }
        workspace = caller.workspace;
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
        workspace,
        email,
        full_name: name.to_owned(),
        password_hash: app.passwords.hash(body.password).await?,
        role: if first { Role::Admin } else { wanted },
    };
    match app.records.register(new, first).await? {
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
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = Login, security(()),
    responses((status = 200, body = SignedIn),
        (status = 401, description = "Wrong e-mail or password."),
        (status = 429, description = "Too many failed attempts; see Retry-After.")))]
async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Json(body): Json<Login>,
) -> Result<(HeaderMap, axum::Json<SignedIn>), Problem> {
    if body.email.len() > 254 || body.password.chars().count() > 100 {
        return Err(Problem::unauthorized("wrong e-mail or password"));
    }
    let email = body.email.trim().to_lowercase();
    let (account, address) = (format!("account {email}"), format!("address {}", peer.ip()));
    // Counted before the password is checked: many attempts at once are as many.
    let records = &app.records;
    records.attempt(&address, PER_ADDRESS).await?;
    if let Err(refused) = records.attempt(&account, PER_ACCOUNT).await {
        records.take_back(&address).await?;
        return Err(refused);
    }
    let known = records.by_email(email).await?;
    let (user, hash) = known.unzip();
    let right = app.passwords.verify(body.password, hash).await?;
    let id = user.as_ref().map(|user| user.id.clone());
    let Some(user) = user.filter(|_| right) else {
        records.failed(id).await?;
        return Err(Problem::unauthorized("wrong e-mail or password"));
    };
    records.forget(&account).await?;
    records.take_back(&address).await?;
    let (session, refresh_token) = accounts::begin_session(&**records, user.id.clone()).await?;
    signed_in(&app, user, &session, refresh_token, body.cookie)
}

fn signed_in(
    app: &App,
    user: Account,
    session: &str,
    refresh_token: String,
    in_cookie: bool,
) -> Result<(HeaderMap, axum::Json<SignedIn>), Problem> {
    let access_token = app.tokens.issue(&user.id, session)?;
    let headers = if in_cookie {
        cookie::set(app, &refresh_token)?
    } else {
        HeaderMap::new()
    };
    let body = SignedIn {
        access_token,
        refresh_token: (!in_cookie).then_some(refresh_token),
        token_type: "bearer",
        user,
    };
    Ok((headers, axum::Json(body)))
}

/// Trades a refresh token for the next one. Using one twice ends the whole login.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = Refresh,
    security(()),
    responses((status = 200, body = SignedIn),
        (status = 401, description = "The token is unknown, used, revoked or has run out.")))]
async fn refresh(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Refresh>,
) -> Result<(HeaderMap, axum::Json<SignedIn>), Problem> {
    let refused = || Problem::unauthorized("the refresh token is not valid; sign in again");
    let token = match (body.refresh_token, body.cookie) {
        (Some(token), false) => token,
        (None, true) => cookie::get(&headers).ok_or_else(refused)?,
        (None, false) => return Err(Problem::invalid("refresh_token", "missing field")),
        (Some(_), true) => {
            return Err(Problem::invalid(
                "refresh_token",
                "it is in the cookie, or it is here",
            ));
        }
    };
    let (user, session, token) = accounts::rotate(&*app.records, &token)
        .await?
        .ok_or_else(refused)?;
    signed_in(&app, user, &session, token, body.cookie)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Logout {
    /// Ends this user's logins on all devices.
    everywhere: Option<bool>,
}

/// Ends this login: its access and refresh tokens are good for nothing from now on.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", params(Logout),
    responses((status = 204)))]
async fn logout(
    user: User,
    Query(query): Query<Logout>,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let login = (query.everywhere != Some(true)).then(|| user.login.clone());
    let id = user.account.id.clone();
    user.app.records.end_sessions(id, login).await?;
    Ok((StatusCode::NO_CONTENT, cookie::clear(&user.app)?))
}

/// Which lines of the record of sign-ins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Lines {
    /// Only lines behind this position.
    after: Option<i64>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Who registered, signed in, failed to, or signed out, oldest first. For admins.
#[utoipa::path(get, path = "/api/auth/sign-ins", tag = "auth", params(Lines),
    responses((status = 200, body = Vec<SignIn>)))]
async fn sign_ins(
    user: User,
    Query(lines): Query<Lines>,
) -> Result<axum::Json<Vec<SignIn>>, Problem> {
    if user.role() != Role::Admin {
        return Err(Problem::forbidden("only an admin may read the sign-ins"));
    }
    let limit = lines.limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::invalid("limit", "use 1 to 1,000"));
    }
    let after = lines.after.unwrap_or(0);
    let workspace = user.account.workspace.clone();
    let found = user.app.records.sign_ins(workspace, after, limit).await?;
    Ok(axum::Json(found))
}

/// The signed-in user.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = Account)))]
async fn me(user: User) -> axum::Json<Account> {
    axum::Json(user.account)
}

/// Somebody of the same workspace.
#[derive(Serialize, ToSchema)]
#[schema(as = Colleague)]
struct Colleague {
    /// What histories and approvals call them.
    id: String,
    full_name: String,
    #[schema(value_type = RoleName, example = "manager")]
    role: Role,
}

/// Who works in this workspace, by name: at most 1,000. Histories and approvals name people by their ids.
#[utoipa::path(get, path = "/api/auth/users", tag = "auth",
    responses((status = 200, body = Vec<Colleague>)))]
async fn users(user: User) -> Result<axum::Json<Vec<Colleague>>, Problem> {
    let workspace = user.account.workspace.clone();
    let found = user.app.records.colleagues(workspace).await?;
    let told = found.into_iter().map(|account| Colleague {
        id: account.id,
        full_name: account.full_name,
        role: account.role,
    });
    Ok(axum::Json(told.collect()))
}
