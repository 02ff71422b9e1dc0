//! The `custom_id` of a request: marker, a sign, our id.
//!
//! A marker has letters and digits alone, so the first sign that is neither ends it. The sign says
//! whether a subject was asked for, which the results do not: `_` with one, `-` without.

use crm_core::port::llm_batch::{BatchMarker, BatchRequest, RequestId};

pub(super) fn custom_id(marker: &BatchMarker, request: &BatchRequest) -> String {
    let sign = if request.request.subject { '_' } else { '-' };
    format!("{}{sign}{}", marker.as_str(), request.id.as_str())
}

/// Our id and whether a subject was asked for; `None` for an id that was not made under `marker`.
pub(super) fn read(custom_id: &str, marker: &BatchMarker) -> Option<(RequestId, bool)> {
    let rest = custom_id.strip_prefix(marker.as_str())?;
    let (subject, id) = match (rest.strip_prefix('_'), rest.strip_prefix('-')) {
        (Some(id), _) => (true, id),
        (None, Some(id)) => (false, id),
        (None, None) => return None,
    };
    Some((RequestId::new(id).ok()?, subject))
}

#[cfg(test)]
mod tests {
    use crm_core::testing::llm_suite;

    use super::*;

    fn marker(text: &str) -> BatchMarker {
        BatchMarker::new(text).expect("marker")
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let longest = "x".repeat(RequestId::LONGEST);
        for (text, id) in [
            ("m1", "-a"),
            ("m", "_"),
            (&"M".repeat(23), longest.as_str()),
        ] {
            for subject in [false, true] {
                let id = RequestId::new(id).expect("id");
                let mut request = BatchRequest {
                    id: id.clone(),
                    request: llm_suite::request(),
                };
                request.request.subject = subject;
                let custom_id = custom_id(&marker(text), &request);
                assert!(custom_id.len() <= 64, "the API's longest");
                assert_eq!(read(&custom_id, &marker(text)), Some((id, subject)));
            }
        }
    }

    #[test]
    fn another_marker_is_another_marker() {
        for foreign in ["m12-a", "m-a", "M1-a", "m1", "m1-", "m1.a", "", "m1-a b"] {
            assert_eq!(read(foreign, &marker("m1")), None, "{foreign}");
        }
    }
}
