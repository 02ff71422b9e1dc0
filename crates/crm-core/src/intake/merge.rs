//! What a contact is known as after a row of kind `contact`.

use serde_json::{Map, Value};

use crate::consent;
use crate::contact::normalise::normalise;
use crate::contact::{ContactFields, overlay};
use crate::error::Result;

/// The fields of `stored` (of a new contact: the usual ones) with those that are given. `null` clears
/// one. Consent that is stored can only go down.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) naming the fields.
pub fn merge(stored: Option<&ContactFields>, given: &Map<String, Value>) -> Result<ContactFields> {
    let mut fields = match stored {
        Some(stored) => overlay(stored, given)?,
        None => overlay(&ContactFields::default(), given)?,
    };
    if let Some(stored) = stored {
        fields.consent = consent::lower(&stored.consent, &fields.consent);
    }
    normalise(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::consent::{Consent, ConsentStatus, Topic};

    fn given(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn consent(status: ConsentStatus) -> Consent {
        Consent {
            channel: "sms".to_owned(),
            topic: Topic::Marketing,
            status,
            evidence: None,
            at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_left_out_stays_and_null_clears() {
        let stored = ContactFields {
            name: "Анна".to_owned(),
            company: Some("Салон".to_owned()),
            segment: "VIP".to_owned(),
            ..ContactFields::default()
        };
        let change = given(json!({"phone": "+998 90 123-45-67", "company": null, "segment": null}));
        let merged = merge(Some(&stored), &change).unwrap();
        assert_eq!(merged.name, "Анна");
        assert_eq!(merged.phone.as_deref(), Some("+998901234567"));
        assert_eq!((merged.company, merged.segment.as_str()), (None, "regular"));
        let error = merge(Some(&stored), &given(json!({"name": null}))).unwrap_err();
        assert_eq!(error.fields()[0].field, "name");
    }

    #[test]
    fn a_stored_no_stays_a_no() {
        let no = consent(ConsentStatus::OptedOut);
        let yes = consent(ConsentStatus::OptedIn);
        let with = |consent: &Consent| ContactFields {
            name: "Анна".to_owned(),
            consent: vec![consent.clone()],
            ..ContactFields::default()
        };
        let change = |consent: &Consent| given(json!({"consent": [consent]}));
        let cleared = given(json!({"consent": null}));
        for (stored, change) in [(&no, change(&yes)), (&yes, change(&no)), (&no, cleared)] {
            let merged = merge(Some(&with(stored)), &change).unwrap();
            assert_eq!(merged.consent.as_slice(), std::slice::from_ref(&no));
        }
        let new = given(json!({"name": "Анна", "consent": [yes]}));
        assert_eq!(merge(None, &new).unwrap().consent, [yes]);
    }
}
