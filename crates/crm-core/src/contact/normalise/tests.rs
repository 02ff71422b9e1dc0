use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contact::Contact;

/// A contact that has a name and otherwise only defaults.
pub(crate) fn contact(name: &str) -> Contact {
    Contact {
        workspace: crate::Workspace::default(),
        id: crate::id::ContactId(uuid::Uuid::from_u128(7)),
        version: 1,
        fields: ContactFields {
            name: name.to_owned(),
            ..ContactFields::default()
        },
        erased: false,
        merged_into: None,
        created_by: "olga".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn named(change: impl FnOnce(&mut ContactFields)) -> ContactFields {
    let mut fields = ContactFields {
        name: "Анна".to_owned(),
        ..ContactFields::default()
    };
    change(&mut fields);
    fields
}

fn refused(change: impl FnOnce(&mut ContactFields)) -> Vec<String> {
    let error = normalise(named(change)).unwrap_err();
    error
        .fields()
        .iter()
        .map(|problem| problem.field.clone())
        .collect()
}

#[test]
fn phones_become_e164() {
    for text in [
        "8 (90) 123 45 67",
        "901234567",
        "+998 90 123-45-67",
        "998901234567",
    ] {
        assert_eq!(
            phone(text, Region::default()).as_deref(),
            Ok("+998901234567"),
            "{text}"
        );
    }
    assert_eq!(
        phone("+7 916 123-45-67", Region::default()).as_deref(),
        Ok("+79161234567")
    );
    for (region, text, wanted) in [
        ("KZ", "7012345678", "+77012345678"),
        ("KZ", "8 701 234 56 78", "+77012345678"),
        ("KZ", "77012345678", "+77012345678"),
        ("RU", "9161234567", "+79161234567"),
        ("RU", "8 (916) 123-45-67", "+79161234567"),
        ("GB", "020 7183 8750", "+442071838750"),
        ("US", "(202) 555-0123", "+12025550123"),
    ] {
        let region = Region::parse(region).unwrap();
        assert_eq!(phone(text, region).as_deref(), Ok(wanted), "{text}");
    }
    for text in [
        "12",
        "abc",
        "+",
        "++998901234567",
        "90123456789012345678",
        "+99890123456x",
    ] {
        assert!(phone(text, Region::default()).is_err(), "{text}");
    }
}

#[test]
fn mails_become_lower_case_or_are_refused() {
    assert_eq!(
        email("Anna.K@Example.ORG").as_deref(),
        Ok("anna.k@example.org")
    );
    assert!(email(&format!("a@{}.org", "b.".repeat(130))).is_err());
    for text in [
        "anna",
        "anna@local",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "-a@example.org",
        "a b@x.org",
        "a@-x.org",
        "a@x..org",
        "Anna <a@x.org>",
        "\"a\"@x.org",
        "a@b@x.org",
        "a\n@x.org",
    ] {
        assert!(email(text).is_err(), "{text}");
    }
}

#[test]
fn languages_get_their_case() {
    let tag = |text| language(text);
    assert_eq!(tag("UZ-cyrl").as_deref(), Some("uz-Cyrl"));
    assert_eq!(tag("en-gb").as_deref(), Some("en-GB"));
    for text in [
        "",
        "r",
        "russian",
        "ru-",
        "ru-x",
        "ру",
        "ru_RU",
        "ru-123456789",
    ] {
        assert_eq!(language(text), None, "{text}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let fields = refused(|fields| {
        fields.name = " \n ".to_owned();
        fields.email = Some("x".to_owned());
        fields.phone = Some("1".to_owned());
        fields.segment = String::new();
        fields.language = "?".to_owned();
        fields.time_zone = Some("Mars/Olympus".to_owned());
        fields.telegram_chat_id = Some("anna".to_owned());
        fields.tags = ["x".repeat(65)].into();
        fields.custom_fields = [("Bad".to_owned(), json!(1))].into();
        fields.birthday = Some(Birthday {
            year: Some(2001),
            month: 2,
            day: 29,
        });
    });
    for field in [
        "name",
        "email",
        "phone",
        "segment",
        "language",
        "time_zone",
        "telegram_chat_id",
        "tags",
        "custom_fields",
        "birthday",
    ] {
        assert!(fields.iter().any(|name| name == field), "{field}");
    }
}

#[test]
fn custom_fields_are_small_scalars() {
    let with = |value| refused(|f| drop(f.custom_fields.insert("a".to_owned(), value)));
    assert_eq!(with(json!([1])), ["custom_fields"]);
    assert_eq!(with(json!("a\0b")), ["custom_fields"]);
    assert_eq!(with(json!("x".repeat(16 * 1024))), ["custom_fields"]);
    let fields = named(|f| f.custom_fields = [("a".to_owned(), Value::Null)].into());
    assert!(normalise(fields).unwrap().custom_fields.is_empty());
}

#[test]
fn blank_texts_are_absent_and_names_trimmed() {
    let fields = normalise(named(|fields| {
        fields.name = "  Анна Иванова ".to_owned();
        fields.company = Some("  ".to_owned());
        fields.email = Some(" ".to_owned());
        fields.telegram_chat_id = Some("-100123".to_owned());
    }))
    .unwrap();
    assert_eq!(
        (fields.name.as_str(), fields.company, fields.email),
        ("Анна Иванова", None, None)
    );
    assert_eq!(fields.telegram_chat_id.as_deref(), Some("-100123"));
}

proptest! {
    #[test]
    fn normalising_twice_changes_nothing(
        name in "\\PC{0,20}",
        email in prop::option::of("[A-Za-z.-]{0,5}@[A-Za-z.-]{0,8}"),
        phone in prop::option::of("[+0-9() -]{0,16}"),
        language in "[A-Za-z-]{0,9}",
        tags in prop::collection::btree_set("\\PC{0,6}", 0..3),
    ) {
        let fields = ContactFields {
            name, email, phone, language, tags, ..ContactFields::default()
        };
        if let Ok(once) = normalise(fields) {
            prop_assert_eq!(Ok(once.clone()), normalise(once));
        }
    }

    #[test]
    fn real_numbers_survive_any_grouping(number in 901_000_000_u64..=909_999_999, space in "[ .-]") {
        let text = number.to_string();
        let grouped = text.as_bytes().chunks(3)
            .map(|part| std::str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(&space);
        prop_assert_eq!(phone(&grouped, Region::default()), phone(&text, Region::default()));
        prop_assert_eq!(phone(&text, Region::default()), Ok(format!("+998{text}")));
    }
}
