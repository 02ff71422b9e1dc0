//! A host that asks by rows of the intake.

use crm_core::Role;
use crm_core::intake::Kind;
use serde_json::json;

use super::{Asked, World, address, person};

impl World {
    pub(super) async fn ask(&self, key: u8, what: Asked) -> String {
        let (kind, payload) = match what {
            Asked::Contact {
                person: number,
                address: email,
            } => (
                Kind::Contact,
                json!({
                    "external_id": person(number),
                    "name": format!("Мижоз {number}"),
                    "email": address(email),
                }),
            ),
            Asked::Submit {
                person: number,
                text,
                draft,
            } => (
                Kind::Submit,
                json!({
                    "external_id": person(number),
                    "occasion_type": "custom",
                    "content": format!("Ваш заказ {text} готов"),
                    "channel": "email",
                    "draft": draft,
                }),
            ),
            Asked::Cancel { key } => (Kind::Cancel, json!({"key": row(key), "reason": "paid"})),
            Asked::Consent {
                person: number,
                marketing,
            } => (
                Kind::Consent,
                json!({
                    "external_id": person(number),
                    "channel": "email",
                    "topic": if marketing { "marketing" } else { "relationship" },
                }),
            ),
            Asked::Nonsense => (Kind::Submit, json!({"external_id": 7, "no_such": true})),
        };
        let manager = self.act(Role::Manager);
        format!("{:?}", manager.intake().put(&row(key), kind, payload).await)
    }

    /// Works off so many rows, each by itself: rows that are decided side by side take their ids in an
    /// order that is another in every store.
    pub(super) async fn drain(&self, limit: u32) -> String {
        let mut answer = String::new();
        for _ in 0..limit {
            let drained = self.engine.drain_intake(&self.workspace, 1).await;
            answer += &format!("{drained:?}");
            if drained.is_ok_and(|drained| drained.settled() == 0) {
                break;
            }
        }
        answer
    }
}

fn row(key: u8) -> String {
    format!("row-{key}")
}
