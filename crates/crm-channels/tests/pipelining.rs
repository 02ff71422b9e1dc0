//! Three commands in one write (RFC 2920): the same outcomes as one by one, and never a message to nobody.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::time::Duration;

use common::Draft;
use common::server::{Act, Protection, Script, Server, say};
use crm_channels::smtp::{Mailbox, Timeouts, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::port::channel::{Channel as _, Outcome};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const OFFER: &str = "250-server\r\n250-PIPELINING\r\n250 SIZE 0";

fn config(port: u16) -> SmtpConfig {
    let from = Mailbox::parse("Salon <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = port;
    config.timeouts = Timeouts {
        connect: Duration::from_millis(1500),
        command: Duration::from_millis(500),
        data: Duration::from_millis(500),
    };
    config
}

async fn with(script: Script) -> (Server, Smtp, Outcome) {
    let server = Server::start_with(vec![script], Protection::None, OFFER).await;
    let smtp = Smtp::new(config(server.address.port())).unwrap();
    let outcome = smtp.send(&Draft::default().approved()).await;
    (server, smtp, outcome)
}

fn kind(outcome: &Outcome) -> String {
    let scope = match outcome {
        Outcome::RetryAfter { scope, .. } => format!(" {scope:?}"),
        _ => String::new(),
    };
    let reason = outcome.reason().unwrap_or_default();
    format!("{}{scope} {reason}", outcome.kind().as_str())
}

fn words(commands: &[String]) -> Vec<&str> {
    let lines = commands.iter();
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// The next message goes, over the same connection or over a new one.
async fn goes_on(server: &Server, smtp: &Smtp, same: bool, why: &str) {
    let before = server.messages().len();
    let next = smtp.send(&Draft::default().approved()).await;
    assert!(matches!(next, Outcome::Accepted { .. }), "{why} {next:?}");
    assert_eq!(server.commands().len(), if same { 1 } else { 2 }, "{why}");
    assert_eq!(server.messages().len(), before + 1, "{why}");
}

/// A server that says nothing until it has all three commands, and one that does not offer to take them so.
#[tokio::test]
async fn the_commands_go_in_one_write() {
    for (offer, wanted) in [
        (OFFER, "accepted "),
        ("250 x", "retry_after Channel mail_timeout"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            for (end, reply) in [
                ("", "220 ready"),
                ("\r\n", offer),
                ("\r\nDATA\r\n", "250 ok\r\n250 ok\r\n354 go on"),
                ("\r\n.\r\n", "250 ok"),
            ] {
                while !seen.ends_with(end.as_bytes()) {
                    let mut chunk = [0; 4096];
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => return seen,
                        Ok(read) => seen.extend_from_slice(&chunk[..read]),
                    }
                }
                stream
                    .write_all(format!("{reply}\r\n").as_bytes())
                    .await
                    .unwrap();
            }
            seen
        });
        let smtp = Smtp::new(config(port)).unwrap();
        let outcome = smtp.send(&Draft::default().approved()).await;
        assert_eq!(kind(&outcome), wanted);
        drop(smtp);
        let seen = String::from_utf8(server.await.unwrap()).unwrap();
        let together = seen.contains("\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n");
        assert_eq!(together, offer == OFFER, "{seen}");
    }
}

#[tokio::test]
async fn replies_decide_by_stage() {
    // A server that keeps to the rules asks for nothing when it has no sender or recipient.
    let strict = |stage: &'static str, line: &str| -> Script {
        let mut script = vec![(stage, say(line))];
        if stage == "MAIL" {
            script.push(("RCPT", say("503 5.5.1 no sender")));
        }
        script.push(("DATA", say("554 5.5.1 no valid recipients")));
        script
    };
    for (stage, line, expected) in [
        (
            "MAIL",
            "451 4.3.0 later",
            "retry_after Channel mail_451_4.3.0",
        ),
        ("MAIL", "550 5.7.1 relay denied", "stop mail_550_5.7.1"),
        ("RCPT", "550 5.1.1 unknown", "dead rcpt_550_5.1.1"),
        ("RCPT", "550-5.1.1 a\r\n550 5.1.1 b", "dead rcpt_550_5.1.1"),
        ("RCPT", "550 policy", "rejected rcpt_550"),
        (
            "RCPT",
            "450 4.7.1 grey",
            "retry_after Recipient rcpt_450_4.7.1",
        ),
        (
            "RCPT",
            "452 4.2.2 full",
            "retry_after Recipient rcpt_452_4.2.2",
        ),
    ] {
        let (server, smtp, outcome) = with(strict(stage, line)).await;
        assert_eq!(kind(&outcome), expected, "{stage} {line}");
        assert_eq!(
            words(&server.commands()[0]),
            ["EHLO", "MAIL", "RCPT", "DATA", "RSET"],
            "{stage} {line}"
        );
        assert!(server.messages().is_empty(), "{stage} {line}");
        goes_on(&server, &smtp, true, line).await;
    }
}

#[tokio::test]
async fn refused_data_and_refused_content() {
    for (stage, line, expected, same) in [
        (
            "DATA",
            "451 4.3.0 later",
            "retry_after Channel data_451_4.3.0",
            true,
        ),
        ("DATA", "554 no", "rejected data_554", true),
        ("DATA", "250 ok", "retry_after Message data_250", false),
        (
            "DATA",
            "nonsense",
            "retry_after Message data_malformed",
            false,
        ),
        (".", "550 5.6.0 bad", "rejected dot_550_5.6.0", true),
        (".", "550 5.1.1 unknown", "dead dot_550_5.1.1", true),
        (".", "451 later", "retry_after Message dot_451", true),
        (".", "354 again", "unknown dot_354", false),
        (".", "nonsense", "unknown dot_malformed", false),
    ] {
        let (server, smtp, outcome) = with(vec![(stage, say(line))]).await;
        assert_eq!(kind(&outcome), expected, "{stage} {line}");
        goes_on(&server, &smtp, same, line).await;
    }
}

/// The server refuses the recipient and asks for the content even so (RFC 2920 section 3.1).
#[tokio::test]
async fn a_message_for_nobody_is_never_handed_over() {
    let gone = || ("RCPT", say("550 5.1.1 unknown"));
    for (script, same) in [
        (vec![gone()], true),
        (vec![gone(), (".", say("554 no valid recipients"))], true),
        (vec![gone(), (".", say("421 bye"))], false),
        (vec![gone(), (".", say("nonsense"))], false),
        (vec![gone(), (".", Act::Close)], false),
        (vec![gone(), (".", Act::Hang)], false),
        (vec![gone(), ("RSET", say("502 what"))], false),
        (vec![("MAIL", say("550 no")), ("RCPT", say("503 no"))], true),
    ] {
        let why = format!("{script:?}");
        let (server, smtp, outcome) = with(script).await;
        let expected = if why.contains("MAIL") {
            "stop mail_550"
        } else {
            "dead rcpt_550_5.1.1"
        };
        assert_eq!(kind(&outcome), expected, "{why}");
        assert_eq!(server.messages(), [b""], "{why}");
        goes_on(&server, &smtp, same, &why).await;
    }
}

/// The server may have a recipient although something else was refused: an empty message would be delivered.
#[tokio::test]
async fn nobody_gets_an_empty_message() {
    for (script, expected) in [
        (
            vec![("MAIL", say("451 later"))],
            "retry_after Channel mail_451",
        ),
        (vec![("MAIL", say("550 no"))], "stop mail_550"),
        (
            vec![("RCPT", say("252 maybe"))],
            "retry_after Message rcpt_252",
        ),
    ] {
        let (server, smtp, outcome) = with(script).await;
        assert_eq!(kind(&outcome), expected);
        goes_on(&server, &smtp, false, expected).await;
        assert_eq!(server.messages().len(), 1, "{expected}");
        assert!(!server.messages()[0].is_empty(), "{expected}");
    }
}

#[tokio::test]
async fn silence_ends_and_farewells_decide_by_stage() {
    for (stage, expected, farewell) in [
        (
            "MAIL",
            "retry_after Channel mail",
            "retry_after Channel mail_421",
        ),
        (
            "RCPT",
            "retry_after Message rcpt",
            "retry_after Channel rcpt_421",
        ),
        (
            "DATA",
            "retry_after Message data",
            "retry_after Channel data_421",
        ),
        (".", "unknown dot", "retry_after Message dot_421"),
    ] {
        for (act, expected) in [
            (Act::Close, format!("{expected}_closed")),
            (Act::Hang, format!("{expected}_timeout")),
            (say("nonsense"), format!("{expected}_malformed")),
            (say("421 bye"), farewell.to_owned()),
        ] {
            let (server, smtp, outcome) = with(vec![(stage, act)]).await;
            assert_eq!(kind(&outcome), expected);
            goes_on(&server, &smtp, false, &expected).await;
        }
    }
    // What was refused first stays refused when the rest is lost.
    for (rest, act) in [
        ("DATA", Act::Close),
        ("DATA", Act::Hang),
        ("DATA", say("421 bye")),
        ("DATA", say("250 what")),
    ] {
        let (server, smtp, outcome) = with(vec![("RCPT", say("550 5.1.1 no")), (rest, act)]).await;
        assert_eq!(kind(&outcome), "dead rcpt_550_5.1.1");
        goes_on(&server, &smtp, false, rest).await;
    }
}

#[tokio::test]
async fn a_stale_connection_is_replaced() {
    for farewell in [Act::Close, say("421 idle too long")] {
        let script = vec![("MAIL", say("250 ok")), ("MAIL", farewell)];
        let (server, smtp, outcome) = with(script).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        goes_on(&server, &smtp, false, "stale").await;
    }
}

#[tokio::test]
async fn a_dropped_send_never_returns_its_connection() {
    for stage in ["MAIL", "RCPT", "DATA", "."] {
        let late = Act::Slow(Duration::from_millis(200), "550 5.1.1 late".to_owned());
        let server = Server::start_with(vec![vec![(stage, late)]], Protection::None, OFFER).await;
        let smtp = Smtp::new(config(server.address.port())).unwrap();
        let approved = Draft::default().approved();
        let cut = tokio::time::timeout(Duration::from_millis(100), smtp.send(&approved)).await;
        assert!(cut.is_err());
        let next = smtp.send(&approved).await;
        assert!(matches!(next, Outcome::Accepted { .. }), "{stage} {next:?}");
        assert_eq!(server.commands().len(), 2, "{stage}");
    }
}
