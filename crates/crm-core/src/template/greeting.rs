//! The first line of a message: right for whoever reads it, or without a name.

use super::names::{Gender, Name};
use super::tongue::Tongue;

/// The greeting of a person, with its comma or exclamation mark.
///
/// "Уважаемая" needs to know the gender, so it is written only where a patronymic tells it. A blank name leaves no
/// hole.
pub(crate) fn line(full_name: &str, tongue: Tongue) -> String {
    let name = Name::of(full_name);
    if name.first.is_empty() {
        return nameless(tongue).to_owned();
    }
    let polite = name.polite();
    match (tongue, name.gender) {
        (Tongue::Ru, Some(gender)) if name.patronymic.is_some() => match gender {
            Gender::He => format!("Уважаемый {polite}!"),
            Gender::She => format!("Уважаемая {polite}!"),
        },
        (Tongue::Ru, _) => format!("Здравствуйте, {polite}!"),
        (Tongue::En, _) => format!("Dear {},", name.first),
        (Tongue::Uz, _) => format!("Hurmatli {polite}!"),
        (Tongue::UzCyrl, _) => format!("Ҳурматли {polite}!"),
    }
}

/// The greeting of somebody whose name is not known.
pub(crate) const fn nameless(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Ru => "Здравствуйте!",
        Tongue::En => "Hello,",
        Tongue::Uz => "Assalomu alaykum!",
        Tongue::UzCyrl => "Ассалому алайкум!",
    }
}

/// A built-in text for a name: `{}` in its first line stands for the given name. Without a name the first line is the
/// one that needs none.
pub(crate) fn fill(text: &str, full_name: &str, tongue: Tongue) -> String {
    let first = Name::of(full_name).first;
    if !first.is_empty() {
        return text.replacen("{}", first, 1);
    }
    match text.strip_prefix("{}, ") {
        // Only the name stands before the sentence.
        Some(sentence) => format!("{}\n\n{}", nameless(tongue), upper(sentence)),
        None => match text.split_once('\n') {
            Some((_, rest)) => format!("{}\n{rest}", nameless(tongue)),
            None => nameless(tongue).to_owned(),
        },
    }
}

fn upper(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gender_is_said_only_where_it_is_known() {
        for (tongue, full, wanted) in [
            (
                Tongue::Ru,
                "Иванова Анна Петровна",
                "Уважаемая Анна Петровна!",
            ),
            (Tongue::Ru, "Пётр Ильич Чайковский", "Уважаемый Пётр Ильич!"),
            (Tongue::Ru, "Анна Иванова", "Здравствуйте, Анна!"),
            (Tongue::Ru, "Иван Петрович", "Здравствуйте, Иван Петрович!"),
            (
                Tongue::Ru,
                "Каримов Алишер Баҳодир ўғли",
                "Здравствуйте, Алишер!",
            ),
            (Tongue::En, "Anna Petrovna Ivanova", "Dear Anna,"),
            (
                Tongue::Uz,
                "Karimov Alisher Bahodirovich",
                "Hurmatli Alisher Bahodirovich!",
            ),
            (
                Tongue::UzCyrl,
                "Каримов Алишер Баҳодир ўғли",
                "Ҳурматли Алишер!",
            ),
            (Tongue::Ru, " ", "Здравствуйте!"),
            (Tongue::En, "", "Hello,"),
            (Tongue::Uz, "", "Assalomu alaykum!"),
            (Tongue::UzCyrl, "", "Ассалому алайкум!"),
        ] {
            assert_eq!(line(full, tongue), wanted);
        }
    }

    #[test]
    fn a_built_in_text_needs_no_name() {
        assert_eq!(
            fill("{}, добрый день!\n\nТекст.", "Анна", Tongue::Ru),
            "Анна, добрый день!\n\nТекст."
        );
        assert_eq!(
            fill("{}, добрый день!\n\nТекст.", " ", Tongue::Ru),
            "Здравствуйте!\n\nДобрый день!\n\nТекст."
        );
        assert_eq!(fill("Dear {},\n\nText.", "", Tongue::En), "Hello,\n\nText.");
        assert_eq!(fill("Dear {},", "", Tongue::En), "Hello,");
    }
}
