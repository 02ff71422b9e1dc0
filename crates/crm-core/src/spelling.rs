//! One spelling for what is written in several: of signs, and of names in Cyrillic and in Latin letters.

use unicode_normalization::UnicodeNormalization;

/// Signs that are not seen: zero-width, bidi controls, tags, soft hyphens.
pub(crate) const fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// The apostrophes that Uzbek and English are written with.
pub(crate) const fn apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{b4}' | '\u{2bb}' | '\u{2bc}' | '\u{2018}' | '\u{2019}'
    )
}

/// Letters that the composed forms of Unicode leave as they are, also beside each other: ASCII, and Cyrillic but for
/// its combining signs. Most texts hold no others, and need not be taken apart and put together again.
pub(crate) const fn settled(c: char) -> bool {
    matches!(c, '\0'..='\u{7f}' | '\u{400}'..='\u{482}' | '\u{48a}'..='\u{4ff}')
}

/// The form words are compared in.
pub(crate) fn plain(text: &str) -> String {
    if text.chars().all(settled) {
        return folded(text.chars());
    }
    folded(text.nfkc())
}

fn folded(chars: impl Iterator<Item = char>) -> String {
    chars
        .filter(|&c| !invisible(c))
        .flat_map(char::to_lowercase)
        .map(|c| if apostrophe(c) { '\'' } else { c })
        .collect()
}

/// A rough Latin spelling by which a name written in Cyrillic and in Latin letters is found the same:
/// apostrophes go, and so does what spellings disagree about (x and h, yo and o, zh and j).
pub(crate) fn latin(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in plain(word).chars() {
        let piece = match c {
            'а' | 'ә' => "a",
            'б' => "b",
            'в' => "v",
            'г' | 'ғ' | 'ґ' => "g",
            'д' => "d",
            'е' | 'э' | 'є' => "e",
            'ё' => "yo",
            'ж' => "j",
            'з' => "z",
            'и' | 'і' | 'ы' => "i",
            'й' => "y",
            'к' => "k",
            'қ' => "q",
            'л' => "l",
            'м' => "m",
            'н' | 'ң' => "n",
            'о' | 'ў' | 'ө' => "o",
            'п' => "p",
            'р' => "r",
            'с' => "s",
            'т' => "t",
            'у' | 'ұ' | 'ү' => "u",
            'ф' => "f",
            'х' | 'ҳ' | 'һ' => "h",
            'ц' => "ts",
            'ч' => "ch",
            'ш' => "sh",
            'щ' => "sch",
            'ю' => "yu",
            'я' => "ya",
            'ъ' | 'ь' | '\'' => "",
            'x' => "h",
            other => {
                out.push(other);
                continue;
            }
        };
        out.push_str(piece);
    }
    let pairs = [
        ("zh", "j"),
        ("kh", "h"),
        ("yo", "o"),
        ("ye", "e"),
        ("iy", "i"),
        ("ii", "i"),
        ("yy", "y"),
        ("ks", "h"),
        ("w", "v"),
        ("q", "k"),
        ("y", "i"),
    ];
    replaced(out, &pairs)
}

/// The text with each first text replaced by its second, one pair after the other.
pub(crate) fn replaced(mut text: String, pairs: &[(&str, &str)]) -> String {
    for (from, to) in pairs {
        // Few words hold any of them.
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_letters_are_the_same_in_composed_forms_also_beside_each_other() {
        let all: Vec<char> = ('\0'..='\u{52f}').filter(|c| settled(*c)).collect();
        for &one in &all {
            assert!(one.to_lowercase().all(settled), "{one:?}");
            assert!(!invisible(one), "{one:?}");
            for &two in &all {
                let pair = [one, two];
                assert!(pair.into_iter().nfkc().eq(pair), "{pair:?}");
                assert!(pair.into_iter().nfc().eq(pair), "{pair:?}");
            }
        }
        assert!(!settled('\u{483}') && !settled('\u{301}'));
    }
}
