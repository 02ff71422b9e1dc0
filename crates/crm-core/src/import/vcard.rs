//! vCards, versions 2.1 (<https://www.w3.org/2002/12/cal/vcard-notes.html>), 3.0 (RFC 2426) and 4.0 (RFC 6350), many in one
//! file, as records with fixed columns.
//!
//! Read here and not by a library: those there are read the clock or draw random numbers somewhere below, which the core
//! does not, and refuse what phones write: texts in quoted-printable without the name of the parameter, in a charset that
//! is not named, broken within a character. Pictures and sounds are left out, unread.

use std::io::Read;

use super::encoding::{Encoding, Guesser, decode};
use super::own_cards::{self, OwnCells};
use super::records::first_line;
use super::text::Text;
use crate::error::Result;

/// The columns of the records.
pub(super) const COLUMNS: [&str; 20] = [
    "Full name",
    "First name",
    "Middle name",
    "Last name",
    "E-mail",
    "E-mail 2",
    "E-mail 3",
    "Phone",
    "Phone 2",
    "Phone 3",
    "Birthday",
    "Company",
    "Job title",
    "Labels",
    "Language",
    "Time zone",
    "Telegram",
    "Nickname",
    "Note",
    "UID",
];

/// Longest card in bytes, without its pictures.
const LONGEST: usize = 256 * 1024;
/// Longest line in bytes; behind that it is left out like a picture.
const LONGEST_LINE: usize = 64 * 1024;

/// The cards of a text.
pub(super) struct Cards<R> {
    text: Text<R>,
    line: u64,
    /// Whether cards of ours are told as such.
    own: bool,
}

/// What a card holds.
pub(super) enum Card {
    /// A cell for each of [`COLUMNS`].
    Read(Vec<String>),
    /// One of ours.
    Own(OwnCells),
    /// It cannot be read; why.
    Unreadable(&'static str),
}

impl<R: Read> Cards<R> {
    pub(super) const fn new(text: Text<R>) -> Self {
        Self {
            text,
            line: 1,
            own: false,
        }
    }

    /// The same, with the cards of ours as such.
    pub(super) const fn own(text: Text<R>) -> Self {
        Self {
            text,
            line: 1,
            own: true,
        }
    }

    /// The next card and the line it begins on.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Card)>> {
        let first = loop {
            let number = self.line;
            match self.next_line()? {
                None => return Ok(None),
                Some(line) if is(&line, "BEGIN:VCARD") => break number,
                Some(_) => {}
            }
        };
        let mut card: Vec<String> = Vec::new();
        let (mut skipping, mut length) = (false, 0);
        loop {
            let Some(line) = self.next_line()? else {
                return Ok(Some((first, Card::Unreadable("its END:VCARD is missing"))));
            };
            let continues = line.starts_with([' ', '\t']) || line.trim().is_empty();
            // What a folded line goes on with is a part of a value, whatever it looks like.
            let begins = |what: &str| !continues && is(&line, what);
            if begins("BEGIN:VCARD") {
                // The one before it has no end; it is given up, and this one is read next.
                self.line -= 1;
                self.text.put_back("BEGIN:VCARD\n");
                return Ok(Some((first, Card::Unreadable("its END:VCARD is missing"))));
            }
            if begins("END:VCARD") {
                break;
            }
            // The value of a picture goes on in lines that begin with a space, or to an empty one.
            skipping = if continues {
                skipping
            } else {
                is_picture(&line)
            };
            if skipping {
                continue;
            }
            length += line.len();
            if length > LONGEST {
                card.clear();
            } else if !continues {
                let line = self.readable(line)?;
                card.push(line);
            } else if let Some(last) = card.last_mut() {
                // A folded line goes on behind the space.
                last.push_str(line.get(1..).unwrap_or_default());
            }
        }
        if length > LONGEST {
            let why = "the card is longer than 256 KiB";
            return Ok(Some((first, Card::Unreadable(why))));
        }
        let card: Vec<Property<'_>> = card.iter().filter_map(|line| Property::of(line)).collect();
        let card = if self.own && own_cards::is_own(&card) {
            Card::Own(own_cards::cells(&card))
        } else {
            Card::Read(cells(&card))
        };
        Ok(Some((first, card)))
    }

    fn next_line(&mut self) -> Result<Option<String>> {
        let mut known = 0;
        loop {
            let rest = self.text.rest();
            let end = rest
                .get(known..)
                .and_then(|rest| rest.find(['\n', '\r']))
                .map(|end| known + end);
            // A line end of two characters may be cut in two.
            if self.text.has_ended() || end.is_some_and(|end| end + 1 < rest.len()) {
                break;
            }
            if rest.len() > LONGEST_LINE && end.is_none() {
                let long = rest.len();
                // Kept: what it begins with, which says what it is.
                let head: String = rest.chars().take(64).collect();
                self.text.leave(long);
                self.skip_line()?;
                return Ok(Some(format!("X-TOO-LONG-{head}")));
            }
            known = if end.is_some() { known } else { rest.len() };
            self.text.more()?;
        }
        let rest = self.text.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let (line, taken) = first_line(rest);
        let line = line.to_owned();
        self.text.leave(taken);
        self.line += 1;
        Ok(Some(line))
    }

    /// Leaves everything up to the end of the line behind.
    fn skip_line(&mut self) -> Result<()> {
        self.line += 1;
        loop {
            self.text.at_least(2)?;
            let (line, taken) = first_line(self.text.rest());
            let whole = taken > line.len() || taken == 0;
            self.text.leave(taken);
            if whole {
                return Ok(());
            }
        }
    }

    /// A line whose text is not encoded.
    fn readable(&mut self, line: String) -> Result<String> {
        let Some((head, value)) = halves(&line) else {
            return Ok(line);
        };
        let mut parameters = head.split(';');
        let mut kept = parameters.next().unwrap_or_default().to_owned();
        let (mut quoted, mut charset) = (false, None);
        for parameter in parameters {
            let (key, said) = parameter.split_once('=').unwrap_or(("", parameter));
            let is_encoding = key.is_empty() || key.eq_ignore_ascii_case("encoding");
            if is_encoding && said.eq_ignore_ascii_case("quoted-printable") {
                quoted = true;
            } else if key.eq_ignore_ascii_case("charset") {
                charset = Encoding::named(said.trim_matches('"')).ok();
            } else {
                kept.push(';');
                kept.push_str(parameter);
            }
        }
        if !quoted {
            return Ok(format!("{kept}:{value}"));
        }
        let mut bytes = Vec::new();
        let mut value = value.to_owned();
        while unquote(&value, &mut bytes) && bytes.len() < LONGEST_LINE {
            match self.next_line()? {
                Some(next) => value = next,
                None => break,
            }
        }
        Ok(format!("{kept}:{}", text_of(&bytes, charset)))
    }
}

/// What stands before and behind the colon of a line. A parameter in quotation marks may hold one, too.
fn halves(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let colon = line.char_indices().find_map(|(place, letter)| {
        quoted ^= letter == '"';
        (letter == ':' && !quoted).then_some(place)
    })?;
    Some((line.get(..colon)?, line.get(colon + 1..)?))
}

fn is(line: &str, wanted: &str) -> bool {
    line.trim_matches(['\u{feff}', ' ', '\t'])
        .eq_ignore_ascii_case(wanted)
}

fn is_picture(line: &str) -> bool {
    let name = line.split([':', ';']).next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    ["PHOTO", "LOGO", "SOUND", "KEY"]
        .iter()
        .any(|picture| name.eq_ignore_ascii_case(picture))
        || line.starts_with("X-TOO-LONG-")
}

/// Decodes one line of quoted-printable (RFC 2045, section 6.7); whether the next line belongs to it.
fn unquote(line: &str, bytes: &mut Vec<u8>) -> bool {
    let line = line.trim_end_matches([' ', '\t']);
    let (line, soft) = match line.strip_suffix('=') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        let code = || {
            line.get(line.len() - rest.len()..)
                .and_then(|rest| rest.get(..2))
        };
        match (
            byte,
            code().and_then(|code| u8::from_str_radix(code, 16).ok()),
        ) {
            (b'=', Some(value)) => {
                bytes.push(value);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    soft
}

fn text_of(bytes: &[u8], charset: Option<Encoding>) -> String {
    let encoding = charset.unwrap_or_else(|| {
        let mut guesser = Guesser::new();
        guesser.feed(bytes);
        guesser.finish().encoding
    });
    let mut text = String::new();
    decode(&mut encoding.decoder(), bytes, &mut text, true);
    text.replace("\r\n", "\n")
}

/// One line of a card: `item1.TEL;TYPE=CELL:+998901234567`.
pub(super) struct Property<'a> {
    /// In capitals, without a group.
    pub(super) name: String,
    /// What describes the value, in small letters: `type=cell` and `cell` are `cell`, `pref=1` stays.
    pub(super) marks: Vec<String>,
    pub(super) value: &'a str,
}

impl<'a> Property<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (head, value) = halves(line)?;
        let mut parts = head.split(';');
        let name = parts.next()?.rsplit('.').next()?.trim().to_uppercase();
        let mark = |part: &str| {
            let part = part.to_lowercase().replace('"', "");
            part.strip_prefix("type=").unwrap_or(&part).to_owned()
        };
        let marks = parts.flat_map(|part| part.split(',')).map(mark).collect();
        Some(Self { name, marks, value })
    }

    /// 1 for what is preferred to 100.
    fn preference(&self) -> u32 {
        let rank = |mark: &String| match mark.strip_prefix("pref=") {
            Some(rank) => rank.parse().ok(),
            None => (mark == "pref").then_some(1),
        };
        self.marks
            .iter()
            .find_map(rank)
            .unwrap_or(100)
            .clamp(1, 100)
    }
}

/// The parts of a value between separators that no backslash stands before, without those backslashes.
pub(super) fn parts(value: &str, separator: Option<char>) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == separator {
            parts.push(String::new());
            continue;
        }
        let letter = match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n' | 'N') | None => '\n',
                Some(other) => other,
            },
            (letter, false) => letter,
        };
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts
}

/// The cells of a card.
fn cells(card: &[Property<'_>]) -> Vec<String> {
    let of = |name: &str| card.iter().find(|property| property.name == name);
    let text = |name: &str| {
        let value = of(name).map(|property| parts(property.value, None));
        value
            .and_then(|parts| parts.into_iter().next())
            .unwrap_or_default()
    };
    let split = |name: &str, separator| {
        of(name).map_or_else(Vec::new, |property| parts(property.value, Some(separator)))
    };
    let name = split("N", ';');
    let is_2_1 = text("VERSION").trim() == "2.1";
    let part = |place: usize| {
        let part = name.get(place).cloned().unwrap_or_default();
        // Later versions put commas between several names.
        if is_2_1 { part } else { part.replace(',', " ") }
    };
    let emails = ranked(card, "EMAIL", "");
    let phones = ranked(card, "TEL", "cell");
    let at = |list: &[String], place: usize| list.get(place).cloned().unwrap_or_default();
    let phone = |place: usize| {
        let phone = at(&phones, place);
        // RFC 3966: parameters follow behind semicolons.
        phone
            .split(';')
            .next()
            .unwrap_or_default()
            .trim_start_matches("tel:")
            .to_owned()
    };
    vec![
        text("FN"),
        part(1),
        part(2),
        part(0),
        at(&emails, 0),
        at(&emails, 1),
        at(&emails, 2),
        phone(0),
        phone(1),
        phone(2),
        text("BDAY"),
        split("ORG", ';').into_iter().next().unwrap_or_default(),
        text("TITLE"),
        split("CATEGORIES", ',').join(";"),
        text("LANG"),
        text("TZ"),
        text("X-TELEGRAM"),
        text("NICKNAME"),
        text("NOTE"),
        text("UID"),
    ]
}

/// The values of all properties of this name: of the preferred kind first, then by preference.
fn ranked(card: &[Property<'_>], name: &str, kind: &str) -> Vec<String> {
    let mut found: Vec<(u32, String)> = card
        .iter()
        .filter(|property| property.name == name && !property.value.trim().is_empty())
        .map(|property| {
            let is_kind = property.marks.iter().any(|mark| mark == kind);
            let rank = property.preference() + if is_kind { 0 } else { 200 };
            (rank, parts(property.value, None).concat())
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Vec<(u64, Vec<String>)> {
        let text = Text::new(file.as_bytes(), Encoding::named("utf-8").unwrap());
        let mut cards = Cards::new(text);
        let mut all = Vec::new();
        while let Some((line, card)) = cards.next().unwrap() {
            all.push(match card {
                Card::Read(cells) => (
                    line,
                    cells.into_iter().filter(|cell| !cell.is_empty()).collect(),
                ),
                Card::Own(_) => unreachable!("nobody asked for them"),
                Card::Unreadable(why) => (line, vec![format!("! {why}")]),
            });
        }
        all
    }

    #[test]
    fn reads_cards_of_all_versions() {
        let card = |version: &str, rest: &str| {
            format!(
                "BEGIN:VCARD\r\nVERSION:{version}\r\nN:Петрова;Анна;Ивановна;;\r\nFN:Анна Петрова\r\n{rest}END:VCARD\r\n"
            )
        };
        let name = ["Анна Петрова", "Анна", "Ивановна", "Петрова"];
        let wanted = |rest: &[&str]| -> Vec<String> {
            name.iter()
                .chain(rest)
                .map(|cell| (*cell).to_owned())
                .collect()
        };
        let file = card(
            "2.1",
            "TEL;WORK:712345678\r\nTEL;CELL:+998901234567\r\nBDAY:1985-03-07\r\nORG:Чинор;Сад\r\n",
        ) + &card(
            "3.0",
            "EMAIL;TYPE=INTERNET:b@post.example\r\nEMAIL;TYPE=INTERNET,PREF:anna@post.example\r\nBDAY:19850307\r\nCATEGORIES:gold,VIP\r\n",
        ) + &card(
            "4.0",
            "TEL;VALUE=uri;PREF=1:tel:+998901234567;ext=1\r\nBDAY:--0307\r\nLANG:ru\r\nUID:urn:uuid:1\r\n",
        );
        assert_eq!(
            read(&file),
            [
                (
                    1,
                    wanted(&["+998901234567", "712345678", "1985-03-07", "Чинор"])
                ),
                (
                    10,
                    wanted(&[
                        "anna@post.example",
                        "b@post.example",
                        "19850307",
                        "gold;VIP"
                    ])
                ),
                (19, wanted(&["+998901234567", "--0307", "ru", "urn:uuid:1"])),
            ]
        );
    }

    #[test]
    fn texts_in_quoted_printable_are_read_however_they_are_marked() {
        // "Юлия" in UTF-8, in Windows-1251, and broken within a letter.
        let utf_8 = "=D0=AE=D0=BB=D0=B8=D1=8F";
        let broken = "=D0=AE=D0=BB=D0=\r\n=B8=D1=8F";
        let win = "=DE=EB=E8=FF";
        for head in [
            format!("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{utf_8}"),
            format!("FN;QUOTED-PRINTABLE:{utf_8}"),
            format!("FN;ENCODING=QUOTED-PRINTABLE:{broken}"),
            format!("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=windows-1251:{win}"),
            format!("FN;QUOTED-PRINTABLE:{win}"),
            format!("item1.FN;QUOTED-PRINTABLE:{utf_8}=\r\n"),
        ] {
            let file = format!(
                "BEGIN:VCARD\r\nVERSION:2.1\r\n{head}\r\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab=3Dc\r\nEND:VCARD\r\n"
            );
            assert_eq!(
                read(&file),
                [(1, vec!["Юлия".to_owned(), "a\nb=c".to_owned()])],
                "{head}"
            );
        }
    }

    #[test]
    fn pictures_are_left_out() {
        let picture = " AAAA".repeat(10).replace(" AAAA", " AAAA\r\n");
        for photo in [
            format!("PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n{picture}"),
            format!("PHOTO;BASE64:\r\n{picture}\r\n"),
            format!("PHOTO;ENCODING=b:{}\r\n", "A".repeat(3_000_000)),
        ] {
            let file = format!(
                "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\n{photo}item1.EMAIL:a@post.example\r\nitem1.X-ABLabel:work\r\nEND:VCARD\r\n"
            );
            assert_eq!(
                read(&file),
                [(1, vec!["Anna".to_owned(), "a@post.example".to_owned()])]
            );
        }
    }

    #[test]
    fn a_bad_card_leaves_the_others_alone() {
        let long = format!("NOTE:{}\r\n", "x".repeat(60_000)).repeat(6);
        let file = format!(
            "BEGIN:VCARD\nFN:One\nBEGIN:VCARD\nVERSION:3.0\nFN:Two\nEND:VCARD\n\nBEGIN:VCARD\nVERSION:3.0\nFN:Long\n{long}END:VCARD\n\
            BEGIN:VCARD\nVERSION:3.0\nFN:Three\nEND:VCARD\nBEGIN:VCARD\nFN:Four\n"
        );
        let shown: Vec<(u64, String)> = read(&file)
            .into_iter()
            .map(|(line, cells)| (line, cells.join("|")))
            .collect();
        let missing = "! its END:VCARD is missing".to_owned();
        assert_eq!(
            shown,
            [
                (1, missing.clone()),
                (3, "Two".to_owned()),
                (8, "! the card is longer than 256 KiB".to_owned()),
                (18, "Three".to_owned()),
                (22, missing),
            ]
        );
    }
}
