//! Forms in which words are compared: look-alike letters made equal, scripts made one.

use unicode_security::skeleton;

use super::text::plain;
pub(super) use crate::spelling::latin;

/// The word with look-alike letters made equal, whatever alphabet they are of. Two passes, because
/// letters that look alike as capitals need not do so as small ones.
pub(super) fn look(word: &str) -> [String; 2] {
    let lower = plain(word);
    let upper: String = lower.chars().flat_map(char::to_uppercase).collect();
    [
        skeleton(&lower).collect(),
        skeleton(&upper).collect::<String>().to_lowercase(),
    ]
}

/// Whether two words, in their [`latin`] form, may be forms of one name: one begins with the other, or the
/// shorter ends in vowels that the longer has others for, as by case endings in Russian and suffixes in Uzbek.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (short, long) = if a.chars().count() <= b.chars().count() {
        (a, b)
    } else {
        (b, a)
    };
    let (length, longest) = (short.chars().count(), long.chars().count());
    // The shorter may lose its ending (Анна, Анной); a suffix may be long (Тошкентдаги).
    let lost = match length {
        0..=2 => return a == b,
        3..=4 => 1,
        _ => 2,
    };
    let ending = short
        .chars()
        .skip(common)
        .all(|c| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u'));
    common >= 2 && common + lost >= length && ending && longest <= length + 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_one_and_scripts_are_bridged() {
        let same = |a: &str, b: &str| {
            let (a, b) = (look(a), look(b));
            a.iter().zip(&b).any(|(a, b)| a == b)
        };
        assert!(same("кaзино", "казино") && same("CАSINО", "casino"));
        assert!(!same("кабина", "казино"));
        for (a, b) in [
            ("Гулнора", "Gulnora"),
            ("Ўткир", "Oʻtkir"),
            ("Анной", "Анна"),
            ("Шерзоднинг", "Sherzod"),
            ("Раҳимова", "Raximova"),
            ("Ольге", "Ольга"),
        ] {
            assert!(same_name(&latin(a), &latin(b)), "{a} {b}");
        }
        for (a, b) in [
            ("Мария", "Анна"),
            ("Марс", "Марта"),
            ("Ли", "Лиана"),
            ("Шавкат", "Шерзод"),
        ] {
            assert!(!same_name(&latin(a), &latin(b)), "{a} {b}");
        }
    }
}
