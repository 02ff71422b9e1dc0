//! Writes CSV that no spreadsheet runs.

/// One line. `separator` is a single character.
pub(crate) fn line(cells: &[impl AsRef<str>], separator: &str) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|text| cell(text.as_ref(), separator))
        .collect();
    cells.join(separator) + "\r\n"
}

/// One cell, quoted where needed; what a spreadsheet would run as a formula begins with an apostrophe,
/// which an import takes off again. A plain phone number is left as it is.
fn cell(text: &str, separator: &str) -> String {
    let digits = text
        .strip_prefix('+')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !digits;
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', '\n', '\r', ',', ';']) || text.contains(separator) || formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_neutralised() {
        for (text, safe) in [
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("+998901234567", "+998901234567"),
            ("+1+cmd", "\"'+1+cmd\""),
            ("a\"b", "\"a\"\"b\""),
            ("a|b", "\"a|b\""),
            ("Анна", "Анна"),
        ] {
            assert_eq!(cell(text, "|"), safe);
        }
    }

    #[test]
    fn lines_end_as_spreadsheets_expect() {
        assert_eq!(line(&["a", "b,c"], ";"), "a;\"b,c\"\r\n");
    }
}
