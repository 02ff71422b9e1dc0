use super::*;
use crate::contact::normalise::tests::contact;

fn keys(byte: u8) -> TokenKeys {
    TokenKeys::new(vec![byte; 32], Vec::new()).unwrap()
}

fn at(minute: i64) -> DateTime<Utc> {
    "2026-11-27T08:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

fn wish(topic: Topic) -> OptInWish {
    OptInWish {
        channel: "email".to_owned(),
        topic,
        evidence: None,
    }
}

const ANNA: &str = "anna@example.org";

fn token(keys: &TokenKeys) -> String {
    let id = ContactId(Uuid::from_u128(7));
    let workspace = Workspace::new("salon").unwrap();
    keys.sign_opt_in(&workspace, id, &wish(Topic::Marketing), ANNA, at(0))
}

fn asked() -> OptIn {
    keys(1).read_opt_in(&token(&keys(1))).unwrap()
}

fn said(status: ConsentStatus, channel: &str, topic: Topic, at: DateTime<Utc>) -> Consent {
    Consent {
        channel: channel.to_owned(),
        topic,
        status,
        evidence: None,
        at,
    }
}

#[test]
fn what_was_asked_is_read_and_no_other_token_is() {
    let token = token(&keys(1));
    assert!(token.len() < 200, "{token}");
    let opt_in = asked();
    assert_eq!((opt_in.issued_at, opt_in.topic), (at(0), Topic::Marketing));
    assert_eq!(opt_in.contact_id, ContactId(Uuid::from_u128(7)));
    assert_eq!(
        (opt_in.workspace.as_str(), opt_in.channel.as_str()),
        ("salon", "email")
    );
    assert!(keys(2).read_opt_in(&token).is_err());
    for at in 0..token.len() {
        let digit = u8::from_str_radix(&token[at..=at], 16).unwrap() ^ 1;
        let mut forged = token.clone();
        forged.replace_range(at..=at, &format!("{digit:x}"));
        assert!(keys(1).read_opt_in(&forged).is_err(), "{at}");
        assert!(keys(1).read_opt_in(&token[..at]).is_err(), "{at}");
    }
    // One purpose, one token: with the same key and the same bytes.
    assert!(keys(1).read(&token).is_err());
    let unsubscribe = keys(1).sign(&crate::consent::token::Unsubscription {
        workspace: Workspace::new("salon").unwrap(),
        contact_id: opt_in.contact_id,
        channel: "email".to_owned(),
        topic: Topic::Marketing,
    });
    assert!(keys(1).read_opt_in(&unsubscribe).is_err());
    let bytes = keys(1).open(DOMAIN, &token).unwrap();
    assert!(
        keys(1)
            .read_opt_in(&keys(1).seal(b"crm unsubscribe v1\0", bytes))
            .is_err()
    );
}

#[test]
fn a_token_is_good_for_the_address_it_went_to_and_tells_nothing_of_it() {
    let opt_in = asked();
    assert!(keys(1).went_to(&opt_in, ANNA));
    for other in ["anna@example.com", "", "anna@example.org "] {
        assert!(!keys(1).went_to(&opt_in, other), "{other}");
    }
    let elsewhere = OptIn {
        channel: "sms".to_owned(),
        ..opt_in.clone()
    };
    assert!(!keys(1).went_to(&elsewhere, ANNA));
    // A key that was replaced still knows its marks; no other one does.
    let both = TokenKeys::new(vec![2; 32], vec![vec![1; 32]]).unwrap();
    assert!(both.went_to(&opt_in, ANNA));
    assert!(!keys(2).went_to(&opt_in, ANNA));
}

#[test]
fn who_said_no_is_asked_again_only_for_a_reason() {
    let mut contact = contact("Anna");
    let plain = wish(Topic::Marketing);
    let why = OptInWish {
        evidence: Some("form of 2026-11-20".to_owned()),
        ..plain.clone()
    };
    may_ask(&contact, &plain, false).unwrap();
    assert!(may_ask(&contact, &plain, true).is_err());
    for evidence in ["x".repeat(201), "a\nb".to_owned()] {
        let long = OptInWish {
            evidence: Some(evidence),
            ..plain.clone()
        };
        assert!(may_ask(&contact, &long, false).is_err());
    }
    let no = |channel, topic| said(ConsentStatus::OptedOut, channel, topic, at(-9));
    contact.fields.consent = vec![no("email", Topic::Marketing)];
    let error = may_ask(&contact, &plain, false).unwrap_err();
    assert_eq!(error.fields()[0].field, "evidence");
    may_ask(&contact, &why, false).unwrap();
    for wider in [
        no("*", Topic::Marketing),
        no("*", Topic::Relationship),
        no("email", Topic::Relationship),
    ] {
        contact.fields.consent = vec![wider];
        let error = may_ask(&contact, &why, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAllowed);
    }
    // What does not stop the topic does not stop the question.
    contact.fields.consent = vec![no("sms", Topic::Marketing), no("email", Topic::Marketing)];
    may_ask(&contact, &wish(Topic::Relationship), false).unwrap();
}

#[test]
fn a_link_is_good_for_its_time_and_until_the_next_no() {
    let mut contact = contact("Anna");
    let week = Duration::days(7);
    let yes = |contact: &Contact, suppression: Option<&Suppression>, minute| {
        confirm(contact, &asked(), suppression, week, at(minute))
    };
    let no = |channel, topic, minute| said(ConsentStatus::OptedOut, channel, topic, at(minute));
    // An older no to the same is what it answers; words about something else stay.
    let other = said(ConsentStatus::OptedIn, "sms", Topic::Marketing, at(-9));
    contact.fields.consent = vec![no("email", Topic::Marketing, -1), other.clone()];
    let after = yes(&contact, None, 60).unwrap();
    let evidence = "double_opt_in; requested 2026-11-27T08:00:00Z; confirmed 2026-11-27T09:00:00Z";
    assert_eq!(after.len(), 2);
    assert_eq!(after[0], other);
    let mut expected = said(ConsentStatus::OptedIn, "email", Topic::Marketing, at(60));
    expected.evidence = Some(evidence.to_owned());
    assert_eq!(after[1], expected);
    // Twice is once.
    let mut done = contact.clone();
    done.fields.consent = after.clone();
    assert_eq!(yes(&done, None, 90).unwrap(), after);

    let last = 7 * 24 * 60;
    assert!(yes(&contact, None, last - 1).is_ok());
    assert!(yes(&contact, None, last).is_err());
    for stale in [
        no("email", Topic::Marketing, 0),
        no("email", Topic::Marketing, 1),
        no("email", Topic::Relationship, -9),
        no("*", Topic::Marketing, -9),
    ] {
        contact.fields.consent = vec![stale];
        let error = yes(&contact, None, 60).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAllowed);
    }
    contact.fields.consent = vec![no("sms", Topic::Marketing, 5)];
    let mut list = crate::testing::fixtures::suppression(ANNA);
    for (reason, fine) in [
        ("dead", true),
        ("reply", false),
        ("blocked", false),
        ("complaint", false),
        ("asked on the phone", false),
    ] {
        reason.clone_into(&mut list.reason);
        assert_eq!(yes(&contact, Some(&list), 60).is_ok(), fine, "{reason}");
    }
}
