//! Each way in which a wire breaks, for each provider.

use std::net::SocketAddr;
use std::time::Duration;

use crm_channels::HttpOptions;
use crm_core::message::{AttemptOutcome, Status};
use tokio::net::{TcpListener, TcpStream};

use crate::common::emulator::{PATIENT, nobody, options};
use crate::common::http::{Act, json};
use crate::common::stages::{Certificate, front};
use crate::end::{End, walk};
use crate::provider::{ALL, ESKIZ, Faulty, Kind, WEBHOOK};
use crate::world::World;

/// What a test waits for an answer that never comes.
const IMPATIENT: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn a_lost_answer_is_nobodys_to_repeat() {
    let html = b"<html>no</html>".to_vec();
    for kind in ALL {
        let mut acts = vec![
            Act::Close,
            Act::Reset,
            Act::Hang,
            Act::Half(200, b"{\"id\":\"a\",".to_vec()),
            Act::Half(400, b"{\"code\":21211,".to_vec()),
            Act::Flood(1024 * 1024),
            Act::Answer(502, Vec::new(), html.clone()),
            Act::Answer(504, Vec::new(), html.clone()),
        ];
        if kind.name != WEBHOOK.name {
            // The status alone speaks for a webhook's receiver.
            acts.push(Act::Answer(200, Vec::new(), html.clone()));
            acts.push(Act::Answer(200, Vec::new(), vec![0xff; 9]));
            acts.push(json(200, "{}"));
            acts.push(Act::Answer(204, Vec::new(), Vec::new()));
        }
        for act in acts {
            let shown = format!("{act:?}");
            let timeout = match act {
                Act::Hang => IMPATIENT,
                _ => PATIENT,
            };
            let faulty = Faulty::start(kind, vec![act], true).await;
            let world = World::new(kind, options(&faulty.provider.base(), timeout));
            walk(kind, &faulty, &world, End::Uncertain, &shown).await;
        }
    }
}

/// Where the first connection is reset before anything is read; all others reach the provider.
async fn resets_once(provider: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (first, _) = listener.accept().await?;
        // With a linger of zero, closing sends RST.
        first.set_zero_linger()?;
        drop(first);
        while let Ok((mut outside, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(provider).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
        std::io::Result::Ok(())
    });
    format!("http://{address}")
}

/// A connection that stood and broke is a doubt, even where nothing was read: nobody can tell. Before the message
/// comes Eskiz's login, and that is safe to repeat.
#[tokio::test]
async fn a_reset_before_the_request_was_read_is_a_doubt_too() {
    for kind in ALL {
        let faulty = Faulty::start(kind, Vec::new(), false).await;
        let base = resets_once(faulty.provider.address).await;
        let world = World::new(kind, options(&base, PATIENT));
        let end = if kind.name == ESKIZ.name {
            End::Wait(30)
        } else {
            End::Uncertain
        };
        walk(kind, &faulty, &world, end, "reset at once").await;
    }
}

/// Nothing can be sent this way now. Two messages wait, one of them was tried; both are tried again after the rest.
async fn rests(kind: Kind, http: HttpOptions, outcome: AttemptOutcome, rest: u64) {
    let world = World::new(kind, http);
    let first = world.approved(&world.contact(1).await).await;
    world.work().await;
    let second = world.approved(&world.contact(2).await).await;
    world.work_after(Duration::from_secs(rest - 1)).await;
    assert_eq!(
        world.attempts(&first).await,
        [Some(outcome)],
        "{}",
        kind.name
    );
    assert_eq!(world.attempts(&second).await, [], "{}", kind.name);
    world.work_after(Duration::from_secs(1)).await;
    for message in [&first, &second] {
        assert_eq!(
            world.now(message).await.status,
            Status::Approved,
            "{}",
            kind.name
        );
        assert_eq!(world.suppressed(message).await, None);
    }
    let attempts = world.attempts(&first).await.len() + world.attempts(&second).await.len();
    assert!((2..=3).contains(&attempts), "{} {attempts}", kind.name);
    world.verify().await;
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_stops_the_channel() {
    for kind in ALL {
        for certificate in [
            Certificate::Untrusted,
            Certificate::Expired,
            Certificate::Foreign,
        ] {
            let faulty = Faulty::start(kind, Vec::new(), false).await;
            let http = HttpOptions {
                connect: PATIENT,
                timeout: PATIENT,
                ..front(certificate, faulty.provider.address).await
            };
            rests(kind, http, AttemptOutcome::Stop, 300).await;
            assert_eq!(faulty.provider.requests().len(), 0, "{certificate:?}");
        }
        let faulty = Faulty::start(kind, Vec::new(), false).await;
        let http = front(Certificate::Trusted, faulty.provider.address).await;
        let world = World::new(
            kind,
            HttpOptions {
                timeout: PATIENT,
                ..http
            },
        );
        let message = world.approved(&world.contact(1).await).await;
        world.work().await;
        assert_eq!(
            world.now(&message).await.status,
            Status::Sent,
            "{}",
            kind.name
        );
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_makes_its_channel_wait() {
    for kind in ALL {
        rests(
            kind,
            options(&nobody().await, PATIENT),
            AttemptOutcome::RetryAfter,
            60,
        )
        .await;
        // Somebody listens and does not speak TLS: it stays silent, however long one waits.
        let faulty = Faulty::start(kind, Vec::new(), false).await;
        let http = HttpOptions {
            connect: Duration::from_millis(200),
            ..options(&faulty.provider.base().replace("http:", "https:"), PATIENT)
        };
        rests(kind, http, AttemptOutcome::RetryAfter, 60).await;
        assert_eq!(faulty.provider.requests().len(), 0);
    }
}

/// Whoever sends a doubtful message again says that two are better than none, and then there may be two: also at
/// a webhook, whose receiver is given another id.
#[tokio::test]
async fn a_person_may_send_a_doubtful_message_again() {
    for kind in ALL {
        let faulty = Faulty::start(kind, vec![Act::Close], true).await;
        let world = World::new(kind, options(&faulty.provider.base(), PATIENT));
        let message = world.approved(&world.contact(1).await).await;
        world.work().await;
        assert_eq!(
            world.now(&message).await.status,
            Status::Uncertain,
            "{}",
            kind.name
        );
        assert_eq!(faulty.ledger().len(), 1);
        world.resend(&message).await;
        world.work_after(Duration::from_secs(3600)).await;
        assert_eq!(
            world.now(&message).await.status,
            Status::Sent,
            "{}",
            kind.name
        );
        assert_eq!(faulty.called(), 2);
        assert_eq!(faulty.ledger().len(), 2, "{}", kind.name);
    }
}

/// The receiver knows the message by its id, so the engine asks again by itself, and there is one.
#[tokio::test]
async fn a_lost_answer_of_a_webhook_is_asked_for_again() {
    let faulty = Faulty::start(WEBHOOK, vec![Act::Close], true).await;
    let world = World::new(WEBHOOK, options(&faulty.provider.base(), PATIENT));
    let message = world.approved(&world.contact(1).await).await;
    world.work().await;
    assert_eq!(world.now(&message).await.status, Status::Uncertain);
    world.work_after(Duration::from_secs(60)).await;
    assert_eq!(world.now(&message).await.status, Status::Sent);
    assert_eq!(faulty.called(), 2);
    assert_eq!(faulty.ledger().len(), 1);
}
