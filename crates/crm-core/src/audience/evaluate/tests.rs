use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::audience::condition::ContactField;
use crate::audience::messages::MessageFact;
use crate::consent::{Consent, ConsentStatus, Topic};
use crate::contact::normalise::tests::contact;
use crate::id::CampaignId;
use crate::message::Status;
use chrono::{DateTime, Utc};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn born(text: &str) -> Contact {
    let mut contact = contact("Анна");
    contact.fields.birthday = Birthday::parse(text);
    contact
}

fn holds(contact: &Contact, value: &Value) -> bool {
    Audience::from_short(value)
        .unwrap()
        .matches(contact, day("2026-03-10"))
}

#[test]
fn birthdays_ahead_wrap_over_new_year_and_leap_days() {
    let within =
        |birthday, today, days| Audience::BirthdayWithin(days).matches(&born(birthday), day(today));
    assert!(within("1990-03-10", "2026-03-10", 0));
    assert!(!within("1990-03-09", "2026-03-10", 363));
    assert!(within("1990-03-09", "2026-03-10", 364));
    assert!(within("--01-03", "2026-12-30", 4));
    assert!(!within("--01-03", "2026-12-30", 3));
    assert!(within("2000-02-29", "2026-02-28", 0));
    assert!(!within("2000-02-29", "2028-02-28", 0));
    assert!(within("2000-02-29", "2028-02-28", 1));
    assert!(within("2000-02-29", "2027-03-01", 365));
    assert!(!Audience::BirthdayWithin(366).matches(&contact("Анна"), day("2026-01-01")));
    for edge in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ = Audience::BirthdayWithin(366).matches(&born("2000-02-29"), edge);
    }
}

#[test]
fn languages_match_their_variants_only() {
    let mut contact = contact("Анна");
    contact.fields.language = "uz-Cyrl".to_owned();
    assert!(holds(&contact, &json!({"language": "uz"})));
    assert!(holds(&contact, &json!({"language": "UZ-cyrl"})));
    assert!(!holds(&contact, &json!({"language": "uz-Latn"})));
    contact.fields.language = "uzb".to_owned();
    assert!(!holds(&contact, &json!({"language": "uz"})));
}

#[test]
fn custom_values_compare_within_their_type() {
    let mut contact = contact("Анна");
    contact.fields.custom_fields =
        [("n".to_owned(), json!(1)), ("b".to_owned(), json!(true))].into();
    assert!(holds(
        &contact,
        &json!({"custom_fields": {"n": 1.0, "b": true}})
    ));
    assert!(!holds(&contact, &json!({"custom_fields": {"b": 1}})));
    assert!(!holds(&contact, &json!({"custom_fields": {"n": "1"}})));
    assert!(holds(
        &contact,
        &json!({"not": {"custom_field": {"name": "x", "equals": 1}}})
    ));
}

#[test]
fn the_short_form_wants_everything_it_names() {
    let mut contact = contact("Анна");
    contact.fields.segment = "VIP".to_owned();
    contact.fields.tags = ["a".to_owned(), "b".to_owned()].into();
    assert!(holds(&contact, &json!({})));
    assert!(holds(&contact, &json!({"segment": "VIP"})));
    assert!(holds(
        &contact,
        &json!({"segments": ["x", "VIP"], "language": "ru", "tags": ["a", "b"]})
    ));
    assert!(!holds(
        &contact,
        &json!({"segments": ["VIP"], "tags": ["a", "c"]})
    ));
    assert!(holds(
        &contact,
        &json!({"and": [{"segment": "VIP"}, {"not": {"tag": "gold"}}]})
    ));
    assert_eq!(
        Audience::from_short_in(&json!({"has_birthday_this_month": true}), 3).unwrap(),
        Audience::BirthdayMonth(3)
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    for value in [
        json!({"segmnt": "VIP"}),
        json!({"segment": 1}),
        json!({"segments": []}),
        json!([]),
        json!({"and": [], "segment": "VIP"}),
        json!({"birthday_month": 13}),
        json!("VIP"),
        json!({"birthday_within": 367}),
        json!({"segment": ""}),
        json!({"tags": [1]}),
        json!({"has_birthday_this_month": true}),
        json!({"birthday_within": -1}),
        json!({"custom_fields": {"a": null}}),
        json!({"custom_field": {"name": "a", "less_than": "soon"}}),
        json!({"custom_field": {"name": "a", "equals": 1, "exists": true}}),
        json!({"consent": {"channel": "", "topic": "marketing", "status": "none"}}),
        json!({"last_interaction_before": {"days": 36_501}}),
        json!({"last_interaction_before": {"date": "2026-02-29"}}),
        json!({"has": "name"}),
        json!({"and": [{"x": 1}]}),
        json!({"segment": "x".repeat(256)}),
    ] {
        assert!(Audience::from_short(&value).is_err(), "{value}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nest = |depth| (1..depth).fold(Audience::everybody(), |a, _| Audience::Not(Box::new(a)));
    assert!(nest(32).validate().is_ok());
    assert!(nest(33).validate().is_err());
    let wide = |width| Audience::Or(vec![Audience::everybody(); width]);
    assert!(wide(999).validate().is_ok());
    assert!(wide(1_000).validate().is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(segments in prop::collection::vec("[a-z]{1,9}", 1..5)) {
        let short = Audience::from_short(&json!({"segments": segments})).unwrap();
        let full = serde_json::to_value(&short).unwrap();
        prop_assert_eq!(Audience::from_short(&full).unwrap(), short);
    }

    #[test]
    fn within_a_year_is_everyone_with_a_birthday(month in 1_u32..=12, date in 1_u32..=28, n in 0..4_000_u64) {
        let contact = born(&format!("--{month:02}-{date:02}"));
        let today = day("2020-01-01") + chrono::Days::new(n);
        prop_assert!(Audience::BirthdayWithin(366).matches(&contact, today));
    }
}

#[test]
fn consent_comes_to_one_word() {
    let mut contact = contact("Анна");
    let word = |channel: &str, topic, status| Consent {
        channel: channel.to_owned(),
        topic,
        status,
        evidence: None,
        at: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let (yes, no) = (ConsentStatus::OptedIn, ConsentStatus::OptedOut);
    let (kind, offers) = (Topic::Relationship, Topic::Marketing);
    // What was said; then what it comes to for marketing on email, for relationship on email and marketing on sms.
    let cases: [(Vec<Consent>, [&str; 3]); 8] = [
        (vec![], ["none", "none", "none"]),
        (
            vec![word("email", offers, yes)],
            ["opted_in", "none", "none"],
        ),
        (
            vec![word("*", offers, yes)],
            ["opted_in", "none", "opted_in"],
        ),
        (vec![word("email", kind, yes)], ["none", "opted_in", "none"]),
        (
            vec![word("email", kind, no)],
            ["opted_out", "opted_out", "none"],
        ),
        (
            vec![word("email", offers, no)],
            ["opted_out", "none", "none"],
        ),
        (
            vec![word("email", offers, yes), word("*", kind, no)],
            ["opted_out", "opted_out", "opted_out"],
        ),
        (
            vec![
                word("email", offers, no),
                word("*", offers, yes),
                word("email", kind, yes),
            ],
            ["opted_out", "opted_in", "opted_in"],
        ),
    ];
    for (said, wanted) in cases {
        contact.fields.consent = said;
        let asked = [
            ("email", "marketing"),
            ("email", "relationship"),
            ("sms", "marketing"),
        ];
        for ((channel, topic), wanted) in asked.into_iter().zip(wanted) {
            for status in ["opted_in", "opted_out", "none"] {
                let value =
                    json!({"consent": {"channel": channel, "topic": topic, "status": status}});
                assert_eq!(holds(&contact, &value), status == wanted, "{value}");
            }
        }
    }
    contact.fields.consent = vec![word("email", offers, yes)];
    let all = json!({"consent": {"channel": "*", "topic": "marketing", "status": "none"}});
    assert!(holds(&contact, &all), "a yes on one channel is none on all");
}

#[test]
fn interactions_are_before_a_day_of_utc() {
    let mut contact = contact("Анна");
    let days = |days| json!({"last_interaction_before": {"days": days}});
    let date = |date| json!({"last_interaction_before": {"date": date}});
    contact.fields.last_interaction_date = None;
    assert!(!holds(&contact, &days(0)));
    assert!(!holds(&contact, &date("9999-12-31")));
    contact.fields.last_interaction_date = Some("2026-03-08T23:59:59.999999Z".parse().unwrap());
    assert!(holds(&contact, &days(1)), "two days ago is more than one");
    assert!(!holds(&contact, &days(2)));
    assert!(holds(&contact, &date("2026-03-09")));
    assert!(!holds(&contact, &date("2026-03-08")));
    assert!(!holds(&contact, &days(36_500)));
    contact.fields.last_interaction_date = Some("2026-03-09T00:00:00Z".parse().unwrap());
    assert!(!holds(&contact, &days(1)) && holds(&contact, &days(0)));
    let ages = Audience::LastInteractionBefore(Before::Days(u32::MAX));
    assert!(!ages.matches(&contact, NaiveDate::MIN));
}

#[test]
fn has_asks_for_each_field_by_itself() {
    let mut whole = contact("Анна");
    whole.fields = serde_json::from_value(json!({
        "name": "Анна", "email": "a@example.org", "phone": "+998901234567", "telegram_chat_id": "1",
        "whatsapp": "+998901234567", "birthday": "--01-02", "company": "A", "position": "B", "external_id": "c",
        "time_zone": "Asia/Tashkent", "last_interaction_date": "2026-01-01T00:00:00Z",
    }))
    .unwrap();
    for field in ContactField::ALL {
        let name = field.as_str();
        assert!(holds(&whole, &json!({"has": name})), "{name}");
        let mut lacking = whole.clone();
        let mut fields = json!(lacking.fields);
        fields[name] = Value::Null;
        lacking.fields = serde_json::from_value(fields).unwrap();
        assert!(!holds(&lacking, &json!({"has": name})), "{name}");
        let others = ContactField::ALL
            .into_iter()
            .filter(|other| *other != field);
        assert!(
            others.into_iter().all(|other| other.is_filled(&lacking)),
            "{name}"
        );
    }
}

#[test]
fn custom_fields_are_compared() {
    let mut contact = contact("Анна");
    contact.fields.custom_fields = [
        ("n".to_owned(), json!(5)),
        ("d".to_owned(), json!("2026-01-31")),
        ("t".to_owned(), json!("x")),
    ]
    .into();
    let test = |name: &str, test: &str, value: Value| {
        holds(
            &contact,
            &json!({"custom_field": {"name": name, test: value}}),
        )
    };
    for (name, less, equal, more) in [
        ("n", json!(4.9), json!(5.0), json!(6)),
        (
            "d",
            json!("2026-01-30"),
            json!("2026-01-31"),
            json!("2026-02-01"),
        ),
    ] {
        let all = |test_name: &str| {
            [&less, &equal, &more].map(|value| test(name, test_name, value.clone()))
        };
        assert_eq!(all("less_than"), [false, false, true]);
        assert_eq!(all("at_most"), [false, true, true]);
        assert_eq!(all("greater_than"), [true, false, false]);
        assert_eq!(all("at_least"), [true, true, false]);
        assert!(test(name, "exists", json!(true)));
    }
    assert!(!test("t", "less_than", json!("2026-01-31")));
    assert!(!test("n", "less_than", json!("2026-01-31")));
    assert!(!test("missing", "at_least", json!(0)));
    assert!(!test("missing", "exists", json!(true)));
}

#[test]
fn only_what_is_relative_needs_the_day() {
    let needs = |value: Value| Audience::from_short(&value).unwrap().needs_today();
    assert!(needs(
        json!({"not": {"and": [{"last_interaction_before": {"days": 1}}]}})
    ));
    assert!(needs(json!({"or": [{"tag": "a"}, {"birthday_within": 1}]})));
    assert!(!needs(
        json!({"or": [{"birthday_month": 1}, {"last_interaction_before": {"date": "2026-01-31"}}]})
    ));
}

#[test]
fn messages_are_asked_for_by_state_campaign_and_day() {
    let contact = contact("Анна");
    let campaign = |number| CampaignId(uuid::Uuid::from_u128(number));
    let fact = |status, number, sent: Option<&str>, updated: &str| MessageFact {
        status,
        campaign: Some(campaign(number)),
        sent_at: sent.map(|at| at.parse().unwrap()),
        updated_at: updated.parse().unwrap(),
        last_inbound: None,
    };
    let mut facts = Facts::on(day("2026-03-10"));
    facts.messages = vec![
        fact(
            Status::Sent,
            1,
            Some("2026-03-08T00:00:00Z"),
            "2026-03-10T12:00:00Z",
        ),
        fact(
            Status::Delivered,
            2,
            Some("2026-02-01T10:00:00Z"),
            "2026-03-10T12:00:00Z",
        ),
        fact(
            Status::Failed,
            3,
            Some("2026-03-10T10:00:00Z"),
            "2026-03-01T23:59:59.999999Z",
        ),
        fact(Status::Approved, 4, None, "2026-03-10T12:00:00Z"),
    ];
    facts.campaigns = vec![campaign(7)];
    let asked = |value: Value| {
        let audience = Audience::from_short(&value).unwrap();
        assert!(audience.needs_messages());
        assert!(!audience.matches(&contact, facts.today), "nothing is known");
        audience.matches_with(&contact, &facts)
    };
    let message = |state: &str, number: Option<u128>, days: Option<u32>| {
        let mut message = json!({"state": state});
        if let Some(number) = number {
            message["campaign"] = json!(campaign(number));
        }
        if let Some(days) = days {
            message["within_days"] = json!(days);
        }
        asked(json!({"message": message}))
    };
    assert!(
        message("sent", None, None)
            && message("delivered", None, None)
            && message("failed", None, None)
    );
    assert!(message("sent", Some(1), Some(2)) && !message("sent", Some(1), Some(1)));
    assert!(
        message("sent", Some(2), None)
            && !message("sent", Some(2), Some(36))
            && message("sent", Some(2), Some(37))
    );
    assert!(!message("delivered", Some(1), None));
    assert!(!message("delivered", None, Some(36)) && message("delivered", None, Some(36_500)));
    assert!(
        !message("failed", None, Some(8))
            && message("failed", None, Some(9))
            && !message("failed", Some(1), None)
    );
    assert!(!message("sent", Some(4), None) && !message("failed", Some(4), None));
    assert!(!message("replied", None, None), "nobody wrote");
    assert!(asked(json!({"in_campaign": campaign(7)})));
    assert!(!asked(json!({"in_campaign": campaign(1)})));
    let past = Facts::on(NaiveDate::MIN);
    let past = Facts {
        messages: facts.messages.clone(),
        ..past
    };
    let within =
        Audience::from_short(&json!({"message": {"state": "sent", "within_days": 1}})).unwrap();
    assert!(within.needs_today() && within.matches_with(&contact, &past));
    assert!(
        !Audience::from_short(&json!({"message": {"state": "sent"}}))
            .unwrap()
            .needs_today()
    );
    assert!(
        Audience::from_short(&json!({"message": {"state": "sent", "within_days": 36_501}}))
            .is_err()
    );
}

#[test]
fn a_reply_is_what_was_written_at_or_after_the_message_left() {
    let contact = contact("Анна");
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let holds = |status, sent: Option<&str>, wrote: Option<&str>, condition: Value| {
        let mut facts = Facts::on(day("2026-03-10"));
        facts.messages = vec![MessageFact {
            status,
            campaign: None,
            sent_at: sent.map(at),
            updated_at: at("2026-03-10T00:00:00Z"),
            last_inbound: wrote.map(at),
        }];
        let audience = Audience::from_short(&json!({"message": condition})).unwrap();
        audience.matches_with(&contact, &facts)
    };
    let replied = || json!({"state": "replied"});
    let left = Some("2026-02-01T10:00:00Z");
    for status in [Status::Sent, Status::Delivered] {
        assert!(holds(status, left, left, replied()));
        assert!(holds(status, left, Some("2026-03-09T10:00:00Z"), replied()));
        assert!(!holds(
            status,
            left,
            Some("2026-02-01T09:59:59.999999Z"),
            replied()
        ));
        assert!(!holds(status, left, None, replied()));
    }
    // What did not arrive was not replied to.
    assert!(!holds(Status::Failed, left, left, replied()));
    assert!(!holds(Status::Approved, None, left, replied()));
    // The days count from the reply, not from the message.
    let within = |days: u32| json!({"state": "replied", "within_days": days});
    let wrote = Some("2026-03-09T00:00:00Z");
    assert!(holds(Status::Sent, left, wrote, within(1)));
    assert!(!holds(Status::Sent, left, wrote, within(0)));
}
