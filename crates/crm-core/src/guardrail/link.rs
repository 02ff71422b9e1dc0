//! Links and e-mail addresses: where they are, and whether the house leads people there.

use std::collections::BTreeSet;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::rulebook::Grounds;
use super::text::{Text, invisible};

/// Endings that make a bare word with dots a host. Others count only with a scheme, `www.` or a path, so
/// that a full stop without a blank behind it is no link.
const ENDINGS: &[&str] = &[
    "academy",
    "ai",
    "app",
    "asia",
    "az",
    "bank",
    "bet",
    "biz",
    "bio",
    "blog",
    "by",
    "cc",
    "cf",
    "click",
    "club",
    "cn",
    "co",
    "com",
    "company",
    "de",
    "dev",
    "edu",
    "eu",
    "example",
    "fr",
    "fun",
    "gg",
    "gl",
    "gov",
    "icu",
    "info",
    "invalid",
    "io",
    "kg",
    "kz",
    "link",
    "live",
    "ly",
    "me",
    "mobi",
    "net",
    "news",
    "online",
    "org",
    "page",
    "pro",
    "promo",
    "ru",
    "sale",
    "shop",
    "site",
    "space",
    "store",
    "su",
    "tech",
    "test",
    "tj",
    "tk",
    "tm",
    "to",
    "top",
    "tr",
    "tv",
    "ua",
    "uk",
    "us",
    "uz",
    "vip",
    "website",
    "win",
    "work",
    "world",
    "xyz",
    "бел",
    "онлайн",
    "рус",
    "рф",
    "сайт",
];

/// A link in a text.
pub(super) struct Link {
    pub(super) span: Range<usize>,
    /// The host in lower case; empty where a scheme has none.
    host: String,
    /// Whether something behind the host is named.
    path: bool,
    /// The whole in the form it is compared in.
    whole: String,
    /// A name and an `@` before the host, signs that are not seen, or a scheme that runs code.
    disguised: bool,
}

/// An e-mail address in a text.
pub(super) struct Email {
    pub(super) span: Range<usize>,
    /// In lower case.
    pub(super) address: String,
}

/// Links and e-mail addresses, in the order of the text.
pub(super) fn read(text: &Text) -> (Vec<Link>, Vec<Email>) {
    let (mut links, mut emails) = (Vec::new(), Vec::new());
    for token in text.tokens() {
        // Several may stand in one token, parted by commas, brackets or quotes.
        let mut from = token.start;
        for at in token.clone().chain([token.end]) {
            let cut = at == token.end
                || text.at(at).is_some_and(|c| {
                    matches!(
                        c,
                        ',' | ';'
                            | '('
                            | ')'
                            | '<'
                            | '>'
                            | '"'
                            | '«'
                            | '»'
                            | '“'
                            | '”'
                            | '['
                            | ']'
                            | '|'
                    )
                });
            if cut {
                piece(text, from..at, &mut links, &mut emails);
                from = at + 1;
            }
        }
    }
    (links, emails)
}

fn piece(text: &Text, span: Range<usize>, links: &mut Vec<Link>, emails: &mut Vec<Email>) {
    let edge = |c: &char| matches!(c, '.' | '!' | '?' | ':' | '…' | '\'' | '*' | '—' | '–');
    let chars = text.slice(span.clone());
    let lead = chars.iter().take_while(|c| edge(c)).count();
    let tail = chars.iter().rev().take_while(|c| edge(c)).count();
    if lead + tail >= chars.len() {
        return;
    }
    let span = span.start + lead..span.end - tail;
    let raw: String = text.slice(span.clone()).iter().collect();
    let hidden = raw.chars().any(invisible);
    let whole: String = raw
        .nfkc()
        .filter(|&c| !invisible(c))
        .map(|c| if matches!(c, '。' | '․') { '.' } else { c })
        .flat_map(char::to_lowercase)
        .collect();
    if ["javascript:", "data:", "vbscript:", "file:"]
        .iter()
        .any(|scheme| whole.starts_with(scheme))
    {
        links.push(Link {
            span,
            host: String::new(),
            path: true,
            whole,
            disguised: true,
        });
        return;
    }
    let bare = whole.strip_prefix("mailto:").unwrap_or(&whole);
    match whole.split_once("://") {
        Some((_, rest)) => {
            if let Some(link) = link(rest, &whole, span, hidden, true) {
                links.push(link);
            }
        }
        None if bare.contains('@') => {
            if let Some(address) = email(bare) {
                emails.push(Email { span, address });
            } else if let Some(link) = link(bare, &whole, span, hidden, false) {
                links.push(link);
            }
        }
        None => {
            if let Some(link) = link(bare, &whole, span, hidden, false) {
                links.push(link);
            }
        }
    }
}

fn link(rest: &str, whole: &str, span: Range<usize>, hidden: bool, scheme: bool) -> Option<Link> {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (true, host),
        None => (false, authority),
    };
    let host: String = host
        .chars()
        .take_while(|&c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        .collect();
    let host = host.trim_end_matches('.').to_owned();
    let path = !path.trim_start_matches('/').is_empty();
    if !scheme && !is_host(&host, path) {
        return None;
    }
    Some(Link {
        span,
        host,
        path,
        whole: whole.trim_end_matches('/').to_owned(),
        disguised: user || hidden,
    })
}

/// Whether a word with dots and no scheme is a host.
fn is_host(host: &str, path: bool) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let Some((last, others)) = labels.split_last() else {
        return false;
    };
    // `shop.uz-ga`: a suffix of the language behind the ending.
    let last = last.split('-').next().unwrap_or_default();
    if others.is_empty() || others.iter().any(|label| label.is_empty()) {
        return false;
    }
    let letters = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic);
    let named = others
        .iter()
        .all(|label| label.chars().any(char::is_alphanumeric));
    letters
        && named
        && (host.starts_with("www.") || ENDINGS.contains(&last) || path && last.is_ascii())
}

/// The address when it is one.
fn email(text: &str) -> Option<String> {
    let (local, rest) = text.split_once('@')?;
    let host: String = rest
        .chars()
        .take_while(|&c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        .collect();
    let behind = rest.strip_prefix(host.as_str())?;
    let host = host.trim_end_matches(['.', '-']);
    let good = !local.is_empty()
        && host.contains('.')
        && host.split('.').all(|label| !label.is_empty())
        && !behind.starts_with(['/', '@']);
    good.then(|| format!("{local}@{host}"))
}

/// Hosts and links that the house or the task named.
pub(super) struct KnownLinks {
    hosts: BTreeSet<String>,
    wholes: BTreeSet<String>,
}

impl KnownLinks {
    pub(super) const NONE: Self = Self {
        hosts: BTreeSet::new(),
        wholes: BTreeSet::new(),
    };

    /// Those that these texts name.
    pub(super) fn of(texts: &[Text]) -> Self {
        let mut known = Self::NONE;
        for text in texts {
            for link in read(text).0 {
                if !link.disguised {
                    known.wholes.insert(link.whole);
                    known.hosts.insert(link.host);
                }
            }
        }
        known
    }
}

/// Links to hosts that are not allowed, disguised ones, and pages of an allowed host that nobody named.
pub(super) fn find(
    links: &[Link],
    known: &Grounds<'_, KnownLinks>,
    allowed: &[String],
) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    for link in links {
        let on_list = allowed.iter().any(|host| {
            let above = link.host.strip_suffix(host.as_str());
            above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let told = known.any(|known| known.wholes.contains(&link.whole));
        let named = || known.any(|known| known.hosts.contains(&link.host));
        let message = if link.disguised {
            "a link that hides where it leads"
        } else if !allowed.is_empty() && !on_list {
            "a link to a host that is not allowed"
        } else if allowed.is_empty() && !told && (link.path || !named()) {
            "a link that is neither in the facts nor in the task"
        } else if link.path && !told {
            "a page of an allowed host that nobody named"
        } else {
            continue;
        };
        found.push((link.span.clone(), message));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_told_from_addresses_and_from_full_stops() {
        let seen = |text: &str| {
            let (links, emails) = read(&Text::new(text));
            (
                links.iter().map(|l| l.host.clone()).collect::<Vec<_>>(),
                emails.iter().map(|e| e.address.clone()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            seen("See https://Shop.uz/a, www.x.museum; (t.me/bulut)! a@b.example. mailto:c@d.uz"),
            (
                vec!["shop.uz".into(), "www.x.museum".into(), "t.me".into()],
                vec!["a@b.example".into(), "c@d.uz".into()]
            )
        );
        assert_eq!(
            seen("https://shop.uz@evil.example/x shop.uz-ga ｓｈｏｐ.uz http://1.2.3.4/").0,
            ["evil.example", "shop.uz-ga", "shop.uz", "1.2.3.4"]
        );
        for text in [
            "конец.Начало т.д. e.g. 2.5 Mr.Smith ул.Навои 10.12.2026 10.30",
            "...",
            "@",
            "a@b",
        ] {
            assert_eq!(seen(text), (vec![], vec![]), "{text}");
        }
    }

    #[test]
    fn a_host_is_on_the_list_or_below_one_and_never_behind_a_name() {
        use crate::guardrail::{Rulebook, Rules};

        let found = |allowed: &[&str], content: &str| {
            let rules = Rules {
                allowed_hosts: allowed.iter().map(|host| (*host).to_owned()).collect(),
                facts: vec!["https://facts.uz/f".to_owned()],
                ..Rules::default()
            };
            let rules = Rulebook::new(rules);
            let known = Grounds {
                own: KnownLinks::of(&[Text::new("https://shop.uz/a")]),
                house: &rules.facts.links,
            };
            let (links, _) = read(&Text::new(content));
            assert!(!links.is_empty(), "{content}");
            find(&links, &known, &rules.hosts).len()
        };
        for text in [
            "shop.uz",
            "https://SHOP.uz/",
            "https://m.shop.uz",
            "https://shop.uz/a",
        ] {
            assert_eq!(found(&["shop.uz"], text), 0, "{text}");
        }
        for text in [
            "notshop.uz",
            "https://shop.uz.evil.example",
            "https://me@shop.uz",
            "https://sh\u{200b}op.uz/a",
            "https://shор.uz/a",
            "https://shop.uz/b",
            "https://evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(found(&["shop.uz"], text), 1, "{text}");
        }
        // Without a list: what was given, and the page above it.
        for (text, count) in [
            ("https://shop.uz/a", 0),
            ("shop.uz", 0),
            ("facts.uz", 0),
            ("https://facts.uz/f", 0),
            ("https://facts.uz/a", 1),
            ("https://shop.uz/b", 1),
            ("m.shop.uz", 1),
        ] {
            assert_eq!(found(&[], text), count, "{text}");
        }
    }
}
