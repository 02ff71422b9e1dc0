//! A filled host, and what must hold after bad input: a documented error and the same rows as before.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use serde_json::{Value, json};

use crate::common::{Host, Reply};

pub const NOBODY: &str = "01900000-0000-7000-8000-00000000dead";

/// A host with one row of each kind.
pub struct Filled {
    pub host: Host,
    pub admin: String,
    pub contact: Value,
    pub ids: [(&'static str, String); 5],
}

impl Filled {
    pub fn new() -> Self {
        let host = Host::start(&["--no-worker"]);
        let admin = host.admin();
        let message = host.draft(&admin);
        let campaign = json!({"name": "c", "occasion_type": "custom"});
        let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
        let template = json!({"name": "t", "occasion_type": "custom", "language": "en",
            "content": "some text"});
        let template = host.post(&admin, "/api/templates", template).expect(201);
        let audience = json!({"name": "a", "audience": "tag = a"});
        let audience = host.post(&admin, "/api/audiences", audience).expect(201);
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        let contact = format!("/api/contacts/{}", id(&message["contact_id"]));
        Self {
            contact: host.get(&admin, &contact).expect(200),
            ids: [
                ("/api/contacts/", id(&message["contact_id"])),
                ("/api/messages/", id(&message["id"])),
                ("/api/campaigns/", id(&campaign["id"])),
                ("/api/templates/", id(&template["id"])),
                ("/api/audiences/", id(&audience["id"])),
            ],
            host,
            admin,
        }
    }

    /// All rows as clients see them.
    pub fn everything(&self) -> Vec<Value> {
        [
            "contacts",
            "messages",
            "campaigns",
            "templates",
            "audiences",
        ]
        .iter()
        .map(|list| {
            self.host
                .get(&self.admin, &format!("/api/{list}?limit=100"))
                .expect(200)
        })
        .collect()
    }

    /// Path, method, operation: everything the document describes.
    pub fn operations(&self) -> Vec<(String, String, Value)> {
        let document = self.host.get("", "/api/openapi.json").expect(200);
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let mut operation = operation.clone();
                operation["fields"] = self.fields(&document, &operation);
                all.push((path.clone(), method.to_uppercase(), operation));
            }
        }
        assert!(all.len() > 40);
        all
    }

    /// Names of the body's fields; of a contact's own where the document leaves them open.
    pub fn fields(&self, document: &Value, operation: &Value) -> Value {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let text = schema.to_string();
        let name = text.split("#/components/schemas/").nth(1);
        let typed = name.and_then(|rest| rest.split('"').next());
        let schema = typed.map_or(schema, |name| &document["components"]["schemas"][name]);
        let fields = schema["properties"].as_object();
        let fields = fields.unwrap_or_else(|| self.contact.as_object().unwrap());
        json!(fields.keys().collect::<Vec<_>>())
    }

    pub fn real(&self, path: &str) -> String {
        let mut real = path
            .replace("{import_id}", NOBODY)
            .replace("{name}", "level");
        for (prefix, id) in &self.ids {
            if real.starts_with(prefix) {
                real = real.replace("{id}", id);
            }
        }
        real
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Reply {
        let bearer = format!("Bearer {}", self.admin);
        let mut headers = vec![("Authorization", bearer.as_str())];
        if !kind.is_empty() {
            headers.push(("Content-Type", kind));
        }
        self.host.raw(method, path, &headers, body)
    }
}

/// The one shape of every error.
pub fn refused(reply: &Reply, what: &str, allowed: &[u16]) {
    assert!(allowed.contains(&reply.status), "{what}: {}", reply.status);
    let problem = reply.json();
    assert!(
        problem["detail"].is_string() && problem["code"].is_string(),
        "{what}: {problem}"
    );
    let fields = problem["errors"].as_array();
    assert_eq!(fields.is_some(), reply.status == 422, "{what}: {problem}");
}
