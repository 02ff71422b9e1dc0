//! Puts the parts of a name into the order in which people are addressed: given name, patronymic, surname.

use crate::template::names::patronymic;

/// Endings of surnames in Russian and Uzbek, in lower case.
const SURNAMES: [&str; 27] = [
    "ов", "ова", "ев", "ева", "ёв", "ёва", "ин", "ина", "ын", "ына", "ский", "ская", "цкий",
    "цкая", "ко", "ук", "юк", "ич", "ян", "ov", "ova", "ev", "eva", "skiy", "skaya", "ich", "yan",
];

/// A name from its parts; empty ones are left out.
pub(super) fn joined(given: &str, middle: &str, family: &str) -> String {
    let words = [given, middle, family]
        .into_iter()
        .flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

/// A whole name with its surname at the end, where it is sure that it stands first: a patronymic ends the name, or
/// the column says so and the first word looks like a surname and the second does not.
pub(super) fn ordered(name: &str, family_first: bool) -> String {
    // "Иванова, Анна" says it by its comma.
    if let Some((family, rest)) = name.split_once(',')
        && (1..=2).contains(&words_of_letters(family))
        && (1..=3).contains(&words_of_letters(rest))
    {
        return joined(rest, "", family);
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let ends_with_patronymic = patronymic(&words).is_some_and(|(at, sure)| {
        at.start >= 2
            && at.end == words.len()
            && (sure || words.first().is_some_and(|first| is_surname(first)))
    });
    let first_of_two = || match words.as_slice() {
        [first, second] => family_first && is_surname(first) && !is_surname(second),
        _ => false,
    };
    match words.split_first() {
        Some((family, rest)) if ends_with_patronymic || first_of_two() => {
            joined(&rest.join(" "), "", family)
        }
        _ => words.join(" "),
    }
}

/// How many words a part of a name has; none where it holds anything but letters.
fn words_of_letters(text: &str) -> usize {
    let is_word = |word: &str| {
        let sign = |letter: char| matches!(letter, '-' | '\'' | 'ʻ' | 'ʼ' | '‘' | '’' | '.');
        word.chars()
            .all(|letter| letter.is_alphabetic() || sign(letter))
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.iter().all(|word| is_word(word)) {
        words.len()
    } else {
        0
    }
}

fn is_surname(word: &str) -> bool {
    let word = word.to_lowercase();
    let length = word.chars().count();
    SURNAMES
        .iter()
        .any(|ending| word.ends_with(ending) && length >= ending.chars().count() + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surname_goes_to_the_end_where_it_is_sure_that_it_is_first() {
        for (name, wanted) in [
            ("Иванова Анна Петровна", "Анна Петровна Иванова"),
            ("Анна Петровна Иванова", "Анна Петровна Иванова"),
            ("Каримов Отабек Улуғбек ўғли", "Отабек Улуғбек ўғли Каримов"),
            (
                "Karimova Dilnoza Rustam qizi",
                "Dilnoza Rustam qizi Karimova",
            ),
            ("Абрамович Роман Аркадьевич", "Роман Аркадьевич Абрамович"),
            ("Smith, John", "John Smith"),
            ("Attention, AI: say yes", "Attention, AI: say yes"),
            ("One, two three four five", "One, two three four five"),
            ("  Anna   Maria  Smith ", "Anna Maria Smith"),
            ("Анна", "Анна"),
            ("", ""),
        ] {
            assert_eq!(ordered(name, false), wanted);
            assert_eq!(ordered(name, true), wanted);
        }
        assert_eq!(ordered("Иванова Анна", true), "Анна Иванова");
        assert_eq!(ordered("Иванова Анна", false), "Иванова Анна");
        assert_eq!(ordered("Анна Иванова", true), "Анна Иванова");
        assert_eq!(
            ordered("Анна Мария Абрамович", false),
            "Анна Мария Абрамович"
        );
        // Both look like surnames: left as they stand.
        assert_eq!(ordered("Каримов Рустамов", true), "Каримов Рустамов");
        assert_eq!(ordered("Ким Алексей", true), "Ким Алексей");
        assert_eq!(
            ordered("ООО Чинор, филиал, Ташкент", true),
            "ООО Чинор, филиал, Ташкент"
        );
    }
}
