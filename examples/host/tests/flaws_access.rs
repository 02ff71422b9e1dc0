//! Flaws of the system this replaces, which must not come back: who may come in and do what (1, 2, 12
//! to 16, 20).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/engine.rs"]
mod engine;
#[path = "common/model.rs"]
mod model;

use common::Host;
use common::place::Place;
use crm_core::{Actor, ErrorKind, Role, Workspace};
use model::Model;
use serde_json::{Value, json};

fn user(email: &str, role: Option<&str>) -> Value {
    let mut body = json!({"email": email, "full_name": "U", "password": "long enough"});
    if let Some(role) = role {
        body["role"] = json!(role);
    }
    body
}

#[test]
fn flaw_01_nobody_makes_themselves_an_admin() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    for token in ["", "x", &viewer, &manager] {
        for role in [None, Some("admin"), Some("manager"), Some("viewer")] {
            let answer = host.post(token, "/api/auth/register", user("x@salon.example", role));
            assert_eq!(answer.expect(403)["code"], "forbidden");
        }
    }
    let wrong = host.post(
        &admin,
        "/api/auth/register",
        user("x@salon.example", Some("system")),
    );
    wrong.expect(422);
    let lent = json!({"email": "x@salon.example", "full_name": "U", "password": "long enough",
        "is_admin": true});
    host.post(&admin, "/api/auth/register", lent).expect(422);
    let plain = host.post(&admin, "/api/auth/register", user("x@salon.example", None));
    assert_eq!(plain.expect(201)["role"], "viewer");
    // Twenty at once on an empty database: one admin.
    let host = Host::start(&["--no-worker"]);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let host = &host;
        let all: Vec<_> = (0..20)
            .map(|n| {
                let body = user(&format!("u{n}@salon.example"), Some("admin"));
                scope.spawn(move || host.post("", "/api/auth/register", body).status)
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let made = answers.iter().filter(|status| **status == 201).count();
    assert_eq!(made, 1, "{answers:?}");
    assert!(answers.iter().all(|status| [201, 403].contains(status)));
}

/// A body with which a manager's request would be accepted or at least understood.
fn body_for(path: &str) -> Value {
    match path {
        "/api/contacts" => json!({"name": "B"}),
        "/api/contacts/{id}" => json!({"name": "C"}),
        "/api/contacts/{id}/merge" => json!({"contact_id": uuid()}),
        "/api/contacts/upsert" => json!([]),
        "/api/messages" => json!({"contact_id": uuid(), "occasion_type": "custom",
            "content": "ten characters"}),
        "/api/messages/generate" => json!({"contact_id": uuid(), "occasion_type": "custom"}),
        "/api/messages/variants" => json!({"count": 2,
            "wanted": {"contact_id": uuid(), "occasion_type": "custom"}}),
        "/api/messages/bulk" | "/api/messages/bulk/preview" => {
            json!({"action": "reject", "filter": {}})
        }
        "/api/messages/{id}" => json!({"content": "other words"}),
        "/api/messages/{id}/approve" => json!({"version": 1}),
        "/api/messages/{id}/resolve" => json!({"outcome": "sent"}),
        "/api/hold/acknowledge" => json!({"messages": "continue", "reason": "r",
            "hold": {"reason": "moved", "noted": "a", "found": "b"}}),
        "/api/campaigns" => json!({"name": "c", "occasion_type": "custom"}),
        "/api/campaigns/{id}" | "/api/campaigns/{id}/copy" => json!({"name": "d"}),
        "/api/templates" => json!({"name": "t", "occasion_type": "custom", "language": "en",
            "content": "some text"}),
        "/api/templates/{id}" => json!({"name": "u"}),
        "/api/templates/{id}/preview" => json!({"contact_id": uuid()}),
        "/api/audiences" => json!({"name": "a", "audience": "tag = a"}),
        "/api/audiences/{id}" => json!({"name": "b"}),
        "/api/contacts/fields/{name}" => json!({"type": "number"}),
        "/api/voice" => json!({"about": "a", "style": "", "do_not": [], "examples": []}),
        "/api/budgets" => json!({"period": "day", "limit_usd": "1.50"}),
        "/api/suppressions" => json!({"channel": "email", "address": "b@x.example", "reason": "r"}),
        "/api/suppressions/lift" => json!({"channel": "email", "address": "b@x.example"}),
        _ => json!({}),
    }
}

fn uuid() -> &'static str {
    "01900000-0000-7000-8000-000000000001"
}

#[test]
fn flaw_02_a_viewer_changes_nothing() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let message = host.draft(&admin);
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let campaign = body_for("/api/campaigns");
    let campaign = host.post(&admin, "/api/campaigns", campaign).expect(201);
    let template = body_for("/api/templates");
    let template = host.post(&admin, "/api/templates", template).expect(201);
    let audience = body_for("/api/audiences");
    let audience = host.post(&admin, "/api/audiences", audience).expect(201);
    let ids = [
        ("/api/audiences/", id(&audience)),
        (
            "/api/contacts/",
            message["contact_id"].as_str().unwrap().to_owned(),
        ),
        ("/api/messages/", id(&message)),
        ("/api/campaigns/", id(&campaign)),
        ("/api/templates/", id(&template)),
    ];
    let everything = || {
        [
            "/api/contacts",
            "/api/messages",
            "/api/campaigns",
            "/api/templates",
            "/api/audiences",
            "/api/contacts/fields",
            "/api/suppressions",
        ]
        .map(|path| host.get(&admin, path).expect(200))
    };
    let before = everything();
    let document = host.get("", "/api/openapi.json").expect(200);
    // What only reads although it is a POST, and what an admin alone may read.
    let reads = ["/api/templates/{id}/preview", "/api/messages/preview"];
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let signs_in = path.starts_with("/api/auth/") || !path.starts_with("/api/");
            if method == "get" || signs_in || reads.contains(&path.as_str()) {
                continue;
            }
            // Receipts come from providers, whose signature is their right to write.
            if path.starts_with("/api/receipts") {
                continue;
            }
            let mut real = path.clone();
            for (prefix, id) in &ids {
                if real.starts_with(prefix) {
                    real = real.replace("{id}", id);
                }
            }
            let real = real.replace("{import_id}", uuid());
            let answer = if real.ends_with("/import") {
                host.upload(&viewer, b"name\nX\n")
            } else {
                host.call(&viewer, &method.to_uppercase(), &real, &body_for(path))
            };
            assert_eq!(answer.status, 403, "{method} {path}");
            assert_eq!(answer.json()["code"], "forbidden", "{method} {path}");
            tried += 1;
        }
    }
    assert!(tried >= 22, "{tried}");
    host.get(&viewer, "/api/contacts/export/csv").expect(403);
    host.get(&viewer, "/api/auth/sign-ins").expect(403);
    assert_eq!(everything(), before);
    // Erasing a person takes an admin.
    let manager = host.user(&admin, "m@salon.example", "manager");
    let contact = format!("/api/contacts/{}", ids[1].1);
    host.call(&manager, "DELETE", &contact, &json!(null))
        .expect(403);
}

#[test]
fn flaw_12_refresh_tokens_rotate_end_with_reuse_and_stay_out_of_addresses() {
    let host = Host::start(&["--no-worker"]);
    host.admin();
    let first = host.login("a@salon.example", "long enough");
    let other = host.login("a@salon.example", "long enough");
    let refresh =
        |token: &Value| host.post("", "/api/auth/refresh", json!({"refresh_token": token}));
    let access = |login: &Value| login["access_token"].as_str().unwrap().to_owned();
    // Not from the query.
    let query = first["refresh_token"].as_str().unwrap();
    let query = format!("/api/auth/refresh?refresh_token={query}");
    assert!([400, 415, 422].contains(&host.post("", &query, json!(null)).status));
    host.post("", &query, json!({})).expect(422);
    // Each works once; the second use ends the login, tokens in hand included.
    let second = refresh(&first["refresh_token"]).expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    host.get(&access(&second), "/api/auth/me").expect(200);
    refresh(&first["refresh_token"]).expect(401);
    refresh(&second["refresh_token"]).expect(401);
    for login in [&first, &second] {
        host.get(&access(login), "/api/auth/me").expect(401);
    }
    // Signing out ends one login at once, and only that.
    let third = host.login("a@salon.example", "long enough");
    host.post(&access(&third), "/api/auth/logout", json!(null))
        .expect(204);
    host.get(&access(&third), "/api/auth/me").expect(401);
    refresh(&third["refresh_token"]).expect(401);
    host.post(&access(&third), "/api/auth/logout", json!(null))
        .expect(401);
    host.get(&access(&other), "/api/auth/me").expect(200);
    // Twenty at once with one token: at most one gets the next.
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| refresh(&other["refresh_token"]).status))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
    host.get(&access(&other), "/api/auth/me").expect(401);
    // Nothing of it is stored in clear.
    let directory = host.stop().1;
    for (file, bytes) in directory.bytes() {
        for login in [&first, &second, &third, &other] {
            for secret in [&login["refresh_token"], &login["access_token"]] {
                let secret = secret.as_str().unwrap().as_bytes();
                assert!(
                    !bytes.windows(secret.len()).any(|part| part == secret),
                    "{file}"
                );
            }
        }
    }
}

#[test]
fn flaw_13_tokens_name_their_login_and_weak_secrets_do_not_start() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    let secret = host.directory.secret();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["crm-api"]);
    let key = DecodingKey::from_secret(secret.trim().as_bytes());
    let claims = decode::<Value>(&admin, &key, &validation).unwrap().claims;
    for name in [
        "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "typ",
    ] {
        assert!(!claims[name].is_null(), "{name}");
    }
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 900);
    assert_eq!(decode_header(&admin).unwrap().alg, Algorithm::HS256);
    assert!(secret.trim().len() >= 32);
    let again = host.sign_in("a@salon.example");
    let again = decode::<Value>(&again, &key, &validation).unwrap().claims;
    assert!(again["jti"] != claims["jti"] && again["sid"] != claims["sid"]);
    for secret in ["x", "secret", &"s".repeat(31)] {
        let directory = Place::new();
        let mut child = directory
            .command()
            .arg("--no-worker")
            .env("CRM_SECRET", secret)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        let listens = !line.is_empty();
        let _ = child.kill();
        let ended = child.wait_with_output().unwrap();
        let text = String::from_utf8(ended.stderr).unwrap();
        assert!(!listens && !ended.status.success(), "{secret:?} {line}");
        assert!(
            text.contains("CRM_SECRET must hold at least 32 bytes"),
            "{text}"
        );
    }
}

#[test]
fn flaw_14_a_stranger_learns_no_accounts_and_guesses_slowly() {
    let host = Host::start(&["--no-worker"]);
    host.admin();
    let login = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        host.post("", "/api/auth/login", body)
    };
    let (known, unknown) = ("a@salon.example", "nobody@salon.example");
    let wrong = |email: &str| login(email, "wrong password").expect(401);
    assert_eq!(wrong(known), wrong(unknown));
    let register = |email: &str| {
        host.post("", "/api/auth/register", user(email, None))
            .expect(403)
    };
    assert_eq!(register(known), register(unknown));
    for email in [known, unknown, "A@Salon.Example"] {
        let answers: Vec<u16> = (0..11).map(|_| login(email, "no").status).collect();
        assert!(answers.contains(&429), "{email} {answers:?}");
    }
    let slowed = login(known, "long enough");
    assert_eq!(slowed.status, 429, "also with the right password");
    assert!(slowed.head.to_lowercase().contains("retry-after: "));

    // The whole password counts, also behind its 72nd byte.
    let host = Host::start(&["--no-worker"]);
    let long = "пароль-0123456789".repeat(5);
    let body = json!({"email": known, "full_name": "A", "password": long});
    host.post("", "/api/auth/register", body).expect(201);
    let cut: String = long.chars().take(72).collect();
    let bytes = &long[..long.floor_char_boundary(72)];
    for part in [cut.as_str(), bytes] {
        let body = json!({"email": known, "password": part});
        host.post("", "/api/auth/login", body).expect(401);
    }
    host.login(known, &long);
}

#[test]
fn flaw_15_there_are_no_accounts_with_known_passwords() {
    let fresh = Host::start(&["--no-worker"]);
    // An empty variable counts as unset: the password is random.
    let variables = [("CRM_DEMO_PASSWORD", "")];
    let directory = Place::new();
    let demo = Host::start_with(directory, &["--demo", "--no-worker"], &variables);
    let passwords = [
        "password123",
        "password",
        "admin123",
        "demo-password",
        "12345678",
    ];
    for name in ["admin", "manager", "viewer"] {
        for password in passwords {
            let body = json!({"email": format!("{name}@example.com"), "password": password});
            for host in [&fresh, &demo] {
                host.post("", "/api/auth/login", body.clone()).expect(401);
            }
        }
    }
}

#[test]
fn flaw_16_nothing_is_seen_across_workspaces() {
    let host = Host::start(&["--no-worker"]);
    let admin = host.admin();
    host.draft(&admin);
    let campaign = body_for("/api/campaigns");
    host.post(&admin, "/api/campaigns", campaign).expect(201);
    let template = body_for("/api/templates");
    host.post(&admin, "/api/templates", template).expect(201);
    let directory = host.stop().1;
    engine::run(&directory, async |engine, ours| {
        let workspace = Workspace::new("other").unwrap();
        let theirs = engine.act_as(Actor::new(workspace, "eve", Role::Admin));
        let contact = &ours
            .contacts()
            .list(Default::default())
            .await
            .unwrap()
            .items[0];
        let message = &ours
            .messages()
            .list(Default::default())
            .await
            .unwrap()
            .items[0];
        let campaign = &ours
            .campaigns()
            .list(Default::default())
            .await
            .unwrap()
            .items[0];
        let template = &ours
            .templates()
            .list(Default::default())
            .await
            .unwrap()
            .items[0];
        let counts = [
            theirs
                .contacts()
                .list(Default::default())
                .await
                .unwrap()
                .items
                .len(),
            theirs
                .messages()
                .list(Default::default())
                .await
                .unwrap()
                .items
                .len(),
            theirs
                .campaigns()
                .list(Default::default())
                .await
                .unwrap()
                .items
                .len(),
            theirs
                .templates()
                .list(Default::default())
                .await
                .unwrap()
                .items
                .len(),
            theirs
                .audit()
                .events(Default::default())
                .await
                .unwrap()
                .len(),
        ];
        assert_eq!(counts, [0; 5]);
        let seen = crm_core::message::decide::Seen::of(message);
        let draft = crm_core::engine::GenerateMessage::new(contact.id, message.occasion);
        let errors = [
            theirs.contacts().get(contact.id).await.unwrap_err(),
            theirs.contacts().erase(contact.id).await.unwrap_err(),
            theirs.messages().get(message.id).await.unwrap_err(),
            theirs.messages().history(message.id).await.unwrap_err(),
            theirs.messages().trail(message.id).await.unwrap_err(),
            theirs.messages().delete(message.id).await.unwrap_err(),
            theirs.messages().send(message.id).await.unwrap_err(),
            theirs.messages().generate(draft).await.unwrap_err(),
            theirs
                .approvals()
                .approve(message.id, seen)
                .await
                .unwrap_err(),
            theirs
                .approvals()
                .reject(message.id, None, None)
                .await
                .unwrap_err(),
            theirs.campaigns().get(campaign.id).await.unwrap_err(),
            theirs
                .campaigns()
                .execute(campaign.id, false)
                .await
                .unwrap_err(),
            theirs.campaigns().cancel(campaign.id).await.unwrap_err(),
            theirs.templates().get(template.id).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
        assert_eq!(ours.messages().get(message.id).await.unwrap(), *message);
    });
}

#[test]
fn flaw_20_a_viewer_spends_nothing_and_a_slow_model_holds_nobody_up() {
    let model = Model::holding(model::draft("Дорогая Анна, поздравляем с праздником!"));
    let directory = Place::new();
    let host = Host::start_with(directory, &["--no-worker"], &model.variables());
    let admin = host.admin();
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    let message = host.draft(&admin);
    let wanted = json!({"contact_id": message["contact_id"], "occasion_type": "birthday"});
    let generate = |token: &str| host.post(token, "/api/messages/generate", wanted.clone());
    generate(&viewer).expect(403);
    generate("").expect(401);
    let again = format!(
        "/api/messages/{}/regenerate",
        message["id"].as_str().unwrap()
    );
    host.post(&viewer, &again, json!({})).expect(403);
    assert!(model.idle(), "refused before anything was spent");
    std::thread::scope(|scope| {
        let drafting = scope.spawn(|| generate(&admin));
        model.asked();
        // The model is thinking: no thread and no transaction waits with it.
        for number in 0..20 {
            let body = json!({"name": format!("N{number}")});
            host.post(&admin, "/api/contacts", body).expect(201);
        }
        host.get(&admin, "/api/analytics/dashboard").expect(200);
        model.answer();
        let drafted = drafting.join().unwrap().expect(201);
        assert_eq!(drafted["generated_by"], "AI");
        assert_eq!(
            drafted["status"], "pending_approval",
            "a model never approves"
        );
        assert_eq!(drafted["metadata"]["total_tokens"], 476);
    });
}
