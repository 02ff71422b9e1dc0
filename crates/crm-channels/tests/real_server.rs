//! Texts arrive byte for byte at a real server (aiosmtpd), read back by Python's mail library.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::Draft;
use crm_channels::smtp::{Mailbox, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::message::Format;
use crm_core::port::channel::{Channel as _, Outcome};
use serde_json::Value;

struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let python = std::env::var_os("CRM_PYTHON")
            .expect("CRM_PYTHON must name a Python with aiosmtpd: run cargo xtask test");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp_server.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CRM_PYTHON cannot be started: run cargo xtask test");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .next()
            .expect("aiosmtpd is missing or did not start: run cargo xtask test")
            .unwrap()
            .parse()
            .unwrap();
        Self { child, lines, port }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Standard base64, for the comparison only.
fn base64(bytes: &[u8]) -> String {
    const SET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |word, &byte| word << 8 | usize::from(byte));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(char::from(SET[word >> (18 - 6 * place) & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[tokio::test]
async fn texts_arrive_byte_for_byte() {
    let mut server = Server::start();
    let from = Mailbox::parse("Салон «Ойдин» <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.port;
    let smtp = Smtp::new(config).unwrap();

    let long_line = "Қадрли мижозимиз, ".repeat(200);
    let bodies = [
        "Здравствуйте, Аня!\n\nС праздником вас.\n",
        "Hurmatli mijoz, Oʻzbekiston gʻalabasi — ў, қ, ғ, ҳ",
        "trailing spaces   \n\ttabs\t\n \n",
        ".\n..\n.leading dots\r\n.\r\n",
        "\n\n\nempty lines\n\n\n",
        "mixed\r\nends\nof\rlines",
        "From here on\n>From there\n-- \n=20=3D",
        "🎉 emoji and \u{a0}spaces\u{2028}",
        "",
        long_line.as_str(),
        &"x".repeat(5000),
    ];
    let subjects = [
        "С днём рождения, уважаемая Анна Сергеевна! Ждём вас в нашем салоне на Новый год",
        "Tugʻilgan kuningiz bilan — ў",
        "Plain subject",
        "  spaces   around and  inside ",
        "=?utf-8?q?not_encoded?= 100 % \"quoted\" <x>",
    ];
    for (number, body) in (0_u32..).zip(bodies) {
        let subject = subjects[number as usize % subjects.len()];
        let draft = Draft {
            number: number + 1,
            attempt: u128::from(number) + 1,
            subject: Some(subject.to_owned()),
            format: if number % 2 == 0 {
                Format::Text
            } else {
                Format::Html
            },
            ..Draft::text(body)
        };
        let outcome = smtp.send(&draft.approved()).await;
        assert!(
            matches!(outcome, Outcome::Accepted { .. }),
            "{number}: {outcome:?}"
        );
        let seen = server.next();
        assert_eq!(seen["body"], base64(body.as_bytes()), "body {number}");
        assert_eq!(seen["headers"]["Subject"], subject);
        assert_eq!(seen["from"], "news@salon.example");
        assert_eq!(seen["from_name"], "Салон «Ойдин»");
        assert_eq!(seen["to"], serde_json::json!(["ann@example.org"]));
        assert_eq!(seen["charset"], "utf-8");
        assert_eq!(
            seen["type"],
            if number % 2 == 0 {
                "text/plain"
            } else {
                "text/html"
            }
        );
        assert_eq!(seen["defects"], serde_json::json!([]));
        assert!(seen["longest"].as_u64().unwrap() <= 998, "{seen}");
        assert_eq!(
            seen["headers"]["Message-ID"],
            "<01900000-0000-7000-8000-000000000001@salon.example>"
        );
        for name in ["Date", "MIME-Version", "X-Crm-Message", "X-Crm-Attempt"] {
            assert!(seen["headers"][name].is_string(), "{name}");
        }
    }
}
