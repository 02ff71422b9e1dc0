//! How long a text is to Telegram: after its markup is read, in UTF-16 units (the stricter of the two ways
//! in which clients and servers are seen to count).

/// The length; 0 when nothing but white space is left, which Telegram refuses as empty.
///
/// HTML is measured, not checked: Telegram alone decides what markup it takes. What is no whole tag or
/// entity counts as it stands.
pub(super) fn length(text: &str, html: bool) -> usize {
    let mut units = 0_usize;
    let mut visible = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if html { markup(rest) } else { None };
        match taken {
            Some((bytes, counts)) => {
                units = units.saturating_add(counts);
                visible |= counts > 0;
                rest = rest.get(bytes..).unwrap_or_default();
            }
            None => {
                units = units.saturating_add(c.len_utf16());
                visible |= !c.is_whitespace();
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
    }
    if visible { units } else { 0 }
}

/// A tag or entity at the start: how many bytes it takes and how many units it stands for.
fn markup(rest: &str) -> Option<(usize, usize)> {
    if let Some(tag) = rest.strip_prefix('<') {
        let named = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        return named.then(|| tag.find('>').map(|end| (end.saturating_add(2), 0)))?;
    }
    let entity = rest.strip_prefix('&')?;
    let end = entity.find(';').filter(|end| *end <= 8)?;
    let name = entity.get(..end)?;
    let units = match name.strip_prefix('#') {
        Some(code) => {
            let code = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => code.parse(),
            };
            char::from_u32(code.ok()?)?.len_utf16()
        }
        None => ["lt", "gt", "amp", "quot"].contains(&name).then_some(1)?,
    };
    Some((end.saturating_add(2), units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_counts_utf16_units() {
        for (text, wanted) in [
            ("", 0),
            (" \n\t\u{a0}", 0),
            ("salom", 5),
            ("oʻzbek", 6),
            ("Ў", 1),
            ("🎂", 2),
            ("<b>&lt;</b>", 11),
            ("a\0\r\n", 4),
        ] {
            assert_eq!(length(text, false), wanted, "{text:?}");
        }
    }

    #[test]
    fn html_counts_what_is_shown() {
        for (text, wanted) in [
            ("<b>Салом</b>", 5),
            ("<a href=\"https://example.org/?a=1&amp;b=2\">x</a>", 1),
            ("&lt;&gt;&amp;&quot;", 4),
            ("&#8217;&#x1F382;", 3),
            ("<b></b> ", 0),
            // No markup: counted as it stands.
            ("a < b & c", 9),
            ("&nbsp;", 6),
            ("<b", 2),
            ("&#xD800;", 8),
            ("&я;", 3),
        ] {
            assert_eq!(length(text, true), wanted, "{text:?}");
        }
    }
}
