//! What a contact is known as after a row of kind `contact`.

use serde_json::{Map, Value};

use crate::consent;
use crate::contact::ContactFields;
use crate::contact::normalise::normalise;
use crate::error::{Error, Result};

/// The fields of `stored` (of a new contact: the usual ones) with those that are given. `null` clears
/// one. Consent that is stored can only go down.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) naming the fields.
pub fn merge(stored: Option<&ContactFields>, given: &Map<String, Value>) -> Result<ContactFields> {
    let refused = |_| Error::field("payload", "has a field that has not the form it should");
    let usual = ContactFields::default();
    let object = |fields: &ContactFields| match serde_json::to_value(fields) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Error::field("payload", "cannot be joined with the contact")),
    };
    let mut joined = object(stored.unwrap_or(&usual))?;
    let usual = object(&usual)?;
    for (name, value) in given {
        let value = if value.is_null() {
            usual.get(name).cloned().unwrap_or_default()
        } else {
            value.clone()
        };
        joined.insert(name.clone(), value);
    }
    let mut fields: ContactFields = serde_json::from_value(joined.into()).map_err(refused)?;
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
