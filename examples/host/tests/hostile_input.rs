//! Whatever a client sends, the answer is a documented error and never a fault of the server.

mod common;

use common::Host;
use serde_json::{Value, json};

#[test]
fn bad_input_gets_documented_answers() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let bearer = format!("Bearer {admin}");
    let auth = ("Authorization", bearer.as_str());
    let kind = ("Content-Type", "application/json");
    let nobody = "/api/messages/00000000-0000-7000-8000-000000000000";
    let contact = host.contact(&admin);
    let long = json!({"name": "x".repeat(100_000)}).to_string();
    let nul = json!({"contact_id": contact, "occasion_type": "custom",
        "content": "a text with a \u{0} in it"});
    let cases: Vec<(&str, &str, &[u8], u16)> = vec![
        ("POST", "/api/contacts", b"{\"name\":", 400),
        ("POST", "/api/contacts", b"\xff\xfe", 400),
        ("POST", "/api/contacts", b"[]", 422),
        ("POST", "/api/contacts", b"null", 422),
        ("POST", "/api/contacts", b"{}", 422),
        ("POST", "/api/contacts", b"{\"name\": 7}", 422),
        ("POST", "/api/contacts", b"{\"name\": \"A\", \"colour\": 1}", 422),
        ("POST", "/api/contacts", b"{\"name\": \"A\\u0000B\"}", 422),
        ("POST", "/api/contacts", b"{\"name\": \"A\", \"email\": \"anna@example.com\"}", 400),
        ("POST", "/api/contacts", long.as_bytes(), 422),
        ("POST", "/api/messages", nul.to_string().as_bytes().to_vec().leak(), 422),
        ("GET", "/api/contacts/not-a-uuid", b"", 422),
        ("GET", "/api/contacts/%00", b"", 422),
        ("GET", "/api/contacts?limit=0", b"", 422),
        ("GET", "/api/contacts?limit=x", b"", 422),
        ("GET", "/api/contacts?skip=-1", b"", 422),
        ("GET", "/api/contacts?search=%00%ff", b"", 0),
        ("GET", "/api/messages?status=nonsense", b"", 422),
        ("GET", "/api/audit?after=18446744073709551615", b"", 200),
        ("GET", "/api/analytics/messages-timeline?days=0", b"", 422),
        ("GET", "/api/analytics/messages-timeline?time_zone=Mars/One", b"", 422),
        ("GET", nobody, b"", 404),
        ("POST", "/api/messages/00000000-0000-7000-8000-000000000000/approve", b"{\"version\":1}", 404),
        ("POST", "/api/messages/00000000-0000-7000-8000-000000000000/resolve", b"{\"outcome\":\"x\"}", 422),
        ("POST", "/api/messages/bulk/preview", b"{\"action\":\"approve\",\"ids\":[]}", 422),
        ("POST", "/api/templates", b"{\"name\":\"t\",\"occasion_type\":\"custom\",\"language\":\"en\",\"content\":\"{{nonsense}} text here\"}", 422),
        ("POST", "/api/campaigns", b"{\"name\":\"c\",\"occasion_type\":\"custom\",\"segment_filter\":[1]}", 422),
        ("POST", "/api/campaigns", b"{\"name\":\"c\",\"occasion_type\":\"custom\",\"schedule_type\":\"recurring\",\"recurrence_rule\":\"nonsense\"}", 422),
        ("DELETE", "/api/messages", b"", 405),
        ("GET", "/api/nothing", b"", 404),
    ];
    for (method, path, body, status) in cases {
        let reply = host.raw(method, path, &[auth, kind], body);
        assert!(reply.status < 500, "{method} {path}: {}", reply.status);
        if status != 0 {
            assert_eq!(
                reply.status,
                status,
                "{method} {path} {}",
                String::from_utf8_lossy(&reply.body)
            );
        }
        if reply.status >= 400 {
            let problem = reply.json();
            assert!(
                problem["detail"].is_string() && problem["code"].is_string(),
                "{problem}"
            );
            assert_eq!(
                problem["errors"].is_array(),
                reply.status == 422,
                "{path} {problem}"
            );
        }
    }
    let deep = format!("{{\"custom_fields\": {{\"a\": {}", "[".repeat(200_000));
    assert_eq!(
        host.raw("POST", "/api/contacts", &[auth, kind], deep.as_bytes())
            .status,
        400
    );
    let big = vec![b' '; 10 * 1024 * 1024];
    assert_eq!(
        host.raw("POST", "/api/contacts", &[auth, kind], &big)
            .status,
        413
    );
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(
        host.raw("POST", "/api/contacts", &[auth, form], b"name=A")
            .status,
        415
    );
    assert_eq!(
        host.raw("POST", "/api/contacts/import", &[auth, kind], b"{}")
            .status,
        415
    );
    assert_eq!(
        host.upload(&admin, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").status,
        422
    );
    assert_eq!(host.upload(&admin, b"").status, 422);
    assert_eq!(
        host.upload(&admin, &vec![b'a'; 11 * 1024 * 1024]).status,
        422
    );
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let host = Host::start(&["--no-worker"]);
    host.admin();
    for email in ["a@salon.example", "unknown@salon.example"] {
        let body = json!({"email": email, "password": "wrong password"});
        let answers: Vec<u16> = (0..11)
            .map(|_| host.post("", "/api/auth/login", body.clone()).status)
            .collect();
        assert_eq!(answers[..10], [401; 10], "{email}");
        assert_eq!(answers[10], 429, "{email}");
    }
}

#[test]
fn the_same_key_acts_once() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let body = json!({"name": "Anna"});
    let send = |body: &Value| host.keyed(&admin, "POST", "/api/contacts", body, Some("key-1"));
    let first = send(&body).expect(201);
    let again = send(&body);
    assert!(
        again
            .head
            .to_lowercase()
            .contains("idempotency-replayed: true")
    );
    assert_eq!(again.expect(201)["id"], first["id"]);
    let other = send(&json!({"name": "Bob"})).expect(409);
    assert_eq!(other["code"], "idempotency_key_reused");
    assert_eq!(host.get(&admin, "/api/contacts").expect(200)["total"], 1);
}

#[test]
fn operators_and_developers_are_served() {
    let host = Host::start(&["--no-worker"]);
    host.get("", "/healthz").expect(200);
    host.get("", "/readyz").expect(200);
    let metrics = host.get("", "/metrics");
    assert!(
        String::from_utf8(metrics.body)
            .unwrap()
            .contains("crm_messages{status=\"sent\"} 0")
    );
    let document = host.get("", "/api/openapi.json").expect(200);
    assert!(
        document["paths"].as_object().unwrap().len() > 40,
        "{}",
        document["paths"]
    );
    assert!([200, 303, 307].contains(&host.get("", "/api/docs").status));
    assert_eq!(host.get("", "/api/docs/").status, 200);
    let secret = host.directory.path().join("crm.db.secret");
    assert_eq!(secret.exists(), host.directory.postgres.is_none());
    #[cfg(unix)]
    if secret.exists() {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(secret).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
