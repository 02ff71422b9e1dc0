//! What a text message costs: its encoding and its parts, and how an Uzbek text in Latin letters gets cheaper.
//!
//! One character outside the GSM 7-bit alphabet turns the whole text into UCS-2, which more than halves
//! what a part holds. Operators bill by parts, so an approver sees both before anything is sent.

use crm_core::port::units::{Encoding, Unit, Units};

/// The basic table of 3GPP TS 23.038 section 6.2.1, without the escape: one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table, section 6.2.1.1: an escape and a second septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How much a text may hold alone, and how much each part of a longer one holds next to its header.
struct Room {
    single: usize,
    part: usize,
}

/// In septets.
const GSM_7: Room = Room {
    single: 160,
    part: 153,
};
/// In UTF-16 units.
const UCS_2: Room = Room {
    single: 70,
    part: 67,
};

/// The septets of a character in GSM-7; `None` outside it.
fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// The parts a text is sent in. `forced_by` names the first character that rules GSM-7 out.
///
/// An empty text counts as one part, for it would be sent as one.
///
/// # Example
/// ```
/// use crm_channels::sms::units;
/// use crm_core::port::units::Encoding;
///
/// assert_eq!(units("Salom!").encoding, Some(Encoding::Gsm7));
/// let units = units("Toʻlov");
/// assert_eq!((units.encoding, units.forced_by), (Some(Encoding::Ucs2), Some('ʻ')));
/// ```
#[must_use]
pub fn units(text: &str) -> Units {
    let forced_by = text.chars().find(|&c| septets(c).is_none());
    let (encoding, count) = match forced_by {
        None => (
            Encoding::Gsm7,
            GSM_7.parts(text.chars().filter_map(septets)),
        ),
        Some(_) => (
            Encoding::Ucs2,
            UCS_2.parts(text.chars().map(char::len_utf16)),
        ),
    };
    Units {
        count,
        unit: Unit::Part,
        encoding: Some(encoding),
        forced_by,
    }
}

impl Room {
    /// How many parts characters of these sizes need: an escape or a surrogate pair is never divided, so a
    /// part may end with a place left empty.
    fn parts(&self, sizes: impl Iterator<Item = usize>) -> u32 {
        let (mut total, mut parts, mut used) = (0_usize, 1_u32, 0_usize);
        for size in sizes {
            total = total.saturating_add(size);
            used = used.saturating_add(size);
            if used > self.part {
                parts = parts.saturating_add(1);
                used = size;
            }
        }
        if total <= self.single { 1 } else { parts }
    }
}

/// The text with the typographic signs of Uzbek Latin replaced by plain ones, when that makes it GSM-7 and
/// so cheaper; `None` when it is GSM-7 already or would not become it.
///
/// To be offered while a text is written, never applied on the way out: what is sent is what was approved.
/// Cyrillic is not transliterated.
#[must_use]
pub fn cheap_latin(text: &str) -> Option<String> {
    if text.chars().all(|c| septets(c).is_some()) {
        return None;
    }
    let mut cheap = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ʻ' | 'ʼ' | '‘' | '’' | '`' | '´' => cheap.push('\''),
            '«' | '»' | '“' | '”' => cheap.push('"'),
            '–' | '—' => cheap.push('-'),
            '…' => cheap.push_str("..."),
            '\u{a0}' => cheap.push(' '),
            c => {
                septets(c)?;
                cheap.push(c);
            }
        }
    }
    Some(cheap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gsm(count: u32) -> Units {
        Units {
            count,
            unit: Unit::Part,
            encoding: Some(Encoding::Gsm7),
            forced_by: None,
        }
    }

    fn ucs(count: u32, forced_by: char) -> Units {
        Units {
            encoding: Some(Encoding::Ucs2),
            forced_by: Some(forced_by),
            ..gsm(count)
        }
    }

    /// The rows that were compared with a provider's own calculator.
    #[test]
    fn known_texts() {
        let a = |n| "a".repeat(n);
        let ya = |n| "я".repeat(n);
        let pair = format!("{}😀{}", ya(66), ya(4));
        let line = |sign: &str| format!("{}to{sign}lov", a(44));
        assert_eq!(line("'").chars().count(), 50);
        let rows = [
            (String::new(), gsm(1)),
            (a(160), gsm(1)),
            (a(161), gsm(2)),
            (a(306), gsm(2)),
            (a(307), gsm(3)),
            ("€".repeat(80), gsm(1)),
            ("€".repeat(81), gsm(2)),
            // 306 septets, which would fill two parts if the euro sign could be divided.
            (format!("{}€{}", a(152), a(152)), gsm(3)),
            (ya(70), ucs(1, 'я')),
            (ya(71), ucs(2, 'я')),
            (ya(134), ucs(2, 'я')),
            (ya(135), ucs(3, 'я')),
            ("😀".repeat(35), ucs(1, '😀')),
            ("😀".repeat(36), ucs(2, '😀')),
            (pair, ucs(2, 'я')),
            (line("'"), gsm(1)),
            (line("ʻ"), ucs(1, 'ʻ')),
            (line("‘"), ucs(1, '‘')),
            (format!("{}{}", line("ʻ"), a(21)), ucs(2, 'ʻ')),
        ];
        for (text, expected) in rows {
            assert_eq!(units(&text), expected, "{text}");
        }
    }

    #[test]
    fn tables_hold_what_the_standard_lists() {
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        let both: std::collections::BTreeSet<char> =
            BASIC.chars().chain(EXTENSION.chars()).collect();
        assert_eq!(both.len(), 137);
        for c in "'ÄÖÜäöüñàèéìòùÇ£¥§¿¡\n\r @_".chars() {
            assert_eq!(septets(c), Some(1), "{c:?}");
        }
        for c in "ўқғҳёЎжʻʼ‘’`´«»“”–—…№\u{a0}\tşıç\u{1b}\0ş\u{202e}".chars()
        {
            assert_eq!(septets(c), None, "{c:?}");
        }
    }

    #[test]
    fn a_cheaper_text_is_offered_when_it_becomes_gsm_7() {
        let rows = [
            ("Toʻlov", Some("To'lov")),
            ("maʼno ‘a’ `b` ´", Some("ma'no 'a' 'b' '")),
            ("«Oʻzbek» “gʻisht”", Some("\"O'zbek\" \"g'isht\"")),
            ("bir\u{a0}ikki – uch — …", Some("bir ikki - uch - ...")),
            // Nothing to gain.
            ("To'lov", None),
            ("", None),
            // One sign that has no plain one keeps the whole text UCS-2.
            ("Toʻlov ў", None),
            ("Тўлов", None),
            ("oʻ 😀", None),
            ("oʻ №5", None),
        ];
        for (text, expected) in rows {
            assert_eq!(cheap_latin(text).as_deref(), expected, "{text}");
        }
    }

    /// Cuts the text as a phone network does, the slow way, and counts what comes out.
    fn cut(text: &str, size: fn(char) -> usize, room: &Room) -> u32 {
        let whole: usize = text.chars().map(size).sum();
        if whole <= room.single {
            return 1;
        }
        let mut parts: Vec<String> = vec![String::new()];
        for c in text.chars() {
            let last = parts.last_mut().unwrap();
            if last.chars().map(size).sum::<usize>() + size(c) <= room.part {
                last.push(c);
            } else {
                parts.push(c.to_string());
            }
        }
        assert_eq!(parts.concat(), text);
        u32::try_from(parts.len()).unwrap()
    }

    fn any_text() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            8 => proptest::sample::select(BASIC.chars().collect::<Vec<_>>()),
            3 => proptest::sample::select(EXTENSION.chars().collect::<Vec<_>>()),
            1 => proptest::sample::select("яўʻ’«…😀\u{a0}\t".chars().collect::<Vec<_>>()),
            1 => any::<char>(),
        ];
        let gsm =
            proptest::sample::select(BASIC.chars().chain(EXTENSION.chars()).collect::<Vec<_>>());
        prop_oneof![
            proptest::collection::vec(c, 0..500).prop_map(|text| text.into_iter().collect()),
            proptest::collection::vec(gsm, 0..500).prop_map(|text| text.into_iter().collect()),
        ]
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_network(text in any_text()) {
            let found = units(&text);
            let outside = text.chars().find(|&c| !BASIC.contains(c) && !EXTENSION.contains(c));
            prop_assert_eq!(found.forced_by, outside);
            let count = if outside.is_none() {
                prop_assert_eq!(found.encoding, Some(Encoding::Gsm7));
                cut(&text, |c| if EXTENSION.contains(c) { 2 } else { 1 }, &GSM_7)
            } else {
                prop_assert_eq!(found.encoding, Some(Encoding::Ucs2));
                cut(&text, char::len_utf16, &UCS_2)
            };
            prop_assert_eq!(found.count, count);
        }

        #[test]
        fn more_text_never_costs_less(text in any_text(), more in any_text()) {
            let longer = text.clone() + &more;
            prop_assert!(units(&longer).count >= units(&text).count);
        }

        #[test]
        fn an_offer_is_gsm_7_and_changes_signs_alone(text in any_text()) {
            if let Some(cheap) = cheap_latin(&text) {
                prop_assert_eq!(units(&cheap).encoding, Some(Encoding::Gsm7));
                prop_assert_eq!(units(&text).encoding, Some(Encoding::Ucs2));
                prop_assert!(cheap_latin(&cheap).is_none());
                let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
                prop_assert_eq!(letters(&cheap), letters(&text));
            }
        }
    }
}
