//! Conformance of channels: what every adapter of [`Channel`] must show before it may deliver.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::fixtures;
use super::report::Report;
use super::suite::{self, Stop, Verdict, ensure, list, same};
use crate::message::Approved;
use crate::port::channel::{Channel, Outcome};

/// What arrived at the recipient's end, decoded. Line ends are `\n`, and what the transport appends
/// behind the text (a final line end) is taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The address it arrived at.
    pub recipient: String,
    /// The subject, where the channel has one.
    pub subject: Option<String>,
    /// The body.
    pub content: String,
}

/// A way the provider can fail, which a harness may be able to act out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing listens: not a byte is taken.
    Unreachable,
    /// Says "not now" before taking the message.
    Busy,
    /// Takes the whole message and never answers, or hangs up.
    SilentAfterBody,
    /// Says that the address does not exist.
    NoSuchAddress,
    /// Does not accept the credentials.
    BadCredentials,
}

/// One channel and the far end it delivers to. Each case gets a new one.
#[async_trait]
pub trait ChannelHarness: Send + Sync {
    /// The channel under test.
    fn channel(&self) -> Arc<dyn Channel>;

    /// Everything that arrived so far.
    async fn delivered(&self) -> Vec<Delivered>;

    /// A valid address of the channel's kind, a different one for each number.
    fn address(&self, number: u64) -> String {
        format!("anna{number}@example.org")
    }

    /// Lets the provider fail so from now on; false when this harness cannot.
    async fn trouble(&self, _trouble: Trouble) -> bool {
        false
    }
}

const NOT_ACTED_OUT: Stop = Stop::Skipped("the harness cannot act it out");

type Harness = Arc<dyn ChannelHarness>;

/// A case over one channel.
pub type Case = suite::Case<Harness>;

/// All cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    list![
        capabilities_are_sane,
        accepts_good_addresses_only,
        delivers_plain_text,
        delivers_cyrillic,
        delivers_uzbek,
        delivers_emoji,
        delivers_odd_whitespace,
        delivers_lines_that_look_like_protocol,
        delivers_markup_literally,
        delivers_a_long_text,
        delivers_a_long_line,
        delivers_the_subject,
        delivers_a_long_subject,
        refuses_header_injection_in_the_subject,
        refuses_header_injection_in_the_recipient,
        refuses_an_empty_recipient,
        delivers_to_the_recipient_only,
        concurrent_deliveries_do_not_mix,
        two_messages_to_one_recipient_both_arrive,
        an_attempt_is_delivered_once_if_idempotent,
        debug_hides_text_and_address,
        reasons_hide_text_and_address,
        unreachable_is_safe_to_repeat,
        busy_is_safe_to_repeat,
        silence_after_the_body_is_unknown,
        no_such_address_is_dead,
        bad_credentials_stop_the_channel,
    ]
}

/// Runs all cases, each with a new harness.
pub async fn run_all<F, Fut>(make: F) -> Report
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn ChannelHarness>>,
{
    suite::run_all(cases(), make).await
}

fn proof(to: &str, number: u64, subject: Option<&str>, text: &str) -> Result<Approved, String> {
    fixtures::approved(number, "suite", to, subject, text).map_err(|error| error.to_string())
}

fn subject_for(harness: &Harness) -> Option<&'static str> {
    let subject = harness.channel().capabilities().subject;
    subject.then_some("С днём рождения!")
}

async fn send(harness: &Harness, approved: &Approved) -> Verdict {
    match harness.channel().send(approved).await {
        Outcome::Accepted { provider_id } => {
            ensure(!provider_id.is_empty(), "accepted without a provider's id")
        }
        other => Err(format!("not accepted but {:?}", other.kind()).into()),
    }
}

/// Delivers one text and compares what arrived.
async fn round_trip(harness: Harness, text: &str) -> Verdict {
    let (to, subject) = (harness.address(1), subject_for(&harness));
    send(&harness, &proof(&to, 1, subject, text)?).await?;
    let wanted = Delivered {
        recipient: to,
        subject: subject.map(str::to_owned),
        content: text.to_owned(),
    };
    same(harness.delivered().await, vec![wanted], "what arrived")
}

async fn capabilities_are_sane(harness: Harness) -> Verdict {
    let can = harness.channel().capabilities();
    ensure(can.concurrency >= 1, "concurrency is 0")?;
    ensure(can.timeout > Duration::ZERO, "timeout is 0")?;
    ensure(can.max_length != Some(0), "max_length is 0")?;
    same(harness.channel().capabilities(), can, "capabilities again")
}

async fn accepts_good_addresses_only(harness: Harness) -> Verdict {
    let channel = harness.channel();
    ensure(
        channel.accepts_address(&harness.address(1)),
        "refuses a good address",
    )?;
    ensure(!channel.accepts_address(""), "accepts an empty address")?;
    let injected = format!("{}\r\nBcc: eve@example.org", harness.address(1));
    ensure(
        !channel.accepts_address(&injected),
        "accepts an address with a line end",
    )
}

async fn delivers_plain_text(harness: Harness) -> Verdict {
    round_trip(harness, "Dear Ann, happy birthday!").await
}

async fn delivers_cyrillic(harness: Harness) -> Verdict {
    round_trip(harness, "Уважаемая Анна, поздравляем — ёлки «Ъ»!").await
}

async fn delivers_uzbek(harness: Harness) -> Verdict {
    round_trip(
        harness,
        "Tugʻilgan kuningiz bilan, oʻrtoq! Туғилган кунингиз, ўқувчи, ҳамма",
    )
    .await
}

async fn delivers_emoji(harness: Harness) -> Verdict {
    round_trip(harness, "🎂🎉 👩‍👩‍👧‍👦 🇺🇿 ☺️ e\u{301}").await
}

async fn delivers_odd_whitespace(harness: Harness) -> Verdict {
    round_trip(
        harness,
        "  two\n\n\n\ttab\u{a0}no-break\u{2003}em  \nlast =20 line",
    )
    .await
}

async fn delivers_lines_that_look_like_protocol(harness: Harness) -> Verdict {
    round_trip(
        harness,
        "first\n.\n..two\nFrom me\nQUIT\n--boundary\nSubject: no\n\n.end",
    )
    .await
}

async fn delivers_markup_literally(harness: Harness) -> Verdict {
    round_trip(
        harness,
        "<b>&amp;</b> {{name}} ${x} %s *bold* _it_ `code` \\n [a](b)",
    )
    .await
}

async fn delivers_a_long_text(harness: Harness) -> Verdict {
    let bound = harness.channel().capabilities().max_length;
    let length = bound.unwrap_or(10_000).min(10_000);
    let line: Vec<char> = "Поздравляем вас ещё раз!\n".chars().collect();
    let mut text: String = line.iter().cycle().take(length.saturating_sub(1)).collect();
    text.push('!');
    round_trip(harness, &text).await
}

async fn delivers_a_long_line(harness: Harness) -> Verdict {
    let bound = harness.channel().capabilities().max_length;
    let text = "ъ".repeat(bound.unwrap_or(3_000).min(3_000));
    round_trip(harness, &text).await
}

async fn subject_arrives(harness: Harness, subject: &str) -> Verdict {
    if !harness.channel().capabilities().subject {
        return Err(Stop::Skipped("the channel has no subject"));
    }
    send(
        &harness,
        &proof(&harness.address(1), 1, Some(subject), "text")?,
    )
    .await?;
    let arrived = harness.delivered().await;
    let found = arrived.first().and_then(|item| item.subject.clone());
    same(found, Some(subject.to_owned()), "subject")
}

async fn delivers_the_subject(harness: Harness) -> Verdict {
    subject_arrives(harness, "Tugʻilgan kun 🎂: =?utf-8?q?no?=, «ёж»").await
}

async fn delivers_a_long_subject(harness: Harness) -> Verdict {
    subject_arrives(harness, "Очень длинная тема ".repeat(10).trim_end()).await
}

async fn refuses_header_injection_in_the_subject(harness: Harness) -> Verdict {
    if !harness.channel().capabilities().subject {
        return Err(Stop::Skipped("the channel has no subject"));
    }
    let evil = "Hello\r\nBcc: eve@example.org\r\n\r\nother body";
    let to = harness.address(1);
    let outcome = harness
        .channel()
        .send(&proof(&to, 1, Some(evil), "text")?)
        .await;
    let arrived = harness.delivered().await;
    if arrived.is_empty() {
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        return ensure(!accepted, "accepted, yet nothing arrived");
    }
    for item in arrived {
        same(item.recipient, to.clone(), "recipient")?;
        same(item.content, "text".to_owned(), "body")?;
    }
    Ok(())
}

async fn refuses_header_injection_in_the_recipient(harness: Harness) -> Verdict {
    let evil = format!("{}\r\nBcc: eve@example.org", harness.address(1));
    refused(harness, &evil).await
}

async fn refuses_an_empty_recipient(harness: Harness) -> Verdict {
    refused(harness, "").await
}

async fn refused(harness: Harness, to: &str) -> Verdict {
    let approved = proof(to, 1, subject_for(&harness), "text")?;
    let outcome = harness.channel().send(&approved).await;
    ensure(
        matches!(outcome, Outcome::Rejected { .. } | Outcome::Dead { .. }),
        format!("neither rejected nor dead but {:?}", outcome.kind()),
    )?;
    same(harness.delivered().await.len(), 0, "how many arrived")
}

async fn delivers_to_the_recipient_only(harness: Harness) -> Verdict {
    let to = harness.address(2);
    send(&harness, &proof(&to, 2, subject_for(&harness), "text")?).await?;
    let arrived = harness.delivered().await;
    let found = arrived.into_iter().map(|item| item.recipient).collect();
    same(found, vec![to], "recipients")
}

async fn concurrent_deliveries_do_not_mix(harness: Harness) -> Verdict {
    let mut proofs = Vec::new();
    for number in 1..=16 {
        let text = format!("Текст номер {number}");
        let to = harness.address(number);
        proofs.push(proof(&to, number, subject_for(&harness), &text)?);
    }
    let channel = harness.channel();
    let outcomes = join_all(proofs.iter().map(|approved| channel.send(approved))).await;
    let accepted = |outcome: &&Outcome| matches!(outcome, Outcome::Accepted { .. });
    same(outcomes.iter().filter(accepted).count(), 16, "accepted")?;
    let arrived = harness.delivered().await;
    same(arrived.len(), 16, "how many arrived")?;
    for approved in &proofs {
        let whole = |item: &&Delivered| {
            item.recipient == approved.recipient() && item.content == approved.content()
        };
        same(
            arrived.iter().filter(whole).count(),
            1,
            "copies of one message",
        )?;
    }
    Ok(())
}

async fn two_messages_to_one_recipient_both_arrive(harness: Harness) -> Verdict {
    let (to, subject) = (harness.address(1), subject_for(&harness));
    for number in [1, 2] {
        send(&harness, &proof(&to, number, subject, "the same text")?).await?;
    }
    same(harness.delivered().await.len(), 2, "how many arrived")
}

async fn an_attempt_is_delivered_once_if_idempotent(harness: Harness) -> Verdict {
    if !harness.channel().capabilities().idempotent {
        return Err(Stop::Skipped("the provider does not remove duplicates"));
    }
    let (to, subject) = (harness.address(1), subject_for(&harness));
    let approved = proof(&to, 1, subject, "text")?;
    let again = fixtures::approved_again(1, "suite", &to, subject, "text")
        .map_err(|error| error.to_string())?;
    // Another attempt under the same key, as after a doubt.
    for approved in [&approved, &approved, &again, &approved] {
        send(&harness, approved).await?;
    }
    same(harness.delivered().await.len(), 1, "how many arrived")
}

async fn debug_hides_text_and_address(harness: Harness) -> Verdict {
    let to = harness.address(7);
    let approved = proof(&to, 7, subject_for(&harness), "a secret text")?;
    let outcome = harness.channel().send(&approved).await;
    let shown = format!("{:?} {approved:?} {outcome:?}", harness.channel());
    ensure(!shown.contains("secret text"), "Debug shows the text")?;
    ensure(!shown.contains(&to), "Debug shows the address")
}

async fn reasons_hide_text_and_address(harness: Harness) -> Verdict {
    if !harness.trouble(Trouble::NoSuchAddress).await {
        return Err(NOT_ACTED_OUT);
    }
    let to = harness.address(7);
    let approved = proof(&to, 7, subject_for(&harness), "a secret text")?;
    let outcome = harness.channel().send(&approved).await;
    let reason = outcome.reason().unwrap_or_default();
    ensure(!reason.is_empty(), "a failure without a code")?;
    ensure(
        !reason.contains("secret") && !reason.contains(&to) && !reason.contains(' '),
        "the reason is more than a code",
    )
}

/// Sends into trouble; `None` when the harness cannot act it out.
async fn in_trouble(harness: &Harness, trouble: Trouble) -> Result<Option<Outcome>, String> {
    if !harness.trouble(trouble).await {
        return Ok(None);
    }
    let approved = proof(&harness.address(1), 1, subject_for(harness), "text")?;
    Ok(Some(harness.channel().send(&approved).await))
}

fn is(outcome: Option<&Outcome>, wanted: fn(&Outcome) -> bool) -> Verdict {
    match outcome {
        Some(outcome) => ensure(wanted(outcome), format!("ended as {:?}", outcome.kind())),
        None => Err(NOT_ACTED_OUT),
    }
}

async fn unreachable_is_safe_to_repeat(harness: Harness) -> Verdict {
    let outcome = in_trouble(&harness, Trouble::Unreachable).await?;
    is(outcome.as_ref(), |o| {
        matches!(o, Outcome::RetryAfter { .. } | Outcome::Stop { .. })
    })
}

async fn busy_is_safe_to_repeat(harness: Harness) -> Verdict {
    let outcome = in_trouble(&harness, Trouble::Busy).await?;
    is(outcome.as_ref(), |o| {
        matches!(o, Outcome::RetryAfter { .. })
    })
}

async fn silence_after_the_body_is_unknown(harness: Harness) -> Verdict {
    let outcome = in_trouble(&harness, Trouble::SilentAfterBody).await?;
    is(outcome.as_ref(), |o| matches!(o, Outcome::Unknown { .. }))
}

async fn no_such_address_is_dead(harness: Harness) -> Verdict {
    let outcome = in_trouble(&harness, Trouble::NoSuchAddress).await?;
    is(outcome.as_ref(), |o| matches!(o, Outcome::Dead { .. }))
}

async fn bad_credentials_stop_the_channel(harness: Harness) -> Verdict {
    let outcome = in_trouble(&harness, Trouble::BadCredentials).await?;
    is(outcome.as_ref(), |o| matches!(o, Outcome::Stop { .. }))
}
