//! Texts that people write beside a message: reasons, wishes, what it is about, how the house writes.

use crate::error::{Error, Result};

/// Refuses what is longer than `most` Unicode scalar values, and signs that are no text: not every store could
/// keep them, and some would act on the terminal of whoever reads the history.
///
/// # Errors
/// `Invalid`, with the field.
pub(crate) fn bounded(field: &str, text: &str, most: usize) -> Result<()> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().any(odd) {
        return Err(Error::field(field, "use text and line breaks only"));
    }
    if text.chars().count() > most {
        return Err(Error::field(
            field,
            format!("use at most {most} characters"),
        ));
    }
    Ok(())
}

/// As [`bounded`], and there has to be one.
///
/// # Errors
/// `Invalid`, with the field.
pub(crate) fn written(field: &str, text: &str, most: usize) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::field(field, "may not be blank"));
    }
    bounded(field, text, most)
}

/// As [`bounded`], where there is one.
///
/// # Errors
/// `Invalid`, with the field.
pub(crate) fn optional(field: &str, text: Option<&str>, most: usize) -> Result<()> {
    text.map_or(Ok(()), |text| bounded(field, text, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_text_of_some_length() {
        let said = |text: &str| bounded("reason", text, 5).map_err(|error| error.to_string());
        for good in ["", "Да\n!", "a\r\n\tb", "ёёёёё"] {
            assert_eq!(said(good), Ok(()), "{good:?}");
        }
        for bad in ["\0", "\u{1b}[2J", "\u{7f}", "\u{85}", "ёёёёёё"] {
            assert!(said(bad).unwrap_err().starts_with("reason: "), "{bad:?}");
        }
        assert!(written("about", " \n", 5).is_err() && written("about", "a", 5).is_ok());
        assert!(optional("about", None, 5).is_ok() && optional("about", Some("\0"), 5).is_err());
    }
}
