//! Subscriptions: begun by the host, listed and enabled by admins.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Engine, Session};
use crate::actor::{Action, Actor, Workspace};
use crate::change::{Change, ChangeSet};
use crate::error::{Error, ErrorKind, Result};
use crate::message::history::Subject;
use crate::subscription::{Start, Subscription, SubscriptionState, check_name, subject_id};

/// How often enabling is tried again when the worker changed the row meanwhile.
const ATTEMPTS: usize = 8;

/// Use cases of subscriptions.
#[derive(Debug, Clone, Copy)]
pub struct Subscriptions<'a>(pub(super) &'a Session);

/// How far a subscriber was told of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The name its subscriber is set up under.
    pub name: String,
    /// `active`, `failing` (called again at `due_at`) or `disabled` (not called until it is enabled).
    pub state: SubscriptionState,
    /// Place in the chain of the last event that was taken.
    pub position: u64,
    /// Sealed events behind it.
    pub lag: u64,
    /// Failed calls since the last one that was taken.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// Code of the last failure, until a call is taken.
    pub last_error: Option<String>,
    /// Not called before.
    pub due_at: DateTime<Utc>,
    /// Since when it is not called at all.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Whether a subscriber of this name is set up in this program. Without one nobody is told, and the place is
    /// kept.
    pub set_up: bool,
}

impl Engine {
    /// Begins the subscription `name` in the workspace, if it has none: from now on the worker tells the
    /// [subscriber](super::EngineBuilder::subscriber) of this name of every event that is sealed there, and,
    /// from the [beginning](Start::Beginning), of all before. One that was begun stays as it is, so this is
    /// for each start of the host. Nothing that happens after it returned is missed.
    ///
    /// # Errors
    /// `Invalid` for a name that is none, and as the store.
    pub async fn subscribe(&self, workspace: &Workspace, name: &str, from: Start) -> Result<()> {
        check_name(name)?;
        let known = self.store().subscriptions(workspace).await?;
        if known.iter().any(|row| row.name == name) {
            return Ok(());
        }
        let position = match from {
            Start::Beginning => 0,
            Start::Now => self.store().checkpoint(workspace).await?.position,
        };
        // By the store's time: whoever calls it judges by that.
        let now = self.store().now(self.now()).await?;
        let actor = Actor::system(workspace.clone());
        let row = Subscription::new(workspace.clone(), name.to_owned(), position, now);
        let mut set = ChangeSet::new(workspace.clone());
        self.note(&mut set, &actor, &row, "subscribed");
        set.push(Change::InsertSubscription(Box::new(row)));
        match self.commit_one(set).await {
            // Another host began it at the same moment.
            Err(error) if error.kind() == ErrorKind::Duplicate => Ok(()),
            result => result,
        }
    }

    /// Notes in the history what happened to a subscription.
    pub(crate) fn note(
        &self,
        set: &mut ChangeSet,
        actor: &Actor,
        after: &Subscription,
        action: &str,
    ) {
        let stamp = self.stamp(actor);
        let id = subject_id(&after.workspace, &after.name);
        let mut event = stamp.event(Subject::Subscription, id, after.version, action);
        event.reason.clone_from(&after.last_error);
        set.event(event);
    }
}

impl Subscriptions<'_> {
    /// All subscriptions of the workspace, by name.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin; as the store.
    pub async fn list(&self) -> Result<Vec<Subscribed>> {
        self.0.require(Action::Subscriptions)?;
        let rows = self.0.store().subscriptions(self.0.workspace()).await?;
        // Read afterwards: the chain only grows.
        let end = self
            .0
            .store()
            .checkpoint(self.0.workspace())
            .await?
            .position;
        let of = |row: Subscription| Subscribed {
            state: row.state(),
            lag: end.saturating_sub(row.position),
            set_up: self.0.engine.subscribers().contains_key(&row.name),
            name: row.name,
            position: row.position,
            failures: row.failures,
            failing_since: row.failing_since,
            last_error: row.last_error,
            due_at: row.due_at,
            disabled_at: row.disabled_at,
            created_at: row.created_at,
        };
        Ok(rows.into_iter().map(of).collect())
    }

    /// Has the subscriber called again at once: one that was disabled, or that waits after a failure. It goes on
    /// where it was: nothing is lost.
    ///
    /// # Errors
    /// `Forbidden` unless the actor is an admin, `NotFound` for an unknown name; as the store.
    pub async fn enable(&self, name: &str) -> Result<()> {
        self.0.require(Action::Subscriptions)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let rows = self.0.store().subscriptions(self.0.workspace()).await?;
            let row = rows.into_iter().find(|row| row.name == name);
            let row = row.ok_or_else(|| Error::not_found("subscription"))?;
            if row.state() == SubscriptionState::Active {
                return Ok(());
            }
            let now = self.0.store().now(self.0.engine.now()).await?;
            let after = row.enabled(now).next();
            let mut set = ChangeSet::new(after.workspace.clone());
            let engine = &self.0.engine;
            engine.note(&mut set, &self.0.actor, &after, "enabled");
            set.push(Change::UpdateSubscription(Box::new(after)));
            match engine.commit_one(set).await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries < ATTEMPTS => {}
                result => return result,
            }
        }
    }
}
