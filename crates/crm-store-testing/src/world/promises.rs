//! What must hold after every step, and what two stores are compared by.

use std::collections::BTreeMap;

use crm_core::message::Status;
use crm_core::message::history::replay;
use crm_core::port::store::EventQuery;
use crm_core::{Role, Workspace};

use super::World;

impl World {
    /// Everything the store holds about messages, to be compared.
    pub(crate) async fn snapshot(&self) -> String {
        let (store, workspace) = (self.engine.store(), Workspace::default());
        // One store seals as it commits; the chains must be the same all the same.
        while store.seal(&workspace, 1_000).await.unwrap() > 0 {}
        let mut text = serde_json::to_string(&self.messages).unwrap();
        for message in &self.messages {
            let trail = store.trail(&workspace, message.id).await.unwrap();
            text += &format!("{:?} {:?}", trail.approvals, trail.attempts);
        }
        let query = EventQuery {
            limit: 10_000,
            ..EventQuery::default()
        };
        let events = store.events(&workspace, query).await.unwrap();
        text += &serde_json::to_string(&events).unwrap();
        text += &format!("{:?}", store.counters(&workspace, &[""]).await.unwrap());
        text
    }

    /// The promises, whatever happened before.
    pub(crate) async fn check(&self) {
        let (store, workspace) = (self.engine.store(), Workspace::default());
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for delivered in self.channel.delivered().iter().chain(&self.taken) {
            let id = delivered.message_id();
            *calls.entry(id.to_string()).or_default() += 1;
            let trail = store.trail(&workspace, id).await.unwrap();
            let digest = delivered.digest();
            let approved = trail.approvals.iter().any(|a| a.digest == digest);
            assert!(approved, "P1: not approved");
        }
        for (id, count) in calls {
            let allowed = 1 + self.resends.get(&id).copied().unwrap_or(0);
            assert!(count <= allowed, "P2: {id} delivered {count} times");
        }
        let viewer = self.act(Role::Viewer);
        assert_eq!(viewer.analytics().recount().await.unwrap(), []);
        for message in &self.messages {
            let trail = store.trail(&workspace, message.id).await.unwrap();
            let open = trail.attempts.iter().filter(|a| a.finished_at.is_none());
            let sending = usize::from(message.status == Status::Sending);
            assert_eq!(
                open.count(),
                sending,
                "I3: one open attempt, while it is sending"
            );
            let history = viewer.messages().history(message.id).await.unwrap();
            let replayed = replay(history.iter().map(|stored| &stored.event)).unwrap();
            let replayed = replayed.unwrap();
            assert_eq!(
                (
                    replayed.status,
                    replayed.version,
                    replayed.revision,
                    replayed.digest
                ),
                (
                    message.status,
                    message.version,
                    message.revision.number,
                    message.digest
                ),
                "P5: the row is not its history"
            );
        }
    }

    /// Seals what waits and verifies the whole chain.
    pub(crate) async fn verify(&self) {
        while self
            .engine
            .store()
            .seal(&Workspace::default(), 7)
            .await
            .unwrap()
            > 0
        {}
        let proof = self.act(Role::Viewer).audit().verify(None).await.unwrap();
        assert!(proof.valid, "P5: {proof:?}");
    }
}
