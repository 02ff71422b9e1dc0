//! Which database, read from `--database`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;

/// What is said to anything else. The value itself is never repeated: it may hold a password.
const FORMS: &str = "--database must be sqlite:PATH, for example sqlite:crm.db, or \
    postgres://USER:PASSWORD@HOST/DATABASE";

/// Where everything is kept.
#[derive(Clone)]
pub(crate) enum Database {
    /// The engine's file; the host's own lies beside it.
    Sqlite(PathBuf),
    /// The address of a database, with whatever password it holds.
    Postgres(SecretString),
}

impl Database {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || Err(FORMS.to_owned());
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                match PgConnectOptions::from_str(text) {
                    Ok(_) => Ok(Self::Postgres(text.into())),
                    Err(_) => wrong(),
                }
            }
            _ => wrong(),
        }
    }

    /// Where messages go that no provider takes, unless told otherwise.
    pub(super) fn outbox(&self) -> PathBuf {
        match self {
            Self::Sqlite(path) => path.with_file_name("outbox"),
            Self::Postgres(_) => Path::new("outbox").to_owned(),
        }
    }
}

/// As in `--database`, without user, password and parameters.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let url = url.expose_secret();
                let name = PgConnectOptions::from_str(url).ok();
                let name = name.as_ref().and_then(PgConnectOptions::get_database);
                write!(
                    f,
                    "{}/{}",
                    super::without_login(url),
                    name.unwrap_or_default()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        match Database::parse(text) {
            Ok(_) => panic!("{text} was accepted"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn both_forms_are_read_and_shown_without_what_is_secret() {
        let shown = |text| Database::parse(text).unwrap().to_string();
        assert_eq!(shown("sqlite:/a/crm.db"), "sqlite:/a/crm.db");
        assert_eq!(
            shown("postgres://anna:hunter2@db.example:5433/crm?sslmode=require&password=hunter3"),
            "postgres://[redacted]@db.example:5433/crm"
        );
        assert_eq!(
            shown("postgresql://crm@localhost:5432/crm?host=%2Frun%2Fpostgresql"),
            "postgresql://[redacted]@localhost:5432/crm"
        );
        assert_eq!(shown("postgres://db/x%40y"), "postgres://db/x@y");
    }

    #[test]
    fn anything_else_is_refused_with_both_forms_and_without_the_value() {
        for text in [
            "",
            "crm.db",
            "sqlite:",
            "mysql://anna:hunter2@db/crm",
            "postgres:crm",
            "postgres:hunter2",
            "postgres://anna:hunter2@db:port/crm",
            "postgres://anna:hunter2@db/crm?sslmode=hunter2",
        ] {
            let problem = problem(text);
            for form in ["sqlite:PATH", "postgres://USER:PASSWORD@HOST/DATABASE"] {
                assert!(problem.contains(form), "{text}: {problem}");
            }
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
