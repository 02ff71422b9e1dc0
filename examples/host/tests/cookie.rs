//! The refresh token of a page stays in a cookie that no script reads, and works as the others do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use common::place::Place;
use common::{Host, Reply};
use serde_json::json;

/// Name and value of the cookie that an answer sets, and how it is to be kept.
fn set(reply: &Reply) -> (String, String) {
    let is_cookie = |line: &&str| line.to_lowercase().starts_with("set-cookie:");
    let line = reply.head.lines().find(is_cookie).expect("no cookie");
    let cookie = line.split_once(": ").unwrap().1;
    let (pair, kept) = cookie.split_once("; ").unwrap();
    (pair.to_owned(), kept.to_owned())
}

fn sign_in(host: &Host) -> Reply {
    let body = json!({"email": "a@salon.example", "password": "long enough", "cookie": true});
    host.post("", "/api/auth/login", body)
}

fn refresh(host: &Host, cookie: &str, body: &str) -> Reply {
    let headers = [("Cookie", cookie), ("Content-Type", "application/json")];
    host.raw("POST", "/api/auth/refresh", &headers, body.as_bytes())
}

const BY_COOKIE: &str = r#"{"cookie":true}"#;

#[test]
fn the_token_is_in_the_cookie_alone_and_good_once() {
    let host = Host::start(&["--no-worker"]);
    host.admin();
    let signed_in = sign_in(&host);
    assert_eq!(signed_in.expect(200)["refresh_token"], json!(null));
    let (first, kept) = set(&signed_in);
    assert_eq!(
        kept,
        "Path=/api/auth; Max-Age=2592000; HttpOnly; SameSite=Strict"
    );
    // Whoever does not ask for the cookie does not get to use it.
    refresh(&host, &first, "{}").expect(422);
    let with_both = r#"{"cookie":true,"refresh_token":"x"}"#;
    refresh(&host, &first, with_both).expect(422);
    let form = [("Cookie", first.as_str()), ("Content-Type", "text/plain")];
    let answer = host.raw("POST", "/api/auth/refresh", &form, BY_COOKIE.as_bytes());
    assert_eq!(answer.status, 415);

    let again = refresh(&host, &first, BY_COOKIE);
    let body = again.expect(200);
    assert_eq!(body["refresh_token"], json!(null));
    let (second, _) = set(&again);
    assert_ne!(first, second);
    let token = body["access_token"].as_str().unwrap();
    host.get(token, "/api/auth/me").expect(200);

    // Used twice: the whole login is over.
    refresh(&host, &first, BY_COOKIE).expect(401);
    refresh(&host, &second, BY_COOKIE).expect(401);
    host.get(token, "/api/auth/me").expect(401);
    refresh(&host, "other=1", BY_COOKIE).expect(401);
}

#[test]
fn signing_out_takes_the_cookie_away() {
    let flags = ["--no-worker", "--public-url", "https://crm.example"];
    // Links to unsubscribe are signed where there is a public address.
    let keys = [(
        "CRM_UNSUBSCRIBE_KEYS",
        "thirty-two-bytes-or-more-for-the-tests",
    )];
    let host = Host::start_with(Place::new(), &flags, &keys);
    host.admin();
    let signed_in = sign_in(&host);
    let (cookie, kept) = set(&signed_in);
    assert!(kept.ends_with("; Secure"), "{kept}");
    let token = signed_in.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let out = host.post(&token, "/api/auth/logout", json!(null));
    out.expect(204);
    let (empty, kept) = set(&out);
    assert_eq!(empty, "crm_refresh=");
    assert!(kept.contains("Max-Age=0"), "{kept}");
    refresh(&host, &cookie, BY_COOKIE).expect(401);
}

#[test]
fn other_clients_get_their_token_and_no_cookie() {
    let host = Host::start(&["--no-worker"]);
    host.admin();
    let body = json!({"email": "a@salon.example", "password": "long enough"});
    let reply = host.post("", "/api/auth/login", body);
    let token = reply.expect(200)["refresh_token"].clone();
    assert!(!reply.head.to_lowercase().contains("set-cookie"));
    let next = host.post("", "/api/auth/refresh", json!({"refresh_token": token}));
    assert!(next.expect(200)["refresh_token"].is_string());
}
