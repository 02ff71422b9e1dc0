//! The intake: what a host puts in is done in order, once, and never approved.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod rows;
#[path = "../common/shared.rs"]
mod shared;
mod workers;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use common::{World, world, world_over};
use crm_core::contact::Contact;
use crm_core::engine::{Drained, Policy};
use crm_core::intake::{IntakeRow, IntakeState, Kind, subject_id};
use crm_core::message::history::{AuditEvent, Subject};
use crm_core::message::{GeneratedBy, Message, Occasion, Status};
use crm_core::port::store::{Claim, ContactQuery, EventQuery, IntakeQuery, MessageQuery};
use crm_core::testing::SequentialIds;
use crm_core::{ErrorKind, Role, Workspace};
use serde_json::{Value, json};
use shared::SharedStore;

impl World {
    async fn put(&self, key: &str, kind: Kind, payload: Value) {
        let manager = self.manager();
        manager.intake().put(key, kind, payload).await.unwrap();
    }

    async fn drain(&self) -> Drained {
        let done = self.engine.drain_intake(&Workspace::default(), 1_000).await;
        done.unwrap()
    }

    /// All rows in order.
    async fn rows(&self) -> Vec<IntakeRow> {
        let query = IntakeQuery {
            oldest_first: true,
            ..IntakeQuery::default()
        };
        self.manager().intake().list(query).await.unwrap()
    }

    /// The last row of this key.
    async fn row(&self, key: &str) -> IntakeRow {
        let rows = self.rows().await;
        rows.into_iter().rfind(|row| row.key == key).unwrap()
    }

    async fn made_by(&self, key: &str) -> Message {
        let id = self.row(key).await.message_id.unwrap();
        self.manager().messages().get(id).await.unwrap()
    }

    async fn messages(&self) -> Vec<Message> {
        let query = MessageQuery::default();
        let all = self.manager().messages().list(query).await;
        all.unwrap().items
    }

    async fn known(&self, external_id: &str) -> Contact {
        let query = ContactQuery {
            external_id: Some(external_id.to_owned()),
            ..ContactQuery::default()
        };
        let found = self.manager().contacts().list(query).await.unwrap();
        found.items.into_iter().next().unwrap()
    }

    async fn events(&self, subject: Subject, id: uuid::Uuid) -> Vec<AuditEvent> {
        let query = EventQuery {
            subject: Some((subject, id)),
            ..EventQuery::default()
        };
        let events = self.manager().audit().events(query).await.unwrap();
        events.into_iter().map(|stored| stored.event).collect()
    }

    /// A person under this id, with this address.
    async fn person(&self, external_id: &str, email: &str) {
        let payload =
            json!({"external_id": external_id, "name": "Дилноза Каримова", "email": email});
        self.put(
            &format!("person {external_id} {email}"),
            Kind::Contact,
            payload,
        )
        .await;
    }
}

fn text(external_id: &str, content: &str) -> Value {
    json!({"external_id": external_id, "occasion_type": "custom", "content": content})
}

fn done(applied: u64, duplicates: u64, rejected: u64) -> Drained {
    Drained {
        applied,
        duplicates,
        rejected,
    }
}
