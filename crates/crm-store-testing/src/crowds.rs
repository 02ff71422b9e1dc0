//! Many at once on the same rows, over all engines: one winner, nothing lost, nothing taken twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Duration;
use crm_core::contact::{Contact, ContactFields};
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::{Message, Status};
use crm_core::port::store::Claim;
use crm_core::system::RandomIds;
use crm_core::{Actor, ErrorKind, Result, Role, Workspace};
use tokio::sync::Barrier;

use crate::race::{Race, begin};

/// How many act at once.
const CROWD: usize = 20;
impl Race {
    /// Runs all from one start line.
    async fn crowd<T: Send + 'static>(
        &self,
        acts: Vec<impl Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        let line = Arc::new(Barrier::new(acts.len()));
        let started: Vec<_> = acts
            .into_iter()
            .map(|act| {
                let line = line.clone();
                tokio::spawn(async move {
                    line.wait().await;
                    act.await
                })
            })
            .collect();
        let mut results = Vec::new();
        for act in started {
            results.push(act.await.unwrap());
        }
        results
    }

    fn person(&self, number: usize) -> crm_core::engine::Session {
        let name = format!("person{number}");
        self.nth(number)
            .act_as(Actor::new(Workspace::default(), name, Role::Manager))
    }
}

/// The index of the one that succeeded; all others lost to it.
fn winner<T>(results: &[Result<T>]) -> usize {
    let won: Vec<usize> = (0..results.len()).filter(|i| results[*i].is_ok()).collect();
    assert_eq!(won.len(), 1, "one winner");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    won[0]
}

/// Of many approvers of one message one approves, and each other is told who.
///
/// # Panics
/// Another number did.
pub async fn approvers(race: &Race) {
    for round in 0..race.meetings() {
        let message = race.draft(round).await;
        let (id, seen) = (message.id, Seen::of(&message));
        let act = |number| {
            let person = race.person(number);
            async move { person.approvals().approve(id, seen).await }
        };
        let results = race.crowd((0..CROWD).map(act).collect()).await;
        let first = format!("person{}", winner(&results));
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            let told = format!("approved by {first} at 20");
            assert!(error.detail().contains(&told), "{error}");
        }
        let trail = race.act("ann").messages().trail(id).await.unwrap();
        let approvers: Vec<&str> = trail
            .approvals
            .iter()
            .map(|a| a.approver.as_str())
            .collect();
        assert_eq!(approvers, [first]);
        race.hold(&message).await;
    }
    race.hold_all().await;
}

/// Of many who changed the same version of a text or of a contact, one is kept and each other is told.
///
/// # Panics
/// A change was lost, or kept though its version was old.
pub async fn editors(race: &Race) {
    for round in 0..race.meetings() {
        let message = race.draft(round).await;
        let (id, version) = (message.id, Some(message.version));
        let act = |number| {
            let edit = Edit {
                content: Some(format!("Текст {number}")),
                ..Edit::default()
            };
            let person = race.person(number);
            async move { person.messages().edit(id, version, edit).await }
        };
        let results = race.crowd((0..CROWD).map(act).collect()).await;
        let won = winner(&results);
        let now = race.get(&message).await;
        assert_eq!(now.revision.content, format!("Текст {won}"));
        assert_eq!(now.version, message.version + 1);

        let contact: Contact = race
            .act("ann")
            .contacts()
            .get(message.contact_id)
            .await
            .unwrap();
        let act = |number| {
            let (person, id) = (race.person(number), contact.id);
            let (version, name) = (Some(contact.version), format!("Имя {number}"));
            let fields = ContactFields {
                name,
                ..contact.fields.clone()
            };
            async move { person.contacts().update(id, version, fields).await }
        };
        let results = race.crowd((0..CROWD).map(act).collect()).await;
        let won = winner(&results);
        let now: Contact = race.act("ann").contacts().get(contact.id).await.unwrap();
        assert_eq!(now.fields.name, format!("Имя {won}"));
        assert_eq!(now.version, contact.version + 1);
        race.hold(&message).await;
    }
    race.hold_all().await;
}

/// Many take what is due and begin it: each message is taken once, and all of them are.
///
/// # Panics
/// One was taken twice or by nobody.
pub async fn claimers(race: &Race) {
    const MESSAGES: usize = 60;
    for round in 0..race.meetings() / 5 {
        let mut due = BTreeSet::new();
        for number in 0..MESSAGES {
            due.insert(race.approved(round * MESSAGES + number).await.id);
        }
        let act = |number| {
            let engine = race.nth(number).clone();
            async move {
                let mut taken: Vec<Message> = Vec::new();
                loop {
                    let claim = Claim {
                        workspace: Workspace::default(),
                        worker: format!("worker{number}"),
                        limit: 2,
                        now: engine.now(),
                        lease: Duration::minutes(2),
                        parked: Vec::new(),
                        ids: Arc::new(RandomIds::default()),
                    };
                    let claimed = engine.store().claim(claim).await.unwrap();
                    if claimed.is_empty() {
                        return taken;
                    }
                    taken.extend(claimed);
                }
            }
        };
        let taken = race.crowd((0..CROWD).map(act).collect()).await.concat();
        let ids: BTreeSet<_> = taken.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), taken.len(), "taken twice");
        // What somebody holds is passed over, and it takes it itself.
        assert_eq!(ids, due);
        for message in &taken {
            race.hold(message).await;
        }
    }
    race.hold_all().await;
}

/// Many who took the same message begin it: one attempt is begun.
///
/// # Panics
/// Another number was.
pub async fn beginners(race: &Race) {
    for round in 0..race.meetings() {
        let message = race.approved(round).await;
        let claimed = race.claim().await.remove(0);
        let act = |number| begin(race.nth(number).clone(), claimed.clone());
        let begun = race.crowd((0..CROWD).map(act).collect()).await;
        assert_eq!(begun.iter().filter(|begun| **begun).count(), 1);
        assert_eq!(race.get(&message).await.status, Status::Sending);
        let trail = race.act("ann").messages().trail(message.id).await.unwrap();
        assert_eq!(trail.attempts.len(), 1);
        race.hold(&message).await;
    }
    race.hold_all().await;
}

/// Many write at once and many seal: one chain, without gaps or forks, that holds every event.
///
/// # Panics
/// The chain does not verify, or an event is missing from it.
pub async fn sealers(race: &Race) {
    let act = |number| {
        let (engine, person) = (race.nth(number).clone(), race.person(number));
        async move {
            for line in 0..10 {
                let fields = ContactFields {
                    name: format!("Человек {number} {line}"),
                    ..ContactFields::default()
                };
                person.contacts().create(fields).await.unwrap();
                engine.store().seal(&Workspace::default(), 7).await.unwrap();
            }
        }
    };
    race.crowd((0..CROWD).map(act).collect()).await;
    race.hold_all().await;
    let (store, workspace) = (race.engine().store(), Workspace::default());
    let head = store.checkpoint(&workspace).await.unwrap();
    assert_eq!(head.position, (CROWD * 10) as u64);
}
