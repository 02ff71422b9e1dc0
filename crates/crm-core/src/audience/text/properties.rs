//! What holds for every audience and for every text.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::random::audience;
use crate::audience::Audience;

/// Texts made of pieces of the grammar: most are wrong, some only just.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = select(
        &[
            "and",
            "or",
            "not",
            "(",
            ")",
            ",",
            "=",
            "!=",
            "in",
            "tag",
            "field.x",
            "field.",
            "\"",
            "\"a\"",
            "a",
            "7d",
            "5",
            "<",
            "birthday",
            "within",
            "consent",
            "email",
            "marketing",
            "opted_in",
            "has",
            "last",
            "interaction",
            "before",
            "everybody",
            "all of (",
            "any of (",
            "\\",
            "ў",
            "2026-01-31",
        ][..],
    );
    vec(pieces, 0..25).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_written_is_read_back(audience in audience()) {
        prop_assert!(audience.validate().is_ok());
        let text = audience.to_text();
        let back = Audience::from_text(&text);
        prop_assert_eq!(back.as_ref().ok(), Some(&audience), "{} {:?}", text, back);
        // Numbers are equal to each other in more ways than one; the text is the same in one way only.
        prop_assert_eq!(back.unwrap().to_text(), text);
    }

    #[test]
    fn what_is_read_is_written_and_read_again(text in nearly()) {
        if let Ok(audience) = Audience::from_text(&text) {
            prop_assert_eq!(Audience::from_text(&audience.to_text()), Ok(audience));
        }
    }

    #[test]
    fn a_changed_text_is_read_or_refused(audience in audience(), at in any::<prop::sample::Index>(), put in any::<char>()) {
        let mut letters: Vec<char> = audience.to_text().chars().collect();
        let index = at.index(letters.len());
        letters[index] = put;
        let text: String = letters.into_iter().collect();
        if let Ok(audience) = Audience::from_text(&text) {
            prop_assert_eq!(Audience::from_text(&audience.to_text()), Ok(audience));
        }
    }

    #[test]
    fn no_bytes_are_too_much(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Audience::from_text(&String::from_utf8_lossy(&bytes));
    }
}
