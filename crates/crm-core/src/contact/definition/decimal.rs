//! Decimal numbers that are kept exactly.
//!
//! JSON numbers are whole numbers of 64 bits or binary fractions. A binary fraction gives back the decimal it was read
//! from as long as that has at most 15 digits: then what is kept is what was written, and nothing longer is taken.

use serde_json::Number;

/// Most digits of a number that is not whole, before and behind the point.
const DIGITS: i64 = 15;
/// Longest way to write a number, in bytes.
const LONGEST: usize = 400;

/// The number that the text writes, as JSON does; nothing where that would not be exact.
pub(super) fn decimal(text: &str) -> Option<Number> {
    if text.len() > LONGEST {
        return None;
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // The value is these digits, as a whole number, times this power of ten.
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return Some(Number::from(0));
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    let shift = i64::try_from(dropped).ok()? - i64::try_from(fraction.len()).ok()?;
    let power = exponent.checked_add(shift)?;
    let count = i64::try_from(digits.len()).ok()?;
    if power >= 0 {
        let zeros = usize::try_from(power).ok().filter(|zeros| *zeros <= 20)?;
        let whole = format!("{sign}{digits}{}", "0".repeat(zeros));
        let signed = whole.parse::<i64>().map(Number::from);
        return signed
            .or_else(|_| whole.parse::<u64>().map(Number::from))
            .ok();
    }
    if count.max(power.checked_neg()?) > DIGITS {
        return None;
    }
    let real = format!("{sign}{digits}e{power}").parse::<f64>().ok()?;
    Number::from_f64(real)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The exponent, which is no more than a few digits in any number that is kept.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_as_they_are_written_or_not_at_all() {
        for (text, wanted) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.0", "1"),
            ("12.50", "12.5"),
            ("-12.05", "-12.05"),
            ("0.1", "0.1"),
            ("0.00001", "0.00001"),
            ("1e-5", "0.00001"),
            ("1.5e-7", "1.5e-7"),
            ("1.5e3", "1500"),
            ("15E-1", "1.5"),
            ("1e19", "10000000000000000000"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("99999999999999.9", "99999999999999.9"),
            ("123456789.012345", "123456789.012345"),
            ("100000000000000000000.0", "none"),
            ("18446744073709551616", "none"),
            ("-9223372036854775809", "none"),
            ("999999999999999.9", "none"),
            ("0.30000000000000004", "none"),
            ("0.0000000000000001", "none"),
            ("1e999999999999999999999", "none"),
            ("1e-400", "none"),
            ("0e400", "0"),
            ("1.", "none"),
            (".5", "none"),
            ("+5", "none"),
            ("1 000", "none"),
            ("1_0", "none"),
            ("1,5", "none"),
            ("0x10", "none"),
            ("NaN", "none"),
            ("inf", "none"),
            ("١", "none"),
            ("-", "none"),
            ("e5", "none"),
            ("1e", "none"),
            ("", "none"),
        ] {
            let shown = decimal(text).map_or("none".to_owned(), |number| number.to_string());
            assert_eq!(shown, wanted, "{text}");
        }
    }
}
