//! Another language or script than the contact's. Russian, English, Uzbek in both scripts, Turkish, Kazakh
//! and Ukrainian are told apart by evidence of our own: scripts, letters, frequent words, endings. Where it
//! is weak, and for every other language, `whatlang` (trigrams) is asked. Short texts stay unknown.

mod evidence;

use std::ops::Range;

use whatlang::{Lang, detect};

use self::evidence::{Known, score};
use super::name::KnownNames;
use super::rulebook::Grounds;
use super::text::{Text, Word};

const OTHER: &str = "another language than the contact's";
const SCRIPT: &str = "another script than the contact's language is written in";

/// Fewest words that are judged.
const FEWEST: usize = 4;
/// Fewest letters for which trigrams are asked.
const FEWEST_LETTERS: usize = 50;

/// The text as a whole, or the sentences that are not in the language.
pub(super) fn find(
    text: &Text,
    taken: &[Range<usize>],
    known: &Grounds<'_, KnownNames>,
    language: &str,
    title: bool,
) -> Vec<(Range<usize>, &'static str)> {
    let mut spans = taken.iter().peekable();
    let words: Vec<&Word> = text
        .words
        .iter()
        .filter(|word| {
            while spans.next_if(|span| span.end <= word.span.start).is_some() {}
            let in_link = spans
                .peek()
                .is_some_and(|span| span.contains(&word.span.start));
            let letters = word.text.chars().any(char::is_alphabetic);
            // Names are no language: capitals inside a sentence, and what the sources name.
            let name = word.capital && (!title && !word.first || known.has(&word.text));
            letters && !in_link && !name
        })
        .collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Vec::new();
    };
    let whole = first.span.start..last.span.end;
    if let Some(message) = judge(&words, language, Some(text)) {
        return vec![(whole, message)];
    }
    let mut found: Vec<(Range<usize>, &'static str)> = Vec::new();
    for sentence in words.chunk_by(|_, next| !next.first) {
        if let (Some(message), Some(first), Some(last)) = (
            judge(sentence, language, None),
            sentence.first(),
            sentence.last(),
        ) {
            found.push((first.span.start..last.span.end, message));
        }
    }
    found
}

/// What is wrong with the language of these words, when that is sure enough. `whole` is the text they are
/// all of; a sentence is judged by our own evidence alone.
fn judge(words: &[&Word], language: &str, whole: Option<&Text>) -> Option<&'static str> {
    if words.len() < FEWEST {
        return None;
    }
    let (mut cyrillic, mut latin, mut other) = (0_usize, 0_usize, 0_usize);
    for c in words
        .iter()
        .flat_map(|word| word.text.chars())
        .filter(|c| c.is_alphabetic())
    {
        if ('\u{400}'..='\u{52f}').contains(&c) {
            cyrillic += 1;
        } else if c.is_ascii_alphabetic() || ('\u{c0}'..='\u{24f}').contains(&c) {
            latin += 1;
        } else {
            other += 1;
        }
    }
    let all = cyrillic + latin + other;
    let Some(expected) = Known::of_tag(language) else {
        return whole.and_then(|text| by_trigrams(text, language));
    };
    // Scripts first: nothing is surer.
    let right = if expected.cyrillic() { cyrillic } else { latin };
    if right * 5 < all * 2 {
        return Some(SCRIPT);
    }
    let scores = score(words.iter().map(|word| word.text.as_str()));
    let mut own = 0.0;
    let (mut best, mut best_score) = (expected, 0.0);
    for (language, score) in Known::ALL.into_iter().zip(scores) {
        if language == expected {
            own = score;
        } else if score > best_score {
            (best, best_score) = (language, score);
        }
    }
    let count = f64::from(u32::try_from(words.len()).unwrap_or(u32::MAX));
    if best != expected
        && best_score >= 2.0
        && best_score >= own * 1.6 + 0.5
        && best_score >= count * 0.2
    {
        return Some(OTHER);
    }
    // Nothing of the expected language in a text that is not short: Russian in Latin letters, for one.
    if whole.is_some() && words.len() >= FEWEST * 2 && own < count * 0.05 {
        return Some(OTHER);
    }
    // Little of the expected language: ask the trigrams about the others.
    whole
        .filter(|_| own < count * 0.16)
        .and_then(|text| by_trigrams(text, language))
}

/// What trigrams say, when they are sure and the text is long enough.
fn by_trigrams(text: &Text, language: &str) -> Option<&'static str> {
    let words: Vec<&str> = text.words.iter().map(|word| word.text.as_str()).collect();
    let text = words.join(" ");
    if text.chars().count() < FEWEST_LETTERS {
        return None;
    }
    let expected = language
        .split('-')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let expected = Lang::all()
        .iter()
        .find(|lang| two_letters(**lang) == Some(expected.as_str()))?;
    let info = detect(&text)?;
    (info.lang() != *expected && info.is_reliable()).then_some(OTHER)
}

/// The code of ISO 639-1 of languages that a house may write in.
const fn two_letters(lang: Lang) -> Option<&'static str> {
    Some(match lang {
        Lang::Rus => "ru",
        Lang::Eng => "en",
        Lang::Uzb => "uz",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Deu => "de",
        Lang::Fra => "fr",
        Lang::Spa => "es",
        Lang::Ita => "it",
        Lang::Por => "pt",
        Lang::Pol => "pl",
        Lang::Nld => "nl",
        Lang::Ces => "cs",
        Lang::Bul => "bg",
        Lang::Bel => "be",
        Lang::Aze => "az",
        Lang::Tuk => "tk",
        Lang::Kat => "ka",
        Lang::Hye => "hy",
        Lang::Ara => "ar",
        Lang::Heb => "he",
        Lang::Pes => "fa",
        Lang::Hin => "hi",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Cmn => "zh",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    fn wrong(content: &str, language: &str) -> usize {
        let known = Grounds {
            own: KnownNames::NONE,
            house: &KnownNames::NONE,
        };
        find(&Text::new(content), &[], &known, language, false).len()
    }

    #[test]
    fn languages_are_told_apart_and_short_texts_are_unknown() {
        let texts = [
            (
                "ru",
                "Поздравляем вас с праздником, желаем здоровья и рады, что вы с нами.",
            ),
            (
                "en",
                "We wish you a happy holiday and thank you for being with us this year.",
            ),
            (
                "uz",
                "Sizni bayram bilan tabriklaymiz, oilangizga sogʻliq va omad tilaymiz.",
            ),
            (
                "uz-Cyrl",
                "Сизни байрам билан табриклаймиз, оилангизга соғлиқ ва омад тилаймиз.",
            ),
            (
                "tr",
                "Bayramınızı kutlar, size ve ailenize sağlık ve mutluluk dileriz.",
            ),
            (
                "kk",
                "Сіздерді мерекемен құттықтаймыз, денсаулық және бақыт тілейміз.",
            ),
            (
                "uk",
                "Вітаємо вас зі святом і бажаємо здоров'я, дякуємо, що ви з нами.",
            ),
            (
                "de",
                "Wir wünschen Ihnen ein frohes Fest und danken Ihnen für das vergangene Jahr.",
            ),
        ];
        for expected in ["ru", "en", "uz", "uz-Cyrl"] {
            for (tag, text) in texts {
                assert_eq!(
                    wrong(text, expected),
                    usize::from(tag != expected),
                    "{tag} for {expected}"
                );
            }
        }
        // No list of words knows it: the script says enough.
        let georgian = "გილოცავთ ახალ წელს და ბედნიერებას გისურვებთ";
        assert_eq!((wrong(georgian, "ru"), wrong(georgian, "uz")), (1, 1));
        assert_eq!(wrong("Hello there", "ru"), 0);
        assert_eq!(wrong("Скидка на iPhone и MacBook от Apple", "ru"), 0);
    }
}
