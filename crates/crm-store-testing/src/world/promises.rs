//! What must hold after every step.

use std::collections::BTreeMap;

use crm_core::Role;
use crm_core::message::history::replay;
use crm_core::message::{Approved, Message, Status};

use super::World;

impl World {
    /// The promises, whatever happened before: about what changed since the last look, and about all
    /// that was delivered.
    pub(crate) async fn check(&mut self) {
        let delivered = self.channel.delivered();
        self.approved(&delivered[self.judged.0..]).await;
        self.approved(&self.taken[self.judged.1..]).await;
        self.judged = (delivered.len(), self.taken.len());
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for delivered in delivered.iter().chain(&self.taken) {
            *calls.entry(delivered.message_id().to_string()).or_default() += 1;
        }
        for (id, count) in calls {
            let allowed = 1 + self.resends.get(&id).copied().unwrap_or(0);
            assert!(count <= allowed, "P2: {id} delivered {count} times");
        }
        let viewer = self.act(Role::Viewer);
        assert_eq!(viewer.analytics().recount().await.unwrap(), []);
        let changed = self.messages.iter();
        for message in changed.filter(|message| self.touched.contains(&message.id)) {
            self.proved(message).await;
        }
    }

    /// The promises about every message.
    pub(crate) async fn check_all(&mut self) {
        self.judged = (0, 0);
        self.touched = self.messages.iter().map(|message| message.id).collect();
        self.check().await;
    }

    /// Nothing but what was approved left.
    async fn approved(&self, delivered: &[Approved]) {
        for delivered in delivered {
            let trail = self.trails([delivered.message_id()].into_iter()).await;
            let approvals = &trail[0].approvals;
            let approved = approvals.iter().any(|a| a.digest == delivered.digest());
            assert!(approved, "P1: not approved");
        }
    }

    /// The row is what its history leads to, and an attempt is open while it is sending.
    async fn proved(&self, message: &Message) {
        let trail = self.trails([message.id].into_iter()).await;
        let open = trail[0].attempts.iter().filter(|a| a.finished_at.is_none());
        let sending = usize::from(message.status == Status::Sending);
        assert_eq!(
            open.count(),
            sending,
            "I3: one open attempt, while it is sending"
        );
        let viewer = self.act(Role::Viewer);
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

    /// Seals what waits and verifies the whole chain.
    pub(crate) async fn verify(&self) {
        self.seal(7).await;
        let proof = self.act(Role::Viewer).audit().verify(None).await.unwrap();
        assert!(proof.valid, "P5: {proof:?}");
    }
}
