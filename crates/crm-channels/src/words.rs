//! The words by which people leave and come back, in English, Russian and Uzbek (both alphabets).
//!
//! Only a message that is nothing but such a word counts: "stop by tomorrow" is a reply like any other.

/// Said to hear nothing more. The English ones are those of the American carriers, and
/// what the opt-out button of WhatsApp says.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "stop promotions",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "стоп",
    "отписаться",
    "отпиши",
    "отпишите",
    "отписка",
    "отмена",
    "не пишите",
    "bekor",
    "bekor qilish",
    "obunani bekor qilish",
    "to'xtat",
    "to'xtating",
    "to'xtatish",
    "бекор",
    "бекор қилиш",
    "обунани бекор қилиш",
    "тўхтат",
    "тўхтатинг",
    "тўхтатиш",
];

/// Said to hear from us again.
const START: &[&str] = &[
    "start",
    "unstop",
    "subscribe",
    "optin",
    "opt in",
    "старт",
    "начать",
    "подписаться",
    "boshla",
    "boshlash",
    "obuna",
    "obuna bo'lish",
    "бошла",
    "бошлаш",
    "обуна",
    "обуна бўлиш",
];

/// Whether the text says to send nothing more.
pub(crate) fn is_stop(text: &str) -> bool {
    is_one_of(STOP, text)
}

/// Whether the text says to send again.
pub(crate) fn is_start(text: &str) -> bool {
    is_one_of(START, text)
}

fn is_one_of(words: &[&str], text: &str) -> bool {
    // The longest word has 20 characters; a long text needs no look.
    text.len() <= 200 && words.contains(&plain(text).as_str())
}

/// The text in lower case with one kind of apostrophe, single spaces and no punctuation around it. What
/// cannot be seen (a byte order mark, direction marks) is left out.
fn plain(text: &str) -> String {
    let seen = text.chars().filter_map(|c| match c {
        'ʻ' | 'ʼ' | '‘' | '’' | '`' | '´' | '\'' | 'ʹ' => Some('\''),
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => None,
        '\u{feff}' | '\u{fe0f}' => None,
        c => Some(c),
    });
    let text: String = seen.collect::<String>().to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_every_spelling() {
        for text in [
            "STOP",
            " stop. ",
            "«Стоп!»",
            "\u{200e}СТОП\u{200f}",
            "\u{feff}stop",
            "/stop",
            "Opt  out",
            "BEKOR",
            "bekor\n qilish",
            "\u{202e}STOP\u{202c}",
            "Revoke",
            "Бекор қилиш",
            "To'xtat",
            "Toʻxtating",
            "TO‘XTATISH",
            "to`xtat",
            "Тўхтатинг!!!",
            "Отписаться",
            "🛑 stop 🛑",
        ] {
            assert!(is_stop(text), "{text}");
            assert!(!is_start(text), "{text}");
        }
        for text in ["Start", "СТАРТ", "boshlash", "Obuna boʻlish", "Обуна"] {
            assert!(is_start(text), "{text}");
            assert!(!is_stop(text), "{text}");
        }
    }

    #[test]
    fn a_sentence_is_no_word() {
        for text in [
            "",
            "...",
            "stop by tomorrow",
            "don't stop",
            "нестоп",
            "stopp",
            "s t o p",
            "bekorchi",
            "I start",
        ] {
            assert!(!is_stop(text) && !is_start(text), "{text}");
        }
        assert!(!is_stop(&format!("stop{}", " ".repeat(1_000))));
    }

    #[test]
    fn lists_hold_plain_words_only() {
        for word in STOP.iter().chain(START) {
            assert_eq!(plain(word), *word);
            assert!(!(STOP.contains(word) && START.contains(word)), "{word}");
        }
    }
}
