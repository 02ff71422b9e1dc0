//! Whether a model's answer can be shown to a person, and what of it may be kept. What is wrong with it as a text
//! is the [`guardrails`](crate::guardrail)' to say.

use super::voice::is_language;
use crate::guardrail::has_placeholder;
use crate::port::llm::{Draft, DraftRequest};

/// Most characters of a subject.
const SUBJECT: usize = 200;

/// Whether a draft can be shown to a person for a decision; otherwise the code of what is wrong.
///
/// # Errors
/// `blank`, `too_long`, `control_character`, `placeholder`, `bad_subject`.
pub fn check(draft: &Draft, request: &DraftRequest) -> Result<(), &'static str> {
    let text = &draft.content;
    // A scalar value takes four bytes at most: a text of megabytes is not counted.
    let is_long = |text: &str, most: usize| text.len() / 4 > most || text.chars().count() > most;
    if text.trim().is_empty() {
        Err("blank")
    } else if is_long(text, request.max_length) {
        Err("too_long")
    } else if text.chars().any(|c| c.is_control() && c != '\n') {
        Err("control_character")
    } else if has_placeholder(text) {
        Err("placeholder")
    } else if draft.subject.as_ref().is_some_and(|subject| {
        is_long(subject, SUBJECT)
            || subject.trim().is_empty()
            || subject.chars().any(char::is_control)
            || has_placeholder(subject)
    }) {
        Err("bad_subject")
    } else {
        Ok(())
    }
}

/// The language a model says it wrote, if that is the name of one.
#[must_use]
pub fn language(said: Option<String>) -> Option<String> {
    said.filter(|tag| is_language(tag))
}

/// A name or an id from a provider, if it is one: short, and without signs that do not belong there.
#[must_use]
pub fn name(said: &str) -> Option<String> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"-_.:/@ ".contains(&c);
    (!said.is_empty() && said.len() <= 200 && said.bytes().all(fits)).then(|| said.to_owned())
}

/// The code of a failure, if it is one; a plugin may say anything.
#[must_use]
pub fn code(said: &str) -> &str {
    let fits = |c: u8| c.is_ascii_alphanumeric() || b"_.-:".contains(&c);
    let is_code = (1..=100).contains(&said.len()) && said.bytes().all(fits);
    if is_code { said } else { "other" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::llm::Usage;

    fn request() -> DraftRequest {
        DraftRequest {
            system: String::new(),
            user: String::new(),
            language: "ru".to_owned(),
            subject: true,
            max_length: 100,
            max_tokens: 1,
            about: None,
        }
    }

    fn checked(subject: &str, content: &str) -> Result<(), &'static str> {
        let draft = Draft {
            subject: Some(subject.to_owned()),
            content: content.to_owned(),
            language: None,
            facts_used: Vec::new(),
            model: String::new(),
            usage: Usage::default(),
            cost_picodollars: 0,
            request_id: None,
        };
        check(&draft, &request())
    }

    #[test]
    fn a_draft_with_something_to_be_filled_in_is_refused() {
        assert_eq!(checked("Привет", "Анна, здравствуйте!"), Ok(()));
        assert_eq!(
            checked("Привет", "Здравствуйте, [Имя]!"),
            Err("placeholder")
        );
        assert_eq!(checked("Для {{name}}", "Анна!"), Err("bad_subject"));
    }

    #[test]
    fn the_cap_holds_to_the_letter_and_whatever_is_no_text_is_refused() {
        assert_eq!(checked("s", &"я".repeat(100)), Ok(()));
        assert_eq!(checked("s", &"я".repeat(101)), Err("too_long"));
        assert_eq!(checked("s", &"x".repeat(10_000_000)), Err("too_long"));
        assert_eq!(checked("s", "\u{0}\u{1}PK"), Err("control_character"));
        assert_eq!(checked("s", "a\tb"), Err("control_character"));
        assert_eq!(checked("s", " \n\u{2003}"), Err("blank"));
        assert_eq!(checked(&"s".repeat(201), "Анна!"), Err("bad_subject"));
        assert_eq!(checked("two\nlines", "Анна!"), Err("bad_subject"));
    }

    #[test]
    fn only_what_a_name_can_be_is_kept_of_what_a_provider_says() {
        assert_eq!(
            name("claude-x_1:2/beta@3").as_deref(),
            Some("claude-x_1:2/beta@3")
        );
        for said in ["", "a\nb", "модель", &"x".repeat(201)] {
            assert_eq!(name(said), None);
        }
        assert_eq!(
            language(Some("uz-Cyrl".to_owned())).as_deref(),
            Some("uz-Cyrl")
        );
        for said in ["", "x", "ru ", "the Russian language", "ru-", "рус"] {
            assert_eq!(language(Some(said.to_owned())), None);
        }
        assert_eq!(code("http_529"), "http_529");
        for said in ["", "Dear Anna, your card", &"x".repeat(101)] {
            assert_eq!(code(said), "other");
        }
    }
}
