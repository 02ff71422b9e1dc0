//! One person written wherever a person can be written, erased, and looked for in all that a store holds; then they
//! come back by an import.

use std::sync::Arc;
use std::time::Duration;

use crm_core::campaign::CampaignFields;
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::{AddressKind, Birthday, Contact, ContactFields};
use crm_core::engine::{Engine, GenerateMessage, NewDraft, Session};
use crm_core::import::{Duplicates, Options};
use crm_core::intake::{IntakeState, Kind};
use crm_core::message::decide::{Edit, Seen};
use crm_core::message::lifecycle::Event;
use crm_core::message::{Message, Occasion, Status};
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::port::channel::{ChannelCapabilities, Outcome};
use crm_core::port::store::{IntakeQuery, MessageQuery, Store, SuppressionQuery};
use crm_core::testing::{FakeClock, RecordingChannel, SequentialIds};
use crm_core::worker::{Worker, WorkerOptions};
use crm_core::{Actor, ErrorKind, Role, Workspace};
use serde_json::json;

/// Stands in everything that is written about the person who is erased, in small letters.
pub const MARK: &str = "zqxanna";
/// Their telephone number and chat, which have no room for it.
pub const PHONE: &str = "998901112233";
/// See [`PHONE`].
pub const CHAT: &str = "7755331199";
/// The same of somebody else, who stays.
pub const OTHER: &str = "vkwboris";

const CHANNELS: [(&str, AddressKind); 5] = [
    ("email", AddressKind::Email),
    ("sms", AddressKind::Phone),
    ("telegram", AddressKind::Telegram),
    ("whatsapp", AddressKind::Whatsapp),
    ("webhook", AddressKind::ExternalId),
];

/// An engine over a store, with a channel for each kind of address.
pub struct Life {
    engine: Engine,
    channels: Vec<Arc<RecordingChannel>>,
    anna: Contact,
    boris: Contact,
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Life(..)")
    }
}

fn fields(mark: &str, [phone, whatsapp, chat]: [&str; 3]) -> ContactFields {
    let of = |what: &str| Some(format!("{mark}-{what}"));
    ContactFields {
        external_id: of("external"),
        name: format!("{mark} name"),
        email: Some(format!("{mark}@mail.example")),
        phone: Some(phone.to_owned()),
        whatsapp: Some(whatsapp.to_owned()),
        telegram_chat_id: Some(chat.to_owned()),
        company: of("company"),
        position: of("position"),
        birthday: Birthday::parse("1985-03-07"),
        tags: [format!("{mark}-tag")].into(),
        custom_fields: [("note".to_owned(), json!(format!("{mark}-custom")))].into(),
        consent: vec![Consent {
            channel: "fax".to_owned(),
            topic: Topic::Marketing,
            status: ConsentStatus::OptedOut,
            evidence: of("evidence"),
            at: chrono::DateTime::UNIX_EPOCH,
        }],
        ..ContactFields::default()
    }
}

fn anna() -> ContactFields {
    fields(MARK, ["+998901112233", "+998901112233", CHAT])
}

impl Life {
    /// Two people live in the store, which is empty: everything happens to both.
    ///
    /// # Panics
    /// The store fails.
    pub async fn begin(store: Arc<dyn Store>) -> Self {
        let channels: Vec<_> = CHANNELS
            .map(|(_, address)| {
                Arc::new(RecordingChannel::new(ChannelCapabilities {
                    address,
                    // So that is kept when they wrote.
                    window: (address == AddressKind::Whatsapp)
                        .then_some(Duration::from_secs(86_400)),
                    ..ChannelCapabilities::default()
                }))
            })
            .into();
        let clock = Arc::new(FakeClock::default());
        let ids = Arc::new(SequentialIds::default());
        let mut builder = Engine::builder(store, clock, ids);
        for ((name, _), channel) in CHANNELS.iter().zip(&channels) {
            builder = builder.channel(*name, Arc::clone(channel) as _);
        }
        let engine = builder.build();
        let admin = engine.act_as(Actor::new(Workspace::default(), "ann", Role::Admin));
        let contacts = admin.contacts();
        let phones = ["+998901112234", "+998901112235", "7755331188"];
        let boris = contacts.create(fields(OTHER, phones)).await.unwrap();
        let anna = contacts.create(anna()).await.unwrap();
        let mut life = Self {
            engine,
            channels,
            anna,
            boris,
        };
        for mark in [OTHER, MARK] {
            life.live(mark).await;
        }
        life
    }

    fn admin(&self) -> Session {
        let actor = Actor::new(Workspace::default(), "ann", Role::Admin);
        self.engine.act_as(actor)
    }

    async fn work(&self) {
        let worker = Worker::new(self.engine.clone(), WorkerOptions::default());
        worker.run_until_idle().await.unwrap();
    }

    const fn of(&self, mark: &str) -> &Contact {
        if mark.len() == MARK.len() {
            &self.anna
        } else {
            &self.boris
        }
    }

    async fn draft(&self, mark: &str, what: &str) -> Message {
        let draft = NewDraft {
            subject: Some(format!("{mark} {what} subject")),
            channel: Some("email".to_owned()),
            ..NewDraft::new(self.of(mark).id, Occasion::Custom, format!("{mark} {what}"))
        };
        self.admin().messages().create(draft).await.unwrap()
    }

    async fn send(&self, message: &Message, outcome: Outcome) {
        let admin = self.admin();
        admin
            .approvals()
            .approve(message.id, Seen::of(message))
            .await
            .unwrap();
        self.channels[0].push(outcome);
        self.work().await;
    }

    async fn hear(&self, channel: &str, news: News) {
        let workspace = Workspace::default();
        let heard = self.engine.hear(&workspace, channel, vec![news]);
        heard.await.unwrap();
    }

    async fn live(&mut self, mark: &str) {
        let admin = self.admin();
        let (contact, of) = (self.of(mark).clone(), |what: &str| format!("{mark}-{what}"));
        // Delivered, under a provider's id that names them, and heard of.
        let message = self.draft(mark, "before").await;
        let edit = Edit {
            content: Some(format!("{mark} after")),
            ..Edit::default()
        };
        let message = admin.messages().edit(message.id, None, edit).await.unwrap();
        let provider_id = of("provider");
        self.send(
            &message,
            Outcome::Accepted {
                provider_id: provider_id.clone(),
            },
        )
        .await;
        for (about, dead) in [(provider_id, false), (of("stranger"), false)] {
            let receipt = Receipt {
                about: About::ProviderId(about),
                fate: Fate::Failed {
                    reason: of("bounced"),
                    dead,
                },
                at: None,
            };
            if mark == OTHER || receipt.about != About::ProviderId(of("stranger")) {
                self.hear("email", News::Receipt(receipt)).await;
            }
        }
        // In doubt, and decided; refused; rejected; deleted.
        let message = self.draft(mark, "doubted").await;
        self.send(
            &message,
            Outcome::Unknown {
                reason: of("timeout"),
            },
        )
        .await;
        let why = Some(of("resolved"));
        admin
            .messages()
            .resolve(message.id, Event::ResolveFailed, why)
            .await
            .unwrap();
        let message = self.draft(mark, "refused").await;
        self.send(
            &message,
            Outcome::Rejected {
                reason: of("refusal"),
            },
        )
        .await;
        let message = self.draft(mark, "rejected").await;
        admin
            .approvals()
            .reject(message.id, None, Some(of("reason")))
            .await
            .unwrap();
        let message = self.draft(mark, "deleted").await;
        admin.messages().delete(message.id).await.unwrap();
        // In doubt for good, and open ones of each kind.
        let message = self.draft(mark, "open doubt").await;
        self.send(
            &message,
            Outcome::Unknown {
                reason: of("silence"),
            },
        )
        .await;
        self.draft(mark, "open draft").await;
        let wanted = GenerateMessage {
            custom_context: Some(of("context")),
            channel: Some("sms".to_owned()),
            ..GenerateMessage::new(contact.id, Occasion::Custom)
        };
        admin.messages().generate(wanted).await.unwrap();
        // They wrote, and somebody suppressed them in words.
        let address = contact.whatsapp.clone().unwrap();
        self.hear("whatsapp", News::Inbound { address, at: None })
            .await;
        let mail = contact.email.clone().unwrap();
        admin
            .suppressions()
            .add("fax", &mail, &of("asked"))
            .await
            .unwrap();
        // Rows of the host's, done and refused.
        let rows = [
            (
                Kind::Contact,
                json!({"external_id": of("external"), "company": of("changed")}),
            ),
            (
                Kind::Submit,
                json!({"external_id": of("external"), "content": of("nothing")}),
            ),
            (
                Kind::Submit,
                json!({"external_id": of("external"), "content": of("intake"), "occasion_type": "custom"}),
            ),
        ];
        for (number, (kind, payload)) in rows.into_iter().enumerate() {
            let key = format!("{number}-{}", mark.len());
            admin.intake().put(&key, kind, payload).await.unwrap();
            self.work().await;
        }
        // An import that changed them.
        let file = format!(
            "name,email,company,position\n{mark} again,{mark}@mail.example,{mark} imported,{mark} chief\n"
        );
        let options = Options {
            duplicates: Duplicates::Update,
            ..Options::default()
        };
        let report = admin
            .contacts()
            .import_file(file.as_bytes(), &options)
            .await
            .unwrap();
        assert_eq!(report.updated, 1);
        // A campaign, whose plan has them.
        self.campaign("first").await;
        // They move: what went to the old address stays known.
        let now = admin.contacts().get(contact.id).await.unwrap();
        let moved = ContactFields {
            email: Some(format!("{mark}-new@mail.example")),
            ..now.fields.clone()
        };
        admin
            .contacts()
            .update(contact.id, None, moved)
            .await
            .unwrap();
    }

    async fn campaign(&self, name: &str) {
        let fields = json!({
            "name": name,
            "occasion_type": "holiday",
            "audience": crm_core::audience::Audience::everybody(),
            "schedule": {"type": "immediate"},
            "channel": "telegram",
            "fallback_channels": ["sms", "email", "whatsapp", "webhook"],
        });
        let fields: CampaignFields = serde_json::from_value(fields).unwrap();
        let admin = self.admin();
        let campaign = admin.campaigns().create(fields).await.unwrap();
        admin.campaigns().execute(campaign.id, false).await.unwrap();
        self.work().await;
    }

    /// Erases one of them, with a row of the host's still waiting.
    ///
    /// # Panics
    /// The store fails.
    pub async fn erase(&self) {
        let admin = self.admin();
        for (key, about) in [("late", MARK), ("other", OTHER)] {
            let payload = json!({
                "external_id": format!("{about}-external"),
                "content": format!("{about} waits"),
                "occasion_type": "custom",
            });
            admin
                .intake()
                .put(key, Kind::Submit, payload)
                .await
                .unwrap();
        }
        let contacts = admin.contacts();
        let refused = self
            .engine
            .act_as(Actor::new(Workspace::default(), "bob", Role::Manager));
        let refused = refused.contacts().erase(self.anna.id).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        contacts.erase(self.anna.id).await.unwrap();
        let waiting = IntakeQuery {
            state: Some(IntakeState::Waiting),
            ..IntakeQuery::default()
        };
        let waiting = admin.intake().list(waiting).await.unwrap();
        assert_eq!(waiting.len(), 1, "rows about others wait on");
        self.work().await;
    }

    /// Fails where the person is in `dump`, everything that is stored, or the other one is not.
    ///
    /// # Panics
    /// See above.
    pub fn is_gone_from(dump: &[u8], what: &str) {
        let text = String::from_utf8_lossy(dump).to_lowercase();
        for mark in [MARK, PHONE, CHAT] {
            let place = text.find(mark).map(|at| {
                let from = text.floor_char_boundary(at.saturating_sub(60));
                let to = text.ceil_char_boundary(at + 60);
                &text[from..to]
            });
            assert_eq!(place, None, "{mark} is still in {what}");
        }
        assert!(text.contains(OTHER), "{what} says nothing of anybody");
    }

    /// Fails where the store does not hold together, or the other person lost something.
    ///
    /// # Panics
    /// See above.
    pub async fn is_whole(&self) {
        let admin = self.admin();
        let proof = admin.audit().verify(None).await.unwrap();
        assert!(proof.valid && proof.sealed > 50, "{proof:?}");
        assert_eq!(admin.analytics().recount().await.unwrap(), []);
        let of = |contact: &Contact| MessageQuery {
            contact_id: Some(contact.id),
            with_deleted: true,
            ..MessageQuery::default()
        };
        let erased = admin.messages().list(of(&self.anna)).await.unwrap().items;
        let others = admin.messages().list(of(&self.boris)).await.unwrap().items;
        assert!(
            erased.len() >= 9 && others.len() > erased.len(),
            "the waiting row of the other was done"
        );
        let open = [Status::Draft, Status::PendingApproval, Status::Approved];
        for message in erased.iter().filter(|message| !message.deleted) {
            assert!(!open.contains(&message.status), "{message:?}");
        }
        assert!(others.iter().any(|message| open.contains(&message.status)));
        for message in others {
            assert!(!message.recipient.is_empty() && !message.revision.content.is_empty());
        }
        let document = admin
            .contacts()
            .subject_access(self.boris.id)
            .await
            .unwrap();
        let text = serde_json::to_string(&document).unwrap();
        for what in [
            "provider", "bounced", "timeout", "resolved", "refusal", "reason", "context", "asked",
            "evidence", "custom", "external",
        ] {
            let mark = format!("{OTHER}-{what}");
            assert!(text.contains(&mark), "{mark} is gone");
        }
    }

    /// Brings the person back, by an import and by hand, and sends to them in every way: nothing leaves.
    ///
    /// # Panics
    /// Something does, or the store fails.
    pub async fn comes_back(&self) {
        let admin = self.admin();
        let calls = || self.channels.iter().map(|channel| channel.calls().len());
        let before: usize = calls().sum();
        let person = anna();
        let file = format!(
            "external_id,name,email,phone,telegram_chat_id\n{},back,{},{},{CHAT}\n",
            person.external_id.as_deref().unwrap(),
            person.email.as_deref().unwrap().to_uppercase(),
            person.phone.as_deref().unwrap(),
        );
        let report = admin
            .contacts()
            .import_file(file.as_bytes(), &Options::default())
            .await
            .unwrap();
        assert_eq!((report.created, report.rejected.len()), (1, 0));
        let other_address = ContactFields {
            name: "moved".to_owned(),
            email: Some(format!("{MARK}-new@mail.example")),
            phone: person.phone.clone(),
            ..ContactFields::default()
        };
        let moved = admin.contacts().create(other_address).await.unwrap();
        let query = crm_core::port::store::ContactQuery {
            external_id: person.external_id.clone(),
            ..crm_core::port::store::ContactQuery::default()
        };
        let back = admin.contacts().list(query).await.unwrap().items.remove(0);
        // Their own yes does not open it again, nor does that they write.
        for (name, address) in CHANNELS {
            if let Some(address) = back.address(address) {
                let address = address.to_owned();
                self.hear(
                    name,
                    News::Inbound {
                        address: address.clone(),
                        at: None,
                    },
                )
                .await;
                self.hear(name, News::OptIn { address }).await;
            }
        }
        let direct = [
            (&back, "email"),
            (&back, "sms"),
            (&back, "telegram"),
            (&back, "whatsapp"),
            (&back, "webhook"),
            (&moved, "email"),
            (&moved, "sms"),
        ];
        let mut sent = Vec::new();
        for (to, channel) in direct {
            let draft = NewDraft {
                channel: Some(channel.to_owned()),
                ..NewDraft::new(to.id, Occasion::Custom, "Hello again")
            };
            let message = admin.messages().create(draft).await.unwrap();
            admin
                .approvals()
                .approve(message.id, Seen::of(&message))
                .await
                .unwrap();
            sent.push(message.id);
        }
        self.work().await;
        for id in sent {
            let message = admin.messages().get(id).await.unwrap();
            assert_eq!(message.status, Status::Cancelled, "{}", message.channel);
            assert_eq!(
                message.failure.as_deref(),
                Some("suppressed"),
                "{}",
                message.channel
            );
        }
        self.campaign("second").await;
        for contact in [&back, &moved] {
            let query = MessageQuery {
                contact_id: Some(contact.id),
                ..MessageQuery::default()
            };
            let found = admin.messages().list(query).await.unwrap().items;
            assert!(
                found.iter().all(|message| message.campaign_id.is_none()),
                "planned"
            );
        }
        let after: usize = calls().sum();
        assert_eq!(after, before, "something left");
        // Until an admin names the address.
        let listed = |query| async { self.admin().suppressions().list(query).await.unwrap().items };
        let all = listed(SuppressionQuery::default()).await;
        assert!(
            all.iter()
                .any(|row| row.of_erased() && row.address.is_empty())
        );
        let email = back.email.as_deref().unwrap();
        admin.suppressions().lift("email", email).await.unwrap();
        let draft = NewDraft::new(back.id, Occasion::Custom, "Hello at last");
        let draft = NewDraft {
            channel: Some("email".to_owned()),
            ..draft
        };
        let message = admin.messages().create(draft).await.unwrap();
        admin
            .approvals()
            .approve(message.id, Seen::of(&message))
            .await
            .unwrap();
        self.work().await;
        let message = admin.messages().get(message.id).await.unwrap();
        assert_eq!(message.status, Status::Sent);
    }
}
