//! An engine on a file of its own, with plugins written in Rust.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_trait::async_trait;
use crm_bindings::{CallError, Handle, Plugins};
use serde_json::{Value, json};

/// What every plugin does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    Answer(&'static str),
    Raise,
    NotBegin,
    Panic,
}

/// The channel `sms` and the model do these.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) sms: Does,
    pub(crate) llm: Does,
}

#[async_trait]
impl Plugins for Scripted {
    async fn call(&self, plugin: &str, _request: String) -> Result<String, CallError> {
        match if plugin == "llm" { self.llm } else { self.sms } {
            Does::Answer(text) => Ok(text.to_owned()),
            Does::Raise => Err(CallError::Raised),
            Does::NotBegin => Err(CallError::NotBegun),
            Does::Panic => panic!("a plugin bridge with a defect"),
        }
    }
}

pub(crate) const ACCEPTED: Does = Does::Answer(r#"{"outcome":"accepted","provider_id":"1"}"#);
pub(crate) const DRAFT: Does = Does::Answer("\"A text for Ann.\"");

/// An engine and the folder it lives in.
pub(crate) struct Kit {
    pub(crate) handle: Handle,
    pub(crate) folder: tempfile::TempDir,
}

impl Kit {
    pub(crate) fn new(sms: Does, llm: Does) -> Self {
        Self::with(sms, llm, &json!({}))
    }

    /// With these options besides.
    pub(crate) fn with(sms: Does, llm: Does, more: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = json!({
            "path": folder.path().join("crm.db"), "actor": "anna", "role": "admin",
            "channels": {"sms": {"address": "phone", "subject": false}}, "llm": {},
        });
        let all = options.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        let plugins = Arc::new(Scripted { sms, llm });
        Self {
            handle: Handle::open(&options.to_string(), plugins).unwrap(),
            folder,
        }
    }

    /// The same engine for somebody else.
    pub(crate) fn act_as(&self, who: &Value) -> Handle {
        self.handle.act_as(&who.to_string()).unwrap()
    }

    /// A contact with a telephone number.
    pub(crate) fn person(&self, number: u32) -> Value {
        let phone = format!("+9989012345{number:02}");
        self.ok(
            "create_contact",
            json!({"name": "Ann", "phone": phone, "language": "en"}),
        )
    }

    /// Runs an operation: its value or its failure.
    pub(crate) fn call(&self, operation: &str, input: Value) -> Result<Value, Value> {
        call(&self.handle, operation, input)
    }

    pub(crate) fn ok(&self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap()
    }

    /// An approved message.
    pub(crate) fn approved(&self) -> Value {
        let person = self.ok(
            "create_contact",
            json!({"name": "Ann", "phone": "+998901234567"}),
        );
        let wanted =
            json!({"contact_id": person["id"], "occasion_type": "birthday", "channel": "sms"});
        let message = self.ok("generate_message", wanted);
        let seen = json!({
            "id": message["id"], "version": message["version"], "digest": message["digest"],
        });
        self.ok("approve_message", seen)
    }
}

/// Runs an operation and waits for it.
pub(crate) fn call(handle: &Handle, operation: &str, input: Value) -> Result<Value, Value> {
    let (sender, receiver) = mpsc::channel();
    handle.start(operation, &input.to_string(), None, move |text| {
        sender.send(text).unwrap();
    });
    let text = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    let mut envelope: Value = serde_json::from_str(&text).unwrap();
    match envelope.get("error") {
        Some(error) => Err(error.clone()),
        None => Ok(envelope["ok"].take()),
    }
}
