//! Tokens that the host did not issue, or not so: refused, every one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/bad.rs"]
mod bad;
mod common;

use bad::{Filled, NOBODY, refused};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

#[test]
fn forty_kinds_of_wrong_tokens_are_refused() {
    let filled = Filled::new();
    let host = &filled.host;
    let secret = host.directory.secret();
    let secret = secret.trim().as_bytes();
    let part = |n: usize| filled.admin.split('.').nth(n).unwrap().to_owned();
    let real: Value = serde_json::from_slice(&unbase64(&part(1))).unwrap();
    let login = host.login("a@salon.example", "long enough");
    let now = real["iat"].as_i64().unwrap();
    let sign = |algorithm, key: &[u8], claims: &Value| {
        encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(key),
        )
        .unwrap()
    };
    let with = |changes: Value| {
        let mut claims = real.clone();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        sign(Algorithm::HS256, secret, &claims)
    };
    // Signed as the host would, so that each change alone is what is refused.
    host.get(&with(json!({})), "/api/auth/me").expect(200);
    let mut wrong: Vec<(String, String)> = Vec::new();
    for claim in [
        "iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "typ",
    ] {
        wrong.push((format!("without {claim}"), with(json!({claim: null}))));
        for value in [json!(true), json!({"a": 1}), json!("other")] {
            // Any text is a fine token id.
            if claim != "jti" || !value.is_string() {
                wrong.push((format!("{claim} = {value}"), with(json!({claim: value}))));
            }
        }
    }
    for (claim, value) in [
        ("exp", json!(now - 60)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(now as f64 + 600.5)),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!(1e300)),
        ("nbf", json!(now + 600)),
        ("typ", json!("refresh")),
        ("typ", json!("ACCESS")),
        ("aud", json!("crm-host")),
        ("iss", json!("crm-api")),
        ("sub", json!("not-a-uuid")),
        ("sub", json!("")),
        ("sub", json!(NOBODY)),
        ("sub", json!("' OR 1=1 --")),
        ("sid", json!(NOBODY)),
        ("sid", json!("")),
    ] {
        wrong.push((format!("{claim} = {value}"), with(json!({claim: value}))));
    }
    let head = |text: &str| base64(text.as_bytes());
    for algorithm in [
        "none", "None", "nOnE", "HS257", "RS256", "ES256", "", "HS384",
    ] {
        let header = head(&format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"}}"));
        wrong.push((
            format!("alg {algorithm} unsigned"),
            format!("{header}.{}.", part(1)),
        ));
        let signed = format!("{header}.{}.{}", part(1), part(2));
        wrong.push((format!("alg {algorithm}"), signed));
    }
    wrong.push(("HS384".into(), sign(Algorithm::HS384, secret, &real)));
    wrong.push(("HS512".into(), sign(Algorithm::HS512, secret, &real)));
    for key in [
        b"".as_slice(),
        b"secret",
        b"changeme-changeme-changeme-changeme",
    ] {
        wrong.push((format!("key {key:?}"), sign(Algorithm::HS256, key, &real)));
    }
    let (h, c, s) = (part(0), part(1), part(2));
    for text in [
        "x".to_owned(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        format!("{h}.{c}"),
        format!("{h}.{c}."),
        format!("{h}..{s}"),
        format!(".{c}.{s}"),
        format!("{h}.{c}.{s}.{s}"),
        format!("{h}.{c}.{s}x"),
        format!("{h}.{c}.{s}="),
        format!("{h}.{s}.{c}"),
        format!("{h} .{c}.{s}"),
        "A".repeat(6_000),
        head("{}"),
        format!("{}.{c}.{s}", head("{}")),
        format!("{}.{c}.{s}", head("[]")),
        login["refresh_token"].as_str().unwrap().to_owned(),
        format!("\"{}\"", filled.admin),
        format!("Bearer {}", filled.admin),
    ] {
        wrong.push((text.chars().take(30).collect(), text));
    }
    assert!(wrong.len() >= 40, "{}", wrong.len());
    for (name, token) in &wrong {
        for path in ["/api/auth/me", "/api/contacts"] {
            let reply = host.get(token, path);
            refused(&reply, name, &[401]);
            let challenge = reply.head.to_lowercase();
            assert!(challenge.contains("www-authenticate: bearer"), "{name}");
        }
    }
    for scheme in [
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Token x",
        "bearer\tx",
        ",",
    ] {
        let reply = host.raw("GET", "/api/auth/me", &[("Authorization", scheme)], b"");
        refused(&reply, scheme, &[401]);
    }
}

fn base64(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for n in 0..=chunk.len() {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize];
            write!(text, "{}", char::from(digit)).unwrap();
        }
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 255) as u8);
        }
    }
    bytes
}
