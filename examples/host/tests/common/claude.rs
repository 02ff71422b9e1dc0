//! A strict stand-in for Claude's API that a host under test talks to over HTTP, and what tests of it ask the host.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use crm_claude_testing::provider::Provider;
use crm_claude_testing::server::{Answer, Server};
use serde_json::{Value, json};

use crate::common::Host;
use crate::common::place::{Place, Tables};

/// Whatever should happen soon has happened by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Claude, as far as the host can tell.
pub struct Claude {
    pub provider: Arc<Provider>,
    pub server: Server,
    // Its tasks serve.
    _runtime: tokio::runtime::Runtime,
}

impl Claude {
    pub fn start() -> Self {
        Self::slow(Duration::ZERO)
    }

    /// One that takes so long for each answer.
    pub fn slow(time: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let provider = Provider::new(Utc::now);
        let behind = Arc::clone(&provider);
        let server = runtime.block_on(Server::start(move |request| {
            Answer::Slow(time, Box::new(behind.answer(request)))
        }));
        Self {
            provider,
            server,
            _runtime: runtime,
        }
    }

    /// The variables that make a host use it.
    pub fn variables(&self) -> [(&str, &str); 2] {
        [
            ("ANTHROPIC_API_KEY", "test-key"),
            ("ANTHROPIC_BASE_URL", &self.server.url),
        ]
    }

    /// How often it was asked for one draft for this person.
    pub fn asked(&self, name: &str) -> usize {
        let drafts = self.provider.drafts();
        drafts.iter().filter(|(one, _)| one.name() == name).count()
    }
}

impl Drop for Claude {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let refused = self.provider.problems();
            assert!(refused.is_empty(), "requests the API refuses: {refused:?}");
        }
    }
}

/// An exact number of dollars, in 10^-12 of them.
pub fn pico(dollars: &Value) -> u64 {
    let (whole, part) = dollars.as_str().unwrap().split_once('.').unwrap();
    let part = format!("{part:0<12}");
    whole.parse::<u64>().unwrap() * 1_000_000_000_000 + part.parse::<u64>().unwrap()
}

/// Adds people of these names.
pub fn people(host: &Host, token: &str, names: &[&str]) {
    for (number, name) in names.iter().enumerate() {
        let body = json!({"name": name, "email": format!("p{number}@salon.example")});
        host.post(token, "/api/contacts", body).expect(201);
    }
}

/// Sets a campaign for everybody up, and answers its address.
pub fn campaign(host: &Host, token: &str, more: &Value) -> String {
    let mut body = json!({"name": "Навруз", "occasion_type": "holiday"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = host.post(token, "/api/campaigns", body).expect(201);
    format!("/api/campaigns/{}", made["id"].as_str().unwrap())
}

pub fn execute(host: &Host, token: &str, campaign: &str) {
    let path = format!("{campaign}/execute");
    host.post(token, &path, json!({})).expect(202);
}

/// Lets the time pass that a batch waits for before it is looked at, or given up for lost.
pub fn time_passes(place: &Place) {
    let sql = match place.postgres {
        None => {
            "UPDATE {}draft_batches SET due_at = created_at, submitted_at = submitted_at - 1200000000"
        }
        Some(_) => {
            "UPDATE {}draft_batches SET due_at = created_at, \
             submitted_at = submitted_at - interval '20 minutes'"
        }
    };
    place.change(Tables::Engine, sql).unwrap();
}

/// The leases end that a host held which was killed; on SQLite the next host knows that by itself.
pub fn leases_end(place: &Place) {
    place.is_dead_for_good();
    if place.postgres.is_none() {
        return;
    }
    for sql in [
        "UPDATE {}draft_batches SET lease_until = clock_timestamp() - interval '1 second' \
         WHERE lease_until IS NOT NULL",
        "UPDATE {}ledger SET expires_at = clock_timestamp() - interval '1 second' \
         WHERE held AND NOT batch",
    ] {
        place.change(Tables::Engine, sql).unwrap();
    }
}

/// Waits, while time passes for batches.
pub fn until(host: &Host, token: &str, path: &str, fine: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let value = host.get(token, path).expect(200);
        if fine(&value) {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {value}");
        time_passes(&host.directory);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// All of a list, page by page.
pub fn all(host: &Host, token: &str, path: &str) -> Vec<Value> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = host
            .get(token, &format!("{path}{sign}limit=100{cursor}"))
            .expect(200);
        items.append(page["items"].as_array_mut().unwrap());
        let Some(next) = page["next_cursor"].as_str() else {
            return items;
        };
        cursor = format!("&cursor={next}");
    }
}
