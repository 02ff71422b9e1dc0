//! Every way a dialogue can go, against a real socket.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use std::time::{Duration, Instant};

use common::Draft;
use common::server::{Act, Protection, Script, Server, say};
use crm_channels::smtp::{Mailbox, Timeouts, Tls, UnsubscribeLinks};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::consent::Topic;
use crm_core::consent::token::TokenKeys;
use crm_core::port::channel::{Channel as _, Outcome, RetryScope};

fn config(server: &Server) -> SmtpConfig {
    let from = Mailbox::parse("Salon <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.address.port();
    config.timeouts = Timeouts {
        connect: Duration::from_millis(1500),
        command: Duration::from_millis(500),
        data: Duration::from_millis(500),
    };
    config
}

async fn with(script: Script) -> (Server, Smtp, Outcome) {
    let server = Server::start(vec![script]).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let outcome = smtp.send(&Draft::default().approved()).await;
    (server, smtp, outcome)
}

fn kind(outcome: &Outcome) -> String {
    let scope = match outcome {
        Outcome::RetryAfter { scope, .. } => format!(" {scope:?}"),
        _ => String::new(),
    };
    format!(
        "{}{scope} {}",
        outcome.kind().as_str(),
        outcome.reason().unwrap_or_default()
    )
}

#[tokio::test]
async fn replies_decide_by_stage() {
    let cases: Vec<(&'static str, &str, &str)> = vec![
        ("", "421 busy", "retry_after Channel connect_421"),
        ("", "554 no", "stop connect_554"),
        ("", "nonsense", "retry_after Channel connect_malformed"),
        ("EHLO", "502 no", "stop connect_502"),
        (
            "MAIL",
            "451 4.3.0 later",
            "retry_after Channel mail_451_4.3.0",
        ),
        ("MAIL", "550 5.7.1 relay denied", "stop mail_550_5.7.1"),
        ("MAIL", "354 what", "retry_after Message mail_354"),
        ("RCPT", "550 5.1.1 unknown", "dead rcpt_550_5.1.1"),
        ("RCPT", "550-5.1.1 a\r\n550 5.1.1 b", "dead rcpt_550_5.1.1"),
        ("RCPT", "550 policy", "rejected rcpt_550"),
        (
            "RCPT",
            "450 4.7.1 grey",
            "retry_after Recipient rcpt_450_4.7.1",
        ),
        ("RCPT", "421 bye", "retry_after Channel rcpt_421"),
        (
            "DATA",
            "451 4.3.0 later",
            "retry_after Channel data_451_4.3.0",
        ),
        ("DATA", "554 no", "rejected data_554"),
        ("DATA", "250 ok", "retry_after Message data_250"),
        (".", "550 5.6.0 bad", "rejected dot_550_5.6.0"),
        (".", "451 later", "retry_after Message dot_451"),
        (".", "354 again", "unknown dot_354"),
        (".", "251 near", "unknown dot_251"),
        (".", "nonsense", "unknown dot_malformed"),
    ];
    for (stage, line, expected) in cases {
        let (server, _smtp, outcome) = with(vec![(stage, say(line))]).await;
        assert_eq!(kind(&outcome), expected, "{stage} {line}");
        // Retrying is the engine's work alone.
        let connections = server.commands();
        let all = connections.iter().flatten();
        let tries = all.filter(|command| command.starts_with("MAIL")).count();
        assert!(connections.len() == 1 && tries <= 1, "{stage} {line}");
    }
}

#[tokio::test]
async fn silence_and_ends_decide_by_stage() {
    let cases: Vec<(&'static str, &str)> = vec![
        ("", "retry_after Channel connect"),
        ("EHLO", "retry_after Channel connect"),
        ("MAIL", "retry_after Channel mail"),
        ("RCPT", "retry_after Message rcpt"),
        ("DATA", "retry_after Message data"),
        (".", "unknown dot"),
    ];
    for (stage, expected) in cases {
        for (act, end) in [(Act::Close, "closed"), (Act::Hang, "timeout")] {
            let (server, smtp, outcome) = with(vec![(stage, act)]).await;
            assert_eq!(kind(&outcome), format!("{expected}_{end}"));
            // The connection is not used again.
            let next = smtp.send(&Draft::default().approved()).await;
            assert!(matches!(next, Outcome::Accepted { .. }), "{next:?}");
            assert_eq!(server.commands().len(), 2, "{stage} {end}");
        }
    }
}

#[tokio::test]
async fn nobody_listens() {
    let server = Server::start(Vec::new()).await;
    let mut config = config(&server);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.port = free.local_addr().unwrap().port();
    drop(free);
    let outcome = Smtp::new(config)
        .unwrap()
        .send(&Draft::default().approved())
        .await;
    assert_eq!(kind(&outcome), "retry_after Channel connection_refused");
}

#[tokio::test]
async fn accepted_messages_share_a_connection() {
    let server = Server::start(vec![vec![(".", say("250 2.0.0 Ok: queued as 4XyZ"))]]).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let queued = |id: &str| Outcome::Accepted {
        provider_id: id.to_owned(),
    };
    assert_eq!(
        smtp.send(&Draft::default().approved()).await,
        queued("4XyZ")
    );
    let again = Draft {
        number: 2,
        attempt: 5,
        ..Draft::default()
    };
    assert_eq!(
        smtp.send(&again.approved()).await,
        queued("01900000-0000-7000-8000-000000000001@salon.example")
    );
    assert_eq!(server.commands().len(), 1);
    let texts: Vec<String> = server
        .messages()
        .into_iter()
        .map(|message| String::from_utf8(message).unwrap())
        .collect();
    for text in &texts {
        let id = "Message-ID: <01900000-0000-7000-8000-000000000001@salon.example>\r\n";
        assert!(text.contains(id), "{text}");
        assert!(text.contains("X-Crm-Message: 01900000-0000-7000-8000-000000000001\r\n"));
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
    }
    assert!(texts[0].contains("X-Crm-Attempt: 01900000-0000-7000-8000-0000000000aa\r\n"));
    assert!(texts[1].contains("X-Crm-Attempt: 00000000-0000-0000-0000-000000000005\r\n"));
}

#[tokio::test]
async fn a_refused_recipient_costs_a_reset_not_a_connection() {
    let (server, smtp, _) = with(vec![("RCPT", say("550 5.1.1 no"))]).await;
    let next = smtp.send(&Draft::default().approved()).await;
    assert!(matches!(next, Outcome::Accepted { .. }), "{next:?}");
    let commands = server.commands();
    assert_eq!(commands.len(), 1);
    let words: Vec<&str> = commands[0].iter().map(|line| &line[..4]).collect();
    assert_eq!(
        words,
        ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]
    );
}

#[tokio::test]
async fn a_stale_connection_is_replaced() {
    // The server says goodbye after the first message, and later closes at MAIL.
    let server = Server::start(vec![vec![(".", say("250 ok\r\n421 idle"))]]).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    for _ in 0..2 {
        let outcome = smtp.send(&Draft::default().approved()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.commands().len(), 2);
}

#[tokio::test]
async fn a_dropped_send_never_returns_its_connection() {
    for stage in ["MAIL", "RCPT", "DATA", "."] {
        let late = Act::Slow(Duration::from_millis(200), "550 5.1.1 late".to_owned());
        let server = Server::start(vec![vec![(stage, late)]]).await;
        let smtp = Smtp::new(config(&server)).unwrap();
        let approved = Draft::default().approved();
        let cut = tokio::time::timeout(Duration::from_millis(100), smtp.send(&approved)).await;
        assert!(cut.is_err());
        let next = smtp.send(&approved).await;
        assert!(matches!(next, Outcome::Accepted { .. }), "{stage} {next:?}");
        assert_eq!(server.commands().len(), 2, "{stage}");
    }
}

#[tokio::test]
async fn a_slow_server_holds_only_its_own_messages() {
    let slow = vec![(
        "RCPT",
        Act::Slow(Duration::from_millis(300), "250 ok".to_owned()),
    )];
    let server = Server::start(vec![slow]).await;
    let smtp = std::sync::Arc::new(Smtp::new(config(&server)).unwrap());
    let held = {
        let smtp = std::sync::Arc::clone(&smtp);
        tokio::spawn(async move { smtp.send(&Draft::default().approved()).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let quick = smtp.send(&Draft::default().approved()).await;
    assert!(matches!(quick, Outcome::Accepted { .. }), "{quick:?}");
    assert!(begun.elapsed() < Duration::from_millis(200));
    assert!(matches!(held.await.unwrap(), Outcome::Accepted { .. }));
}

#[tokio::test]
async fn a_connection_serves_a_hundred_messages() {
    let server = Server::start(Vec::new()).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let begun = Instant::now();
    for _ in 0..101 {
        let outcome = smtp.send(&Draft::default().approved()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
    // With Nagle's algorithm each message would take about 40 ms.
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    let commands = server.commands();
    assert_eq!(commands.len(), 2);
    assert_eq!(commands[0].last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn the_offered_size_is_kept() {
    let server = Server::start_with(
        Vec::new(),
        Protection::None,
        "250-x\r\n250-DSN\r\n250 SIZE 2000",
    )
    .await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let outcome = smtp.send(&Draft::text(&"x".repeat(3000)).approved()).await;
    assert_eq!(kind(&outcome), "rejected size_exceeded");
    let outcome = smtp.send(&Draft::default().approved()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    let commands = server.commands();
    let mail = &commands[0][1];
    assert!(
        mail.starts_with("MAIL FROM:<news@salon.example> SIZE="),
        "{mail}"
    );
    assert!(mail.ends_with("RET=HDRS ENVID=01900000-0000-7000-8000-0000000000aa"));
    assert_eq!(
        commands[0][2],
        "RCPT TO:<ann@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann@example.org"
    );
}

#[tokio::test]
async fn injections_never_reach_the_wire() {
    let server = Server::start(Vec::new()).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let subject = |text: &str| Draft {
        subject: Some(text.to_owned()),
        ..Draft::default()
    };
    let sender = |text: &str| Draft {
        sender: text.to_owned(),
        ..Draft::default()
    };
    for (draft, reason) in [
        (subject("a\r\nBcc: x@y"), "header_control"),
        (subject("a\nb"), "header_control"),
        (subject("a\0b"), "header_control"),
        (Draft::to("a@b.c\r\nRCPT TO:<x@y>"), "header_control"),
        (Draft::to("a@b.c> NOTIFY=NEVER"), "recipient_invalid"),
        (Draft::to("-a@b.c"), "recipient_invalid"),
        (Draft::to("A <a@b.c>"), "recipient_invalid"),
        (sender("a@b.c\r\n"), "header_control"),
        (sender("-a@b.c"), "sender_invalid"),
    ] {
        let outcome = smtp.send(&draft.approved()).await;
        assert_eq!(kind(&outcome), format!("rejected {reason}"));
        if reason == "recipient_invalid" {
            assert!(!smtp.accepts_address(draft.approved().recipient()));
        }
    }
    assert!(server.commands().is_empty());
}

#[tokio::test]
async fn an_approved_sender_replaces_the_default() {
    let server = Server::start(Vec::new()).await;
    let smtp = Smtp::new(config(&server)).unwrap();
    let draft = Draft {
        sender: "Ann <ann@other.example>".to_owned(),
        ..Draft::default()
    };
    assert!(matches!(
        smtp.send(&draft.approved()).await,
        Outcome::Accepted { .. }
    ));
    assert!(server.commands()[0][1].starts_with("MAIL FROM:<ann@other.example>"));
    let text = String::from_utf8(server.messages().remove(0)).unwrap();
    assert!(text.contains("From: Ann <ann@other.example>\r\n"), "{text}");
    assert!(text.contains("@other.example>\r\n"), "{text}");
}

#[tokio::test]
async fn a_mail_program_can_unsubscribe_its_reader() {
    let keys = || TokenKeys::new(vec![5; 32], Vec::new()).unwrap();
    let server = Server::start(vec![Vec::new()]).await;
    let mut config = config(&server);
    config.unsubscribe = Some(UnsubscribeLinks {
        base: "https://crm.example.com/u/".to_owned(),
        keys: keys(),
    });
    let smtp = Smtp::new(config.clone()).unwrap();
    let approved = Draft::default().approved();
    assert!(matches!(
        smtp.send(&approved).await,
        Outcome::Accepted { .. }
    ));
    let message = String::from_utf8(server.messages()[0].clone()).unwrap();
    let header = |name: &str| {
        let unfolded = message.replace("\r\n ", " ");
        let line = unfolded.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    // RFC 8058: exactly one https address and the one word.
    let link = header("List-Unsubscribe:");
    let token = link
        .strip_prefix("<https://crm.example.com/u/")
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap();
    let wish = keys().read(token).unwrap();
    assert_eq!(
        (wish.workspace.as_str(), wish.channel.as_str(), wish.topic),
        ("salon", "email", Topic::Relationship)
    );
    assert_eq!(wish.contact_id, approved.contact_id());
    assert!(!link.contains("ann"), "no personal data in a link");
    let post = header("List-Unsubscribe-Post:");
    assert_eq!(post, "List-Unsubscribe=One-Click");

    for wrong in [
        "http://crm.example.com/u/",
        "https://",
        "https:///u/",
        "https://a b/",
        "https://a/>",
    ] {
        let mut config = config.clone();
        config.unsubscribe.as_mut().unwrap().base = wrong.to_owned();
        assert!(Smtp::new(config).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn authentication() {
    for (offer, first) in [
        (
            "250-x\r\n250 AUTH LOGIN PLAIN",
            "AUTH PLAIN AHVzZXIAc2VjcmV0",
        ),
        ("250-x\r\n250 AUTH LOGIN", "AUTH LOGIN"),
    ] {
        let server = Server::start_with(Vec::new(), Protection::None, offer).await;
        let smtp = Smtp::new(login(config(&server))).unwrap();
        let outcome = smtp.send(&Draft::default().approved()).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        assert_eq!(server.commands()[0][1], first);
        if first == "AUTH LOGIN" {
            assert_eq!(server.commands()[0][2..4], ["dXNlcg==", "c2VjcmV0"]);
        }
        assert!(!format!("{smtp:?}").contains("secret"));
    }
    for (offer, script, expected) in [
        ("250 x", vec![], "stop auth_not_offered"),
        (
            "250-x\r\n250 AUTH PLAIN",
            vec![("AUTH", say("535 5.7.8 no"))],
            "stop auth_535_5.7.8",
        ),
        (
            "250-x\r\n250 AUTH PLAIN",
            vec![("AUTH", say("454 4.7.0 later"))],
            "retry_after Channel auth_454_4.7.0",
        ),
        (
            "250-x\r\n250 AUTH LOGIN",
            vec![("LOGIN", say("535 no"))],
            "stop auth_535",
        ),
    ] {
        let server = Server::start_with(vec![script], Protection::None, offer).await;
        let smtp = Smtp::new(login(config(&server))).unwrap();
        let outcome = smtp.send(&Draft::default().approved()).await;
        assert_eq!(kind(&outcome), expected);
    }
}

fn login(mut config: SmtpConfig) -> SmtpConfig {
    config.user = Some("user".to_owned());
    config.password = Some("secret".to_owned().into());
    config
}

#[tokio::test]
async fn a_busy_pool_is_not_an_error_of_the_message() {
    let server = Server::start(vec![vec![("RCPT", Act::Hang)]]).await;
    let mut config = config(&server);
    config.max_connections = 1;
    config.timeouts.connect = Duration::from_millis(100);
    let smtp = std::sync::Arc::new(Smtp::new(config).unwrap());
    let held = {
        let smtp = std::sync::Arc::clone(&smtp);
        tokio::spawn(async move { smtp.send(&Draft::default().approved()).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let outcome = smtp.send(&Draft::default().approved()).await;
    assert!(
        matches!(
            outcome,
            Outcome::RetryAfter {
                scope: RetryScope::Message,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(
        kind(&held.await.unwrap()),
        "retry_after Message rcpt_timeout"
    );
}

/// A server that asks for the content and then does not read it.
async fn deaf() -> (u16, tokio::task::JoinHandle<()>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let held = tokio::spawn(async move {
        let mut io = BufReader::new(listener.accept().await.unwrap().0);
        let mut line = String::new();
        for reply in ["220 hi", "250 hello", "250 ok", "250 ok", "354 go"] {
            io.write_all(format!("{reply}\r\n").as_bytes())
                .await
                .unwrap();
            line.clear();
            if reply != "354 go" {
                io.read_line(&mut line).await.unwrap();
            }
        }
        std::future::pending::<()>().await;
    });
    (port, held)
}

#[tokio::test]
async fn content_that_was_not_handed_over_whole_was_not_taken() {
    // One fits into what the system holds between two sockets, its dot as well; the other does not.
    let cases = [
        (1_000, "unknown dot_timeout"),
        (16_000_000, "retry_after Message data_timeout"),
    ];
    for (octets, expected) in cases {
        let (port, held) = deaf().await;
        let from = Mailbox::parse("news@salon.example").unwrap();
        let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
        config.port = port;
        config.timeouts.command = Duration::from_secs(2);
        config.timeouts.data = Duration::from_millis(500);
        let smtp = Smtp::new(config).unwrap();
        let draft = Draft::text(&"a".repeat(octets));
        let outcome = smtp.send(&draft.approved()).await;
        assert_eq!(kind(&outcome), expected);
        held.abort();
    }
}

#[tokio::test]
async fn more_attempts_than_connections_take_turns() {
    let server = Server::start(vec![vec![]]).await;
    let mut config = config(&server);
    (config.max_connections, config.concurrency) = (1, Some(3));
    let smtp = std::sync::Arc::new(Smtp::new(config).unwrap());
    assert_eq!(smtp.capabilities().concurrency, 3);
    let sends = (0..3).map(|_| {
        let smtp = std::sync::Arc::clone(&smtp);
        tokio::spawn(async move { smtp.send(&Draft::default().approved()).await })
    });
    for send in sends.collect::<Vec<_>>() {
        let outcome = send.await.unwrap();
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
    assert_eq!(server.messages().len(), 3);
}
