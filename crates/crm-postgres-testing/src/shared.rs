//! The server most tests share.

use std::sync::OnceLock;

/// The URL of the maintenance database of a server for tests: `DATABASE_URL` when it is set, else one
/// server of this process, started at the first call with `fsync` off and stopped when the process ends.
///
/// Whoever sets `DATABASE_URL` chose a real server: tests make and drop databases of their own there, named
/// `crm_test_*`, and touch no other one.
///
/// # Errors
///
/// PostgreSQL is missing or did not start; every later call repeats the first answer.
pub fn shared() -> Result<&'static str, String> {
    static URL: OnceLock<Result<String, String>> = OnceLock::new();
    let url = URL.get_or_init(|| chosen(std::env::var("DATABASE_URL").ok()).unwrap_or_else(own));
    url.as_deref().map_err(Clone::clone)
}

fn chosen(variable: Option<String>) -> Option<Result<String, String>> {
    variable.filter(|url| !url.trim().is_empty()).map(Ok)
}

#[cfg(unix)]
fn own() -> Result<String, String> {
    use crate::{Server, ServerOptions};
    // Never dropped: its guard notices the end of the process.
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = Server::start(ServerOptions {
        fsync: false,
        ..ServerOptions::default()
    })?;
    Ok(SERVER.get_or_init(|| server).url("postgres"))
}

#[cfg(not(unix))]
fn own() -> Result<String, String> {
    Err("a server for tests is started on Unix alone: name one in DATABASE_URL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_chooses_nothing() {
        assert_eq!(chosen(None), None);
        assert_eq!(chosen(Some(" ".to_owned())), None);
        let url = "postgres://me@db/x".to_owned();
        assert_eq!(chosen(Some(url.clone())), Some(Ok(url)));
    }
}
