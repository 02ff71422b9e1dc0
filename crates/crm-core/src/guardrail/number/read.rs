//! Reads numbers, dates and times out of a text, with every reading they have.

use std::ops::Range;

use super::dates::{Unit, month, scale, sign, unit};
use crate::guardrail::text::{Text, Word};

/// One way to read a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// In millionths.
    Number(u128, Option<Unit>),
    /// Day, month and, if said, year.
    Date(u32, u32, Option<u32>),
    /// Minutes since midnight.
    Time(u32),
}

/// A number, date or time in a text.
pub(super) struct Claim {
    pub(super) span: Range<usize>,
    pub(super) readings: Vec<Reading>,
}

/// Most groups of one number; more are several numbers.
const MOST_GROUPS: usize = 12;

/// Digits with the signs between them.
struct Figures {
    span: Range<usize>,
    groups: Vec<String>,
    signs: Vec<char>,
}

/// Everything that counts, dates or times, outside `taken` (links, addresses, telephone numbers).
pub(super) fn claims(text: &Text, taken: &[Range<usize>]) -> Vec<Claim> {
    let mut found = Vec::new();
    text.starts(taken, |at, c| {
        if !is_digit(c) {
            return None;
        }
        let figures = figures(text, at);
        let end = figures.span.end;
        let always = figures.groups == ["24", "7"] && figures.signs == ['/'];
        if always || counts_lines(text, &figures) {
            return Some(end);
        }
        let claim = read(text, &figures);
        let end = end.max(claim.span.end);
        found.push(claim);
        Some(end)
    });
    found
}

/// The ASCII digit that a digit of another script stands for.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        '\u{1d7ce}'..='\u{1d7ff}' => return char::from_digit((c as u32 - 0x1d7ce) % 10, 10),
        _ => return None,
    };
    char::from_digit(c as u32 - zero, 10)
}

fn is_digit(c: char) -> bool {
    digit(c).is_some()
}

fn figures(text: &Text, from: usize) -> Figures {
    let (mut groups, mut signs) = (vec![String::new()], Vec::new());
    let mut at = from;
    loop {
        match text.at(at) {
            Some(c) if is_digit(c) => {
                if let (Some(group), Some(c)) = (groups.last_mut(), digit(c)) {
                    group.push(c);
                }
                at += 1;
            }
            Some(c)
                if groups.len() < MOST_GROUPS
                    && text.at(at + 1).is_some_and(is_digit)
                    && joins(text, at, c, &groups, &signs) =>
            {
                signs.push(c);
                groups.push(String::new());
                at += 1;
            }
            _ => break,
        }
    }
    Figures {
        span: from..at,
        groups,
        signs,
    }
}

/// Whether this sign, between two digits, is inside one number, date or time. A blank is only between
/// groups of three, and never joins what dots, colons or dashes have parted already.
fn joins(text: &Text, at: usize, c: char, groups: &[String], signs: &[char]) -> bool {
    let behind = text
        .slice(at + 1..at + 5)
        .iter()
        .take_while(|c| is_digit(**c))
        .count();
    let before = groups.last().map_or(0, String::len);
    let parted = signs
        .iter()
        .any(|c| matches!(c, '.' | ':' | '-' | '/' | ','));
    match c {
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' => {
            behind == 3 && before <= 3 && !parted
        }
        ',' | '.' | ':' => true,
        '/' => behind <= 4,
        // A date, not a range: 2026-12-31, 31-12-2026.
        '-' => {
            let lengths: Vec<usize> = groups.iter().map(String::len).collect();
            match lengths.as_slice() {
                [4] => behind == 2 && text.at(at + 3) == Some('-'),
                [4, 2] => behind == 2 && signs == ['-'],
                [2] => {
                    behind == 2
                        && text.at(at + 3) == Some('-')
                        && text.at(at + 4).is_some_and(is_digit)
                }
                [2, 2] => behind == 4 && signs == ['-'],
                _ => false,
            }
        }
        _ => false,
    }
}

/// `1.` or `2)` at the beginning of a line.
fn counts_lines(text: &Text, figures: &Figures) -> bool {
    let start = figures.span.start;
    let line_start = start == 0 || text.at(start - 1) == Some('\n');
    let behind = text.slice(figures.span.end..figures.span.end + 2);
    line_start && figures.groups.len() == 1 && matches!(behind, ['.' | ')', ' '])
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

/// The readings of figures with what stands around them.
fn read(text: &Text, figures: &Figures) -> Claim {
    let mut span = figures.span.clone();
    let mut readings = Vec::new();
    let parts: Vec<Option<u32>> = figures.groups.iter().map(|group| number(group)).collect();
    let behind = next_words(text, span.end);
    match (parts.as_slice(), figures.signs.as_slice()) {
        ([Some(hour), Some(minute)], [sign @ (':' | '.')]) if *hour < 25 && *minute < 60 => {
            if figures.groups.last().is_some_and(|group| group.len() == 2) {
                readings.push(Reading::Time(
                    hour_of(*hour, &behind, text, &mut span) * 60 + minute,
                ));
            }
            if *sign == '.' {
                readings.extend(date(*hour, *minute, None));
            }
        }
        ([Some(day), Some(month)], ['.' | '/']) => readings.extend(date(*day, *month, None)),
        ([Some(a), Some(b), Some(c)], ['.' | '/' | '-', '.' | '/' | '-']) => {
            if *a > 31 {
                readings.extend(date(*c, *b, Some(*a)));
            } else {
                let year = if *c < 100 { c + 2000 } else { *c };
                readings.extend(date(*a, *b, Some(year)));
                readings.extend(date(*b, *a, Some(year)).filter(|_| figures.signs.contains(&'/')));
            }
        }
        ([Some(day)], []) => {
            if let Some((month, end)) = month_behind(text, span.end, &behind) {
                let (year, end) = year_behind(text, end);
                span.end = end;
                readings.extend(date(*day, month, year));
                return Claim { span, readings };
            }
            if let Some((month, start)) = month_before(text, span.start)
                && (1..=31).contains(day)
            {
                span.start = start;
                let (year, end) = year_behind(text, span.end);
                span.end = end;
                readings.extend(date(*day, month, year));
                return Claim { span, readings };
            }
            if *day <= 12
                && let Some(word) = behind.first()
                && matches!(word.text.as_str(), "am" | "pm")
            {
                readings.push(Reading::Time(hour_of(*day, &behind, text, &mut span) * 60));
                return Claim { span, readings };
            }
        }
        _ => {}
    }
    if !figures.signs.iter().any(|c| matches!(c, ':' | '/' | '-')) {
        numbers(text, figures, &behind, &mut span, &mut readings);
    }
    Claim { span, readings }
}

fn date(day: u32, month: u32, year: Option<u32>) -> Option<Reading> {
    ((1..=31).contains(&day) && (1..=12).contains(&month))
        .then_some(Reading::Date(day, month, year))
}

/// The two words behind, when only blanks, dashes and dots are between.
fn next_words(text: &Text, at: usize) -> Vec<&Word> {
    let first = text.words.partition_point(|word| word.span.end <= at);
    let mut end = at;
    let mut found = Vec::new();
    for word in text.words.iter().skip(first).take(2) {
        // `5th`, `10k`: the letters are a part of the word that the figures begin.
        let gap = text.slice(end..word.span.start.max(end));
        if gap.len() > 3
            || gap
                .iter()
                .any(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '–' | '.' | '\u{202f}'))
        {
            break;
        }
        if word.span.start >= at {
            found.push(word);
        }
        end = word.span.end;
    }
    found
}

/// The letters that stand directly behind the figures.
fn suffix(text: &Text, at: usize) -> (String, usize) {
    let letters: String = text
        .slice(at..at + 16)
        .iter()
        .take_while(|c| c.is_alphabetic())
        .collect();
    let end = at + letters.chars().count();
    (letters.to_lowercase(), end)
}

fn month_behind(text: &Text, at: usize, behind: &[&Word]) -> Option<(u32, usize)> {
    let (letters, _) = suffix(text, at);
    if let Some(word) = behind.first() {
        if let Some(month) = month(&word.text) {
            return Some((month, word.span.end));
        }
        if word.text == "of"
            && let Some(next) = behind.get(1)
        {
            return month(&next.text).map(|month| (month, next.span.end));
        }
    }
    if matches!(letters.as_str(), "st" | "nd" | "rd" | "th" | "го" | "е") {
        let (_, end) = suffix(text, at);
        let words = next_words(text, end);
        let of = usize::from(words.first().is_some_and(|word| word.text == "of"));
        let word = words.get(of)?;
        return month(&word.text).map(|month| (month, word.span.end));
    }
    None
}

/// `December 20`: the month directly before, with a blank between. Only the English order.
fn month_before(text: &Text, at: usize) -> Option<(u32, usize)> {
    let before = text.words.partition_point(|word| word.span.end <= at);
    let word = before.checked_sub(1).and_then(|at| text.words.get(at))?;
    let gap = text.slice(word.span.end..at);
    if !matches!(gap, [' ' | '\u{a0}'] | ['.', ' ']) || !word.text.is_ascii() || !word.capital {
        return None;
    }
    month(&word.text).map(|month| (month, word.span.start))
}

/// A year of four digits behind a date, with a blank or a comma between.
fn year_behind(text: &Text, at: usize) -> (Option<u32>, usize) {
    // `December 5th, 2027`.
    let (letters, end) = suffix(text, at);
    let at = if matches!(letters.as_str(), "st" | "nd" | "rd" | "th") {
        end
    } else {
        at
    };
    let gap = text
        .slice(at..at + 3)
        .iter()
        .take_while(|c| matches!(c, ' ' | ',' | '\u{a0}'))
        .count();
    let from = at + gap;
    let figures: String = text
        .slice(from..from + 5)
        .iter()
        .map_while(|c| digit(*c))
        .collect();
    let year = number(&figures)
        .filter(|year| gap > 0 && (1900..2200).contains(year) && figures.len() == 4);
    // `31 декабря, 2026-12-31`: the year of the next date.
    let joined = matches!(text.at(from + 4), Some('-' | '/' | '.' | ':'))
        && text.at(from + 5).is_some_and(is_digit);
    let year = year.filter(|_| !joined);
    (year, if year.is_some() { from + 4 } else { at })
}

/// The hour of the day, with am and pm.
fn hour_of(hour: u32, behind: &[&Word], text: &Text, span: &mut Range<usize>) -> u32 {
    let (letters, end) = suffix(text, span.end);
    let half = if matches!(letters.as_str(), "am" | "pm") {
        Some((letters.as_str(), end))
    } else {
        behind
            .first()
            .filter(|word| matches!(word.text.as_str(), "am" | "pm"))
            .map(|word| (word.text.as_str(), word.span.end))
    };
    match half {
        Some((half, end)) => {
            span.end = end;
            hour % 12 + if half == "pm" { 12 } else { 0 }
        }
        None => hour,
    }
}

/// The readings as a number.
fn numbers(
    text: &Text,
    figures: &Figures,
    behind: &[&Word],
    span: &mut Range<usize>,
    readings: &mut Vec<Reading>,
) {
    let mut words = behind.iter().peekable();
    let (letters, end) = suffix(text, span.end);
    let mut thousands = 0;
    if let Some(scale) = scale(&letters) {
        thousands = scale;
        span.end = end;
        // The letters are the first word behind, when words know them.
        words.next_if(|word| word.span.start < end);
    } else if let Some(word) = words.peek()
        && let Some(scale) = scale(&word.text)
    {
        thousands = scale;
        span.end = word.span.end;
        words.next();
    }
    let before = text
        .before(figures.span.start)
        .and_then(sign)
        .filter(|unit| *unit != Unit::Percent);
    let after = text.after(span.end).and_then(sign);
    let unit = before
        .or(after)
        .or_else(|| words.peek().and_then(|word| unit(&word.text)));
    for value in values(figures, thousands * 3) {
        readings.push(Reading::Number(value, unit));
    }
}

/// The value in millionths, in each way the signs can be read, times ten to the `power`.
fn values(figures: &Figures, power: u32) -> Vec<u128> {
    let value = |whole: &str, part: &str| -> Option<u128> {
        if whole.len() > 24 || part.len() > 6 {
            return None;
        }
        let digits = format!("{whole}{part:0<6}");
        digits
            .parse::<u128>()
            .ok()?
            .checked_mul(10_u128.checked_pow(power)?)
    };
    let whole = figures.groups.concat();
    let decimal = || {
        let (part, rest) = figures.groups.split_last()?;
        value(&rest.concat(), part)
    };
    let points: Vec<char> = figures
        .signs
        .iter()
        .copied()
        .filter(|c| matches!(c, '.' | ','))
        .collect();
    let threes = figures.groups.iter().skip(1).all(|group| group.len() == 3);
    match (points.as_slice(), figures.signs.last()) {
        ([], _) => value(&whole, "").into_iter().collect(),
        ([_], Some('.' | ',')) => {
            // One point: a decimal one, or, with three digits behind it, perhaps of thousands.
            let grouped = figures.signs.len() == 1 && threes;
            let grouped = grouped.then(|| value(&whole, "")).flatten();
            decimal().into_iter().chain(grouped).collect()
        }
        (points, _) => {
            let one_kind = points.iter().all(|c| Some(c) == points.first());
            if one_kind {
                value(&whole, "").into_iter().collect()
            } else {
                decimal().into_iter().collect()
            }
        }
    }
}
