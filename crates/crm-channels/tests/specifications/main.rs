//! Every request that a channel over HTTP makes, in all its variants, against the provider's specification, by an
//! independent validator.
//!
//! The documents in `data/specs` are the providers' own, cut down; the README there says from where and how.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../common/mod.rs"]
mod common;
mod eskiz;
mod messengers;
mod twilio;
mod validator;
mod webhook;

use common::Draft;
use crm_core::port::callback::Doubt;

const TO: &str = "+998901234567";
const ATTEMPT: &str = "01900000-0000-7000-8000-0000000000aa";

/// Texts that are odd in a form, in JSON or on a wire, and the longest ones.
fn texts(longest: usize) -> Vec<String> {
    vec![
        "Salom, Anna!".to_owned(),
        "Oʻzbekcha: gʻalaba, maʼno, «qoʻshtirnoq»".to_owned(),
        "Ассалому алайкум, ўртоқ Ғани! Ҳурмат билан — Қодир №1".to_owned(),
        "🎂 e\u{301} \u{202e}txet\u{202c} שלום مرحبا".to_owned(),
        "a & b=c + d%20 \"e\" \\ <f> {g}".to_owned(),
        "one\r\ntwo\nthree\ttab".to_owned(),
        " ".to_owned() + &"x".repeat(159),
        "a".repeat(longest),
        "я".repeat(longest),
    ]
}

fn draft(content: &str) -> Draft {
    Draft {
        recipient: TO.to_owned(),
        subject: None,
        ..Draft::text(content)
    }
}

fn doubt() -> Doubt {
    Doubt {
        attempt_id: ATTEMPT.parse::<uuid::Uuid>().unwrap().into(),
        started_at: "2026-03-21T00:00:30.250Z".parse().unwrap(),
        recipient: TO.to_owned(),
        subject: None,
        content: "Salom, Anna!".to_owned(),
    }
}
