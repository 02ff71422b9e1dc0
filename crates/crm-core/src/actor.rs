//! Who acts: the host's user inside one workspace, and the one function that says what a role may do.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// One tenant. Every row carries its workspace and no query crosses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Workspace(String);

impl Workspace {
    /// A workspace by name: 1 to 64 ASCII letters, digits, `-` or `_`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for any other name.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let fine = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fine {
            Ok(Self(name))
        } else {
            Err(Error::field(
                "workspace",
                "use 1 to 64 ASCII letters, digits, '-' or '_'",
            ))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl std::fmt::Display for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an actor may do, from least to most. `System` is the engine's own worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Also writes contacts, templates, messages and campaigns, and decides approvals.
    Manager,
    /// Also erases people, lifts suppressions, ends holds and changes policies.
    Admin,
    /// The worker. Plans, drafts and delivers; never approves.
    System,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Manager, Self::Admin, Self::System];

    /// The name used in JSON and in columns.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::System => "system",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The person or program that acts. The id is the host's own and opaque to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The workspace acted in.
    pub workspace: Workspace,
    /// The host's user id; `system` for the worker.
    pub id: String,
    /// What the host says the user may do.
    pub role: Role,
}

impl Actor {
    /// An actor of the host.
    pub fn new(workspace: Workspace, id: impl Into<String>, role: Role) -> Self {
        Self {
            workspace,
            id: id.into(),
            role,
        }
    }

    /// The worker acting in `workspace`.
    #[must_use]
    pub fn system(workspace: Workspace) -> Self {
        Self {
            workspace,
            id: "system".to_owned(),
            role: Role::System,
        }
    }

    /// The worker doing in `workspace` what the host asked for in its intake.
    #[must_use]
    pub fn intake(workspace: Workspace) -> Self {
        Self {
            id: "intake".to_owned(),
            ..Self::system(workspace)
        }
    }

    /// Allows or refuses `action`. The only place where a role outside the message lifecycle is judged.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] when the role does not hold the action.
    pub fn require(&self, action: Action) -> Result<()> {
        if action.allowed(self.role) {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Forbidden,
                format!("a {} may not {}", self.role.as_str(), action.describe()),
            ))
        }
    }
}

/// What an actor wants to do, outside the lifecycle of one message (which names its roles itself).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Read anything of the workspace.
    Read,
    /// Write everything of a kind to a file: contacts, the usage ledger.
    Export,
    /// Create and change contacts.
    WriteContacts,
    /// Create and change templates.
    WriteTemplates,
    /// Create messages and have them drafted.
    WriteMessages,
    /// Create, run and stop campaigns.
    WriteCampaigns,
    /// Erase a person's data.
    Erase,
    /// Put an address on the suppression list.
    Suppress,
    /// Take an address off the suppression list.
    LiftSuppression,
    /// Look into the intake and put something in.
    Intake,
    /// End a hold.
    AcknowledgeHold,
    /// See how subscriptions fare and enable them again.
    Subscriptions,
    /// Set the voice of the house.
    SetVoice,
    /// Set and remove budgets.
    WriteBudgets,
    /// Define custom fields.
    DefineFields,
    /// Save audiences under names.
    SaveAudiences,
}

impl Action {
    const fn allowed(self, role: Role) -> bool {
        match (self, role) {
            (_, Role::Admin) | (Self::Read, _) => true,
            (
                Self::Erase
                | Self::LiftSuppression
                | Self::AcknowledgeHold
                | Self::Subscriptions
                | Self::SetVoice
                | Self::WriteBudgets
                | Self::DefineFields,
                _,
            )
            | (_, Role::Viewer) => false,
            (_, Role::Manager) => true,
            (Self::WriteMessages | Self::Suppress | Self::WriteCampaigns, Role::System) => true,
            (_, Role::System) => false,
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Export => "export",
            Self::WriteContacts => "change contacts",
            Self::WriteTemplates => "change templates",
            Self::WriteMessages => "write messages",
            Self::WriteCampaigns => "change campaigns",
            Self::Erase => "erase personal data",
            Self::Suppress => "suppress an address",
            Self::LiftSuppression => "lift a suppression",
            Self::Intake => "use the intake",
            Self::AcknowledgeHold => "acknowledge that the store went back",
            Self::Subscriptions => "manage subscriptions",
            Self::SetVoice => "set the voice of the house",
            Self::WriteBudgets => "change budgets",
            Self::DefineFields => "define custom fields",
            Self::SaveAudiences => "save audiences",
        }
    }
}
