//! Where it works and as whom: the database of the host's settings, a workspace, an actor.

use std::sync::Arc;

use crm_core::engine::{Engine, Session};
use crm_core::port::observer::Silent;
use crm_core::{Actor, Role, Workspace};

use super::flags::PlaceFlags;
use super::output::{Failure, note};
use crate::assemble;
use crate::config::{Config, Database};
use crate::records::{self, Records};

/// Names that the engine's own worker has in the history.
const RESERVED: [&str; 2] = ["system", "intake"];

/// The settings, before anything is opened.
pub(super) struct Place {
    pub(super) config: Config,
    /// The workspace that was named.
    pub(super) named: Option<Workspace>,
    actor: String,
    pub(super) json: bool,
}

impl Place {
    pub(super) fn new(flags: PlaceFlags) -> Result<Self, Failure> {
        let named = flags.workspace.filter(|name| !name.is_empty());
        let named = named.map(Workspace::new).transpose();
        let actor = flags.actor.filter(|name| !name.is_empty());
        Ok(Self {
            named: named.map_err(|error| Failure::given(&error))?,
            actor: actor.map_or_else(|| Ok(user()), checked)?,
            json: flags.json,
            config: Config::beside(flags.config, flags.database).map_err(Failure::Usage)?,
        })
    }

    pub(super) fn workspace(&self) -> Workspace {
        self.named.clone().unwrap_or_default()
    }

    /// The engine over a database that is there.
    pub(super) async fn engine(&self) -> Result<Engine, Failure> {
        self.exists()?;
        self.made().await
    }

    /// Refuses a database that is not there: made anew, it would say that there is nothing.
    pub(super) fn exists(&self) -> Result<(), Failure> {
        if let Database::Sqlite(path) = &self.config.database
            && !path.is_file()
        {
            return Err(Failure::Usage(format!(
                "there is no database {}; give another one with --database or CRM_DATABASE",
                path.display()
            )));
        }
        Ok(())
    }

    /// The engine over a database that is made when it is not there.
    pub(super) async fn made(&self) -> Result<Engine, Failure> {
        assemble::check(&self.config).map_err(Failure::Usage)?;
        if let Database::Sqlite(path) = &self.config.database
            && !path.exists()
        {
            note(&format!("the database {} is new", path.display()));
        }
        assemble::engine(&self.config, Arc::new(Silent))
            .await
            .map_err(Failure::Failed)
    }

    /// What is kept of imports.
    pub(super) async fn records(&self) -> Result<Arc<dyn Records>, Failure> {
        records::open(&self.config.database)
            .await
            .map_err(Failure::Failed)
    }

    /// In the workspace that was named, else in the usual one.
    pub(super) fn session(&self, engine: &Engine) -> Session {
        self.session_in(engine, self.workspace())
    }

    /// With the least role that does what the commands do.
    pub(super) fn session_in(&self, engine: &Engine, workspace: Workspace) -> Session {
        engine.act_as(Actor::new(workspace, self.actor.clone(), Role::Manager))
    }
}

/// A name that the history can keep.
fn checked(name: String) -> Result<String, Failure> {
    let fine = (1..=100).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && !RESERVED.contains(&name.as_str());
    if fine {
        Ok(name)
    } else {
        Err(Failure::Usage(
            "--actor: use 1 to 100 characters, and not the engine's own names system and intake"
                .to_owned(),
        ))
    }
}

/// Who runs the program, as far as the environment says.
fn user() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"].into_iter();
    let mut names = names.filter_map(|name| std::env::var(name).ok());
    let name = names.find(|name| checked(format!("crm:{name}")).is_ok() && !name.is_empty());
    name.map_or_else(|| "crm".to_owned(), |name| format!("crm:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_nobody_else() {
        assert!(checked("Анна из поддержки".to_owned()).is_ok());
        for name in ["system", "intake", "a\nb", &"x".repeat(101)] {
            assert!(checked(name.to_owned()).is_err(), "{name}");
        }
    }
}
