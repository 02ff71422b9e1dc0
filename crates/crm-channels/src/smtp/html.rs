//! HTML from the approved plain text, by a closed rule: what a reader sees is the approved text, character by
//! character, and nothing else.
//!
//! - `&`, `<`, `>`, `"` and `'` are escaped; nothing in the text is markup.
//! - An empty line ends a paragraph, every other line break is a line break. `white-space: pre-wrap` keeps runs
//!   of spaces, and `dir="auto"` lets each paragraph run in the direction of its own script.
//! - An address that begins with `http://` or `https://` can be clicked; it leads to what is written. Only with a
//!   plain host: a name such as `https://bank.example@other.example` or with letters that look like others
//!   stays text.

/// The text as HTML; `None` for one with characters that HTML cannot carry (control characters other than
/// line breaks and tabs), which goes as plain text alone.
pub(super) fn from_text(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return None;
    }
    let mut out =
        String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n");
    for paragraph in text.split("\n\n") {
        out.push_str("<p dir=\"auto\" style=\"white-space: pre-wrap\">");
        for (number, line) in paragraph.split('\n').enumerate() {
            if number > 0 {
                out.push_str("<br>");
            }
            push_line(&mut out, line);
        }
        out.push_str("</p>\n");
    }
    out.push_str("</body></html>\n");
    Some(out)
}

fn push_line(out: &mut String, line: &str) {
    let mut rest = line;
    while let Some((before, link, after)) = next_link(rest) {
        push_escaped(out, before);
        out.push_str("<a href=\"");
        push_escaped(out, link);
        out.push_str("\">");
        push_escaped(out, link);
        out.push_str("</a>");
        rest = after;
    }
    push_escaped(out, rest);
}

fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // As it stands it may be taken for a space.
            '\t' => out.push_str("&#9;"),
            other => out.push(other),
        }
    }
}

/// What stands before the first link, the link, and what stands behind it.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let (_, ahead) = text.split_at_checked(from)?;
        let start = from + ahead.find(['h', 'H'])?;
        let (before, candidate) = text.split_at_checked(start)?;
        // Amid a word, `xhttp://` is something else.
        let begins = !before.ends_with(|c: char| c.is_alphanumeric());
        if let Some(length) = link_length(candidate).filter(|_| begins) {
            let (link, after) = candidate.split_at_checked(length)?;
            return Some((before, link, after));
        }
        from = start + 1;
    }
}

/// How many octets of the text are a link.
fn link_length(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let end = text.find(|c: char| !in_link(c)).unwrap_or(text.len());
    let link = without_tail(text.get(..end)?);
    let rest = link.get(scheme.len()..)?;
    let authority = rest.split(['/', '?', '#']).next()?;
    is_plain_host(authority).then_some(link.len())
}

/// The signs of an address (RFC 3986), and letters of any script, as people write them in paths.
fn in_link(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "-._~:/?#[]@!$&'()*+,;=%".contains(c)
        || (!c.is_ascii() && c.is_alphanumeric())
}

/// Without the signs that end a sentence, and without a bracket that was opened before the link.
fn without_tail(mut link: &str) -> &str {
    loop {
        let count = |sign: char| link.matches(sign).count();
        let cut = match link.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_') => true,
            Some(')') => count(')') > count('('),
            Some(']') => count(']') > count('['),
            _ => false,
        };
        match link.char_indices().next_back() {
            Some((last, _)) if cut => link = link.get(..last).unwrap_or_default(),
            _ => return link,
        }
    }
}

/// A host name in ASCII and perhaps a port: no user name before it that only looks like the host.
fn is_plain_host(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: &str = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n";
    const END: &str = "</body></html>\n";
    const OPEN: &str = "<p dir=\"auto\" style=\"white-space: pre-wrap\">";

    /// What a reader sees, and where the links lead. Panics at anything that the rule does not write.
    fn seen(html: &str) -> (String, Vec<String>) {
        let inside = html.strip_prefix(START).unwrap().strip_suffix(END).unwrap();
        let mut links = Vec::new();
        let paragraph = |paragraph: &str| {
            let mut rest = paragraph.strip_prefix(OPEN).unwrap();
            let (mut text, mut open) = (String::new(), None);
            while let Some(sign) = rest.chars().next() {
                let tag = |name: &str| rest.strip_prefix(name);
                if let Some(after) = tag("<br>") {
                    assert!(open.is_none());
                    text.push('\n');
                    rest = after;
                } else if let Some(after) = tag("<a href=\"") {
                    let (link, after) = after.split_once("\">").unwrap();
                    assert!(open.is_none() && !link.contains(['<', '>', '"', '\'', ' ']));
                    open = Some((text.len(), unescaped(link)));
                    rest = after;
                } else if let Some(after) = tag("</a>") {
                    let (from, link) = open.take().unwrap();
                    assert_eq!(text[from..], link);
                    links.push(link);
                    rest = after;
                } else {
                    assert!(!"<>\"'\n".contains(sign), "{rest}");
                    let length = match sign {
                        '&' => rest.find(';').unwrap() + 1,
                        sign => sign.len_utf8(),
                    };
                    text.push_str(&unescaped(&rest[..length]));
                    rest = &rest[length..];
                }
            }
            assert!(open.is_none());
            text
        };
        let paragraphs = inside.strip_suffix("</p>\n").unwrap().split("</p>\n");
        let text: Vec<String> = paragraphs.map(paragraph).collect();
        (text.join("\n\n"), links)
    }

    fn unescaped(text: &str) -> String {
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&#9;", "\t"),
        ];
        let text = entities
            .into_iter()
            .fold(text.to_owned(), |text, (entity, sign)| {
                text.replace(entity, sign)
            });
        let bare = text.replace("&amp;", "");
        assert!(!bare.contains('&'), "{text}");
        text.replace("&amp;", "&")
    }

    fn links(text: &str) -> Vec<String> {
        let (back, links) = seen(&from_text(text).unwrap());
        assert_eq!(back, text);
        links
    }

    #[test]
    fn paragraphs_and_lines() {
        let html = from_text("Hello <b>Ann</b> & 'co'\nsecond\r\n\r\nўша  кун\n").unwrap();
        assert_eq!(
            html,
            format!(
                "{START}{OPEN}Hello &lt;b&gt;Ann&lt;/b&gt; &amp; &#39;co&#39;<br>second</p>\n\
                 {OPEN}ўша  кун<br></p>\n{END}"
            )
        );
        for text in [
            "",
            "\n",
            "\n\n",
            "\n\n\n",
            "a\n\n\n\n\nb",
            " \t a ",
            "&lt;p&gt;&amp;amp;",
        ] {
            assert_eq!(seen(&from_text(text).unwrap()).0, text);
        }
        for odd in ["a\0b", "\u{1b}[0m", "a\u{85}b", "\u{c}"] {
            assert_eq!(from_text(odd), None);
        }
    }

    #[test]
    fn links_lead_to_what_is_written() {
        for (text, wanted) in [
            (
                "see https://salon.example/a?b=c&d=%20#e.",
                &["https://salon.example/a?b=c&d=%20#e"][..],
            ),
            ("(http://a.example/b_(c))", &["http://a.example/b_(c)"]),
            ("HTTPS://A.example:8443!", &["HTTPS://A.example:8443"]),
            (
                "«https://a.example/ташкент», ha",
                &["https://a.example/ташкент"],
            ),
            ("http://a.example,http://b.example/", &["http://b.example/"]),
            (
                "http://a.example http://b.example\nhttp://c.example",
                &["http://a.example", "http://b.example", "http://c.example"],
            ),
            (
                "<https://a.example>\"https://b.example\"",
                &["https://a.example", "https://b.example"],
            ),
            ("https://", &[]),
            ("https:///a", &[]),
            ("xhttps://a.example", &[]),
            ("hhttp hhttps://", &[]),
            ("javascript://a.example", &[]),
            ("ftp://a.example mailto:a@b.example www.a.example", &[]),
            ("https://bank.example@evil.example/", &[]),
            ("https://bаnk.example/", &[]),
            ("https://a..example/", &[]),
            ("https://a.example:99999/", &[]),
            ("https://[::1]/", &[]),
            ("https://a.example/\u{202e}gpj.exe", &["https://a.example/"]),
        ] {
            assert_eq!(links(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_added_and_nothing_lost(text in "(\\PC|[\n\t \"'<>&;]|<br>|</p>\n|<a href=\"|&amp;|https?://[a-z.@/(),а]{0,9})*") {
            let expected = text.clone();
            prop_assert_eq!(seen(&from_text(&text).unwrap()).0, expected);
        }

        #[test]
        fn every_line_end_is_a_line_break(text in "[a\r\n ]*") {
            let expected = text.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(seen(&from_text(&text).unwrap()).0, expected);
        }
    }
}
