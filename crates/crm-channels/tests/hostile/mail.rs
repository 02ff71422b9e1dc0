//! A mail server that does its worst, at every step of a dialogue. Up to the final dot nothing can have been
//! taken; after it only an answer settles the matter.

use std::net::SocketAddr;
use std::time::Duration;

use crm_channels::smtp::{Mailbox, Timeouts, Tls};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::message::AttemptOutcome as O;
use crm_core::port::channel::Channel as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::common::Draft;
use crate::common::server::{Server, say};

/// The steps of a dialogue, by the start of what the client says; the greeting comes unasked.
const STEPS: [&str; 6] = ["", "EHLO", "MAIL", "RCPT", "DATA", "."];

/// What the server does at its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worst {
    Hangs,
    Resets,
    OneByteASecond,
    /// A line that never ends.
    Line,
    /// Lines that never end.
    Lines,
    NoText,
    Nonsense,
    /// Answers when all is given up.
    Late,
}

const ALL: [Worst; 8] = [
    Worst::Hangs,
    Worst::Resets,
    Worst::OneByteASecond,
    Worst::Line,
    Worst::Lines,
    Worst::NoText,
    Worst::Nonsense,
    Worst::Late,
];

/// What a client waits for a reply.
const PATIENCE: Duration = Duration::from_millis(1200);

pub(crate) fn smtp(server: SocketAddr) -> Smtp {
    let from = Mailbox::parse("Salon <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.port();
    config.timeouts = Timeouts {
        connect: PATIENCE,
        command: PATIENCE,
        data: PATIENCE,
    };
    Smtp::new(config).unwrap()
}

/// A server whose first connection goes wrong at this step; all others are fine.
pub(crate) async fn server(step: &'static str, worst: Worst, first_only: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bad = true;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, bad.then_some((step, worst))));
            bad = !first_only;
        }
    });
    address
}

async fn talk(stream: TcpStream, bad: Option<(&'static str, Worst)>) -> std::io::Result<()> {
    let mut io = BufReader::new(stream);
    let mut word = String::new();
    let mut in_content = false;
    loop {
        if let Some((step, worst)) = bad
            && !in_content
            && word == step
        {
            return misbehaves(io.get_mut(), worst).await;
        }
        let reply = match word.as_str() {
            "" => "220 ready",
            "EHLO" => "250-server\r\n250 SIZE 0",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if !in_content {
            io.get_mut()
                .write_all(format!("{reply}\r\n").as_bytes())
                .await?;
            in_content = word == "DATA";
        }
        let mut line = Vec::new();
        if io.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if in_content {
            if line != "." {
                continue;
            }
            in_content = false;
        }
        word = line.split([' ', ':']).next().unwrap_or_default().to_owned();
    }
}

async fn misbehaves(stream: &mut TcpStream, worst: Worst) -> std::io::Result<()> {
    match worst {
        Worst::Hangs => std::future::pending().await,
        Worst::Resets => stream.set_zero_linger(),
        Worst::OneByteASecond => {
            for byte in b"250 it takes as long as it takes\r\n" {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
        Worst::Line => loop {
            stream.write_all(&[b'2'; 64 * 1024]).await?;
        },
        Worst::Lines => {
            let lines = "250-more\r\n".repeat(6_000);
            loop {
                stream.write_all(lines.as_bytes()).await?;
            }
        }
        Worst::NoText => stream.write_all(&[0xff, 0, b'\r', b'\n']).await,
        Worst::Nonsense => stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await,
        Worst::Late => {
            tokio::time::sleep(PATIENCE + Duration::from_millis(600)).await;
            stream.write_all(b"250 2.0.0 queued as LATE\r\n").await?;
            std::future::pending().await
        }
    }
}

async fn meets(step: &'static str, worst: Worst) {
    let what = format!("{worst:?} at {step:?}");
    let smtp = smtp(server(step, worst, true).await);
    let outcome = smtp.send(&Draft::default().approved()).await;
    let wanted = if step == "." {
        O::Unknown
    } else {
        O::RetryAfter
    };
    assert_eq!(outcome.kind(), wanted, "{what}: {outcome:?}");
    let reason = outcome.reason().unwrap();
    assert!(reason.len() < 60, "{what}: a code, not {reason:?}");
    let next = smtp.send(&Draft::default().approved()).await;
    let late = format!("{next:?}").contains("LATE");
    assert!(next.kind() == O::Accepted && !late, "{what}: {next:?}");
}

/// What a server calls the message is kept, and it may call it anything.
#[tokio::test]
async fn a_queue_id_without_end_is_cut() {
    let long = format!("250 2.0.0 queued as {}", "9".repeat(3_900));
    let server = Server::start(vec![vec![(".", say(&long))]]).await;
    let outcome = smtp(server.address)
        .send(&Draft::default().approved())
        .await;
    assert_eq!(outcome.kind(), O::Accepted);
    assert!(format!("{outcome:?}").len() < 200, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_behaviour_has_its_outcome_at_every_step() {
    let cases = STEPS
        .into_iter()
        .flat_map(|step| ALL.into_iter().map(move |worst| (step, worst)));
    let together: Vec<_> = cases
        .map(|(step, worst)| tokio::spawn(meets(step, worst)))
        .collect();
    assert_eq!(together.len(), 48);
    for one in together {
        one.await.unwrap();
    }
}
