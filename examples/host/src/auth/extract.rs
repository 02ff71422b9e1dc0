//! The signed-in user of a request. The role is read from the database every time.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use crm_core::engine::Session;
use crm_core::{Actor, Role};

use super::accounts::Account;
use super::tokens::Claims;
use crate::error::Problem;
use crate::state::App;

/// A user at work: the engine's session of this user, and the account behind it.
pub(crate) struct User {
    pub(crate) account: Account,
    pub(crate) app: App,
    /// The login the access token came from.
    pub(crate) login: String,
    session: Session,
}

impl User {
    pub(crate) fn role(&self) -> Role {
        self.account.role
    }

    /// Whether the login has not ended since.
    pub(crate) async fn still_signed_in(&self) -> bool {
        let (user, login) = (self.account.id.clone(), self.login.clone());
        let found = self.app.records.of_session(user, login).await;
        found.is_ok_and(|account| account.is_some())
    }

    /// What this user may do in the engine, for work that goes on after the answer.
    pub(crate) fn session(&self) -> Session {
        self.session.clone()
    }
}

impl std::ops::Deref for User {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// The claims of the request's token.
pub(crate) fn claims(app: &App, headers: &HeaderMap) -> Result<Claims, Problem> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::unauthorized("sign in and send the access token"))?;
    app.tokens.verify(token)
}

impl FromRequestParts<App> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let claims = claims(app, &parts.headers)?;
        let account = app
            .records
            .of_session(claims.sub, claims.sid.clone())
            .await?
            .ok_or_else(|| Problem::unauthorized("this login has ended; sign in again"))?;
        let actor = Actor::new(account.workspace.clone(), account.id.clone(), account.role);
        Ok(Self {
            session: app.engine.act_as(actor),
            account,
            app: app.clone(),
            login: claims.sid,
        })
    }
}
