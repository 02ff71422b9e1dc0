//! How the value of a custom field compares with one in a condition.
//!
//! - Numbers compare by value, whatever they are written like: `1` and `1.0` are equal, and whole numbers up to
//!   2^64 are exact beside fractions.
//! - A text that is a date compares with one that is a date, a text that is an instant with one that is an instant.
//!   A date is `YYYY-MM-DD` of years 0001 to 9999, and real. An instant is a date, `T`, `HH:MM:SS`, perhaps a dot
//!   and one to six digits, and `Z` or `+HH:MM` or `-HH:MM` up to 14:59. Instants with different offsets compare as
//!   the moments they are.
//! - Nothing else has an order: other texts, true and false, and values of different kinds are neither less than,
//!   greater than nor equal to one another. Texts, true and false can be equal, byte for byte.
//!
//! [`date_pattern`] and [`instant_pattern`] say the same as regular expressions, for a store that compares in SQL
//! and for a schema.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde_json::{Number, Value};

/// A real date of years 0001 to 9999, without anchors.
const DATE: &str = "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|\
    (?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|\
    (?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
/// What follows the date in an instant.
const TIME: &str = "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?\
    (?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])";

/// The regular expression of a date: ECMA-262 and PostgreSQL read it alike.
#[must_use]
pub fn date_pattern() -> String {
    format!("^{DATE}$")
}

/// The regular expression of an instant. See [`date_pattern`].
#[must_use]
pub fn instant_pattern() -> String {
    format!("^{DATE}{TIME}$")
}

/// The date that the text is.
#[must_use]
pub fn date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let (year, rest) = digits(bytes, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
    let year = i32::try_from(year).ok().filter(|year| *year > 0)?;
    rest.is_empty().then_some(())?;
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The instant that the text is, exact to the microsecond.
#[must_use]
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = date(day)?;
    let (hour, rest) = digits(rest.as_bytes().strip_prefix(b"T")?, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    let (micros, rest) = match rest.strip_prefix(b".") {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, micros)?;
    let local = day.and_time(time);
    Some(local.checked_sub_signed(offset(rest)?)?.and_utc())
}

fn offset(bytes: &[u8]) -> Option<Duration> {
    if bytes == b"Z" {
        return Some(Duration::zero());
    }
    let (sign, rest) = bytes.split_first()?;
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    (rest.is_empty() && hours <= 14 && minutes <= 59).then_some(())?;
    let ahead = Duration::minutes(i64::from(hours * 60 + minutes));
    match sign {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

/// One to six digits behind a dot, as microseconds.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let count = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let count = count.count();
    (1..=6).contains(&count).then_some(())?;
    let (value, rest) = digits(bytes, count)?;
    let scale = (count..6).fold(1, |scale, _| scale * 10);
    Some((value * scale, rest))
}

/// The number that the first `count` bytes write, and what follows.
fn digits(bytes: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_at_checked(count)?;
    let number = head.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })?;
    Some((number, rest))
}

/// Whether both are the same.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => {
            numbers(left, right) == Some(Ordering::Equal)
        }
        _ => false,
    }
}

/// Which is greater, where there is an order.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => numbers(left, right),
        (Value::String(left), Value::String(right)) => match (date(left), date(right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (None, None) => Some(instant(left)?.cmp(&instant(right)?)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the value has an order: a number, a date or an instant.
pub(super) fn has_order(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => date(text).is_some() || instant(text).is_some(),
        _ => false,
    }
}

fn numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => whole_to_real(left, right.as_f64()?),
        (None, Some(right)) => whole_to_real(right, left.as_f64()?).map(Ordering::reverse),
        (None, None) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

/// Exact: the real number is cut to a whole one, not the whole one rounded to a real one.
fn whole_to_real(whole: i128, real: f64) -> Option<Ordering> {
    if real.is_nan() {
        return None;
    }
    // The cast saturates, and no whole number here is near its bounds.
    #[allow(clippy::cast_possible_truncation)]
    let cut = real.trunc() as i128;
    Some(whole.cmp(&cut).then_with(|| {
        0.0_f64
            .partial_cmp(&real.fract())
            .unwrap_or(Ordering::Equal)
    }))
}

#[cfg(test)]
mod tests;
