//! Contacts as files over HTTP, and all that is kept about one person.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use common::{Host, Reply};
use serde_json::{Value, json};

fn people() -> [Value; 3] {
    [
        json!({"name": "Анна Петрова", "email": "anna@mail.example", "phone": "+998901234567", "segment": "VIP",
            "birthday": "--03-07", "company": "ООО \"Чинор\"; сад", "position": "=директор", "language": "uz-Cyrl",
            "tags": ["gold", "клуб, зал"], "custom_fields": {"level": 7, "note": "a\nb"},
            "preferred_channels": ["sms", "email"], "external_id": "crm-17", "time_zone": "Asia/Tashkent",
            "last_interaction_date": "2026-01-31T09:00:00Z",
            "consent": [{"channel": "sms", "topic": "marketing", "status": "opted_out", "evidence": "form 12",
                "at": "2026-01-31T09:00:00Z"}]}),
        json!({"name": "Қодир Ғаниев", "telegram_chat_id": "-100123", "whatsapp": "+998901234568"}),
        json!({"name": "Zoë", "segment": "VIP", "tags": ["gold"]}),
    ]
}

fn filled() -> (Host, String) {
    let host = Host::start(&[]);
    let admin = host.admin();
    for person in people() {
        host.post(&admin, "/api/contacts", person).expect(201);
    }
    (host, admin)
}

fn header(reply: &Reply, name: &str) -> String {
    let lines = reply.head.lines().skip(1);
    let mut found = lines.filter_map(|line| line.split_once(':'));
    let line = found.find(|(key, _)| key.eq_ignore_ascii_case(name));
    line.map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn file(host: &Host, token: &str, query: &str) -> Reply {
    let reply = host.get(token, &format!("/api/contacts/export{query}"));
    assert_eq!(
        reply.status,
        200,
        "{query}: {}",
        String::from_utf8_lossy(&reply.body)
    );
    reply
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// All contacts by name, without what only this host knows of them.
fn contacts(host: &Host, token: &str) -> BTreeMap<String, Value> {
    let list = host.get(token, "/api/contacts?limit=100").expect(200);
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|contact| {
            let mut contact = contact.as_object().unwrap().clone();
            for own in ["id", "version", "created_by", "created_at", "updated_at"] {
                contact.remove(own);
            }
            (contact["name"].as_str().unwrap().to_owned(), contact.into())
        })
        .collect()
}

#[test]
fn every_format_is_streamed_and_comes_back_by_an_import() {
    let (host, admin) = filled();
    for (query, kind, name) in [
        ("?format=jsonl", "application/jsonl", "contacts.jsonl"),
        ("?format=vcard", "text/vcard; charset=utf-8", "contacts.vcf"),
        (
            "?format=vcard&vcard_version=3.0",
            "text/vcard; charset=utf-8",
            "contacts.vcf",
        ),
        (
            "",
            "text/csv; charset=utf-8; header=present",
            "contacts.csv",
        ),
        (
            "?excel=true",
            "text/csv; charset=utf-8; header=present",
            "contacts.csv",
        ),
        (
            "?encoding=utf-16le&separator=tab&line_end=lf",
            "text/csv; charset=utf-16le; header=present",
            "contacts.csv",
        ),
        (
            "/csv",
            "text/csv; charset=utf-8; header=present",
            "contacts.csv",
        ),
    ] {
        let reply = file(&host, &admin, query);
        assert_eq!(header(&reply, "content-type"), kind, "{query}");
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(
            header(&reply, "content-disposition"),
            disposition,
            "{query}"
        );

        let other = Host::start(&["--no-worker"]);
        let token = other.admin();
        let import = other.upload(&token, &reply.body).expect(202);
        let import = format!(
            "/api/contacts/imports/{}",
            import["import_id"].as_str().unwrap()
        );
        let report = other.until(&token, &import, |report| report["status"] == "completed");
        assert_eq!(
            (&report["created"], &report["rejected"]),
            (&json!(3), &json!(0)),
            "{query}: {report}"
        );
        let mut wanted = contacts(&host, &admin);
        if !query.contains("format") {
            // In a table a number is a text.
            wanted.get_mut("Анна Петрова").unwrap()["custom_fields"]["level"] = json!("7");
        }
        assert_eq!(contacts(&other, &token), wanted, "{query}");
    }
}

#[test]
fn a_line_of_json_is_what_the_contact_is_elsewhere() {
    let (host, admin) = filled();
    let reply = file(&host, &admin, "?format=jsonl");
    let lines: Vec<Value> = text(&reply)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let path = format!("/api/contacts/{}", line["id"].as_str().unwrap());
        assert_eq!(host.get(&admin, &path).expect(200), line);
    }
}

#[test]
fn the_dialect_is_as_it_was_wanted() {
    let (host, admin) = filled();
    let excel = text(&file(&host, &admin, "?excel=true"));
    assert!(excel.starts_with("\u{feff}id;external_id;name;email;phone;"));
    assert!(
        excel
            .lines()
            .next()
            .unwrap()
            .ends_with(";custom_fields.level;custom_fields.note")
    );
    assert!(excel.contains(";'=директор;") && excel.contains(";'+998901234567;"));
    let plain = text(&file(&host, &admin, "/csv"));
    assert!(plain.starts_with("id,external_id,name,email,phone,"));
    let bars = text(&file(
        &host,
        &admin,
        "?separator=%7C&line_end=lf&custom_fields=level",
    ));
    assert!(bars.starts_with("id|external_id|") && !bars.contains('\r') && !bars.contains("note"));
    let none = text(&file(&host, &admin, "?custom_fields="));
    assert!(
        none.lines()
            .next()
            .unwrap()
            .ends_with(",last_interaction_date")
    );
    let some = text(&file(
        &host,
        &admin,
        "?format=jsonl&segment=VIP&tag=gold&search=zo%C3%AB",
    ));
    assert_eq!(some.lines().count(), 1);
    assert!(some.contains("Zoë"));
}

#[test]
fn the_history_tells_who_exported_what_and_what_was_lost() {
    let (host, admin) = filled();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let reply = file(&host, &manager, "?encoding=windows-1251&search=a%40mail");
    assert!(reply.body.windows(5).any(|part| part == b"anna@"));
    let reply = file(&host, &manager, "?encoding=windows-1251&tag=gold");
    // Zoë has a letter that the encoding has not.
    assert!(reply.body.windows(4).any(|part| part == b",Zo?"));
    let id = header(&reply, "x-export-id");
    let events = host.until(&admin, &format!("/api/audit?export_id={id}"), |events| {
        events["items"].as_array().unwrap().len() == 2
    });
    let events = events["items"].as_array().unwrap();
    let told = |event: &Value| {
        (
            event["action"].clone(),
            event["reason"].clone(),
            event["subject"].clone(),
        )
    };
    assert_eq!(
        told(&events[0]),
        (
            json!("started"),
            json!("csv filter=and(tag)"),
            json!("export")
        )
    );
    let report = json!("contacts=2 lossy_cells=1 left_out=0");
    assert_eq!(
        told(&events[1]),
        (json!("finished"), report, json!("export"))
    );
    assert_eq!(events[0]["actor"], events[1]["actor"]);
    let all = host
        .get(&admin, "/api/audit?limit=10000")
        .expect(200)
        .to_string();
    assert!(!all.contains("a@mail") && !all.contains("gold"), "{all}");
    let both = format!("/api/audit?export_id={id}&message_id={id}");
    assert_eq!(
        host.get(&admin, &both).expect(422)["errors"][0]["field"],
        "export_id"
    );
}

#[test]
fn those_whose_birthday_is_in_this_month_are_a_file() {
    let (host, admin) = filled();
    let month = chrono::Utc::now().format("%m");
    let born = json!({"name": "Январь", "birthday": format!("1990-{month}-02")});
    host.post(&admin, "/api/contacts", born).expect(201);
    for wanted in ["true", "false"] {
        let filter = format!("has_birthday_this_month={wanted}");
        let list = host
            .get(&admin, &format!("/api/contacts?{filter}"))
            .expect(200);
        let names: Vec<_> = list["items"].as_array().unwrap().iter().collect();
        let lines = text(&file(&host, &admin, &format!("?format=jsonl&{filter}")));
        assert_eq!(lines.lines().count(), names.len(), "{wanted}");
        assert_eq!(lines.contains("Январь"), wanted == "true");
    }
}

#[test]
fn what_happened_to_a_contact_is_told_and_to_no_other() {
    let (host, admin) = filled();
    let list = host.get(&admin, "/api/contacts").expect(200);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let events = host.until(&admin, &format!("/api/audit?contact_id={id}"), |events| {
        events["items"].as_array().unwrap().len() == 1
    });
    assert_eq!(events["items"][0]["subject_id"], json!(id));
    assert_eq!(events["items"][0]["action"], "created");
    let both = format!("/api/audit?contact_id={id}&message_id={id}");
    assert_eq!(
        host.get(&admin, &both).expect(422)["errors"][0]["field"],
        "contact_id"
    );
}

#[test]
fn wishes_that_cannot_be_met_are_refused_by_name() {
    let (host, admin) = filled();
    for (query, field) in [
        ("format=xlsx", "format"),
        ("format=CSV", "format"),
        ("format=", "format"),
        ("encoding=klingon", "encoding"),
        ("encoding=shift_jis", "encoding"),
        ("encoding=", "encoding"),
        ("format=jsonl&encoding=windows-1251", "encoding"),
        ("separator=x", "separator"),
        ("separator=%3B%3B", "separator"),
        ("separator=", "separator"),
        ("format=vcard&separator=%3B", "separator"),
        ("line_end=cr", "line_end"),
        ("format=jsonl&line_end=lf", "line_end"),
        ("format=vcard&excel=true", "excel"),
        ("vcard_version=3.0", "vcard_version"),
        ("format=vcard&vcard_version=2.1", "vcard_version"),
        ("custom_fields=Level", "custom_fields"),
        ("custom_fields=a,a", "custom_fields"),
        ("format=jsonl&custom_fields=a", "custom_fields"),
    ] {
        let error = host
            .get(&admin, &format!("/api/contacts/export?{query}"))
            .expect(422);
        assert_eq!(error["errors"][0]["field"], field, "{query}: {error}");
        assert!(
            error["errors"][0]["message"].as_str().unwrap().len() > 10,
            "{query}"
        );
    }
    for query in ["formt=csv", "excel=maybe", "excel=true&excel=false"] {
        let error = host.get(&admin, &format!("/api/contacts/export?{query}"));
        error.expect(422);
    }
    let viewer = host.user(&admin, "v@salon.example", "viewer");
    for path in [
        "/api/contacts/export?format=xlsx",
        "/api/contacts/export",
        "/api/contacts/export/csv",
    ] {
        host.get(&viewer, path).expect(403);
        host.get("", path).expect(401);
    }
}

#[test]
fn everything_about_one_person_and_nothing_about_another() {
    let (host, admin) = filled();
    let manager = host.user(&admin, "m@salon.example", "manager");
    let find = |name: &str| {
        let path = format!("/api/contacts?search={name}");
        host.get(&admin, &path).expect(200)["items"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (anna, zoe) = (find("anna%40mail"), find("zo%C3%AB"));
    let message = |contact: &str, content: &str| {
        let body = json!({"contact_id": contact, "occasion_type": "custom", "content": content, "subject": "Привет"});
        host.post(&admin, "/api/messages", body)
    };
    let draft = message(&anna, "Дорогая Анна, первая версия.").expect(201);
    let path = format!("/api/messages/{}", draft["id"].as_str().unwrap());
    let change = json!({"content": "Дорогая Анна, вторая версия.", "version": draft["version"]});
    host.call(&admin, "PATCH", &path, &change).expect(200);
    let deleted = message(&anna, "Дорогая Анна, удалённое.").expect(201);
    let path = format!("/api/messages/{}", deleted["id"].as_str().unwrap());
    host.call(&admin, "DELETE", &path, &Value::Null).expect(204);

    let path = |contact: &str| format!("/api/contacts/{contact}/everything");
    let document = host.get(&manager, &path(&anna)).expect(200);
    let all = document.to_string();
    for said in [
        "первая версия",
        "вторая версия",
        "удалённое",
        "form 12",
        "crm-17",
        "anna@mail.example",
    ] {
        assert!(all.contains(said), "{said}");
    }
    assert!(!all.contains("Zo") && !all.contains("salt"));
    let messages = document["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["revisions"].as_array().unwrap().len(), 2);
    assert_eq!(document["history"][0]["action"], "created");
    assert!(
        !host
            .get(&manager, &path(&zoe))
            .expect(200)
            .to_string()
            .contains("Анна")
    );

    host.call(
        &admin,
        "DELETE",
        &format!("/api/contacts/{anna}"),
        &Value::Null,
    )
    .expect(204);
    let document = host.get(&manager, &path(&anna)).expect(200);
    let all = document.to_string();
    for said in [
        "версия",
        "удалённое",
        "form 12",
        "crm-17",
        "anna@",
        "Анна",
        "+998",
    ] {
        assert!(!all.contains(said), "{said}");
    }
    assert_eq!(document["contact"]["erased"], true);
    assert_eq!(document["messages"].as_array().unwrap().len(), 2);

    let viewer = host.user(&admin, "v@salon.example", "viewer");
    host.get(&viewer, &path(&anna)).expect(403);
    host.get(&manager, &path("01900000-0000-7000-8000-000000000001"))
        .expect(404);
    host.get(&manager, &path("x")).expect(422);
}
