//! What a plugin's other methods may answer, and what anything else counts as.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use crm_bindings::{CallError, Capabilities, ForeignChannel, Method, Plugins, RateLimit};
use crm_core::ErrorKind;
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Callback, Doubt, Fate, LookUp, News, Receipt};
use crm_core::port::channel::Channel as _;
use serde_json::{Value, json};

/// Answers the same to everything, and keeps what it was asked.
#[derive(Debug)]
struct Plugin {
    answer: Option<String>,
    error: CallError,
    asked: Mutex<Vec<(String, Value)>>,
}

#[async_trait]
impl Plugins for Plugin {
    async fn call(&self, plugin: &str, request: String) -> Result<String, CallError> {
        let request = serde_json::from_str(&request).unwrap();
        let mut asked = self.asked.lock().unwrap();
        asked.push((plugin.to_owned(), request));
        self.answer.clone().ok_or(self.error)
    }
}

fn plugin(answer: Option<&str>, error: CallError) -> Arc<Plugin> {
    Arc::new(Plugin {
        answer: answer.map(str::to_owned),
        error,
        asked: Mutex::default(),
    })
}

fn with_all() -> Capabilities {
    Capabilities {
        methods: vec![Method::LookUp, Method::Read, Method::Units],
        ..Capabilities::default()
    }
}

fn channel(plugin: Arc<dyn Plugins>) -> ForeignChannel {
    ForeignChannel::new("sms", &with_all(), plugin).unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

fn doubt() -> Doubt {
    Doubt {
        attempt_id: AttemptId(uuid::Uuid::from_u128(7)),
        started_at: chrono::DateTime::UNIX_EPOCH,
        recipient: "+998901234567".to_owned(),
        subject: None,
        content: "Hello".to_owned(),
    }
}

fn callback() -> Callback {
    Callback {
        url: "https://crm.example/hook".to_owned(),
        headers: vec![("X-Sign".to_owned(), "s".to_owned())],
        body: (0..=255).collect(),
    }
}

#[test]
fn capabilities_follow_the_methods_unless_said_otherwise() {
    let can = |capabilities: &Capabilities| {
        let nobody = plugin(None, CallError::NotBegun);
        ForeignChannel::new("sms", capabilities, nobody).map(|channel| channel.capabilities())
    };
    let none = can(&Capabilities::default()).unwrap();
    assert!(!none.look_up && !none.receipts && none.rate.is_none());
    let all = can(&with_all()).unwrap();
    assert!(all.look_up && all.receipts);
    let off = Capabilities {
        look_up: Some(false),
        receipts: Some(false),
        ..with_all()
    };
    let off = can(&off).unwrap();
    assert!(!off.look_up && !off.receipts);
    let wanted = Capabilities {
        look_up: Some(true),
        ..Capabilities::default()
    };
    let refused = can(&wanted).unwrap_err();
    assert_eq!(refused.fields()[0].field, "capabilities.look_up");
    for (units, per_ms, fine) in [
        (1, 1, true),
        (0, 1, false),
        (1, 0, false),
        (1, 3_600_001, false),
    ] {
        let paced = Capabilities {
            rate: Some(RateLimit { units, per_ms }),
            ..Capabilities::default()
        };
        assert_eq!(can(&paced).is_ok(), fine, "{units} in {per_ms}");
    }
}

#[test]
fn a_look_up_settles_nothing_unless_it_says_so() {
    let found = |answer: Option<&str>, error| {
        let plugin = plugin(answer, error);
        let found = run(channel(plugin.clone()).look_up(&doubt()));
        let asked = plugin.asked.lock().unwrap();
        assert_eq!(asked[0].0, "sms/look_up");
        assert_eq!(asked[0].1, serde_json::to_value(doubt()).unwrap());
        found
    };
    let raised = CallError::Raised;
    let taken = found(Some(r#"{"found":"taken","provider_id":"SM1"}"#), raised);
    let provider_id = "SM1".to_owned();
    assert_eq!(taken, LookUp::Taken { provider_id });
    let not = found(Some(r#"{"found":"not_taken"}"#), raised);
    assert_eq!(not, LookUp::NotTaken);
    for (answer, error, reason) in [
        (None, raised, "plugin_raised"),
        (None, CallError::NotBegun, "plugin_not_reachable"),
        (
            Some(r#"{"found":"unknown","reason":"late_list"}"#),
            raised,
            "late_list",
        ),
        (
            Some(r#"{"found":"unknown","reason":"to Ann"}"#),
            raised,
            "reason_is_no_code",
        ),
        (
            Some(r#"{"found":"taken","provider_id":""}"#),
            raised,
            "bad_provider_id",
        ),
        (Some(r#"{"found":"taken"}"#), raised, "bad_answer"),
        (
            Some(r#"{"found":"not_taken","sure":false}"#),
            raised,
            "bad_answer",
        ),
        (Some(r#"{"found":"no"}"#), raised, "bad_answer"),
        (Some("false"), raised, "bad_answer"),
        (Some("null"), raised, "bad_answer"),
        (Some(""), raised, "bad_answer"),
    ] {
        let reason = reason.to_owned();
        assert_eq!(
            found(answer, error),
            LookUp::Unknown { reason },
            "{answer:?}"
        );
    }
}

#[test]
fn a_callback_is_read_or_comes_again() {
    let read = |answer: Option<&str>, error| {
        let plugin = plugin(answer, error);
        let news = run(channel(plugin.clone()).read(&callback()));
        let asked = plugin.asked.lock().unwrap();
        let body: String = (0_u8..=255).map(char::from).collect();
        let wanted = json!({"url": callback().url, "headers": [["X-Sign", "s"]], "body": body});
        assert_eq!(asked[0], ("sms/read".to_owned(), wanted));
        news
    };
    let all = r#"[
        {"news":"receipt","provider_id":"SM1","fate":"delivered","at":"1970-01-01T00:00:00Z"},
        {"news":"receipt","attempt_id":"00000000-0000-0000-0000-000000000007","fate":"failed",
         "reason":"30003","dead":true},
        {"news":"opt_out","address":"+1"},
        {"news":"opt_in","address":"+1"},
        {"news":"inbound","address":"+1","at":null}
    ]"#;
    let address = || "+1".to_owned();
    let wanted = vec![
        News::Receipt(Receipt {
            about: About::ProviderId("SM1".to_owned()),
            fate: Fate::Delivered,
            at: Some(chrono::DateTime::UNIX_EPOCH),
        }),
        News::Receipt(Receipt {
            about: About::Attempt(doubt().attempt_id),
            fate: Fate::Failed {
                reason: "30003".to_owned(),
                dead: true,
            },
            at: None,
        }),
        News::OptOut {
            address: address(),
            reason: "reply".to_owned(),
        },
        News::OptIn { address: address() },
        News::Inbound {
            address: address(),
            at: None,
        },
    ];
    let raised = CallError::Raised;
    assert_eq!(read(Some(all), raised).unwrap(), wanted);
    assert_eq!(read(Some("[]"), raised).unwrap(), []);
    for (answer, error, kind) in [
        (
            Some(r#"{"refused":"forbidden"}"#),
            raised,
            ErrorKind::Forbidden,
        ),
        (Some(r#"{"refused":"invalid"}"#), raised, ErrorKind::Invalid),
        (None, raised, ErrorKind::Unavailable),
        (None, CallError::NotBegun, ErrorKind::Unavailable),
        (Some("null"), raised, ErrorKind::Unavailable),
        (Some("{}"), raised, ErrorKind::Unavailable),
        (Some("true"), raised, ErrorKind::Unavailable),
        (
            Some(r#"[{"news":"opt_out"}]"#),
            raised,
            ErrorKind::Unavailable,
        ),
        (
            Some(r#"[{"news":"receipt","fate":"read"}]"#),
            raised,
            ErrorKind::Unavailable,
        ),
        (
            Some(r#"[{"news":"receipt","fate":"read","provider_id":"x","reason":"y"}]"#),
            raised,
            ErrorKind::Unavailable,
        ),
    ] {
        let refused = read(answer, error).unwrap_err();
        assert_eq!(refused.kind(), kind, "{answer:?}");
    }
    let deaf = Capabilities {
        receipts: Some(false),
        ..with_all()
    };
    let nobody = plugin(None, raised);
    let deaf = ForeignChannel::new("sms", &deaf, nobody.clone()).unwrap();
    let refused = run(deaf.read(&callback())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(nobody.asked.lock().unwrap().is_empty());
}

#[test]
fn a_count_that_is_none_is_one() {
    let count = |answer: Option<&str>| {
        let plugin = plugin(answer, CallError::Raised);
        let channel = channel(plugin.clone());
        let units = run(async { channel.units(Some("S"), "text") });
        let asked = plugin.asked.lock().unwrap();
        let wanted = json!({"subject": "S", "content": "text"});
        assert_eq!(asked[0], ("sms/units".to_owned(), wanted));
        units.count
    };
    assert_eq!(count(Some("3")), 3);
    assert_eq!(count(Some("1000")), 1_000);
    for answer in ["0", "1001", "-1", "1.5", "null", "\"3\"", "[]", "NaN", ""] {
        assert_eq!(count(Some(answer)), 1, "{answer}");
    }
    assert_eq!(count(None), 1);
}

/// Never answers a count; panics at everything else.
#[derive(Debug, Default)]
struct Hangs(AtomicUsize);

#[async_trait]
impl Plugins for Hangs {
    async fn call(&self, plugin: &str, _: String) -> Result<String, CallError> {
        assert_eq!(plugin, "sms/units", "a plugin bridge with a defect");
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

#[test]
fn a_count_that_hangs_is_not_asked_again_and_a_hanging_read_ends() {
    let hangs = Arc::new(Hangs::default());
    let channel = channel(hangs.clone());
    run(async {
        for _ in 0..3 {
            assert_eq!(channel.units(None, "text").count, 1);
        }
    });
    assert_eq!(hangs.0.load(Ordering::Relaxed), 1);

    let silent = Capabilities {
        timeout_ms: Some(1),
        ..with_all()
    };
    #[derive(Debug)]
    struct Silent;
    #[async_trait]
    impl Plugins for Silent {
        async fn call(&self, _: &str, _: String) -> Result<String, CallError> {
            std::future::pending().await
        }
    }
    let silent = ForeignChannel::new("sms", &silent, Arc::new(Silent)).unwrap();
    let refused = run(async {
        let callback = callback();
        let read = silent.read(&callback);
        tokio::time::timeout(Duration::from_secs(60), read).await
    });
    assert_eq!(refused.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
}
