//! What a host says of a person field by field: some of it, in the form of JSON.
//!
//! It is kept as it was said until it meets the contact. So one value of a wrong form refuses its own row, and says which
//! field it is, however many rows there are.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ContactFields;
use super::normalise::normalise;
use crate::consent::{self, Consent};
use crate::error::{Error, FieldError, Result};

/// What becomes of fields that a [`ContactPatch`] does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchMode {
    /// They stay as they are.
    #[default]
    Merge,
    /// They are cleared, as `null` clears them. A no that is stored stays.
    Replace,
}

impl PatchMode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Merge, Self::Replace];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

/// Fields of a contact by the names they have in JSON, as in [`ContactFields`]. One that is left out is not spoken of,
/// `null` says that there is nothing. `tags`, `custom_fields` and `preferred_channels` are each one field.
///
/// It is made from a [`Value`], or from [`ContactFields`], which speak of every field.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContactPatch(Value);

// It holds personal data.
impl fmt::Debug for ContactPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContactPatch(..)")
    }
}

impl From<Value> for ContactPatch {
    fn from(said: Value) -> Self {
        Self(said)
    }
}

impl From<ContactFields> for ContactPatch {
    fn from(fields: ContactFields) -> Self {
        Self(Value::Object(object(&fields)))
    }
}

impl ContactPatch {
    /// The host's id of the contact, if it is there and no more than white space.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        let id = self.0.get("external_id")?.as_str()?.trim();
        (!id.is_empty()).then_some(id)
    }

    /// The e-mail in the form in which contacts are compared.
    pub(crate) fn email(&self) -> Option<String> {
        let email = self.0.get("email")?.as_str()?.trim().to_lowercase();
        (!email.is_empty()).then_some(email)
    }

    /// Refuses what cannot be read at all, with every field that cannot.
    pub(crate) fn check(&self) -> Result<&Map<String, Value>> {
        let Value::Object(said) = &self.0 else {
            return Err(Error::field("row", "use an object of named values"));
        };
        let usual = object(&ContactFields::default());
        let mut faults = Vec::new();
        for (name, value) in said {
            let message = if !usual.contains_key(name) {
                "there is no such field"
            } else if value.is_null() || is_of_form(name, value) {
                continue;
            } else {
                form(name)
            };
            faults.push(FieldError {
                field: short(name),
                message: message.to_owned(),
            });
        }
        if faults.is_empty() {
            Ok(said)
        } else {
            Err(Error::fields_invalid(faults))
        }
    }

    /// What a contact is known as after it: `stored`, or of a new contact what is usual, with what is said, normalised.
    /// Consent is only joined; of two words about the same channel and topic a no wins, unless the yes is later and has
    /// its evidence.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) naming each field that is refused and never a value.
    pub fn over(&self, stored: Option<&ContactFields>, mode: PatchMode) -> Result<ContactFields> {
        let said = self.check()?;
        let usual = ContactFields::default();
        let base = match mode {
            PatchMode::Merge => stored.unwrap_or(&usual),
            PatchMode::Replace => &usual,
        };
        let mut fields = overlay(base, said)?;
        if let Some(stored) = stored {
            fields.consent = kept(&stored.consent, &fields.consent, mode);
            if !said.contains_key("external_id") {
                fields.external_id.clone_from(&stored.external_id);
            }
        }
        normalise(fields)
    }
}

/// The consent that is known after `said`; `said` may be what is stored.
fn kept(stored: &[Consent], said: &[Consent], mode: PatchMode) -> Vec<Consent> {
    if stored == said {
        return stored.to_vec();
    }
    let mut joined = consent::joined(stored, said);
    if mode == PatchMode::Replace {
        // A yes that took a no back is what keeps that no from being lost.
        let about = |words: &[Consent], word: &Consent, no: bool| {
            let mut words = words.iter().filter(|one| !no || one.is_no());
            words.any(|one| one.is_about(&word.channel, word.topic))
        };
        joined.retain(|word| about(said, word, false) || about(stored, word, true));
    }
    joined
}

/// `base` with the fields that are given; `null` gives the usual value.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) with the field `payload` when a value has not the form that it should.
pub(crate) fn overlay(base: &ContactFields, given: &Map<String, Value>) -> Result<ContactFields> {
    let mut joined = object(base);
    let usual = object(&ContactFields::default());
    for (name, value) in given {
        let value = if value.is_null() {
            usual.get(name).cloned().unwrap_or_default()
        } else {
            value.clone()
        };
        joined.insert(name.clone(), value);
    }
    serde_json::from_value(joined.into())
        .map_err(|_| Error::field("payload", "has a field that has not the form it should"))
}

/// The fields by name. Nothing of them can fail to be written.
fn object(fields: &ContactFields) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn is_of_form(name: &str, value: &Value) -> bool {
    let one = Map::from_iter([(name.to_owned(), value.clone())]);
    serde_json::from_value::<ContactFields>(one.into()).is_ok()
}

/// What a field should look like.
fn form(name: &str) -> &'static str {
    match name {
        "birthday" => "use a real date as YYYY-MM-DD or --MM-DD",
        "tags" | "preferred_channels" => "use a list of texts",
        "custom_fields" => "use an object of named values",
        "consent" => "use a list of objects with channel, topic, status and at",
        "last_interaction_date" => {
            "use an instant with its offset, for example 2026-11-25T09:00:00+05:00"
        }
        _ => "use text",
    }
}

/// Names come from the caller, too.
fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::consent::{ConsentStatus, Topic};

    fn patch(said: Value) -> ContactPatch {
        ContactPatch::from(said)
    }

    fn stored() -> ContactFields {
        ContactFields {
            external_id: Some("7".to_owned()),
            name: "Анна".to_owned(),
            email: Some("anna@example.org".to_owned()),
            company: Some("Салон".to_owned()),
            segment: "VIP".to_owned(),
            tags: ["a".to_owned()].into(),
            ..ContactFields::default()
        }
    }

    fn word(status: ConsentStatus, evidence: bool, hour: i64) -> Consent {
        Consent {
            channel: "sms".to_owned(),
            topic: Topic::Marketing,
            status,
            evidence: evidence.then(|| "form 7".to_owned()),
            at: chrono::DateTime::UNIX_EPOCH + chrono::Duration::hours(hour),
        }
    }

    #[test]
    fn what_is_left_out_stays_or_goes_and_null_clears() {
        let said = patch(
            json!({"external_id": "7", "name": " Анна П ", "company": null, "segment": null}),
        );
        let merged = said.over(Some(&stored()), PatchMode::Merge).unwrap();
        let wanted = ContactFields {
            name: "Анна П".to_owned(),
            company: None,
            segment: "regular".to_owned(),
            ..stored()
        };
        assert_eq!(merged, wanted);
        let replaced = said.over(Some(&stored()), PatchMode::Replace).unwrap();
        let wanted = ContactFields {
            email: None,
            tags: [].into(),
            ..wanted
        };
        assert_eq!(replaced, wanted);
        // A name cannot be cleared, and a new contact needs one.
        for mode in [PatchMode::Merge, PatchMode::Replace] {
            let unnamed = patch(json!({"external_id": "7", "name": null}));
            let error = unnamed.over(Some(&stored()), mode).unwrap_err();
            assert_eq!(error.fields()[0].field, "name");
        }
        let error = patch(json!({"external_id": "8"})).over(None, PatchMode::Merge);
        assert_eq!(error.unwrap_err().fields()[0].field, "name");
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named_and_no_value() {
        let said = patch(json!({
            "external_id": 7, "name": ["SECRET"], "birthday": "SECRET", "tags": "SECRET", "consent": [{"at": "SECRET"}],
            "custom_fields": 5, "last_interaction_date": "SECRET", "eyes": "SECRET", "phone": null,
        }));
        let error = said.over(None, PatchMode::Merge).unwrap_err();
        let mut names: Vec<&str> = error
            .fields()
            .iter()
            .map(|one| one.field.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "birthday",
                "consent",
                "custom_fields",
                "external_id",
                "eyes",
                "last_interaction_date",
                "name",
                "tags"
            ]
        );
        assert!(!format!("{:?}", error.fields()).contains("SECRET"));
        for odd in [json!([]), json!("x"), json!(null), json!(7)] {
            let error = patch(odd).over(None, PatchMode::Merge).unwrap_err();
            assert_eq!(error.fields()[0].field, "row");
        }
    }

    #[test]
    fn fields_as_a_whole_speak_of_everything() {
        let said = ContactPatch::from(ContactFields {
            company: None,
            ..stored()
        });
        assert_eq!(said.external_id(), Some("7"));
        let merged = said.over(Some(&stored()), PatchMode::Merge).unwrap();
        assert_eq!(merged.company, None);
        assert_eq!(patch(json!({"external_id": "  "})).external_id(), None);
        assert_eq!(
            patch(json!({"email": " A@B.uz "})).email().as_deref(),
            Some("a@b.uz")
        );
    }

    #[test]
    fn a_no_is_taken_back_by_a_later_yes_with_evidence_alone() {
        use ConsentStatus::{OptedIn, OptedOut};
        let no = word(OptedOut, false, 5);
        for (stored, said, wanted) in [
            (no.clone(), word(OptedIn, true, 6), word(OptedIn, true, 6)),
            (no.clone(), word(OptedIn, true, 5), no.clone()),
            (no.clone(), word(OptedIn, false, 6), no.clone()),
            (
                no.clone(),
                word(OptedOut, false, 9),
                word(OptedOut, false, 9),
            ),
            (word(OptedIn, false, 9), no.clone(), no.clone()),
            (word(OptedIn, true, 9), no.clone(), word(OptedIn, true, 9)),
            (
                word(OptedIn, true, 2),
                word(OptedIn, false, 9),
                word(OptedIn, true, 2),
            ),
        ] {
            let before = ContactFields {
                consent: vec![stored.clone()],
                ..self::stored()
            };
            for mode in [PatchMode::Merge, PatchMode::Replace] {
                let after = patch(json!({"name": "Анна", "consent": [said]}))
                    .over(Some(&before), mode)
                    .unwrap();
                assert_eq!(
                    after.consent,
                    std::slice::from_ref(&wanted),
                    "{stored:?} and {said:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_said_of_consent_clears_a_yes_and_no_no() {
        let (yes, mut no) = (
            word(ConsentStatus::OptedIn, true, 5),
            word(ConsentStatus::OptedOut, false, 5),
        );
        no.channel = "email".to_owned();
        let before = ContactFields {
            consent: vec![yes.clone(), no.clone()],
            ..stored()
        };
        for said in [
            json!({"name": "Анна"}),
            json!({"name": "Анна", "consent": []}),
            json!({"name": "Анна", "consent": null}),
        ] {
            let merged = patch(said.clone())
                .over(Some(&before), PatchMode::Merge)
                .unwrap();
            assert_eq!(merged.consent, [yes.clone(), no.clone()]);
            let replaced = patch(said).over(Some(&before), PatchMode::Replace).unwrap();
            assert_eq!(replaced.consent, [no.clone()]);
        }
    }
}
