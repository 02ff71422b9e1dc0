//! Every operation of the OpenAPI document against every kind of bad input: the answer is a documented
//! error, never a fault of the server, and nothing is half written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/bad.rs"]
mod bad;
mod common;

use std::io::{Read as _, Write as _};

use bad::{Filled, NOBODY, refused};
use common::Host;
use serde_json::{Value, json};

/// Bodies that no operation can take.
fn hopeless() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = [
        "{\"name\":",
        "{",
        "[",
        "\"",
        "}",
        "nul",
        "tru",
        "NaN",
        "Infinity",
        "-",
        "01",
        "0x1",
        "{'a': 1}",
        "{a: 1}",
        "{\"a\" 1}",
        "{\"a\": 1,}",
        "{} {}",
        "{} x",
        "/* */ {}",
        "[]",
        "[1, 2]",
        "[[]]",
        "7",
        "-7",
        "1.5",
        "true",
        "false",
        "null",
        "\"text\"",
        "\"\"",
        "{\"no_such_field\": 1}",
        "{\"version\": 1e400}",
        "{\"version\": -1e400}",
        "{\"version\": 1, \"version\": 1}",
        "{\"name\": \"a\", \"name\": \"b\"}",
        "{\"content\": \"\\ud800\"}",
        "{\"content\": \"\\udc00\\ud800\"}",
        "{\"content\": \"\\u12\"}",
        "{\"content\": \"\\x41\"}",
        "{\"content\": \"a\nb\"}",
        "{\"name\u{0}\": 1}",
        "\u{0}",
        "\u{feff}{}",
        "{\"\": {}}",
        "{\"__proto__\": {}}",
    ]
    .into_iter()
    .map(|text| (text.to_owned(), text.as_bytes().to_vec()))
    .collect();
    let bytes: [(&str, Vec<u8>); 9] = [
        ("bad UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec()),
        ("overlong UTF-8", b"{\"name\": \"\xc0\xaf\"}".to_vec()),
        (
            "a surrogate in UTF-8",
            b"{\"name\": \"\xed\xa0\x80\"}".to_vec(),
        ),
        (
            "UTF-16",
            "{\"name\": \"a\"}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
        ),
        ("deep arrays", "[".repeat(100_000).into_bytes()),
        ("deep objects", "{\"a\":".repeat(100_000).into_bytes()),
        (
            "closed deep arrays",
            ["[".repeat(500), "]".repeat(500)].concat().into_bytes(),
        ),
        (
            "a long number",
            format!("{{\"version\": {}}}", "9".repeat(5_000)).into_bytes(),
        ),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()),
    ];
    all.extend(bytes.map(|(name, bytes)| (name.to_owned(), bytes)));
    all
}

#[test]
fn no_operation_takes_a_bad_body_and_nothing_is_half_written() {
    let filled = Filled::new();
    let before = (filled.host.directory.rows(), filled.everything());
    let hopeless = hopeless();
    let mut sent = 0;
    let wrong = [
        json!([]),
        json!({}),
        json!([[null]]),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!("\u{0}"),
        json!("ы".repeat(100_000)),
        json!({"a": {"b": []}}),
    ];
    let client: Vec<u16> = vec![400, 401, 403, 404, 409, 413, 415, 422, 428, 429];
    for (path, method, operation) in filled.operations() {
        if operation["requestBody"].is_null() || path.starts_with("/api/contacts/import") {
            continue;
        }
        let json = "application/json";
        let real = filled.real(&path);
        for (name, body) in &hopeless {
            let reply = filled.send(&method, &real, json, body);
            if path == "/api/contacts/upsert" && reply.status == 200 {
                // It is a list of what it takes; each of its rows is refused.
                let rows = reply.json();
                let none = |row: &Value| row["outcome"] == "refused";
                assert!(rows.as_array().unwrap().iter().all(none), "{name}: {rows}");
                sent += 1;
                continue;
            }
            refused(
                &reply,
                &format!("{method} {path} {name}"),
                &[400, 409, 422, 428],
            );
            sent += 1;
        }
        // One field alone, of the wrong kind, for a row that is not there.
        let unknown = path.replace("{id}", NOBODY);
        for field in operation["fields"].as_array().unwrap() {
            for value in &wrong {
                let mut body = serde_json::Map::new();
                body.insert(field.as_str().unwrap().to_owned(), value.clone());
                let body = Value::Object(body).to_string();
                let reply = filled.send(&method, &unknown, json, body.as_bytes());
                let what: String = body.chars().take(60).collect();
                refused(&reply, &format!("{method} {path} {what}"), &client);
                sent += 1;
            }
        }
        for kind in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/xml",
            "application/jsonp",
            "json",
            ";",
            "application/json/x",
        ] {
            let reply = filled.send(&method, &real, kind, b"{\"no_such_field\": 1}");
            refused(&reply, &format!("{method} {path} as {kind:?}"), &[415]);
            sent += 1;
        }
        let large = [b"\"".as_slice(), &vec![b'a'; 10 << 20], b"\""].concat();
        refused(
            &filled.send(&method, &real, json, &large),
            &format!("{method} {path}"),
            &[413],
        );
        sent += 1;
    }
    assert!(sent >= 2_000, "{sent}");
    assert_eq!((filled.host.directory.rows(), filled.everything()), before);
    filled.host.get("", "/readyz").expect(200);
}

#[test]
fn no_path_and_no_query_is_a_fault() {
    let filled = Filled::new();
    let mut before = (filled.host.directory.rows(), filled.everything());
    let ids = [
        NOBODY,
        "x",
        "0",
        "-1",
        "%00",
        "%ff",
        "%F0%28%8C%28",
        "..%2f..%2fetc%2fpasswd",
        "'%20OR%201",
        "%D0%90",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "%7B01900000-0000-7000-8000-000000000001%7D",
        &"a".repeat(4_000),
        "null",
        "*",
        "%20",
    ];
    let values = [
        "",
        "-1",
        "1e400",
        "99999999999999999999999",
        "%00",
        "%ff",
        "%",
        "%zz",
        "null",
        "[]",
        "true",
        "%F0%28%8C%28",
        "'%20OR%20'1'='1",
        "%25",
        "1&limit=2&limit=3",
        "2030-01-01",
        "..%2f",
        &"x".repeat(4_000),
    ];
    for (path, method, operation) in filled.operations() {
        // A stream of events does not end.
        if path == "/api/events" {
            continue;
        }
        if path.contains('{') {
            for id in ids {
                let start = path.find('{').unwrap();
                let end = path.find('}').unwrap() + 1;
                let real = [&path[..start], id, &path[end..]].concat();
                let body = if method == "GET" { "" } else { "{}" };
                let reply = filled.send(&method, &real, "application/json", body.as_bytes());
                let what: String = format!("{method} {real}").chars().take(90).collect();
                refused(&reply, &what, &[400, 404, 405, 415, 422, 428]);
            }
        }
        if method != "GET" {
            continue;
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "query" {
                continue;
            }
            for value in values {
                let name = parameter["name"].as_str().unwrap();
                let real = format!("{}?{name}={value}", filled.real(&path));
                let reply = filled.send("GET", &real, "", b"");
                if reply.status != 200 {
                    let what: String = real.chars().take(90).collect();
                    refused(&reply, &what, &[400, 404, 422]);
                }
            }
        }
    }
    for (method, path) in [
        ("GET", "//api//contacts"),
        ("PUT", "/api/contacts"),
        ("TRACE", "/api/contacts"),
        ("PURGE", "/api/contacts"),
        ("GET", "/api/contacts/../.."),
        ("OPTIONS", "/api/contacts"),
        ("DELETE", "/api/auth/login"),
        ("GET", "/api/unknown?%ff"),
    ] {
        let reply = filled.send(method, path, "", b"");
        refused(&reply, &format!("{method} {path}"), &[404, 405, 422]);
    }
    // That contacts were taken out of the house is told in the history, and nothing else.
    let mut now = (filled.host.directory.rows(), filled.everything());
    let told = now
        .0
        .remove("crm events")
        .zip(before.0.remove("crm events"));
    assert!(told.is_some_and(|(now, before)| now >= before));
    assert_eq!(now, before);
}

/// Sends bytes as they are; what comes back, if anything.
fn bytes(host: &Host, request: &[u8]) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(host.address()).unwrap();
    let patience = Some(std::time::Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn broken_http_ends_in_a_refusal_and_the_host_lives_on() {
    let filled = Filled::new();
    let before = filled.host.directory.rows();
    let auth = format!("Host: x\r\nAuthorization: Bearer {}\r\n", filled.admin);
    let post = "POST /api/contacts HTTP/1.1\r\n";
    let json = "Content-Type: application/json\r\n";
    let name = "{\"name\": \"half\"}";
    let mut requests: Vec<Vec<u8>> = [
        String::new(),
        "\r\n\r\n".into(),
        "GET".into(),
        "GET / HTTP/9.9\r\n\r\n".into(),
        "G\u{0}T / HTTP/1.1\r\n\r\n".into(),
        "GET /api/contacts HTTP/1.1\r\nHost x\r\n\r\n".to_owned(),
        // Less than was announced, more, none, and two lengths at once.
        format!("{post}{auth}{json}Content-Length: 1000\r\n\r\n{name}"),
        format!("{post}{auth}{json}Content-Length: -1\r\n\r\n{name}"),
        format!("{post}{auth}{json}Content-Length: 99999999999999999999\r\n\r\n{name}"),
        format!("{post}{auth}{json}Content-Length: 2\r\nContent-Length: 16\r\n\r\n{name}"),
        format!("{post}{auth}{json}Content-Length: x\r\n\r\n{name}"),
        // Chunks that lie.
        format!("{post}{auth}{json}Transfer-Encoding: chunked\r\n\r\nZZ\r\n{name}\r\n0\r\n\r\n"),
        format!("{post}{auth}{json}Transfer-Encoding: chunked\r\n\r\nff\r\n{name}"),
        format!("{post}{auth}{json}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{name}"),
        format!("{post}{auth}{json}Transfer-Encoding: gzip\r\n\r\n{name}"),
        // Too much of a head.
        format!(
            "GET / HTTP/1.1\r\n{auth}X: {}\r\n\r\n",
            "x".repeat(1_000_000)
        ),
        format!("GET /{} HTTP/1.1\r\n{auth}\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{auth}{}\r\n", "X: y\r\n".repeat(1_000)),
    ]
    .map(String::into_bytes)
    .to_vec();
    for value in [b"\xff\xfe".as_slice(), b"\xd0\x90", b"a\0b", b"a\rb"] {
        for header in ["X-Any", "Authorization", "Idempotency-Key", "Content-Type"] {
            let mut request =
                format!("{post}Host: x\r\nContent-Length: 2\r\n{header}: ").into_bytes();
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n\r\n{}");
            requests.push(request);
        }
    }
    for request in requests {
        let answer = bytes(&filled.host, &request);
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).unwrap_or("none");
        let start: String = String::from_utf8_lossy(&request).chars().take(80).collect();
        assert!(
            status == "none" || status.starts_with('4'),
            "{start}: {status}"
        );
        filled.host.get("", "/healthz").expect(200);
    }
    assert_eq!(filled.host.directory.rows(), before);
}

#[test]
fn files_that_are_no_table_of_people_are_refused() {
    let filled = Filled::new();
    let before = filled.host.directory.rows();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0".to_vec()),
        ("an archive", b"PK\x03\x04\x14\0\0\0\x08\0".to_vec()),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03name\n".to_vec()),
        ("a JSON list", b"[{\"name\": \"Anna\"}]".to_vec()),
        ("JSON without a name", b"{\"colour\": \"red\"}".to_vec()),
        ("HTML", b"<html><body>name</body></html>".to_vec()),
        ("NUL bytes", b"na\0me,email\nAnna,a@example.com\n".to_vec()),
        ("no name column", b"colour,size\nred,1\n".to_vec()),
        ("only NUL bytes", vec![0; 5_000]),
        ("one endless line", vec![b'a'; 2 << 20]),
    ];
    for (name, file) in files {
        let reply = filled.host.upload(&filled.admin, &file);
        refused(&reply, name, &[422]);
    }
    let large = filled.host.upload(&filled.admin, &vec![b'a'; 11 << 20]);
    refused(&large, "11 MiB of nothing", &[422]);
    let kind = "multipart/form-data; boundary=line";
    for (name, kind, body) in [
        (
            "no boundary",
            "multipart/form-data",
            "--line\r\n\r\n--line--",
        ),
        ("no form", "text/csv", "name\nAnna\n"),
        (
            "another field",
            kind,
            "--line\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--line--",
        ),
        (
            "cut off",
            kind,
            "--line\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nname\nA",
        ),
        ("no part", kind, "--line--"),
        ("garbage", kind, "garbage"),
        ("empty", kind, ""),
    ] {
        let reply = filled.send("POST", "/api/contacts/import", kind, body.as_bytes());
        refused(&reply, name, &[400, 415, 422]);
    }
    assert_eq!(filled.host.directory.rows(), before);
}
