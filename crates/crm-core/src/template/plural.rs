//! Which form of a word stands behind a number, by the rules of CLDR.
//!
//! The rules come from ICU4X, which is made from CLDR's own data, so a language that nobody here speaks is right, too.

use fixed_decimal::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use serde_json::Value;

use super::tongue::Tongue;

/// Most characters of a number in a field.
const LONGEST_NUMBER: usize = 20;

/// A language's forms.
pub(super) struct Forms {
    rules: Option<PluralRules>,
    categories: Vec<PluralCategory>,
    /// Russian has a fourth form in CLDR, for fractions, which is written as the second.
    fractions_as_few: bool,
}

impl Forms {
    /// The forms of a BCP 47 language.
    pub(super) fn of(language: &str) -> Self {
        let tongue = Tongue::of(language);
        // Behind a number an Uzbek noun stays as it is: "1 yil", "5 yil".
        let never = matches!(tongue, Some(Tongue::Uz | Tongue::UzCyrl));
        let rules = Locale::try_from_str(language)
            .ok()
            .filter(|_| !never)
            .and_then(|locale| PluralRules::try_new_cardinal((&locale).into()).ok());
        let mut categories: Vec<PluralCategory> = match &rules {
            Some(rules) => rules.categories().collect(),
            None => vec![PluralCategory::Other],
        };
        categories.sort_unstable();
        categories.dedup();
        Self {
            rules,
            categories,
            fractions_as_few: tongue == Some(Tongue::Ru),
        }
    }

    /// Whether a word may be given in so many forms.
    pub(super) fn takes(&self, count: usize) -> bool {
        count == self.categories.len()
            || (self.fractions_as_few && count + 1 == self.categories.len())
    }

    /// How many forms are asked for and which, for a person: "3 forms (one, few, many)".
    pub(super) fn wanted(&self) -> String {
        let shown = self.categories.len() - usize::from(self.fractions_as_few);
        let names = self
            .categories
            .iter()
            .take(shown)
            .map(|category| name(*category));
        let names: Vec<&str> = names.collect();
        match names.len() {
            1 => "1 form".to_owned(),
            count => format!("{count} forms ({})", names.join(", ")),
        }
    }

    /// The place of the form that goes with the number, of `count` forms.
    pub(super) fn place(&self, number: &Decimal, count: usize) -> usize {
        let category = self
            .rules
            .as_ref()
            .map_or(PluralCategory::Other, |rules| rules.category_for(number));
        let category = match category {
            PluralCategory::Other if count < self.categories.len() => PluralCategory::Few,
            other => other,
        };
        let place = self.categories.iter().position(|one| *one == category);
        place.unwrap_or_default()
    }
}

const fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

/// The number in a field: a number, or a text that is nothing but one, with a point or a comma.
pub(super) fn number(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().replacen(',', ".", 1),
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-');
    if text.len() > LONGEST_NUMBER || !text.chars().all(plain) {
        return None;
    }
    Decimal::try_from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words<'a>(language: &str, forms: &[&'a str], numbers: &[&str]) -> Vec<&'a str> {
        let rules = Forms::of(language);
        assert!(rules.takes(forms.len()), "{language}");
        let pick = |text: &&str| {
            let number = number(&json!(text)).unwrap();
            forms[rules.place(&number, forms.len())]
        };
        numbers.iter().map(pick).collect()
    }

    #[test]
    fn russian_counts_by_the_last_two_figures() {
        let years = ["год", "года", "лет"];
        for (word, numbers) in [
            ("год", &["1", "21", "101", "-1", "1001"][..]),
            ("года", &["2", "3", "4", "22", "104", "-3"]),
            (
                "лет",
                &[
                    "0", "5", "11", "12", "13", "14", "20", "111", "112", "-11", "1000000",
                ],
            ),
            ("года", &["1.5", "0,5", "2.0", "-11.5"]),
        ] {
            assert!(
                words("ru", &years, numbers).iter().all(|one| *one == word),
                "{numbers:?}"
            );
        }
        let four = ["год", "года", "лет", "года (дробь)"];
        assert_eq!(
            words("ru-RU", &four, &["1.5", "2"]),
            ["года (дробь)", "года"]
        );
    }

    #[test]
    fn english_has_two_forms_and_uzbek_one() {
        let years = ["year", "years"];
        assert_eq!(
            words(
                "en",
                &years,
                &["1", "-1", "0", "2", "11", "21", "1.5", "1.0"]
            ),
            [
                "year", "year", "years", "years", "years", "years", "years", "years"
            ]
        );
        assert_eq!(words("uz", &["yil"], &["1", "2", "0.5"]), ["yil"; 3]);
        assert_eq!(words("uz-Cyrl", &["йил"], &["1", "5"]), ["йил"; 2]);
    }

    #[test]
    fn other_languages_follow_their_own_rules() {
        let polish = ["rok", "lata", "lat", "roku"];
        assert_eq!(
            words("pl", &polish, &["1", "2", "5", "21", "1.5"]),
            ["rok", "lata", "lat", "lat", "roku"]
        );
        assert_eq!(words("ja", &["年"], &["1", "5"]), ["年"; 2]);
        assert_eq!(words("xx", &["a"], &["1"]), ["a"]);
    }

    #[test]
    fn a_wrong_number_of_forms_is_said() {
        let said = |language: &str| Forms::of(language).wanted();
        assert_eq!(said("ru"), "3 forms (one, few, many)");
        assert_eq!(said("en"), "2 forms (one, other)");
        assert_eq!(said("uz"), "1 form");
        assert_eq!(said("pl"), "4 forms (one, few, many, other)");
        for (language, wrong) in [("ru", [2, 5]), ("en", [1, 3]), ("uz", [0, 2])] {
            let forms = Forms::of(language);
            assert!(!wrong.iter().any(|count| forms.takes(*count)), "{language}");
        }
    }

    #[test]
    fn only_numbers_are_numbers() {
        for value in [json!(5), json!(-3), json!(1.5), json!("7"), json!(" 1,5 ")] {
            assert!(number(&value).is_some(), "{value}");
        }
        for value in [
            json!("five"),
            json!(""),
            json!("1e9"),
            json!(1e300),
            json!("1,000.5"),
            json!("--1"),
            json!("5 лет"),
            json!(true),
            json!(null),
            json!("9".repeat(21)),
        ] {
            assert!(number(&value).is_none(), "{value}");
        }
    }
}
