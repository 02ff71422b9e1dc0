//! People and audiences for the cases about audiences: the same in every run.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::audience::condition::{
    Before, ConsentCondition, ContactField, FieldCondition, FieldTest,
};
use crate::consent::{Consent, ConsentStatus, Topic};
use crate::contact::{Birthday, Contact};
use crate::id::ContactId;
use crate::testing::fixtures::{contact, noon};
use crate::testing::ids::nth;

/// A name that would end a text of SQL or a path of JSON.
const FIELD: &str = "a \"b\".c'd";
const TOPICS: [Topic; 2] = [Topic::Relationship, Topic::Marketing];
const CHANNELS: [&str; 4] = ["email", "sms", "*", "Email"];
const STATUSES: [ConsentStatus; 2] = [ConsentStatus::OptedIn, ConsentStatus::OptedOut];

/// Numbers that look random (xorshift).
pub(super) struct Draw(u64);

impl Draw {
    /// The seed is not 0.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or_default()
    }

    /// One of these.
    pub(super) fn of<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).cloned()
    }

    pub(super) fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// Contacts that differ in everything an audience can ask for.
pub(super) fn crowd() -> Vec<Contact> {
    let mut draw = Draw::new(0x2545_F491_4F6C_DD1D);
    let values = values();
    let mut list = Vec::new();
    for number in 1..=60 {
        let mut row = contact(number);
        let fields = &mut row.fields;
        let text = |draw: &mut Draw, list: &[&str]| draw.of(list).unwrap_or_default().to_owned();
        fields.segment = text(&mut draw, &["VIP", "vip", "regular", "ВИП"]);
        fields.language = text(&mut draw, &["uz", "uz-Cyrl", "ru", "en", "uzb"]);
        for tag in ["gold", "ўзбек", "big client"] {
            if draw.one_in(3) {
                fields.tags.insert(tag.to_owned());
            }
        }
        if !draw.one_in(5) {
            fields.birthday = Some(Birthday {
                year: draw.one_in(2).then_some(1984),
                month: draw.of(&[1, 2, 2, 3, 12]).unwrap_or(1),
                day: draw.of(&[1, 2, 28, 29]).unwrap_or(1),
            });
        }
        let mut filled = |text: &str| (!draw.one_in(3)).then(|| text.to_owned());
        fields.email = filled(&format!("anna{number}@example.org"));
        fields.phone = filled("+998901234567");
        fields.telegram_chat_id = filled("100");
        fields.whatsapp = filled("+998901234567");
        fields.company = filled("Ёлка");
        fields.position = filled("директор");
        fields.external_id = filled(&format!("crm-{number}"));
        fields.time_zone = filled("Asia/Tashkent");
        fields.last_interaction_date = interaction(&mut draw);
        for _ in 0..draw.below(4) {
            fields.consent.extend(word(&mut draw));
        }
        // Each value is somebody's.
        let index = usize::try_from(number).unwrap_or_default();
        if let Some(value) = values.get(index % (values.len() + 1)) {
            fields.custom_fields.insert(FIELD.to_owned(), value.clone());
        }
        fields.custom_fields.insert("other".to_owned(), json!(1));
        list.push(row);
    }
    list
}

/// Around midnight of days that conditions are about.
fn interaction(draw: &mut Draw) -> Option<DateTime<Utc>> {
    let texts = [
        "2026-02-26T23:59:59.999999Z",
        "2026-02-27T00:00:00Z",
        "2026-02-28T12:00:00Z",
        "2026-01-30T23:59:59.999999Z",
        "2026-01-31T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "2028-02-29T00:00:00Z",
        "",
        "",
    ];
    draw.of(&texts).and_then(|text| text.parse().ok())
}

fn word(draw: &mut Draw) -> Option<Consent> {
    Some(Consent {
        channel: draw.of(&CHANNELS)?.to_owned(),
        topic: draw.of(&TOPICS)?,
        status: draw.of(&STATUSES)?,
        evidence: draw.one_in(2).then(|| "opted_out marketing *".to_owned()),
        at: noon(),
    })
}

/// Values of custom fields: of each kind, next to one another, and nearly of a kind.
fn values() -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(true),
        json!(false),
        json!([1]),
        json!({"deep": 1}),
        json!("да"),
        json!(""),
        json!("1"),
        json!("true"),
        json!("' OR 1=1 --"),
    ];
    all.extend(numbers());
    all.extend(moments().map(Value::from));
    let nearly = [
        "2026-02-30",
        "2025-02-29",
        "2026-1-31",
        "2026-01-31\n",
        "2026-01-31T10:00:00",
        "2026-01-31T24:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-01-31T10:00:00+15:00",
        "2026-01-31T10:00:00.1234567Z",
        "0000-01-01T00:00:00Z",
    ];
    all.extend(nearly.map(Value::from));
    all
}

fn numbers() -> Vec<Value> {
    vec![
        json!(0),
        json!(-0.0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(-1.5),
        json!(0.1),
        json!(0.300_000_000_000_000_04),
        json!(9_007_199_254_740_992_i64),
        json!(9_007_199_254_740_993_i64),
        json!(9_007_199_254_740_992.0),
        json!(1_152_921_504_606_846_976_i64),
        json!(1_152_921_504_606_847_000_i64),
        json!(1_152_921_504_606_846_976.0),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(9_223_372_036_854_775_808_u64),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(18_446_744_073_709_551_616.0),
        json!(1e300),
        json!(-1e300),
        json!(5e-324),
    ]
}

fn moments() -> [&'static str; 12] {
    [
        "2026-01-31",
        "2026-02-01",
        "2024-02-29",
        "0001-01-01",
        "9999-12-31",
        "2026-01-31T10:00:00Z",
        "2026-01-31T15:00:00+05:00",
        "2026-01-31T10:00:00.000001Z",
        "2026-01-31T10:00:00.5Z",
        "2026-01-31T10:00:00.50-00:00",
        "0001-01-01T00:00:00+14:59",
        "9999-12-31T23:59:59.999999-14:59",
    ]
}

/// Conditions on the field that holds the values, with each of them.
pub(super) fn comparisons() -> Vec<Audience> {
    let ask = |name: &str, test| {
        Audience::CustomField(FieldCondition {
            name: name.to_owned(),
            test,
        })
    };
    let mut list = vec![
        ask(FIELD, FieldTest::Exists),
        ask("other", FieldTest::Exists),
        ask("missing", FieldTest::Exists),
        ask("deep", FieldTest::Equals(json!(1))),
        ask("missing", FieldTest::AtMost(json!(1))),
    ];
    let whole = |value: &Value| !value.is_null() && !value.is_array() && !value.is_object();
    for value in values().into_iter().filter(whole) {
        list.push(ask(FIELD, FieldTest::Equals(value)));
    }
    for value in numbers().into_iter().chain(moments().map(Value::from)) {
        list.extend([
            ask(FIELD, FieldTest::LessThan(value.clone())),
            ask(FIELD, FieldTest::AtMost(value.clone())),
            ask(FIELD, FieldTest::GreaterThan(value.clone())),
            ask(FIELD, FieldTest::AtLeast(value)),
        ]);
    }
    list
}

/// Conditions of each kind.
pub(super) fn leaves() -> Vec<Audience> {
    let custom = |equals: Value| Audience::custom_field(FIELD, equals);
    let mut list = vec![
        Audience::Segment("VIP".to_owned()),
        Audience::Segment("ВИП".to_owned()),
        Audience::Segment("V%".to_owned()),
        Audience::Tag("gold".to_owned()),
        Audience::Tag("ўзбек".to_owned()),
        Audience::Tag("big client".to_owned()),
        Audience::Tag("gol".to_owned()),
        Audience::Tag("%".to_owned()),
        Audience::Tag("' OR 1=1 --".to_owned()),
        Audience::Language("uz".to_owned()),
        Audience::Language("uz-Cyrl".to_owned()),
        Audience::Language("UZ-CYRL".to_owned()),
        Audience::Language("u_".to_owned()),
        Audience::BirthdayWithin(0),
        Audience::BirthdayWithin(3),
        Audience::BirthdayWithin(60),
        Audience::BirthdayWithin(363),
        Audience::BirthdayWithin(364),
        Audience::BirthdayWithin(365),
        Audience::BirthdayWithin(366),
        Audience::BirthdayMonth(2),
        Audience::BirthdayMonth(12),
        custom(json!("да")),
        custom(json!(1)),
        custom(json!(1.5)),
        custom(json!(true)),
        custom(json!("1")),
        Audience::Contact(ContactId(nth(5))),
        Audience::Contact(ContactId(nth(500))),
        Audience::And(Vec::new()),
        Audience::Or(Vec::new()),
    ];
    for days in [0, 1, 2, 30, 36_500] {
        list.push(Audience::LastInteractionBefore(Before::Days(days)));
    }
    for (year, month, day) in [(2026, 1, 31), (2026, 2, 1), (1970, 1, 1), (1, 1, 1)] {
        let date = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        list.push(Audience::LastInteractionBefore(Before::Date(date)));
    }
    list.extend(ContactField::ALL.map(Audience::Has));
    for channel in CHANNELS.into_iter().chain(["' OR 1=1 --"]) {
        for topic in TOPICS {
            for status in STATUSES.map(Some).into_iter().chain([None]) {
                list.push(Audience::Consent(ConsentCondition {
                    channel: channel.to_owned(),
                    topic,
                    status,
                }));
            }
        }
    }
    list
}

/// One of the conditions, or up to three of them joined, down to `depth` levels.
pub(super) fn nested(conditions: &[Audience], draw: &mut Draw, depth: usize) -> Audience {
    if depth == 0 || draw.one_in(4) {
        return draw.of(conditions).unwrap_or(Audience::everybody());
    }
    let mut parts = || {
        let count = draw.below(4);
        (0..count)
            .map(|_| nested(conditions, draw, depth - 1))
            .collect()
    };
    let parts: Vec<Audience> = parts();
    match draw.below(3) {
        0 => Audience::And(parts),
        1 => Audience::Or(parts),
        _ => Audience::Not(Box::new(nested(conditions, draw, depth - 1))),
    }
}
