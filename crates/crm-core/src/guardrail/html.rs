//! What a reader sees of a text in HTML, so that the guardrails read that and not its markup.

/// Elements whose content nobody sees.
const UNSEEN: [&str; 4] = ["style", "script", "head", "title"];

/// Elements that do not begin a new line.
const INLINE: [&str; 15] = [
    "a", "abbr", "b", "code", "em", "font", "i", "img", "mark", "small", "span", "strong", "sub",
    "sup", "u",
];

/// The text that is seen. Each address behind a link, a picture or a form stands in brackets behind it: it is
/// not seen, but it is where the reader is taken. Reads anything, whether it is good HTML or not.
#[must_use]
pub fn seen(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, behind)) = rest.split_once('<') {
        unescape(before, &mut out);
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        if !behind.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            out.push('<');
            rest = behind;
            continue;
        }
        let (tag, after) = split_tag(behind);
        rest = after;
        let name = tag.trim_start_matches('/');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        let (name, attributes) = name.split_at(end.unwrap_or(name.len()));
        let name = name.to_ascii_lowercase();
        if !INLINE.contains(&name.as_str()) && !out.ends_with('\n') && !out.is_empty() {
            out.push('\n');
        }
        if UNSEEN.contains(&name.as_str()) && !tag.starts_with('/') {
            rest = behind_element(rest, &name);
        }
        addresses(attributes, &mut out);
    }
    unescape(rest, &mut out);
    out.trim().to_owned()
}

/// A tag without its brackets, and what stands behind it. A `>` in quotes is a part of it.
fn split_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '>' => {
                let (tag, rest) = text.split_at(at);
                return (tag, rest.get(1..).unwrap_or_default());
            }
            None => {}
        }
    }
    // A bracket that nothing closes: up to its end it is no text.
    (text, "")
}

/// What stands behind the end of this element.
fn behind_element<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("</") {
        rest = behind;
        if let Some(start) = behind.get(..name.len())
            && start.eq_ignore_ascii_case(name)
        {
            return split_tag(behind).1;
        }
    }
    ""
}

/// The addresses among a tag's attributes, in brackets.
fn addresses(attributes: &str, out: &mut String) {
    let mut rest = attributes;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name
            .rsplit(char::is_whitespace)
            .find(|name| !name.is_empty());
        let behind = behind.trim_start();
        let (value, after) = match behind.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inside = behind.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            _ => behind
                .split_once(char::is_whitespace)
                .unwrap_or((behind, "")),
        };
        rest = after;
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let leads = ["href", "src", "action", "background"].contains(&name.as_str());
        if leads && !value.is_empty() {
            out.push_str(" (");
            unescape(value, out);
            out.push_str(") ");
        }
    }
}

/// Characters for their names and numbers; what is none stays.
fn unescape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        rest = behind;
        let known = behind
            .split_once(';')
            .filter(|(name, _)| name.len() <= 8)
            .and_then(|(name, after)| Some((character(name)?, after)));
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "laquo" => '«',
        "raquo" => '»',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "rsquo" => '’',
        "lsquo" => '‘',
        "shy" => '\u{ad}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::seen;

    #[test]
    fn the_reader_sees_the_text_and_is_told_where_links_lead() {
        for (html, text) in [
            (
                "<p>Анна, &laquo;добрый&raquo; день!</p><p>Ждём</p>",
                "Анна, «добрый» день!\nЖдём",
            ),
            ("a<br/>b <b>c</b>d", "a\nb cd"),
            ("<style>p { x: [Имя] }</style>Да<!-- [нет] -->!", "Да!"),
            (
                "1 < 2 &amp; 3 &lt;b&gt; &unknown; &#1072;&#x430;",
                "1 < 2 & 3 <b> &unknown; аа",
            ),
            (
                "<A class=x HREF='https://evil.example/?a=1&amp;b=\">\"'>shop.uz</A>",
                "(https://evil.example/?a=1&b=\">\") shop.uz",
            ),
            (
                "<img src=https://t.example/p.gif alt=\"\">Да",
                "(https://t.example/p.gif) Да",
            ),
            ("текст <a href=", "текст"),
            ("<SCRIPT>alert('</b>')</SCRIPT >Да", "Да"),
        ] {
            assert_eq!(seen(html), text, "{html}");
        }
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        for text in ["", "Анна & Co", "a &amp", "3 > 2", "&&;&#xd800;"] {
            assert_eq!(seen(text), text);
        }
    }
}
