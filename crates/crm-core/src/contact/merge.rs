//! Two contacts that are one person: what is known of them together.

use std::collections::BTreeSet;

use super::ContactFields;
use super::normalise::normalise;
use crate::consent;
use crate::error::{Error, Result};

/// The fields that a merge may be told to take from the contact that goes.
const TAKEN: [&str; 14] = [
    "name",
    "email",
    "phone",
    "telegram_chat_id",
    "whatsapp",
    "segment",
    "birthday",
    "company",
    "position",
    "language",
    "time_zone",
    "custom_fields",
    "preferred_channels",
    "last_interaction_date",
];

/// What is known after `gone` was merged into `kept`. A field that `kept` has stays, one that it lacks is filled; those
/// that `take` names come from `gone`, where it has them. Tags are united, the later dealing with the person counts, and of
/// consent about the same channel and topic a no wins, unless the yes is later and has its evidence.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) for a name in `take` that cannot be chosen, and for what is too much together.
pub(crate) fn merged(
    kept: &ContactFields,
    gone: &ContactFields,
    take: &BTreeSet<String>,
) -> Result<ContactFields> {
    if !take.iter().all(|name| TAKEN.contains(&name.as_str())) {
        let names = TAKEN.join(", ");
        return Err(Error::field("take", format!("use any of {names}")));
    }
    let takes = |name: &str| take.contains(name);
    let text = |name: &str, kept: &Option<String>, gone: &Option<String>| {
        one(takes(name), kept.clone(), gone.clone())
    };
    let word = |name: &str, kept: &String, gone: &String| match takes(name) {
        true => gone.clone(),
        false => kept.clone(),
    };
    let (first, second) = match takes("custom_fields") {
        true => (gone, kept),
        false => (kept, gone),
    };
    let mut custom_fields = second.custom_fields.clone();
    custom_fields.extend(first.custom_fields.clone());
    let (first, second) = match takes("preferred_channels") {
        true => (gone, kept),
        false => (kept, gone),
    };
    let channels = first.preferred_channels.iter();
    let channels = channels.chain(&second.preferred_channels).cloned();
    normalise(ContactFields {
        // That of `gone` leads to `kept` all the same.
        external_id: one(false, kept.external_id.clone(), gone.external_id.clone()),
        name: word("name", &kept.name, &gone.name),
        email: text("email", &kept.email, &gone.email),
        phone: text("phone", &kept.phone, &gone.phone),
        telegram_chat_id: text(
            "telegram_chat_id",
            &kept.telegram_chat_id,
            &gone.telegram_chat_id,
        ),
        whatsapp: text("whatsapp", &kept.whatsapp, &gone.whatsapp),
        segment: word("segment", &kept.segment, &gone.segment),
        birthday: one(takes("birthday"), kept.birthday, gone.birthday),
        company: text("company", &kept.company, &gone.company),
        position: text("position", &kept.position, &gone.position),
        language: word("language", &kept.language, &gone.language),
        time_zone: text("time_zone", &kept.time_zone, &gone.time_zone),
        tags: kept.tags.union(&gone.tags).cloned().collect(),
        custom_fields,
        preferred_channels: channels.collect(),
        consent: consent::joined(&kept.consent, &gone.consent),
        last_interaction_date: match takes("last_interaction_date") {
            true => gone.last_interaction_date.or(kept.last_interaction_date),
            false => kept.last_interaction_date.max(gone.last_interaction_date),
        },
    })
}

/// What `kept` has, else what `gone` has; or the other way round.
fn one<T>(takes: bool, kept: Option<T>, gone: Option<T>) -> Option<T> {
    match takes {
        true => gone.or(kept),
        false => kept.or(gone),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(said: serde_json::Value) -> ContactFields {
        serde_json::from_value(said).unwrap()
    }

    fn kept() -> ContactFields {
        fields(
            json!({"name": "Анна", "email": "a@x.uz", "segment": "VIP", "tags": ["a"], "preferred_channels": ["sms"],
            "custom_fields": {"level": 1}, "last_interaction_date": "2026-01-05T00:00:00Z"}),
        )
    }

    fn gone() -> ContactFields {
        fields(
            json!({"external_id": "7", "name": "Анна П", "email": "b@x.uz", "phone": "+998901234567", "company": "Bank",
            "tags": ["b"], "preferred_channels": ["email", "sms"], "custom_fields": {"level": 2, "size": "M"},
            "last_interaction_date": "2026-01-03T00:00:00Z", "language": "uz"}),
        )
    }

    #[test]
    fn what_is_kept_wins_and_what_it_lacks_is_filled() {
        let both = merged(&kept(), &gone(), &BTreeSet::new()).unwrap();
        let wanted = fields(
            json!({"external_id": "7", "name": "Анна", "email": "a@x.uz", "segment": "VIP",
            "phone": "+998901234567", "company": "Bank", "tags": ["a", "b"], "preferred_channels": ["sms", "email"],
            "custom_fields": {"level": 1, "size": "M"}, "last_interaction_date": "2026-01-05T00:00:00Z"}),
        );
        assert_eq!(both, wanted);
    }

    #[test]
    fn what_is_named_comes_from_the_other_where_it_has_it() {
        let take = TAKEN.map(str::to_owned).into();
        let both = merged(&kept(), &gone(), &take).unwrap();
        let wanted = ContactFields {
            tags: ["a", "b"].map(str::to_owned).into(),
            ..gone()
        };
        assert_eq!(both, wanted);
        // What it has not does not clear anything.
        let bare = fields(json!({"name": "Анна П"}));
        let both = merged(&kept(), &bare, &take).unwrap();
        assert_eq!(
            (both.email, both.segment.as_str()),
            (kept().email, "regular")
        );
        assert_eq!(both.custom_fields, kept().custom_fields);
        for name in ["external_id", "consent", "tags", "eyes", ""] {
            let error = merged(&kept(), &bare, &[name.to_owned()].into()).unwrap_err();
            assert_eq!(error.fields()[0].field, "take", "{name}");
        }
    }

    #[test]
    fn what_is_too_much_together_is_named() {
        let many = |letter: &str| ContactFields {
            tags: (0..60).map(|n| format!("{letter}{n}")).collect(),
            ..kept()
        };
        let error = merged(&many("a"), &many("b"), &BTreeSet::new()).unwrap_err();
        assert_eq!(error.fields()[0].field, "tags");
    }
}
