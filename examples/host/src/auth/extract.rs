//! The signed-in user of a request. The role is read from the database every time.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use crm_core::engine::Session;
use crm_core::{Actor, Workspace};

use super::accounts::Account;
use super::tokens::Claims;
use crate::error::Problem;
use crate::state::App;

pub(crate) struct User(pub(crate) Account);

impl User {
    /// What this user may do in the engine.
    pub(crate) fn session(&self, app: &App) -> Session {
        app.engine.act_as(Actor::new(
            Workspace::default(),
            self.0.id.clone(),
            self.0.role,
        ))
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
        app.accounts
            .of_session(claims.sub, claims.sid)
            .await?
            .map(Self)
            .ok_or_else(|| Problem::unauthorized("this login has ended; sign in again"))
    }
}
