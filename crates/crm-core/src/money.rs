//! Money: amounts are whole numbers of 10^-12 US dollars, shown without a loss.

use crate::budget::MOST;
use crate::error::{Error, Result};

/// An amount of 10^-12 US dollars as a decimal number of dollars: exact to the last digit, with at least
/// two decimals.
///
/// ```
/// assert_eq!(crm_core::money::dollars(73_200_000), "0.0000732");
/// assert_eq!(crm_core::money::dollars(-1_500_000_000_000), "-1.50");
/// ```
#[must_use]
pub fn dollars(picodollars: i128) -> String {
    const DOLLAR: u128 = 1_000_000_000_000;
    let sign = if picodollars < 0 { "-" } else { "" };
    let all = picodollars.unsigned_abs();
    let decimals = format!("{:012}", all % DOLLAR);
    let decimals = decimals.trim_end_matches('0');
    format!("{sign}{}.{decimals:0<2}", all / DOLLAR)
}

/// The 10^-12 US dollars of a decimal number of dollars, which has at most twelve decimals: exact, or nothing.
///
/// ```
/// assert_eq!(crm_core::money::picodollars("0.0000732"), Some(73_200_000));
/// assert_eq!(crm_core::money::picodollars("1.5e3"), None);
/// ```
#[must_use]
pub fn picodollars(dollars: &str) -> Option<u64> {
    let (whole, decimals) = dollars.split_once('.').unwrap_or((dollars, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 12 {
        return None;
    }
    format!("{whole}{decimals:0<12}").parse().ok()
}

/// The 10^-12 US dollars of what somebody gave as `field`: as [`picodollars`], and no more than a store can count.
///
/// # Errors
/// `Invalid`, with the field.
pub fn amount(field: &str, dollars: &str) -> Result<u64> {
    let refused = || {
        let text = "use a decimal number of dollars such as 25.00, at most 9223372, with at most twelve decimals";
        Error::field(field, text)
    };
    picodollars(dollars)
        .filter(|amount| *amount <= MOST)
        .ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::{amount, dollars, picodollars};

    #[test]
    fn an_amount_is_one_that_a_store_can_count() {
        assert_eq!(
            amount("limit_usd", "9223372").unwrap(),
            9_223_372_000_000_000_000
        );
        assert!(amount("limit_usd", &dollars(i64::MAX.into())).is_ok());
        // More than a store counts; more than the machine counts; no number.
        for bad in ["9223372.036854775808", "10000000", "18446745", "-1"] {
            let error = amount("limit_usd", bad).unwrap_err().to_string();
            assert!(
                error.starts_with("limit_usd: ") && error.contains("9223372"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_shown_can_be_read_and_nothing_else() {
        for pico in [
            0,
            1,
            999_999_999_999,
            1_000_000_000_000,
            73_200_000,
            u64::MAX,
        ] {
            assert_eq!(picodollars(&dollars(pico.into())), Some(pico));
        }
        assert_eq!(picodollars("25"), Some(25_000_000_000_000));
        assert_eq!(picodollars("007.5"), Some(7_500_000_000_000));
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1,5",
            "1e3",
            " 1",
            "1 ",
            "0.0000000000001",
            "18446744.073709551616",
            "1.2.3",
            "١",
        ] {
            assert_eq!(picodollars(bad), None, "{bad}");
        }
    }

    #[test]
    fn dollars_are_exact() {
        for (pico, text) in [
            (0, "0.00"),
            (1, "0.000000000001"),
            (1_230_000_000_000, "1.23"),
            (500_000_000_000, "0.50"),
            (10_000_000_000_000, "10.00"),
            (123_450_000, "0.00012345"),
            (9_007_199_254_740_993_000, "9007199.254740993"),
            (i128::MIN, "-170141183460469231731687303.715884105728"),
        ] {
            assert_eq!(dollars(pico), text);
        }
    }
}
