//! Signed messages, verified by an independent implementation (dkimpy) as they came over the wire.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Draft;
use common::server::Server;
use crm_channels::smtp::{Dkim, Mailbox, Tls, UnsubscribeLinks};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::consent::token::TokenKeys;
use crm_core::message::Format;
use crm_core::port::channel::{Channel as _, Outcome};
use serde_json::{Value, json};

const RSA: &str = include_str!("data/dkim_rsa.pem");
const ED25519: &str = include_str!("data/dkim_ed25519.pem");
/// The public halves, as OpenSSL writes them.
const RSA_PUBLIC: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtEioDyAiLtvFtf5GKeD4koaUlra9B0lZSF+cMrZcIe3AVzOPNwOPnThrjvo4nL24B8or89srbxs6Qde0+v0LDVUdjpt3u9dsOb+WIJOFt0gj1Tmcgv6Zdi775bLUWS9AqG5H3N+9uC/jo1CG0JzBVIU9nzHbugHdoIcbiBJdC/P3E328FMIepSimgBB8ESlQXEpsdjqRI8YvrcNZD4GrUeE1rsixS5kFILscbm11UySKUAw11HpVAQY+eFsJIyxFpPk/dZ8uWcH+CgVrnC5jcXrB9fiP/wBD7lQA0njjQC9OPI0+F+TZkMUHm6DyCa1euI3nR5PMh+2FPYkNBOQljQIDAQAB";
const ED25519_PUBLIC: &str = "VB5xZL1a57TCQgwT5BVVxG23t0ILLzHkjjHdDmGqPl8=";

/// Whether the signature is valid, and what it covers.
fn verified(raw: &[u8]) -> (bool, Vec<String>) {
    let python = std::env::var_os("CRM_PYTHON")
        .expect("CRM_PYTHON must name a Python with dkimpy: run cargo xtask test");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dkim_verify.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = json!({
        "raw": STANDARD.encode(raw),
        "records": {
            "rsa._domainkey.salon.example": format!("v=DKIM1; k=rsa; p={RSA_PUBLIC}"),
            "ed._domainkey.salon.example": format!("v=DKIM1; k=ed25519; p={ED25519_PUBLIC}"),
        },
    });
    let mut input = child.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "dkimpy is missing or failed: run cargo xtask test"
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let covered = answer["covered"].as_array().unwrap().iter();
    let covered = covered
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    (answer["valid"].as_bool().unwrap(), covered)
}

/// The message as a server received it.
async fn sent(
    selector: &str,
    key: &str,
    draft: &Draft,
    change: impl FnOnce(&mut SmtpConfig),
) -> String {
    let server = Server::start(Vec::new()).await;
    let from = Mailbox::parse("Салон «Ойдин» <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.address.port();
    config.dkim = Some(Dkim::new("salon.example", selector, key).unwrap());
    config.unsubscribe = Some(UnsubscribeLinks {
        base: "https://crm.example.com/u/".to_owned(),
        keys: TokenKeys::new(vec![5; 32], Vec::new()).unwrap(),
    });
    change(&mut config);
    let outcome = Smtp::new(config).unwrap().send(&draft.approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    String::from_utf8(server.messages().remove(0)).unwrap()
}

fn pkcs1() -> String {
    // PKCS #8 wraps the older form, which is the rest of it for a key of this size.
    let lines: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(lines).unwrap();
    let inner = STANDARD.encode(&der[26..]);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n")
}

#[tokio::test]
async fn signatures_are_valid_and_cover_what_matters() {
    let long = "Қадрли мижозимиз ".repeat(20);
    for (selector, key) in [("rsa", RSA), ("rsa", pkcs1().as_str()), ("ed", ED25519)] {
        for (subject, content, format, html) in [
            (Some("Greetings"), "Hello\n", Format::Text, true),
            (
                Some(long.trim()),
                ".\n..\ntext with trailing  \n\n\n",
                Format::Text,
                false,
            ),
            (Some("  two  spaces "), "<p>Hi</p>", Format::Html, true),
            (None, "", Format::Text, false),
        ] {
            let draft = Draft {
                subject: subject.map(str::to_owned),
                format,
                ..Draft::text(content)
            };
            let change = |config: &mut SmtpConfig| config.html_alternative = html;
            let message = sent(selector, key, &draft, change).await;
            assert!(message.starts_with("DKIM-Signature: v=1; "), "{message}");
            assert!(message.lines().all(|line| line.len() <= 200), "{message}");
            let (valid, covered) = verified(message.as_bytes());
            assert!(valid, "{selector} {subject:?}\n{message}");
            for name in [
                "from",
                "to",
                "date",
                "message-id",
                "mime-version",
                "content-type",
                "list-unsubscribe",
                "list-unsubscribe-post",
            ] {
                assert!(
                    covered.iter().any(|known| known == name),
                    "{name} {covered:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_changed_or_added_breaks_the_signature() {
    let message = sent("rsa", RSA, &Draft::default(), |_| ()).await;
    assert!(verified(message.as_bytes()).0);
    // What servers do on the way does no harm.
    for fine in [
        format!("Received: from a by b; Fri, 27 Nov 2026 05:00:00 +0000\r\n{message}"),
        message.replace("Subject: Greetings", "subject:\r\n\tGreetings "),
        format!("{message}\r\n\r\n"),
    ] {
        assert!(verified(fine.as_bytes()).0, "{fine}");
    }
    for (from, to) in [
        ("Subject: Greetings", "Subject: Greeting"),
        ("To: ann@", "To: bob@"),
        (
            "List-Unsubscribe: <https://crm",
            "List-Unsubscribe: <https://evil",
        ),
        (
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "List-Unsubscribe-Post: x",
        ),
        ("SGVsbG8K", "SGVsbG8h"),
        ("text/plain", "text/html"),
        // A second field of a name that readers may show instead of ours.
        ("To: ann@", "From: evil@evil.example\r\nTo: ann@"),
        ("To: ann@", "Subject: other\r\nTo: ann@"),
        ("To: ann@", "Reply-To: evil@evil.example\r\nTo: ann@"),
        ("To: ann@", "Cc: evil@evil.example\r\nTo: ann@"),
    ] {
        let changed = message.replacen(from, to, 1);
        assert_ne!(changed, message, "{from}");
        assert!(!verified(changed.as_bytes()).0, "{to}");
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let message = sent("rsa", RSA, &Draft::default(), |config| config.dkim = None).await;
    assert!(!message.contains("DKIM-Signature"), "{message}");
}
