//! All events about one row, however many there are.

use super::super::Session;
use crate::error::Result;
use crate::message::history::{StoredEvent, Subject};
use crate::port::store::EventQuery;
use uuid::Uuid;

/// Events that are read together, the most that a store gives.
const PAGE: u32 = 10_000;

/// The events about this row, oldest first.
pub(super) async fn events(
    session: &Session,
    subject: (Subject, Uuid),
) -> Result<Vec<StoredEvent>> {
    in_pages(session, subject, PAGE).await
}

async fn in_pages(
    session: &Session,
    subject: (Subject, Uuid),
    limit: u32,
) -> Result<Vec<StoredEvent>> {
    let (store, workspace) = (session.store(), session.workspace());
    let mut query = EventQuery {
        subject: Some(subject),
        sealed_after: None,
        limit,
    };
    let all = store.events(workspace, query.clone()).await?;
    if all.len() < limit as usize {
        return Ok(all);
    }
    // What has a place in the chain can be read on from there; so that all have one, they are sealed first.
    while store.seal(workspace, 1_000).await? > 0 {}
    let mut all: Vec<StoredEvent> = Vec::new();
    loop {
        let last = all.last().and_then(|event| event.seal);
        query.sealed_after = Some(last.map_or(0, |seal| seal.position));
        let found = store.events(workspace, query.clone()).await?;
        let is_last = found.len() < limit as usize;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::contact::ContactFields;
    use crate::engine::Engine;
    use crate::memory::MemoryStore;
    use crate::testing::{FakeClock, SequentialIds};
    use crate::{Actor, Role, Workspace};

    #[test]
    fn pages_of_any_size_hold_the_same_events() {
        let run = async {
            let store = Arc::new(MemoryStore::default());
            let (clock, ids) = (
                Arc::new(FakeClock::default()),
                Arc::new(SequentialIds::default()),
            );
            let engine = Engine::builder(store, clock, ids).build();
            let session = engine.act_as(Actor::new(Workspace::default(), "m", Role::Manager));
            let fields = ContactFields {
                name: "Anna".to_owned(),
                ..ContactFields::default()
            };
            let anna = session.contacts().create(fields.clone()).await.unwrap();
            let other = session.contacts().create(fields.clone()).await.unwrap();
            for _ in 0..9 {
                session
                    .contacts()
                    .update(anna.id, None, fields.clone())
                    .await
                    .unwrap();
                session
                    .contacts()
                    .update(other.id, None, fields.clone())
                    .await
                    .unwrap();
            }
            let subject = (Subject::Contact, anna.id.0);
            for limit in 1..=12 {
                let found = in_pages(&session, subject, limit).await.unwrap();
                let versions: Vec<u64> = found.iter().map(|event| event.event.version).collect();
                assert_eq!(versions, (1..=10).collect::<Vec<_>>(), "{limit}");
                assert!(
                    found
                        .iter()
                        .all(|event| event.event.subject_id == anna.id.0)
                );
            }
        };
        futures_util::FutureExt::now_or_never(run).unwrap();
    }
}
