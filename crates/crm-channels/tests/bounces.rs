//! What comes back by mail: which attempt it is about, what it says, and that no mail does harm.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;

use chrono::{TimeZone as _, Utc};
use common::Draft;
use common::server::{Protection, Server};
use crm_channels::smtp::{Mailbox, ReturnPath, Tls, bounce};
use crm_channels::{Smtp, SmtpConfig};
use crm_core::ErrorKind;
use crm_core::id::AttemptId;
use crm_core::port::callback::{About, Fate, News, Receipt};
use crm_core::port::channel::{Channel as _, Outcome};
use proptest::prelude::*;
use uuid::Uuid;

const FAILED: &str = include_str!("data/bounces/postfix_failed.eml");
const DELAYED: &str = include_str!("data/bounces/postfix_delayed.eml");
const EXCHANGE: &str = include_str!("data/bounces/exchange_failed.eml");
const COMPLAINT: &str = include_str!("data/bounces/complaint.eml");
const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";

fn path() -> ReturnPath {
    ReturnPath::parse("bounce@crm.test").unwrap()
}

fn attempt(id: &str) -> About {
    About::Attempt(AttemptId(id.parse::<Uuid>().unwrap()))
}

fn read(mail: &str) -> Vec<News> {
    bounce::read(mail.as_bytes(), Some(&path())).unwrap()
}

#[track_caller]
fn receipt(mail: &str) -> Receipt {
    match read(mail).as_slice() {
        [News::Receipt(receipt)] => receipt.clone(),
        other => panic!("{other:?}"),
    }
}

fn dead(reason: &str) -> Fate {
    Fate::Failed {
        reason: reason.to_owned(),
        dead: true,
    }
}

#[test]
fn servers_say_what_became_of_a_message() {
    for (mail, fate, at) in [
        (FAILED, dead("bounce_5.1.1"), (2026, 11, 22, 19, 2, 7)),
        (DELAYED, Fate::Accepted, (2026, 11, 22, 19, 2, 7)),
        (EXCHANGE, dead("bounce_5.1.10"), (2026, 3, 3, 5, 15, 42)),
    ] {
        let (year, month, day, hour, minute, second) = at;
        let at = Utc.with_ymd_and_hms(year, month, day, hour, minute, second);
        let about = attempt(ATTEMPT);
        let at = at.single();
        let wanted = Receipt { about, fate, at };
        assert_eq!(receipt(mail), wanted);
        // Whatever the line ends.
        assert_eq!(receipt(&mail.replace('\n', "\r\n")), wanted);
    }
    assert_eq!(
        receipt(&FAILED.replace("Date: Sun, 22", "Date: Sun, 99")).at,
        None
    );
}

#[test]
fn the_attempt_is_told_by_the_address_then_the_envelope_then_the_headers() {
    let (a, b, c) = (
        "00000000-0000-0000-0000-00000000000a",
        "00000000-0000-0000-0000-00000000000b",
        "00000000-0000-0000-0000-00000000000c",
    );
    let verp = |mail: &str, id: &str| mail.replace(&ATTEMPT.replace('-', ""), &id.replace('-', ""));
    let envelope = |mail: &str, id: &str| {
        mail.replace(
            &format!("Original-Envelope-Id: {ATTEMPT}"),
            &format!("Original-Envelope-Id: {id}"),
        )
    };
    let header = |mail: &str, id: &str| {
        mail.replace(
            &format!("X-Crm-Attempt: {ATTEMPT}"),
            &format!("X-Crm-Attempt: {id}"),
        )
    };
    let mail = verp(&envelope(&header(FAILED, c), b), a);
    assert_eq!(receipt(&mail).about, attempt(a));
    // Any one of the addresses will do, however it is written.
    for name in ["X-Original-To", "Delivered-To", "To"] {
        let token = a.replace('-', "");
        let others = mail.replace(&token, "nobody");
        let one = format!(
            "{name}: \"B\" <BOUNCE+{}@crm.test>, x@y.example\r\n{others}",
            token.to_uppercase()
        );
        assert_eq!(receipt(&one).about, attempt(a), "{name}");
    }
    let mail = verp(&mail, "nonsense").replace(&a.replace('-', ""), "nonsense");
    assert_eq!(receipt(&mail).about, attempt(b));
    let coded = mail.replace(b, &b.replace('-', "+2D"));
    assert_eq!(receipt(&coded).about, attempt(b));
    let mail = mail.replace(b, "other");
    assert_eq!(receipt(&mail).about, attempt(c));
    let mail = mail.replace(c, "other");
    let id = "01900000-0000-7000-8000-000000000001@crm.test";
    assert_eq!(receipt(&mail).about, About::ProviderId(id.to_owned()));
    // By the address of the recipient alone nobody is known.
    let mail = mail.replace("Message-ID: <01900000", "Message-ID: <x");
    assert!(mail.contains("Final-Recipient: rfc822; gone@dead.test"));
    assert_eq!(read(&mail), []);
}

#[test]
fn without_a_return_path_tokens_mean_nothing() {
    let mail = FAILED
        .replace(ATTEMPT, "other")
        .replace("Message-ID: <01900000", "Message-ID: <x");
    assert_eq!(read(&mail).len(), 1);
    assert_eq!(bounce::read(mail.as_bytes(), None).unwrap(), []);
    let other = ReturnPath::parse("bounce@other.test").unwrap();
    assert_eq!(bounce::read(mail.as_bytes(), Some(&other)).unwrap(), []);
}

#[test]
fn a_complaint_is_an_opt_out() {
    let wanted = News::OptOut {
        address: "ann@mail.example".to_owned(),
        reason: "complaint".to_owned(),
    };
    assert_eq!(read(COMPLAINT), std::slice::from_ref(&wanted));
    let headers = COMPLAINT
        .replace(
            "Content-Type: message/rfc822",
            "Content-Type: text/rfc822-headers",
        )
        .replace("Feedback-Type: abuse", "feedback-type:\n  Abuse");
    assert_eq!(read(&headers), [wanted]);
    assert_eq!(
        read(&COMPLAINT.replace("Type: abuse", "Type: not-spam")),
        []
    );
    assert_eq!(read(&COMPLAINT.replace("01900000", "x")), []);
}

#[test]
fn other_mail_says_nothing() {
    let forwarded = format!(
        "From: boss@crm.test\r\nTo: bounce+{}@crm.test\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n\
         --outer\r\nContent-Type: text/plain\r\n\r\nlook at this\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n\
         {FAILED}\r\n--outer--\r\n",
        ATTEMPT.replace('-', "")
    );
    let away = format!(
        "From: ann@example.org\r\nTo: bounce+{}@crm.test\r\nAuto-Submitted: auto-replied\r\n\
         Subject: Out of office\r\nIn-Reply-To: <01900000-0000-7000-8000-000000000001@crm.test>\r\n\r\n\
         550 5.1.1 user unknown until Monday\r\nAction: failed\r\nStatus: 5.1.1\r\n",
        ATTEMPT.replace('-', "")
    );
    let silent = FAILED.replace("Action: failed", "X-Action: failed");
    for mail in [
        forwarded.as_str(),
        &away,
        &silent,
        "Subject: x\r\n\r\n",
        "a: b",
    ] {
        assert_eq!(read(mail), [], "{mail}");
    }
}

#[test]
fn a_report_may_be_encoded() {
    let part = "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: utf-8; ann@example.org\r\nAction: failed\r\nStatus: 5.2.2\r\n";
    let quoted = part
        .replace("Action", "Acti=6Fn")
        .replace("5.2.2", "5.=\r\n2.2");
    let base64 = "UmVwb3J0aW5nLU1UQTogZG5zOyBteA0KDQpGaW5hbC1SZWNpcGllbnQ6IHV0Zi04OyBhbm5A\r\n\
                  ZXhhbXBsZS5vcmcNCkFjdGlvbjogZmFpbGVkDQpTdGF0dXM6IDUuMi4yDQo=\r\n";
    for (kind, encoding, part) in [
        ("delivery-status", "7bit", part),
        ("global-delivery-status", "8bit", part),
        ("global-delivery-status", "base64", base64),
        ("Delivery-Status", "Quoted-Printable", &quoted),
        ("delivery-status; charset=utf-16", "no-such-encoding", part),
    ] {
        let mail = format!(
            "To: bounce+{}@crm.test\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\
             Content-Type: message/{kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{part}\r\n--b--\r\n",
            ATTEMPT.replace('-', "")
        );
        let fate = Fate::Failed {
            reason: "bounce_5.2.2".to_owned(),
            dead: false,
        };
        assert_eq!(receipt(&mail).fate, fate, "{kind} {encoding}");
    }
}

#[test]
fn what_is_no_mail_is_said() {
    let many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n".repeat(101);
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(30_000);
    let spaced = "Content- Type : message/rfc822\r\n\r\n".repeat(30_000);
    for bad in ["", "\r\n\r\n", "\r\nno headers", &many, &deep, &spaced] {
        let error = bounce::read(bad.as_bytes(), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    // Deep, and still allowed.
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(100);
    assert_eq!(read(&deep), []);
}

/// Found by changing mails at random: an empty message in a message, at which the parser stumbles.
#[test]
fn a_mail_that_the_parser_stumbles_over_does_no_harm() {
    let mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
                Content-Type: message/rfc822\n\n\n--b--";
    match bounce::read(mail.as_bytes(), None) {
        Ok(news) => assert_eq!(news, []),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid),
    }
}

#[test]
fn a_huge_mail_is_read_from_its_start() {
    let huge = EXCHANGE.replace("SGVsbG8K", &"SGVsbG8K\r\n".repeat(1_000_000));
    assert!(huge.len() > 8 * bounce::LARGEST);
    assert_eq!(receipt(&huge).fate, dead("bounce_5.1.10"));
    // What stands behind a mebibyte is not looked at.
    let late = FAILED.replace(
        "This is the mail system",
        &"This is the mail system\n".repeat(50_000),
    );
    assert_eq!(read(&late), []);
}

#[test]
fn a_mail_that_breaks_off_says_less_or_nothing() {
    for mail in [FAILED, DELAYED, EXCHANGE, COMPLAINT] {
        let whole = read(mail);
        let mut last = 0;
        for end in 0..=mail.len() {
            let news = bounce::read(&mail.as_bytes()[..end], Some(&path())).unwrap_or_default();
            assert!(news.len() >= last, "what was read is not unread: {end}");
            last = news.len();
        }
        assert_eq!(read(mail), whole);
        assert_eq!(last, 1);
    }
}

/// The bounce of our own message, as a server would make it of what it was given.
#[tokio::test]
async fn what_we_send_can_be_recognised_when_it_comes_back() {
    let offer = "250-server\r\n250 DSN";
    let server = Server::start_with(Vec::new(), Protection::None, offer).await;
    let from = Mailbox::parse("Salon <news@salon.example>").unwrap();
    let mut config = SmtpConfig::new("127.0.0.1", Tls::None, from);
    config.port = server.address.port();
    config.return_path = Some(path());
    let smtp = Smtp::new(config).unwrap();
    let approved = Draft::to("ann+b=c@example.org").approved();
    let outcome = smtp.send(&approved).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");

    let commands = server.commands().remove(0);
    let token = ATTEMPT.replace('-', "");
    let sender = format!("bounce+{token}@crm.test");
    assert_eq!(
        commands[1],
        format!("MAIL FROM:<{sender}> RET=HDRS ENVID={ATTEMPT}")
    );
    assert_eq!(
        commands[2],
        "RCPT TO:<ann+b=c@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2Bb+3Dc@example.org"
    );
    let message = String::from_utf8(server.messages().remove(0)).unwrap();
    assert!(
        message.contains("From: Salon <news@salon.example>\r\n"),
        "{message}"
    );

    let headers = message.split("\r\n\r\n").next().unwrap();
    let report = |to: &str, id: &str, headers: &str| {
        format!(
            "To: {to}\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n{id}Reporting-MTA: dns; mx\r\n\r\n\
             Original-Recipient: rfc822;ann+2Bb+3Dc@example.org\r\nFinal-Recipient: rfc822; ann+b=c@example.org\r\n\
             Action: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{headers}\r\n--b--\r\n"
        )
    };
    let id = format!("Original-Envelope-Id: {ATTEMPT}\r\n");
    let nobody = "news@salon.example";
    for mail in [
        report(&sender, "", ""),
        report(nobody, &id, ""),
        report(nobody, "", headers),
    ] {
        let receipt = receipt(&mail);
        assert_eq!(
            receipt.about,
            About::Attempt(approved.attempt_id()),
            "{mail}"
        );
        assert_eq!(receipt.fate, dead("bounce_5.1.1"), "{mail}");
    }
    // No queue id was given, so the message's own id is the provider's.
    let without: Vec<&str> = headers
        .lines()
        .filter(|line| !line.starts_with("X-Crm-"))
        .collect();
    let Outcome::Accepted { provider_id } = outcome else {
        panic!()
    };
    let mail = report(nobody, "", &without.join("\r\n"));
    assert_eq!(receipt(&mail).about, About::ProviderId(provider_id));
    assert_eq!(read(&report(nobody, "", "")), []);
}

fn samples() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![FAILED, DELAYED, EXCHANGE, COMPLAINT])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_mail_does_harm(
        mail in samples(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, any::<u8>()), 1..12),
    ) {
        let mut mail = mail.as_bytes().to_vec();
        for (at, how, byte) in changes {
            let at = at.index(mail.len());
            match how {
                0 => mail[at] = byte,
                1 => mail.insert(at, byte),
                2 => { mail.remove(at); mail.push(b' '); }
                3 => mail.truncate(at + 1),
                4 => { let tail = mail[at..].to_vec(); mail.extend(tail); }
                _ => { mail.drain(at..(at + usize::from(byte)).min(mail.len())); mail.push(b'\n'); }
            }
            mail.truncate(100_000);
        }
        match bounce::read(&mail, Some(&path())) {
            Ok(news) => prop_assert!(news.len() <= 2),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Invalid),
        }
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Err(error) = bounce::read(&bytes, Some(&path())) {
            prop_assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn no_arrangement_of_parts_does_harm(parts in prop::collection::vec(prop::sample::select(vec![
        "Content-Type: multipart/report; boundary=b\r\n", "Content-Type: multipart/digest; boundary=\"c\"\r\n",
        "Content-Type: message/rfc822\r\n", "Content-Type: message/delivery-status\r\n",
        "Content-Type: message/feedback-report\r\n", "Content-Type: text/rfc822-headers\r\n",
        "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n",
        "\r\n", "--b\r\n", "--b--\r\n", "--c\r\n", "--c--", "--", "Action: failed\r\n", "Status: 5.1.1\r\n",
        "To: bounce+019000000000700080000000000000aa@crm.test\r\n", "Date: Sun, 22 Nov 2026 19:02:07 +0000\r\n",
        "Feedback-Type: abuse\r\n", " folded\r\n", "=?utf-8?B?0Z4=?= ", "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMg0KDQo=\r\n",
        "Received: from a by b;\r\n ", ":\n", "\"", "(", "<", "\0", "charset=utf-7;",
    ]), 0..60)) {
        if let Err(error) = bounce::read(parts.concat().as_bytes(), Some(&path())) {
            prop_assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
