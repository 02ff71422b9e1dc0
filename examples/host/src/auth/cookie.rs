//! The refresh token of a page, in a cookie that scripts cannot read and other sites do not send.
//!
//! Used by `refresh` alone, which takes nothing but JSON: no form of another site can ask for it.

use axum::http::{HeaderMap, HeaderValue, header};

use super::accounts::LIFETIME;
use crate::error::Problem;
use crate::state::App;

const NAME: &str = "crm_refresh";

fn headers(app: &App, value: &str, seconds: i64) -> Result<HeaderMap, Problem> {
    // Over plain HTTP, as on the machine itself, a browser would not send it back.
    let public = app.public_url.as_deref();
    let secure = if public.is_some_and(|url| url.starts_with("https://")) {
        "; Secure"
    } else {
        ""
    };
    let text = format!(
        "{NAME}={value}; Path=/api/auth; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Problem::unavailable("no cookie can be made of the token"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::SET_COOKIE, value)]))
}

/// Has the browser keep `token`.
pub(crate) fn set(app: &App, token: &str) -> Result<HeaderMap, Problem> {
    headers(app, token, LIFETIME)
}

/// Has the browser forget it.
pub(crate) fn clear(app: &App) -> Result<HeaderMap, Problem> {
    headers(app, "", 0)
}

/// The token of a request.
pub(crate) fn get(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == NAME && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}
