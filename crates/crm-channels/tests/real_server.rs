//! Texts arrive byte for byte at a real server (aiosmtpd), read back by Python's mail library.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::server::{Act, Protection, say};
use common::{Draft, server};
use crm_channels::smtp::{Mailbox, ReturnPath, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::message::Format;
use crm_core::port::channel::{Channel, Outcome};
use crm_core::testing::channel_suite::{self, ChannelHarness, Delivered, Trouble};
use serde_json::Value;

struct Server {
    child: Child,
    lines: Receiver<String>,
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
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // Read at once: a full pipe would hold the server's reply back.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let port = lines
            .recv()
            .expect("aiosmtpd is missing or did not start: run cargo xtask test")
            .parse()
            .unwrap();
        Self { child, lines, port }
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv().unwrap()).unwrap()
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
    let server = Server::start();
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

#[tokio::test]
async fn one_text_arrives_in_two_forms() {
    let server = Server::start();
    let from = Mailbox::parse("news@salon.example").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.port;
    config.html_alternative = true;
    config.return_path = ReturnPath::parse("bounce@salon.example");
    let smtp = Smtp::new(config).unwrap();
    assert!(smtp.capabilities().html);
    let bodies = [
        "Здравствуйте, Аня!\n\nС праздником вас: https://salon.example/a?b=1&c=2.\n",
        "Hurmatli <b>mijoz</b> &amp; \"do'st\"\n\n\n\n  two  spaces\t tab\n",
        "mixed\r\nends\nof\rlines\r\n\r\nend",
        "\n.\n..\n</p></body><script>alert(1)</script>",
        "🎉 سلام \u{202e}abc\u{a0}\u{2028}",
        "",
        &"x".repeat(5000),
    ];
    for (number, body) in (1_u32..).zip(bodies) {
        let draft = Draft {
            number,
            attempt: u128::from(number),
            ..Draft::text(body)
        };
        let outcome = smtp.send(&draft.approved()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        let seen = server.next();
        assert_eq!(seen["from"], format!("bounce+{number:032x}@salon.example"));
        assert_eq!(seen["headers"]["From"], "news@salon.example");
        assert_eq!(seen["type"], "multipart/alternative");
        assert_eq!(seen["defects"], serde_json::json!([]));
        assert!(seen["longest"].as_u64().unwrap() <= 998);
        let parts = seen["parts"].as_array().unwrap();
        let types: Vec<&Value> = parts.iter().map(|part| &part["type"]).collect();
        assert_eq!(types, ["text/plain", "text/html"]);
        for part in parts {
            assert_eq!(part["charset"], "utf-8");
            assert_eq!(part["defects"], serde_json::json!([]));
        }
        assert_eq!(parts[0]["body"], base64(body.as_bytes()));
        let text = body.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(parts[1]["seen"], text);
        let tags = parts[1]["tags"].as_array().unwrap();
        let known = ["html", "head", "meta", "body", "p", "br", "a"];
        assert!(
            tags.iter()
                .all(|tag| known.contains(&tag.as_str().unwrap())),
            "{tags:?}"
        );
        let links = &parts[1]["links"];
        if body.contains("https") {
            assert_eq!(
                *links,
                serde_json::json!(["https://salon.example/a?b=1&c=2"])
            );
        } else {
            assert_eq!(*links, serde_json::json!([]));
        }
    }
    // HTML cannot carry these, and approved HTML goes as it is.
    for (body, format, kind) in [
        ("bell\u{7}\0", Format::Text, "text/plain"),
        ("<p>Hello</p>", Format::Html, "text/html"),
    ] {
        let draft = Draft {
            format,
            ..Draft::text(body)
        };
        let outcome = smtp.send(&draft.approved()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        let seen = server.next();
        assert_eq!(seen["type"], kind);
        assert_eq!(seen["body"], base64(body.as_bytes()));
    }
}

/// The channel, pointed at aiosmtpd until there is to be trouble, then at a scripted server.
struct Harness {
    server: Mutex<Server>,
    channel: Mutex<Arc<dyn Channel>>,
}

fn channel_to(port: u16, login: bool) -> Arc<dyn Channel> {
    let from = Mailbox::parse("news@salon.example").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = port;
    config.timeouts.data = Duration::from_millis(500);
    if login {
        config.user = Some("user".to_owned());
        config.password = Some("secret".to_owned().into());
    }
    Arc::new(Smtp::new(config).unwrap())
}

#[async_trait]
impl ChannelHarness for Harness {
    fn channel(&self) -> Arc<dyn Channel> {
        Arc::clone(&self.channel.lock().unwrap())
    }

    async fn delivered(&self) -> Vec<Delivered> {
        // One more message marks the end of what has arrived.
        let port = self.server.lock().unwrap().port;
        let end = Draft::to("end@example.org").approved();
        let outcome = channel_to(port, false).send(&end).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        let server = self.server.lock().unwrap();
        let mut arrived = Vec::new();
        loop {
            let seen = server.next();
            let recipient = seen["to"][0].as_str().unwrap().to_owned();
            if recipient == "end@example.org" {
                return arrived;
            }
            arrived.push(Delivered {
                recipient,
                subject: seen["headers"]["Subject"].as_str().map(str::to_owned),
                content: seen["text"].as_str().unwrap().to_owned(),
            });
        }
    }

    async fn trouble(&self, trouble: Trouble) -> bool {
        let script = match trouble {
            Trouble::Unreachable => {
                let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let port = free.local_addr().unwrap().port();
                drop(free);
                *self.channel.lock().unwrap() = channel_to(port, false);
                return true;
            }
            Trouble::Busy => ("MAIL", say("451 4.3.2 later")),
            Trouble::SilentAfterBody => (".", Act::Hang),
            Trouble::NoSuchAddress => ("RCPT", say("550 5.1.1 no such user here")),
            Trouble::BadCredentials => ("AUTH", say("535 5.7.8 no")),
        };
        let offer = "250-x\r\n250 AUTH PLAIN";
        let scripted =
            server::Server::start_with(vec![vec![script]], Protection::None, offer).await;
        *self.channel.lock().unwrap() = channel_to(scripted.address.port(), true);
        true
    }
}

#[tokio::test]
async fn smtp_keeps_the_contract() {
    let report = channel_suite::run_all(|| async {
        let server = Server::start();
        let channel = Mutex::new(channel_to(server.port, false));
        let server = Mutex::new(server);
        Arc::new(Harness { server, channel }) as Arc<dyn ChannelHarness>
    })
    .await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(
        report.skipped(),
        ["an_attempt_is_delivered_once_if_idempotent"]
    );
}
