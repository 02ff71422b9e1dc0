//! What people and the host do meanwhile: everything they may, at any moment, through a store that fails them
//! as often as it fails the workers.

use std::sync::Arc;

use chrono::Duration;
use crm_core::campaign::{Campaign, CampaignFields};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{Contact, ContactFields};
use crm_core::engine::{BulkAction, Engine, NewDraft, Session};
use crm_core::hold::{Acknowledgement, Hold, HoldReason};
use crm_core::intake::Kind;
use crm_core::memory::MemoryStore;
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::store::{MessageQuery, PageRequest, Store as _};
use crm_core::{Actor, Role, Workspace};
use serde_json::json;

use crate::rng::Dice;
use crate::witness::Witness;

/// People.
const CONTACTS: u64 = 4;

pub(crate) struct People {
    pub(crate) engine: Engine,
    /// What is so, without faults.
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) dice: Arc<Dice>,
    contacts: Vec<Contact>,
    campaign: Campaign,
}

fn address(contact: usize, variant: u64) -> String {
    format!("person{contact}.{variant}@mail.example")
}

fn act(engine: &Engine, role: Role) -> Session {
    engine.act_as(Actor::new(Workspace::default(), role.as_str(), role))
}

/// Everything there is, oldest first.
pub(crate) async fn all(store: &MemoryStore) -> Vec<Message> {
    let query = MessageQuery {
        page: PageRequest {
            limit: 1_000,
            oldest_first: true,
            ..PageRequest::default()
        },
        ..MessageQuery::default()
    };
    let page = store.messages(&Workspace::default(), query).await;
    page.unwrap().items
}

impl People {
    /// The house before anything goes wrong.
    pub(crate) async fn new(
        engine: Engine,
        store: Arc<MemoryStore>,
        witness: Arc<Witness>,
        dice: Dice,
    ) -> Self {
        let manager = act(&engine, Role::Manager);
        let mut contacts = Vec::new();
        for number in 0..usize::try_from(CONTACTS).unwrap() {
            let fields = ContactFields {
                name: format!("Человек {number}"),
                external_id: Some(format!("person-{number}")),
                email: Some(address(number, 0)),
                ..ContactFields::default()
            };
            contacts.push(manager.contacts().create(fields).await.unwrap());
        }
        let fields = CampaignFields {
            ..CampaignFields::new("Навруз", Occasion::Holiday)
        };
        let campaign = manager.campaigns().create(fields).await.unwrap();
        Self {
            engine,
            store,
            witness,
            dice: Arc::new(dice),
            contacts,
            campaign,
        }
    }

    fn someone(&self) -> usize {
        usize::try_from(self.dice.below(CONTACTS)).unwrap()
    }

    /// One thing that somebody does now; it takes as long as the store takes.
    pub(crate) async fn something(&self) {
        let roll = self.dice.below(100);
        match roll {
            0..38 => self.write(roll < 30),
            38..78 => self.decide().await,
            78..88 => self.about_a_contact(),
            88..94 => self.about_the_campaign(),
            94..96 => self.bulk(),
            _ => self.ask(),
        }
    }

    /// A draft, approved by its writer in most cases.
    fn write(&self, approve: bool) {
        let contact_id = self.contacts[self.someone()].id;
        let text = self.dice.below(1_000_000);
        let late = self.dice.percent(10);
        let manager = act(&self.engine, Role::Manager);
        let now = self.engine.now();
        let draft = NewDraft {
            subject: text.is_multiple_of(2).then(|| format!("Тема {text}")),
            channel: Some("email".to_owned()),
            scheduled_for: text.is_multiple_of(7).then(|| now + Duration::seconds(20)),
            expires_at: late.then(|| now + Duration::seconds(40)),
            ..NewDraft::new(contact_id, Occasion::Custom, format!("Текст номер {text}"))
        };
        tokio::spawn(async move {
            let message = manager.messages().create(draft).await?;
            if approve {
                let seen = Seen::of(&message);
                manager.approvals().approve(message.id, seen).await?;
            }
            crm_core::Result::<()>::Ok(())
        });
    }

    /// Something about one message, most often what its status calls for.
    async fn decide(&self) {
        let messages = all(&self.store).await;
        // A doubt, an approval that is asked for, or any.
        let wanted = [Status::Uncertain, Status::PendingApproval, Status::Failed];
        let wanted = wanted[usize::try_from(self.dice.below(3)).unwrap()];
        let fitting = messages.iter().filter(|message| message.status == wanted);
        let fitting: Vec<_> = fitting.collect();
        let chosen = if self.dice.percent(70) && !fitting.is_empty() {
            self.dice.pick(&fitting).copied()
        } else {
            self.dice.pick(&messages)
        };
        let Some(message) = chosen.cloned() else {
            return;
        };
        let wrong = self.dice.percent(8);
        let role = if wrong { Role::Viewer } else { Role::Manager };
        let session = act(&self.engine, role);
        let roll = self.dice.below(100);
        let resolution = [
            Event::ResolveResend,
            Event::ResolveSent,
            Event::ResolveFailed,
        ];
        let resolution = resolution[usize::try_from(self.dice.below(3)).unwrap()];
        let (store, witness) = (self.store.clone(), self.witness.clone());
        let now = self.engine.now();
        tokio::spawn(async move {
            let id = message.id;
            let stale = roll.is_multiple_of(10);
            let seen = Seen {
                version: message.version - u64::from(stale),
                digest: Some(message.digest),
            };
            let (messages, approvals) = (session.messages(), session.approvals());
            let text = |text: &str| Some(format!("{text} {roll}"));
            let mut binds = false;
            let result = match (message.status, roll) {
                (Status::Uncertain, 0..80) => messages.resolve(id, resolution, None).await,
                (Status::Failed, 0..60) => messages.send(id).await,
                (Status::Draft | Status::PendingApproval, 0..70) => {
                    binds = true;
                    approvals.approve(id, seen).await
                }
                (_, 0..35) => {
                    let edit = Edit {
                        content: text("Новый текст"),
                        ..Edit::default()
                    };
                    messages.edit(id, None, edit).await
                }
                (_, 35..50) => {
                    let edit = Edit {
                        scheduled_for: Some(Some(now + Duration::seconds(30))),
                        ..Edit::default()
                    };
                    messages.edit(id, None, edit).await
                }
                (_, 50..65) => messages.cancel(id, None).await,
                (_, 65..75) => approvals.reject(id, None, None).await,
                (_, 75..80) => {
                    return messages.delete(id).await.is_ok();
                }
                (_, 80..90) => messages.submit(id, None).await,
                _ => messages.send(id).await,
            };
            if let Ok(after) = &result {
                witness.demand(!(wrong || stale && binds), || {
                    format!("a viewer or an old page decided about {id}")
                });
                // I17: what was answered is written.
                let row = {
                    let ids = vec![id];
                    let query = MessageQuery {
                        ids,
                        ..MessageQuery::default()
                    };
                    let page = store.messages(&Workspace::default(), query).await;
                    page.unwrap().items.pop()
                };
                witness.demand(row.is_some_and(|row| row.version >= after.version), || {
                    format!("I17: answered and not written: {id}")
                });
            }
            result.is_ok()
        });
    }

    fn about_a_contact(&self) {
        let number = self.someone();
        let id = self.contacts[number].id;
        let manager = act(&self.engine, Role::Manager);
        let admin = act(&self.engine, Role::Admin);
        let (roll, variant) = (self.dice.below(100), self.dice.below(3));
        let now = self.engine.now();
        tokio::spawn(async move {
            let before = manager.contacts().get(id).await?;
            let current = before.fields.email.clone().unwrap_or_default();
            match roll {
                0..30 => {
                    let fields = ContactFields {
                        email: Some(address(number, variant)),
                        ..before.fields
                    };
                    manager.contacts().update(id, None, fields).await?;
                }
                30..60 => {
                    let status = if variant == 0 {
                        ConsentStatus::OptedOut
                    } else {
                        ConsentStatus::OptedIn
                    };
                    let consent = Consent {
                        channel: "*".to_owned(),
                        topic: Topic::Relationship,
                        status,
                        evidence: None,
                        at: now,
                    };
                    let fields = ContactFields {
                        consent: vec![consent],
                        ..before.fields
                    };
                    manager.contacts().update(id, None, fields).await?;
                }
                60..75 => {
                    let list = manager.suppressions();
                    list.add("email", &current, "asked").await?;
                }
                75..97 => {
                    let list = admin.suppressions();
                    list.lift("email", &current).await?;
                }
                _ => {
                    admin.contacts().erase(id).await?;
                }
            }
            crm_core::Result::<()>::Ok(())
        });
    }

    fn about_the_campaign(&self) {
        let (id, roll) = (self.campaign.id, self.dice.below(100));
        let manager = act(&self.engine, Role::Manager);
        tokio::spawn(async move {
            let campaigns = manager.campaigns();
            match roll {
                0..45 => campaigns.execute(id, false).await,
                45..70 => campaigns.pause(id).await,
                70..95 => campaigns.resume(id).await,
                _ => campaigns.cancel(id).await,
            }
        });
    }

    fn bulk(&self) {
        let resend = self.dice.percent(30);
        let manager = act(&self.engine, Role::Manager);
        tokio::spawn(async move {
            let (action, status) = if resend {
                (BulkAction::ResolveResend, Status::Uncertain)
            } else {
                (BulkAction::Approve, Status::PendingApproval)
            };
            let query = MessageQuery {
                statuses: vec![status],
                ..MessageQuery::default()
            };
            let approvals = manager.approvals();
            let preview = approvals.preview(action, query.clone()).await?;
            let manifest = Some(preview.manifest);
            approvals.bulk(action, query, manifest, None).await
        });
    }

    /// A row of the intake.
    fn ask(&self) {
        let (key, roll) = (self.dice.below(4), self.dice.below(100));
        let person = format!("person-{}", self.someone());
        let manager = act(&self.engine, Role::Manager);
        tokio::spawn(async move {
            let (kind, payload) = match roll {
                0..70 => (
                    Kind::Submit,
                    json!({
                        "external_id": person,
                        "occasion_type": "custom",
                        "content": format!("Ваш заказ {roll} готов"),
                        "channel": "email",
                    }),
                ),
                70..90 => (
                    Kind::Cancel,
                    json!({"key": format!("row-{key}"), "reason": "paid"}),
                ),
                _ => (
                    Kind::Consent,
                    json!({"external_id": person, "channel": "email", "topic": "marketing"}),
                ),
            };
            manager
                .intake()
                .put(&format!("row-{key}"), kind, payload)
                .await
        });
    }

    /// The store went back to an older state, or seems to have; an admin acknowledges that after a while.
    pub(crate) fn hold(&self) {
        self.store.put_on_hold(a_hold());
        self.witness.hold(true);
        self.witness.count("holds");
        let admin = act(&self.engine, Role::Admin);
        let wait = self.dice.millis(5_000);
        let how = if self.dice.percent(50) {
            Acknowledgement::Doubt
        } else {
            Acknowledgement::Continue
        };
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            admin.acknowledge_hold(&a_hold(), how, "looked at it").await
        });
    }

    /// Nothing keeps anything back any more.
    pub(crate) async fn let_everything_go(&self) {
        let admin = act(&self.engine, Role::Admin);
        let held = self.store.hold().await.unwrap();
        if held.is_some() {
            let how = Acknowledgement::Continue;
            let hold = a_hold();
            let done = admin.acknowledge_hold(&hold, how, "looked at it");
            done.await.unwrap();
        }
        // One that is not paused cannot be resumed.
        let _ = admin.campaigns().resume(self.campaign.id).await;
    }
}

fn a_hold() -> Hold {
    Hold {
        reason: HoldReason::Restored,
        noted: "then".to_owned(),
        found: "now".to_owned(),
    }
}
