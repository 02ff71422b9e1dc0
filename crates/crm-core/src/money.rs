//! Money: amounts are whole numbers of 10^-12 US dollars, shown without a loss.

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

#[cfg(test)]
mod tests {
    use super::dollars;

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
