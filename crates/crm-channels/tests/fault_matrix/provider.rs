//! Providers that fail as told, take everything else and keep what they took.

use std::sync::{Arc, Mutex};

use crm_channels::eskiz::EskizConfig;
use crm_channels::twilio::{Kind as Product, Sender};
use crm_channels::webhook::Gone;
use crm_channels::whatsapp::Compose;
use crm_channels::{
    Eskiz, HttpOptions, Telegram, TelegramConfig, Twilio, TwilioConfig, Webhook, WebhookConfig,
    WhatsApp, WhatsAppConfig,
};
use crm_core::contact::ContactFields;
use crm_core::port::channel::Channel;

use crate::common::eskiz::{TOKEN, taken, token};
use crate::common::http::{Act, Provider, Request, json};

/// Who gets a message, and the key by which it is taken once.
type Carried = (String, Option<String>);

/// What tells one provider from another.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The channel for a provider that is reached so.
    pub(crate) make: fn(HttpOptions) -> Arc<dyn Channel>,
    /// Gives a contact its so-many-th address.
    pub(crate) address: fn(u64, &mut ContactFields),
    /// What a request carries; `None` for one without a message.
    read: fn(&Request) -> Option<Carried>,
    /// The answer that takes a message.
    pub(crate) taken: fn() -> Act,
}

fn form(request: &Request, name: &str) -> String {
    let mut fields = form_urlencoded::parse(&request.body);
    fields
        .find(|(known, _)| known == name)
        .unwrap()
        .1
        .into_owned()
}

fn phone(number: u64) -> String {
    format!("+99890{number:07}")
}

fn twilio(product: Product, http: HttpOptions) -> Arc<dyn Channel> {
    let sender = Sender::From("+14155552345".to_owned());
    let account = "AC00000000000000000000000000000001";
    let config = TwilioConfig {
        kind: product,
        http,
        ..TwilioConfig::new(account, "12345".to_owned().into(), sender)
    };
    Arc::new(Twilio::new(config).unwrap())
}

fn webhook(http: HttpOptions, gone: Gone) -> Arc<dyn Channel> {
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let url = format!("{}/hook", http.base.as_deref().unwrap());
    let config = WebhookConfig {
        gone,
        allowed: vec!["127.0.0.0/8".to_owned(), "0.0.0.0".to_owned()],
        http: HttpOptions { base: None, ..http },
        ..WebhookConfig::new(url.into(), vec![secret.into()])
    };
    Arc::new(Webhook::new(config).unwrap())
}

pub(crate) const TWILIO: Kind = Kind {
    name: "sms",
    make: |http| twilio(Product::Sms, http),
    address: |number, fields| fields.phone = Some(phone(number)),
    read: |request| Some((form(request, "To"), None)),
    taken: || json(201, r#"{"sid":"SM00000000000000000000000000000003"}"#),
};

pub(crate) const TWILIO_WHATSAPP: Kind = Kind {
    name: "twilio_whatsapp",
    make: |http| twilio(Product::WhatsApp, http),
    address: |number, fields| fields.whatsapp = Some(phone(number)),
    ..TWILIO
};

pub(crate) const ESKIZ: Kind = Kind {
    name: "eskiz",
    make: |http| {
        Arc::new(
            Eskiz::new(EskizConfig {
                http,
                ..EskizConfig::new("salon@example.test", "a password".to_owned().into())
            })
            .unwrap(),
        )
    },
    address: |number, fields| fields.phone = Some(phone(number)),
    read: |request| {
        let batch = request.target.ends_with("/send-batch");
        batch.then(|| (request.json()["messages"][0]["to"].to_string(), None))
    },
    taken,
};

pub(crate) const TELEGRAM: Kind = Kind {
    name: "telegram",
    make: |http| {
        Arc::new(
            Telegram::new(TelegramConfig {
                http,
                ..TelegramConfig::new("123456:AAbb-Secret_Key".into())
            })
            .unwrap(),
        )
    },
    address: |number, fields| fields.telegram_chat_id = Some((100 + number).to_string()),
    read: |request| Some((request.json()["chat_id"].to_string(), None)),
    taken: || json(200, r#"{"ok":true,"result":{"message_id":42}}"#),
};

pub(crate) const WHATSAPP: Kind = Kind {
    name: "whatsapp",
    make: |http| {
        let compose = Compose::FreeText {
            preview_links: false,
        };
        Arc::new(
            WhatsApp::new(WhatsAppConfig {
                http,
                ..WhatsAppConfig::new("106540352242922", "EAAG".into(), compose)
            })
            .unwrap(),
        )
    },
    address: |number, fields| fields.whatsapp = Some(phone(number)),
    read: |request| Some((request.json()["to"].to_string(), None)),
    taken: || json(200, r#"{"messages":[{"id":"wamid.HBgM"}]}"#),
};

pub(crate) const WEBHOOK: Kind = Kind {
    name: "webhook",
    make: |http| webhook(http, Gone::Address),
    address: |number, fields| fields.external_id = Some(format!("crm-{number}")),
    read: |request| {
        let key = request.header("webhook-id").map(str::to_owned);
        Some((request.json()["data"]["recipient"].to_string(), key))
    },
    taken: || json(204, ""),
};

/// A receiver whose 410 says that it was closed itself.
pub(crate) const ENDPOINT: Kind = Kind {
    make: |http| webhook(http, Gone::Endpoint),
    ..WEBHOOK
};

pub(crate) const ALL: [Kind; 6] = [TWILIO, TWILIO_WHATSAPP, ESKIZ, TELEGRAM, WHATSAPP, WEBHOOK];

#[derive(Default)]
struct Book {
    faults: Vec<Act>,
    keys: Vec<String>,
    called: usize,
    taken: Vec<String>,
}

/// A running provider and its ledger.
pub(crate) struct Faulty {
    pub(crate) provider: Provider,
    book: Arc<Mutex<Book>>,
}

impl Faulty {
    /// Does these acts, one for each request that carries a message, then takes all others. `takes` says
    /// whether the message of such a request is taken all the same, as in the worse case of a lost answer.
    pub(crate) async fn start(kind: Kind, mut faults: Vec<Act>, takes: bool) -> Self {
        faults.reverse();
        let book = Arc::new(Mutex::new(Book {
            faults,
            ..Book::default()
        }));
        let shared = Arc::clone(&book);
        let provider = Provider::emulate(Box::new(move |request| {
            let Some((to, key)) = (kind.read)(request) else {
                return token(TOKEN);
            };
            let mut book = shared.lock().unwrap();
            book.called += 1;
            let act = book.faults.pop();
            if takes || act.is_none() {
                let known = key.as_ref().is_some_and(|key| book.keys.contains(key));
                book.keys.extend(key);
                if !known {
                    book.taken.push(to);
                }
            }
            act.unwrap_or_else(kind.taken)
        }))
        .await;
        Self { provider, book }
    }

    /// How many requests carried a message.
    pub(crate) fn called(&self) -> usize {
        self.book.lock().unwrap().called
    }

    /// Who got a message, in order.
    pub(crate) fn ledger(&self) -> Vec<String> {
        self.book.lock().unwrap().taken.clone()
    }

    /// How many messages were taken; no recipient got two.
    pub(crate) fn taken(&self) -> usize {
        let taken = self.ledger();
        let mut once = taken.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), taken.len(), "somebody got two messages");
        taken.len()
    }
}
