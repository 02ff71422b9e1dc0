//! Subscribers, observers and lateness through the handle, as a package asks for them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{Does, call};
use crm_bindings::{CallError, Handle, Plugins};
use crm_store_sqlite::rusqlite::Connection;
use serde_json::{Value, json};

const TAKEN: &str = r#"{"told":"taken"}"#;

/// Keeps what it was told, and answers as it is told to, then that it has taken it.
#[derive(Debug, Default)]
struct Keeps {
    does: Mutex<VecDeque<Does>>,
    told: Mutex<Vec<(String, Value)>>,
    more: Condvar,
    /// How long each call takes.
    takes: Option<Duration>,
}

impl Keeps {
    /// What came to this plugin, call by call.
    fn told(&self, plugin: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        let of = told.iter().filter(|(name, _)| name == plugin);
        of.map(|(_, request)| request.clone()).collect()
    }

    /// The places it was told of, call by call.
    fn positions(&self, plugin: &str) -> Vec<Vec<u64>> {
        let of = |request: &Value| {
            let changes = request.as_array().unwrap();
            let positions = changes.iter().map(|change| change["position"].as_u64());
            positions.map(Option::unwrap).collect()
        };
        self.told(plugin).iter().map(of).collect()
    }
}

#[async_trait]
impl Plugins for Keeps {
    async fn call(&self, plugin: &str, request: String) -> Result<String, CallError> {
        if plugin == "sms" {
            return Ok(r#"{"outcome":"accepted","provider_id":"1"}"#.to_owned());
        }
        let request = serde_json::from_str(&request).unwrap();
        let entry = (plugin.to_owned(), request);
        self.told.lock().unwrap().push(entry);
        self.more.notify_all();
        if let Some(long) = self.takes {
            tokio::time::sleep(long).await;
        }
        let does = self.does.lock().unwrap().pop_front();
        match does.unwrap_or(Does::Answer(TAKEN)) {
            Does::Answer(text) => Ok(text.to_owned()),
            Does::Raise => Err(CallError::Raised),
            Does::NotBegin => Err(CallError::NotBegun),
            Does::Panic => panic!("a plugin bridge with a defect"),
        }
    }
}

/// Options of an engine in `folder`, with more of them.
fn options(folder: &Path, more: Value) -> String {
    let mut options = json!({
        "path": folder.join("crm.db"), "actor": "anna", "role": "admin",
        "channels": {"sms": {"address": "phone", "subject": false}},
    });
    let more = more.as_object().unwrap().clone();
    options.as_object_mut().unwrap().extend(more);
    options.to_string()
}

fn open(folder: &Path, more: Value, plugins: &Arc<Keeps>) -> Handle {
    Handle::open(&options(folder, more), plugins.clone()).unwrap()
}

fn ok(handle: &Handle, operation: &str, input: Value) -> Value {
    call(handle, operation, input).unwrap()
}

fn subscription(handle: &Handle) -> Value {
    let mut all = ok(handle, "list_subscriptions", json!({}));
    assert_eq!(all.as_array().unwrap().len(), 1);
    all[0].take()
}

/// An approved message to a new contact.
fn approved(handle: &Handle) -> Value {
    let contact = json!({"name": "Ann", "phone": "+998901234567"});
    let person = ok(handle, "create_contact", contact);
    let wanted = json!({"contact_id": person["id"], "occasion_type": "birthday", "channel": "sms"});
    let message = ok(handle, "generate_message", wanted);
    let seen = json!({
        "id": message["id"], "version": message["version"], "digest": message["digest"],
    });
    ok(handle, "approve_message", seen)
}

#[test]
fn a_subscriber_is_told_of_everything_once_in_order_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Arc::new(Keeps::default());
    let subscribers = json!({"subscribers": {"crm": {"capabilities": {"batch": 3}}}});
    let handle = open(folder.path(), subscribers.clone(), &plugins);
    let from = json!({"name": "crm", "start": "beginning"});
    ok(&handle, "subscribe", from.clone());
    approved(&handle);
    let work = ok(&handle, "run_until_idle", json!({}));
    let sealed = ok(&handle, "verify_audit", json!({}))["sealed"]
        .as_u64()
        .unwrap();
    assert_eq!(work["told"], sealed);
    let calls = plugins.positions("subscriber:crm");
    assert!(calls.iter().all(|call| call.len() <= 3), "{calls:?}");
    assert_eq!(calls.concat(), (1..=sealed).collect::<Vec<_>>());
    ok(&handle, "close", json!({}));

    let handle = open(folder.path(), subscribers, &plugins);
    ok(&handle, "subscribe", from);
    ok(&handle, "create_contact", json!({"name": "Bob"}));
    ok(&handle, "run_until_idle", json!({}));
    let told = plugins.positions("subscriber:crm").concat();
    assert_eq!(told, (1..=sealed + 1).collect::<Vec<_>>());
    let last = plugins.told("subscriber:crm").pop().unwrap();
    let (subject, action) = (&last[0]["subject"], &last[0]["action"]);
    assert_eq!((subject, action), (&json!("contact"), &json!("created")));
    let row = subscription(&handle);
    assert_eq!(row["position"], sealed + 1);
    assert_eq!(
        (&row["lag"], &row["set_up"]),
        (&json!(0), &json!(true)),
        "{row}"
    );
}

#[test]
fn whatever_is_not_taken_is_told_again_and_says_why() {
    for (does, state, error) in [
        (Does::Raise, "failing", "plugin_raised"),
        (Does::NotBegin, "failing", "plugin_not_reachable"),
        (Does::Panic, "failing", "panicked"),
        (Does::Answer("null"), "failing", "bad_answer"),
        (
            Does::Answer(r#"{"told":"later","reason":"busy"}"#),
            "failing",
            "busy",
        ),
        (
            Does::Answer(r#"{"told":"closed","reason":"gone"}"#),
            "disabled",
            "gone",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plugins = Arc::new(Keeps::default());
        plugins.does.lock().unwrap().push_back(does);
        let subscribers = json!({"subscribers": {"crm": {"actions": ["contact.*"]}}});
        let handle = open(folder.path(), subscribers, &plugins);
        ok(&handle, "subscribe", json!({"name": "crm"}));
        ok(&handle, "create_contact", json!({"name": "Ann"}));
        ok(&handle, "run_until_idle", json!({}));
        let row = subscription(&handle);
        assert_eq!(
            (&row["state"], &row["last_error"]),
            (&json!(state), &json!(error))
        );
        ok(&handle, "create_contact", json!({"name": "Bob"}));
        let manager = handle.act_as(r#"{"actor":"m","role":"manager"}"#).unwrap();
        for operation in ["enable_subscription", "list_subscriptions"] {
            let input = match operation {
                "list_subscriptions" => json!({}),
                _ => json!({"name": "crm"}),
            };
            let failure = call(&manager, operation, input).unwrap_err();
            assert_eq!(failure["code"], "forbidden", "{operation}");
        }
        ok(&handle, "enable_subscription", json!({"name": "crm"}));
        ok(&handle, "run_until_idle", json!({}));
        let calls = plugins.told("subscriber:crm");
        let told = |call: &Value| -> Vec<Value> {
            let changes = call.as_array().unwrap();
            changes.iter().map(|change| change["id"].clone()).collect()
        };
        let (first, second) = (told(&calls[0]), told(&calls[1]));
        assert_eq!((first.len(), second.len()), (1, 2), "{error}");
        assert_eq!(first[0], second[0]);
        assert_eq!(subscription(&handle)["state"], "active");
    }
}

#[test]
fn a_subscription_without_a_subscriber_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Arc::new(Keeps::default());
    let handle = open(folder.path(), json!({}), &plugins);
    ok(&handle, "subscribe", json!({"name": "crm"}));
    ok(&handle, "create_contact", json!({"name": "Ann"}));
    assert_eq!(ok(&handle, "run_until_idle", json!({}))["told"], 0);
    let row = subscription(&handle);
    assert_eq!(row["set_up"], false);
    assert!(row["lag"].as_u64().unwrap() > 0, "{row}");
    for (operation, input, code) in [
        ("subscribe", json!({"name": "C R M"}), "invalid"),
        (
            "subscribe",
            json!({"name": "crm", "start": "soon"}),
            "invalid",
        ),
        ("enable_subscription", json!({"name": "no"}), "not_found"),
    ] {
        let failure = call(&handle, operation, input).unwrap_err();
        assert_eq!(failure["code"], code, "{operation}");
    }
}

#[test]
fn options_that_cannot_be_name_their_field() {
    let folder = tempfile::tempdir().unwrap();
    for (more, field) in [
        (json!({"subscribers": {"C R M": {}}}), "subscribers"),
        (
            json!({"subscribers": {"crm": {"actions": ["sent"]}}}),
            "subscribers.crm.actions",
        ),
        (
            json!({"subscribers": {"crm": {"actions": "message.*"}}}),
            "subscribers.crm.actions",
        ),
        (
            json!({"subscribers": {"crm": {"capabilities": {"batch": 0}}}}),
            "subscribers.crm.capabilities.batch",
        ),
        (
            json!({"subscribers": {"crm": {"capabilities": {"timeout_ms": 600_001}}}}),
            "subscribers.crm.capabilities.timeout_ms",
        ),
        (
            json!({"subscribers": {"crm": {"capabilities": {"speed": 1}}}}),
            "subscribers.crm.capabilities.speed",
        ),
        (json!({"late_after": 59}), "late_after"),
        (json!({"late_after": 31_536_001}), "late_after"),
        (json!({"late_after": 90.5}), "late_after"),
        (json!({"late_after": "3 days"}), "late_after"),
    ] {
        let options = options(folder.path(), more);
        let refused = Handle::open(&options, Arc::new(Keeps::default())).unwrap_err();
        assert_eq!(refused.code, "invalid", "{options}");
        assert_eq!(refused.fields[0].field, field);
    }
    assert!(!folder.path().join("crm.db").exists());
}

#[test]
fn an_observer_hears_of_commits_and_cannot_disturb_them() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Arc::new(Keeps::default());
    plugins.does.lock().unwrap().push_back(Does::Raise);
    let handle = open(folder.path(), json!({"observer": true}), &plugins);
    let person = ok(&handle, "create_contact", json!({"name": "Ann"}));
    // Told while nothing else happens.
    let told = plugins.told.lock().unwrap();
    let hour = Duration::from_secs(3_600);
    let waited = plugins
        .more
        .wait_timeout_while(told, hour, |told| told.is_empty());
    drop(waited.unwrap());
    ok(&handle, "create_contact", json!({"name": "Bob"}));
    let calls = plugins.told("observer:notice");
    let wanted = json!({
        "workspace": "default", "subject": "contact", "id": person["id"], "action": "created",
        "status": null, "version": 1,
    });
    assert_eq!(calls[0], json!([wanted]));
}

#[test]
fn what_was_committed_before_the_engine_closes_is_told_before_it_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Arc::new(Keeps {
        takes: Some(Duration::from_millis(300)),
        ..Keeps::default()
    });
    let handle = open(folder.path(), json!({"observer": true}), &plugins);
    let mut wanted = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        let person = ok(&handle, "create_contact", json!({"name": name}));
        wanted.push(person["id"].clone());
    }
    ok(&handle, "close", json!({}));
    let calls = plugins.told("observer:notice");
    let notices = calls.iter().flat_map(|call| call.as_array().unwrap());
    let told: Vec<Value> = notices.map(|notice| notice["id"].clone()).collect();
    assert_eq!(told, wanted);
}

#[test]
fn a_subscription_begins_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Arc::new(Keeps::default());
    let both = json!({"subscribers": {"all": {}, "new": {}}});
    let handle = open(folder.path(), both, &plugins);
    ok(&handle, "create_contact", json!({"name": "Ann"}));
    ok(&handle, "run_until_idle", json!({}));
    let beginning = json!({"name": "all", "start": "beginning"});
    ok(&handle, "subscribe", beginning);
    ok(&handle, "subscribe", json!({"name": "new"}));
    ok(&handle, "run_until_idle", json!({}));
    assert_eq!(plugins.positions("subscriber:all").concat(), [1, 2, 3]);
    // That it was begun is the first thing it hears.
    assert_eq!(plugins.positions("subscriber:new").concat(), [3]);
}

#[test]
fn what_is_later_than_the_option_says_does_not_leave() {
    for (late_after, status) in [
        (json!({"late_after": 3_600}), "expired"),
        (json!({"late_after": 10_800}), "sent"),
        (json!({}), "sent"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plugins = Arc::new(Keeps::default());
        let handle = open(folder.path(), json!({}), &plugins);
        let message = approved(&handle);
        assert_eq!(message["queued_at"], message["approved_at"]);
        ok(&handle, "close", json!({}));
        // As if it had waited for two hours.
        let database = Connection::open(folder.path().join("crm.db")).unwrap();
        let earlier = "UPDATE messages SET queued_at = queued_at - 7200000000";
        assert_eq!(database.execute(earlier, []).unwrap(), 1);
        database.close().unwrap();

        let handle = open(folder.path(), late_after.clone(), &plugins);
        ok(&handle, "run_until_idle", json!({}));
        let after = ok(&handle, "get_message", json!({"id": message["id"]}));
        assert_eq!(after["status"], status, "{late_after}");
        assert_eq!(after["queued_at"], Value::Null);
        if status == "expired" {
            assert_eq!(after["failure"], "too_late");
        }
    }
}
