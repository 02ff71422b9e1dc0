//! Which encoding a file is in, found out from its bytes.
//!
//! UTF-8 and what begins with a byte order mark say it themselves. Of the encodings of one byte to a character nobody
//! can be sure: they are told apart by how text looks in them. chardetng has the first word; it knows web pages, and
//! among them neither columns of capitals nor a few names between numbers. So its word is weighed against the four
//! that exports are really in, by their letters: capitals inside of words, Latin and Cyrillic letters in one word, and
//! lines where letters should be speak against an encoding, frequent letters of Russian for it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    CoderResult, IBM866, KOI8_R, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251, WINDOWS_1252,
};

use crate::error::{Error, Result};

/// An encoding, and whether the file begins with its byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    of: &'static encoding_rs::Encoding,
    marked: bool,
}

impl Encoding {
    /// The encoding a person names, by any label of the WHATWG's Encoding Standard: `utf-8`, `windows-1251`, `cp866`.
    ///
    /// # Errors
    /// `Invalid` for a name that is no label.
    pub fn named(name: &str) -> Result<Self> {
        let plain = name.strip_suffix("-bom").unwrap_or(name);
        let of = encoding_rs::Encoding::for_label(plain.as_bytes());
        of.map(|of| Self {
            of,
            marked: plain != name,
        })
        .ok_or_else(|| {
            Error::field(
                "encoding",
                "name an encoding, for example utf-8, utf-16le, windows-1251, ibm866 or koi8-r",
            )
        })
    }

    /// Its name in lower case; UTF-8 with a byte order mark is `utf-8-bom`.
    #[must_use]
    pub fn name(self) -> String {
        let name = self.of.name().to_ascii_lowercase();
        if self.marked && self.of == UTF_8 {
            format!("{name}-bom")
        } else {
            name
        }
    }

    /// Its name for HTTP and MIME, without word of a mark.
    #[must_use]
    pub fn label(self) -> String {
        self.of.name().to_ascii_lowercase()
    }

    /// The same, for a file that begins with its mark.
    pub(crate) const fn with_mark(self) -> Self {
        Self {
            marked: true,
            ..self
        }
    }

    pub(super) fn decoder(self) -> encoding_rs::Decoder {
        self.of.new_decoder_with_bom_removal()
    }

    /// The bytes of a text, and whether it holds a character that the encoding has not; that becomes `?`.
    #[must_use]
    pub fn encode(self, text: &str) -> (Vec<u8>, bool) {
        if self.of == UTF_16LE || self.of == UTF_16BE {
            let order = if self.of == UTF_16LE {
                u16::to_le_bytes
            } else {
                u16::to_be_bytes
            };
            return (text.encode_utf16().flat_map(order).collect(), false);
        }
        let mut encoder = self.of.new_encoder();
        let most = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
        let mut bytes = vec![0; most.unwrap_or(text.len()).max(16)];
        let (mut from, mut to, mut lost) = (0, 0, false);
        loop {
            let (rest, room) = (text.get(from..).unwrap_or_default(), bytes.get_mut(to..));
            let Some(room) = room else { break };
            let (result, read, written) =
                encoder.encode_from_utf8_without_replacement(rest, room, true);
            (from, to) = (from + read, to + written);
            match result {
                encoding_rs::EncoderResult::InputEmpty => break,
                encoding_rs::EncoderResult::OutputFull => bytes.resize(bytes.len() * 2, 0),
                encoding_rs::EncoderResult::Unmappable(_) => {
                    lost = true;
                    if let Some(place) = bytes.get_mut(to) {
                        *place = b'?';
                        to += 1;
                    }
                }
            }
        }
        bytes.truncate(to);
        (bytes, lost)
    }

    /// The mark a file in this encoding begins with, if this one does.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match (self.marked, self.of) {
            (false, _) => b"",
            (true, of) if of == UTF_16LE => b"\xff\xfe",
            (true, of) if of == UTF_16BE => b"\xfe\xff",
            (true, _) => b"\xef\xbb\xbf",
        }
    }
}

/// What was found out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The likeliest encoding.
    pub encoding: Encoding,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
}

/// Looks at a file piece by piece, in memory of a constant size.
pub struct Guesser {
    detector: EncodingDetector,
    utf_8: encoding_rs::Decoder,
    is_utf_8: bool,
    /// The first bytes.
    head: Vec<u8>,
    bytes: u64,
    /// Bytes that are 0 or 4 (where UTF-16 has the upper half of Latin and Cyrillic letters), at even and odd places.
    halves: [u64; 2],
    /// How often each byte follows each other one.
    pairs: Vec<u32>,
    last: u8,
}

impl Default for Guesser {
    fn default() -> Self {
        Self::new()
    }
}

impl Guesser {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            detector: EncodingDetector::new(Iso2022JpDetection::Deny),
            utf_8: UTF_8.new_decoder_without_bom_handling(),
            is_utf_8: true,
            head: Vec::new(),
            bytes: 0,
            halves: [0, 0],
            pairs: vec![0; 256 * 256],
            last: b'\n',
        }
    }

    /// The next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.detector.feed(piece, false);
        self.utf_8(piece, false);
        let missing = 4_usize.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(missing));
        for &byte in piece {
            if matches!(byte, 0 | 4)
                && let Some(half) = self.halves.get_mut((self.bytes & 1) as usize)
            {
                *half += 1;
            }
            self.bytes += 1;
            let place = usize::from(self.last) << 8 | usize::from(byte);
            if let Some(pair) = self.pairs.get_mut(place) {
                *pair = pair.saturating_add(1);
            }
            self.last = byte;
        }
    }

    fn utf_8(&mut self, piece: &[u8], last: bool) {
        let mut buffer = [0; 4096];
        let mut from = 0;
        while self.is_utf_8 {
            let rest = piece.get(from..).unwrap_or_default();
            let (result, read, _) =
                self.utf_8
                    .decode_to_utf8_without_replacement(rest, &mut buffer, last);
            from += read;
            match result {
                encoding_rs::DecoderResult::InputEmpty => break,
                encoding_rs::DecoderResult::OutputFull => {}
                encoding_rs::DecoderResult::Malformed(..) => self.is_utf_8 = false,
            }
        }
    }

    /// What it is in all likelihood.
    #[must_use]
    pub fn finish(mut self) -> Guess {
        self.detector.feed(b"", true);
        self.utf_8(b"", true);
        let sure = |of, marked, confidence| Guess {
            encoding: Encoding { of, marked },
            confidence,
        };
        match self.head.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => return sure(UTF_8, true, 1.0),
            [0xff, 0xfe, ..] => return sure(UTF_16LE, true, 1.0),
            [0xfe, 0xff, ..] => return sure(UTF_16BE, true, 1.0),
            _ => {}
        }
        // More than four in ten characters have such an upper half, and hardly a lower half is one.
        let [even, odd] = self.halves;
        let many = self.bytes / 5;
        if self.bytes > 1 && (even > many || odd > many) && even.max(odd) > 4 * even.min(odd) {
            let of = if odd > even { UTF_16LE } else { UTF_16BE };
            return sure(of, false, 0.9);
        }
        let ascii = !self
            .pairs
            .iter()
            .enumerate()
            .any(|(place, count)| *count > 0 && place & 0x80 != 0);
        if self.is_utf_8 {
            return sure(UTF_8, false, if ascii { 1.0 } else { 0.99 });
        }
        self.one_byte()
    }

    /// Of the encodings with one byte to a character.
    fn one_byte(&self) -> Guess {
        const USUAL: [&encoding_rs::Encoding; 4] = [WINDOWS_1251, WINDOWS_1252, IBM866, KOI8_R];
        let mut scores: Vec<(i64, &'static encoding_rs::Encoding)> = USUAL
            .into_iter()
            .map(|of| (looks(of, &self.pairs), of))
            .collect();
        scores.sort_by_key(|(score, _)| -score);
        let guessed = match self.detector.guess(None, Utf8Detection::Deny) {
            // Russian is written alike in both.
            of if of == encoding_rs::KOI8_U => KOI8_R,
            of => of,
        };
        let (best, second) = match scores.as_slice() {
            [best, second, ..] => (*best, second.0),
            _ => ((0, guessed), 0),
        };
        let (of, margin) = if best.0 <= 0 {
            (guessed, 0)
        } else {
            (best.1, best.0 - second.max(0))
        };
        let margin = margin as f64 / best.0.max(1) as f64;
        let agreed = if of == guessed { 0.2 } else { 0.0 };
        Guess {
            encoding: Encoding { of, marked: false },
            confidence: (0.5
                + 0.29 * margin.clamp(0.0, 1.0)
                + agreed * f64::from(u8::from(best.0 > 0)))
            .min(0.99),
        }
    }
}

/// What a character is, as far as the look of a text is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small(i64),
    Capital(i64),
    /// A letter of ASCII; capital or not.
    Latin(bool),
    /// Another Latin letter.
    Accented,
    /// Marks that texts really have.
    Mark,
    /// Spaces, digits and marks of ASCII.
    Plain,
    /// Lines, boxes, rare signs, and no character at all.
    Odd,
}

/// The letters of Russian and Cyrillic Uzbek, frequent ones first.
const FREQUENT: &str = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёўқғҳ";

fn kind(letter: char) -> Kind {
    let small = letter.to_lowercase().next().unwrap_or(letter);
    if let Some(rank) = FREQUENT.chars().position(|known| known == small) {
        // 8 for the first ones, 1 for the last.
        let weight = 8 - (rank as i64) / 5;
        return if letter == small {
            Kind::Small(weight)
        } else {
            Kind::Capital(weight)
        };
    }
    match letter {
        'a'..='z' => Kind::Latin(false),
        'A'..='Z' => Kind::Latin(true),
        '\0'..='\u{7f}' => Kind::Plain,
        '«' | '»' | '№' | '–' | '—' | '’' | '‘' | '“' | '”' | '„' | '…' | '\u{a0}' | '€' | '•' => {
            Kind::Mark
        }
        'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Œ' | 'œ' | 'Ÿ' => {
            Kind::Accented
        }
        _ => Kind::Odd,
    }
}

/// How much a text looks like one in this encoding.
fn looks(of: &'static encoding_rs::Encoding, pairs: &[u32]) -> i64 {
    let kinds: Vec<Kind> = (0..=u8::MAX)
        .map(|byte| kind(character(of, byte)))
        .collect();
    let at = |byte: usize| kinds.get(byte).copied().unwrap_or(Kind::Odd);
    let of_pair = |(place, count): (usize, &u32)| {
        let (before, now) = (at(place >> 8), at(place & 0xff));
        // A million times the same pair says no more than a thousand times.
        i64::from((*count).min(1_000)) * worth(before, now)
    };
    let high = |(place, count): &(usize, &u32)| **count > 0 && place & 0x8080 != 0;
    pairs.iter().enumerate().filter(high).map(of_pair).sum()
}

fn worth(before: Kind, now: Kind) -> i64 {
    use Kind::{Accented, Capital, Latin, Mark, Odd, Plain, Small};
    match (before, now) {
        (Small(_), Capital(_)) => -24,
        (Small(_) | Capital(_), Small(weight)) | (Capital(_), Capital(weight)) => weight,
        (_, Odd) | (Odd, _) => -12,
        (Small(_) | Capital(_), Latin(_) | Accented)
        | (Latin(_) | Accented, Small(_) | Capital(_)) => -24,
        // Accented letters stand between plain ones.
        (Accented, Accented) => -8,
        (Latin(_), Accented) | (Accented, Latin(_)) => 6,
        (Plain | Mark, Capital(weight)) => weight,
        (Plain | Mark, Small(weight)) => weight / 2,
        (Plain | Mark, Accented) => 1,
        _ => 0,
    }
}

/// What a byte stands for; the replacement character when it stands for nothing.
fn character(of: &'static encoding_rs::Encoding, byte: u8) -> char {
    let mut text = String::with_capacity(8);
    let mut decoder = of.new_decoder_without_bom_handling();
    let (result, _) = decoder.decode_to_string_without_replacement(&[byte], &mut text, true);
    let whole = matches!(result, encoding_rs::DecoderResult::InputEmpty);
    text.chars().next().filter(|_| whole).unwrap_or('\u{fffd}')
}

/// Decodes what a decoder of encoding_rs is given into `text`; whether some of it was no text.
pub(super) fn decode(
    decoder: &mut encoding_rs::Decoder,
    mut bytes: &[u8],
    text: &mut String,
    last: bool,
) -> bool {
    let mut wrong = false;
    loop {
        let more = decoder
            .max_utf8_buffer_length(bytes.len())
            .unwrap_or(bytes.len() * 3);
        text.reserve(more.max(16));
        let (result, read, replaced) = decoder.decode_to_string(bytes, text, last);
        wrong |= replaced;
        bytes = bytes.get(read..).unwrap_or_default();
        if result == CoderResult::InputEmpty {
            return wrong;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(bytes: &[u8]) -> (String, f64) {
        let mut whole = Guesser::new();
        whole.feed(bytes);
        let whole = whole.finish();
        let mut pieces = Guesser::new();
        bytes.chunks(1).for_each(|piece| pieces.feed(piece));
        assert_eq!(pieces.finish(), whole, "the pieces make a difference");
        (whole.encoding.name(), whole.confidence)
    }

    /// Files as people have them: long, short, capitals, numbers with a name between them.
    const RUSSIAN: [&str; 8] = [
        "Имя;Телефон;Компания\r\nАнна Петрова;+998901234567;ООО «Ромашка»\r\nИван Сидоров;901234568;Чинор\r\n",
        "ФИО;ТЕЛЕФОН\r\nИВАНОВ ИВАН ИВАНОВИЧ;901234567\r\nПЕТРОВА МАРИЯ;901234568\r\n",
        "name;phone\nЮрий;901234567\n",
        "имя;почта\nольга;olga@mail.example\nпётр;petr@mail.example\nщукина эмма;emma@mail.example\n",
        "id,name,city\n1,Ян,Уфа\n2,Яна,Ош\n",
        "email,company\nanna@post.example,Чинор Клиник\ninfo@post.example,Ўзбекпахта\n",
        "Ф.И.О.\tДолжность\nЖданова Е. Ю.\tглавный бухгалтер\nЩербаков Г. Э.\tслесарь № 2\n",
        "name;phone;email\nJohn;901;john@a.example\nMary;902;mary@a.example\nЗоя;903;zoya@a.example\n",
    ];

    #[test]
    fn tells_the_cyrillic_encodings_apart() {
        for text in RUSSIAN {
            for name in ["windows-1251", "ibm866", "koi8-r"] {
                let encoding = Encoding::named(name).unwrap();
                let (bytes, lost) = encoding.encode(text);
                let (found, confidence) = guess(&bytes);
                assert!(
                    lost || found == name,
                    "{name} taken for {found} ({confidence}): {text}"
                );
                assert!((0.5..1.0).contains(&confidence));
            }
        }
    }

    #[test]
    fn tells_western_letters_from_cyrillic_ones() {
        for text in [
            "Name;City\r\nJürgen Müller;Köln\r\nFrançois Lefèvre;Besançon\r\nJosé Núñez;Málaga\r\n",
            "name\nZoë\n",
            "Name,Company\nAnna Schmidt,Café Größe\n",
            "Name;Note\nÉlodie;\u{201c}à bientôt\u{201d}\nØyvind;prêt\n",
        ] {
            let (bytes, lost) = Encoding::named("windows-1252").unwrap().encode(text);
            assert!(!lost);
            assert_eq!(guess(&bytes).0, "windows-1252", "{text}");
        }
    }

    #[test]
    fn utf_8_and_utf_16_say_it_themselves() {
        for text in RUSSIAN.into_iter().chain(["name\nO‘tkir\n"]) {
            assert_eq!(guess(text.as_bytes()), ("utf-8".to_owned(), 0.99));
            let marked = format!("\u{feff}{text}");
            assert_eq!(guess(marked.as_bytes()), ("utf-8-bom".to_owned(), 1.0));
            for name in ["utf-16le", "utf-16be"] {
                let (bytes, _) = Encoding::named(name).unwrap().encode(&marked);
                assert_eq!(guess(&bytes), (name.to_owned(), 1.0));
                let (bytes, _) = Encoding::named(name).unwrap().encode(text);
                assert_eq!(guess(&bytes), (name.to_owned(), 0.9), "{text}");
            }
        }
        assert_eq!(
            guess(b"name,email\nAnna,anna@post.example\n"),
            ("utf-8".to_owned(), 1.0)
        );
        assert_eq!(guess(b""), ("utf-8".to_owned(), 1.0));
    }

    #[test]
    fn what_an_encoding_has_not_is_said() {
        let (bytes, lost) = Encoding::named("windows-1251").unwrap().encode("Қодир ў");
        assert_eq!(
            (bytes.as_slice(), lost),
            (&b"?\xee\xe4\xe8\xf0 \xa2"[..], true)
        );
        let (bytes, lost) = Encoding::named("windows-1251")
            .unwrap()
            .encode(&"ҚҚҚ".repeat(100));
        assert_eq!((bytes, lost), (b"?".repeat(300), true));
    }

    #[test]
    fn a_person_may_name_it_in_many_ways() {
        for (label, name) in [
            ("cp866", "ibm866"),
            ("UTF8", "utf-8"),
            ("cp1251", "windows-1251"),
            ("utf-8-bom", "utf-8-bom"),
        ] {
            assert_eq!(Encoding::named(label).unwrap().name(), name);
        }
        assert!(Encoding::named("klingon").is_err());
    }
}
