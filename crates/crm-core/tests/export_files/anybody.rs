//! Anybody that a store may hold: names of every script, texts that look like formulas, lists that look like several.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use crm_core::consent::{Consent, ConsentStatus, Topic};
use crm_core::contact::normalise::normalise;
use crm_core::contact::{Birthday, ContactFields};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use serde_json::Value;

/// Pieces that have confused some reader of some file.
const PIECES: [&str; 42] = [
    "=",
    "+",
    "-",
    "@",
    "'",
    "''",
    "\"",
    "\"\"",
    ",",
    ";",
    "|",
    ":",
    "\\",
    "\\n",
    " ::: ",
    "* ",
    "[",
    "{",
    "#",
    "%",
    "a",
    "Z",
    "7",
    "0",
    " ",
    "  ",
    "O‘g‘li",
    "G'ayrat",
    "oʻ",
    "Анна",
    "Ёлкина",
    "Қодир",
    "ўғли",
    "Иванова Анна Петровна",
    "Smith, John",
    "李",
    "🎉",
    "👩‍👩‍👧",
    "é",
    "e\u{301}",
    "END:VCARD",
    "mailto:",
];

/// A text of one line.
pub(crate) fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => "\\PC{1,3}",
        1 => "[a-zа-я]{1,40}",
    ];
    vec(piece, 1..8)
        .prop_map(|pieces| pieces.concat().replace('\u{fffd}', ""))
        .prop_map(|text| text.chars().take(60).collect())
}

/// A text of any number of lines.
fn text() -> impl Strategy<Value = String> {
    let end = prop::sample::select(&["\n", "\r\n", "\r", "\t", "", "\n\n", " \n "][..]);
    vec((line(), end), 0..4)
        .prop_map(|parts| parts.into_iter().map(|(text, end)| text + end).collect())
}

fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    // Up to the year 2100, to the microsecond.
    (0_i64..4_102_444_800_000_000)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
}

fn birthday() -> impl Strategy<Value = Birthday> {
    let date = (of(0_i32..10_000), 1_u32..13, 1_u32..32);
    date.prop_filter_map("no such day", |(year, month, day)| {
        let date = Birthday { year, month, day };
        Birthday::parse(&date.to_string())
    })
}

fn consent() -> impl Strategy<Value = Consent> {
    let channel = prop_oneof![
        3 => prop::sample::select(&["email", "sms", "*", "[x", "my; channel"][..]).prop_map(str::to_owned),
        1 => line().prop_map(|text| text.trim().to_owned()),
    ];
    let topic = prop::sample::select(&[Topic::Relationship, Topic::Marketing][..]);
    let status = prop::sample::select(&[ConsentStatus::OptedIn, ConsentStatus::OptedOut][..]);
    (
        channel,
        topic,
        status,
        of(prop_oneof![line(), Just(String::new())]),
        instant(),
    )
        .prop_map(|(channel, topic, status, evidence, at)| Consent {
            channel,
            topic,
            status,
            evidence,
            at,
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => (-1e9_f64..1e9).prop_map(Value::from),
        1 => prop::sample::select(&[1e300, -0.0, 5e-324][..]).prop_map(Value::from),
        1 => prop::sample::select(&["7", "true", "null", "", " ", "1e5", "'=1", "\"x\""][..]).prop_map(Value::from),
    ]
}

fn custom_fields() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let name = prop_oneof![
        "[a-z_][a-z0-9_]{0,63}",
        prop::sample::select(
            &[
                "email", "email_2", "name", "id", "tags", "consent", "__", "a__b_"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    btree_map(name, value(), 0..4)
}

type Texts = [Option<String>; 3];

fn texts() -> impl Strategy<Value = Texts> {
    (of(line()), of(line()), of(line())).prop_map(|(a, b, c)| [a, b, c])
}

fn addresses() -> impl Strategy<Value = [Option<String>; 4]> {
    const PHONES: [&str; 4] = [
        "+998901234567",
        "+79161234567",
        "+14155552671",
        "+442071838750",
    ];
    let phone = || of(prop::sample::select(&PHONES[..]).prop_map(str::to_owned));
    let telegram = prop_oneof!["-?[1-9][0-9]{4,14}", "@[a-z][a-zA-Z0-9_]{4,20}"];
    let email = "[a-z0-9'+=&{|}_]{1,12}@[a-z]{2,8}\\.(example|uz)";
    (of(email), phone(), phone(), of(telegram)).prop_map(|(a, b, c, d)| [a, b, c, d])
}

fn known<'a>(all: &'static [&'static str]) -> impl Strategy<Value = String> + 'a {
    prop::sample::select(all).prop_map(str::to_owned)
}

/// Fields as a store holds them.
pub(crate) fn anybody() -> impl Strategy<Value = ContactFields> {
    let who = (line(), texts(), addresses(), of(birthday()), line());
    let zone = of(known(&["Asia/Tashkent", "Europe/Moscow", "UTC"]));
    let language = known(&["ru", "uz", "uz-Cyrl", "en-GB", "rus", "eng", "uzb"]);
    let tags = btree_set(line(), 0..4);
    let channels = prop::sample::subsequence(&["email", "sms", "a;b", "[x", "+x"][..], 0..4);
    let more = (
        tags,
        custom_fields(),
        channels,
        vec(consent(), 0..4),
        of(instant()),
    );
    let fields = (who, zone, language, more).prop_map(|(who, time_zone, language, more)| {
        let (
            name,
            [external_id, company, position],
            [email, phone, whatsapp, telegram_chat_id],
            birthday,
            segment,
        ) = who;
        let (tags, custom_fields, channels, consent, last_interaction_date) = more;
        let tags: BTreeSet<String> = tags;
        ContactFields {
            external_id,
            name,
            email,
            phone,
            telegram_chat_id,
            whatsapp,
            segment,
            birthday,
            company,
            position,
            language,
            time_zone,
            tags,
            custom_fields,
            preferred_channels: channels.into_iter().map(str::to_owned).collect(),
            consent,
            last_interaction_date,
        }
    });
    fields.prop_filter_map("no store would hold it", |fields| normalise(fields).ok())
}
