//! A greeting with somebody else's name, or in the form for the other gender. Only what is certain.

use std::ops::Range;

use super::Context;
use super::fold::{latin, same_name};
use super::name::KnownNames;
use super::name::lists::{FIRST, Gender};
use super::rulebook::Grounds;
use super::text::{Text, Word};

/// Words that greet, and the gender their form is for.
const WORDS: &[(&str, Option<Gender>)] = &[
    ("уважаемый", Some(Gender::Masculine)),
    ("уважаемая", Some(Gender::Feminine)),
    ("дорогой", Some(Gender::Masculine)),
    ("дорогая", Some(Gender::Feminine)),
    ("милый", Some(Gender::Masculine)),
    ("милая", Some(Gender::Feminine)),
    ("здравствуйте", None),
    ("здравствуй", None),
    ("привет", None),
    ("приветствую", None),
    ("день", None),
    ("утро", None),
    ("вечер", None),
    ("dear", None),
    ("hello", None),
    ("hi", None),
    ("hey", None),
    ("morning", None),
    ("afternoon", None),
    ("evening", None),
    ("hurmatli", None),
    ("qadrli", None),
    ("alaykum", None),
    ("assalom", None),
    ("salom", None),
    ("ҳурматли", None),
    ("қадрли", None),
    ("алайкум", None),
    ("салом", None),
];

/// Second words of a greeting.
const SECOND: &[&str] = &[
    "день",
    "утро",
    "вечер",
    "morning",
    "afternoon",
    "evening",
    "alaykum",
    "алайкум",
];

/// Words that stand for a name.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "dr",
    "sir",
    "madam",
    "customer",
    "client",
    "friend",
    "friends",
    "team",
    "colleague",
    "colleagues",
    "guest",
    "all",
    "everyone",
    "ladies",
    "gentlemen",
    "there",
    "господин",
    "госпожа",
    "друг",
    "друзья",
    "клиент",
    "клиентка",
    "клиенты",
    "коллега",
    "коллеги",
    "партнёр",
    "партнёры",
    "партнер",
    "партнеры",
    "покупатель",
    "гость",
    "гости",
    "доктор",
    "mijoz",
    "do'st",
    "do'stim",
    "hamkor",
    "hamkorlar",
    "hamkasb",
    "hamkasblar",
    "janob",
    "xonim",
    "aka",
    "opa",
    "мижоз",
    "дўст",
    "дўстим",
    "ҳамкор",
    "ҳамкорлар",
    "ҳамкасб",
    "жаноб",
    "хоним",
    "ака",
    "опа",
    "мижозимиз",
    "mijozimiz",
    "we",
    "i",
    "мы",
    "я",
];

/// Short forms that share too few letters with the full name.
const SHORT: &[(&str, &str)] = &[
    ("sasha", "alehandr"),
    ("shura", "alehandr"),
    ("jenia", "evgeni"),
    ("misha", "mihail"),
    ("kolia", "nikolai"),
    ("vania", "ivan"),
    ("lesha", "aleksei"),
    ("masha", "mariia"),
    ("katia", "ekaterina"),
    ("lena", "elena"),
    ("natasha", "natalia"),
    ("sveta", "svetlana"),
    ("tania", "tatiana"),
    ("nastia", "anastasiia"),
    ("dasha", "daria"),
    ("bill", "viliam"),
    ("bob", "robert"),
    ("mike", "michael"),
    ("kate", "katherine"),
    ("liz", "elizabeth"),
    ("dick", "richard"),
    ("jim", "james"),
    ("jack", "john"),
    ("volodia", "vladimir"),
    ("vova", "vladimir"),
    ("seroja", "sergei"),
    ("dima", "dmitri"),
    ("petia", "potr"),
    ("ania", "anna"),
    ("olia", "olga"),
    ("ira", "irina"),
];

/// The words that follow a greeting and are meant as the name, with the gender of the greeting's form.
struct Address<'a> {
    form: Option<Gender>,
    greeting: &'a Word,
    names: Vec<&'a Word>,
}

fn addresses(text: &Text) -> Vec<Address<'_>> {
    let mut found = Vec::new();
    let mut words = text.words.iter().enumerate().peekable();
    while let Some((at, word)) = words.next() {
        let Some((_, form)) = WORDS.iter().find(|(greeting, _)| *greeting == word.text) else {
            continue;
        };
        // `добрый день`, `good morning`, `assalomu alaykum`: the sentence begins a word before.
        let before = at.checked_sub(1).and_then(|at| text.words.get(at));
        let second = SECOND.contains(&word.text.as_str()) && before.is_some_and(|word| word.first);
        let begins = word.first || second;
        if !begins {
            continue;
        }
        let mut names: Vec<&Word> = Vec::new();
        let mut end = word.span.end;
        while let Some((_, next)) = words.peek() {
            let gap = text.slice(end..next.span.start);
            // A comma is between a greeting and the name, and ends the name.
            let joined = match gap {
                [' ' | '\u{a0}'] | ['.', ' '] | ['-'] => true,
                [',', ' ' | '\u{a0}'] => names.is_empty() && form.is_none(),
                _ => false,
            };
            if !joined || !next.capital || names.len() == 3 {
                break;
            }
            end = next.span.end;
            names.push(next);
            words.next();
        }
        if !names.is_empty() {
            found.push(Address {
                form: *form,
                greeting: word,
                names,
            });
        }
    }
    found
}

/// Where the names of greetings stand, so that no other guardrail tells them again.
pub(super) fn spans(text: &Text) -> Vec<Range<usize>> {
    addresses(text).iter().filter_map(span_of).collect()
}

fn span_of(address: &Address<'_>) -> Option<Range<usize>> {
    let (first, last) = (address.names.first()?, address.names.last()?);
    Some(first.span.start..last.span.end)
}

/// Wrong names and wrong forms.
pub(super) fn find(
    text: &Text,
    known: &Grounds<'_, KnownNames>,
    context: &Context<'_>,
) -> Vec<(Range<usize>, &'static str)> {
    let own: Vec<String> = Text::new(&context.contact.name)
        .words
        .iter()
        .map(|word| latin(&word.text))
        .collect();
    if own.is_empty() {
        return Vec::new();
    }
    let gender = gender(&own);
    let mut found = Vec::new();
    for address in addresses(text) {
        let Some(span) = span_of(&address) else {
            continue;
        };
        let title = address
            .names
            .iter()
            .any(|word| TITLES.contains(&word.text.as_str()));
        let meant = address
            .names
            .iter()
            .any(|word| is_own(&latin(&word.text), &own) || known.has(&word.text));
        if !title && !meant {
            found.push((span, "the greeting names somebody else"));
        } else if let (Some(form), Some(gender), true) = (address.form, gender, meant)
            && form != gender
        {
            found.push((
                address.greeting.span.clone(),
                "the form of address is for the other gender",
            ));
        }
    }
    found
}

fn is_own(word: &str, own: &[String]) -> bool {
    own.iter().any(|own| same_name(word, own))
        || SHORT
            .iter()
            .any(|(short, full)| word == *short && own.iter().any(|own| same_name(full, own)))
}

/// The gender that the parts of a name agree about: patronymic, surname, a first name of the list.
fn gender(own: &[String]) -> Option<Gender> {
    let mut seen = None;
    for word in own {
        let long = word.chars().count() >= 5;
        let ends = |endings: &[&str]| long && endings.iter().any(|ending| word.ends_with(ending));
        let said = if ends(&["ovna", "evna", "ichna", "ova", "eva", "skaia", "kizi"]) {
            Some(Gender::Feminine)
        } else if ends(&["ovich", "evich", "ov", "ev", "ski", "skii", "ogli", "ugli"])
            && word != "liubov"
        {
            Some(Gender::Masculine)
        } else {
            FIRST
                .iter()
                .find(|(name, _)| name == word)
                .and_then(|(_, gender)| *gender)
        };
        match (seen, said) {
            (Some(seen), Some(said)) if seen != said => return None,
            (None, said) => seen = said,
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gender_is_what_all_parts_of_a_name_agree_about() {
        let of = |name: &str| {
            let own: Vec<String> = name.split(' ').map(latin).collect();
            gender(&own)
        };
        for name in [
            "Анна Ким",
            "Ольга Николаевна",
            "Свет Юсупова",
            "Любовь Зайцева",
            "Gulnora Azimova",
        ] {
            assert_eq!(of(name), Some(Gender::Feminine), "{name}");
        }
        for name in [
            "Пётр Цой",
            "Игорь Васильевич Лебедев",
            "Никита Орлов",
            "Ulugʻbek Karimov",
        ] {
            assert_eq!(of(name), Some(Gender::Masculine), "{name}");
        }
        for name in ["Саша Ли", "Ким Цой", "Анна Петров"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
