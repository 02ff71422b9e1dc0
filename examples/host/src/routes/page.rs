//! The few pages there are, in the languages of the people who see them. All their words are fixed: nothing
//! of a request and nothing of the database stands on them.

mod words;

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use crm_core::consent::Topic;
use crm_core::{Error, ErrorKind};

use crate::auth::limiter::PER_ADDRESS;
use crate::state::App;
use words::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Russian,
    Uzbek,
}

impl Language {
    /// The one a browser wants most (RFC 9110 section 12.5.4), English when it wants none of them.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT_LANGUAGE);
        let wishes = values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let mut best = (0.0, Self::English);
        for wish in wishes {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let language = match primary.to_ascii_lowercase().as_str() {
                "en" => Self::English,
                "ru" => Self::Russian,
                "uz" => Self::Uzbek,
                _ => continue,
            };
            let weight = weight.trim().strip_prefix("q=").unwrap_or_default();
            let weight: f32 = weight.trim().parse().unwrap_or(0.0);
            // Of equals the first.
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Uzbek => "uz",
        }
    }
}

/// What is to be said.
#[derive(Clone, Copy)]
pub(super) enum Page {
    /// Whether the person means it.
    Unsubscribe(Topic),
    Unsubscribed(Topic),
    /// The same of a yes.
    OptIn(Topic),
    OptedIn(Topic),
    /// The link is none.
    Unknown,
    /// It was one.
    Outdated,
    Later,
}

/// How the pages look. The policy of these pages names its hash: nothing else is applied.
const STYLE: &str = concat!(
    "body{margin:0;font:18px/1.5 system-ui,sans-serif;color:#1c2024;background:#f3f4f6}\n",
    "main{max-width:30rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px}\n",
    "h1{margin:0 0 .75rem;font-size:1.5rem}\n",
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:8px;background:#1c4fd8;color:#fff;cursor:pointer}\n",
    "@media(prefers-color-scheme:dark){body{color:#e7e9ec;background:#14161a}main{background:#1f2228}}\n",
);

/// The page as an answer. Its form posts to where it came from, so that the link need not stand on it.
pub(super) fn show(language: Language, status: StatusCode, page: Page) -> Response {
    let (title, text, button) = words(language, page);
    let form = button.map(|button| {
        format!("<form method=\"post\"><button type=\"submit\">{button}</button></form>\n")
    });
    let form = form.unwrap_or_default();
    let tag = language.tag();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n{form}</main>\n</body>\n</html>\n"
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(tag));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// A link that is none, or holds no more, whatever is wrong with it, or a store that does not answer. Wrong links are
/// counted; right ones never are, because the machines of mail providers post for many people.
pub(super) async fn refused(
    app: &App,
    peer: SocketAddr,
    language: Language,
    error: &Error,
) -> Response {
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::Unsupported => {}
        ErrorKind::NotAllowed => return show(language, StatusCode::GONE, Page::Outdated),
        kind => {
            tracing::error!(code = kind.code(), "what a link asks for was not done");
            return later(language, StatusCode::SERVICE_UNAVAILABLE, "5");
        }
    }
    let key = format!("link {}", peer.ip());
    match app.records.attempt(&key, PER_ADDRESS).await {
        Ok(()) => show(language, StatusCode::NOT_FOUND, Page::Unknown),
        Err(problem) => {
            let answer = problem.into_response();
            let wait = answer.headers().get(header::RETRY_AFTER);
            let wait = wait.and_then(|value| value.to_str().ok()).unwrap_or("5");
            later(language, answer.status(), wait)
        }
    }
}

fn later(language: Language, status: StatusCode, wait: &str) -> Response {
    let mut response = show(language, status, Page::Later);
    if let Ok(wait) = wait.parse() {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn wanted(value: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_str(value).unwrap(),
        );
        Language::wanted(&headers)
    }

    #[test]
    fn the_language_wanted_most_is_taken() {
        for (value, language) in [
            ("ru", Language::Russian),
            ("uz-UZ,ru;q=0.9,en;q=0.8", Language::Uzbek),
            ("uz-Latn-UZ", Language::Uzbek),
            ("de-DE, de;q=0.9, RU;q=0.4, en;q=0.3", Language::Russian),
            ("en;q=0.3,uz;q=0.5", Language::Uzbek),
            ("ru;q=0", Language::English),
            ("ru;q=NaN", Language::English),
            ("ru;q=", Language::English),
            ("de", Language::English),
            ("*", Language::English),
            ("", Language::English),
            (";;,,q=;", Language::English),
        ] {
            assert_eq!(wanted(value), language, "{value}");
        }
        assert_eq!(Language::wanted(&HeaderMap::new()), Language::English);
    }

    #[test]
    fn the_policy_allows_this_style_and_no_other() {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let allowed = format!("style-src 'sha256-{hash}'");
        assert!(crate::headers::PAGE_POLICY.contains(&allowed), "{allowed}");
    }

    #[test]
    fn the_words_need_no_escaping_and_only_a_question_has_a_button() {
        let topics = [Topic::Marketing, Topic::Relationship];
        for language in [Language::English, Language::Russian, Language::Uzbek] {
            let mut pages = vec![Page::Unknown, Page::Outdated, Page::Later];
            pages.extend(topics.map(Page::Unsubscribe));
            pages.extend(topics.map(Page::Unsubscribed));
            pages.extend(topics.map(Page::OptIn));
            pages.extend(topics.map(Page::OptedIn));
            for page in pages {
                let (title, text, button) = words(language, page);
                let asks = matches!(page, Page::Unsubscribe(_) | Page::OptIn(_));
                assert_eq!(button.is_some(), asks);
                for text in [title, text, button.unwrap_or("x")] {
                    assert!(!text.is_empty() && !text.contains(['<', '>', '&', '"', '\'']));
                }
            }
        }
    }
}
