//! The few pages there are, in the languages of the people who see them. All their words are fixed: nothing
//! of a request and nothing of the database stands on them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use crm_core::consent::Topic;

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
    Question(Topic),
    Done(Topic),
    /// The link is none.
    Unknown,
    Later,
}

/// Title, text, and the button if there is one.
const fn words(
    language: Language,
    page: Page,
) -> (&'static str, &'static str, Option<&'static str>) {
    use Language::{English, Russian, Uzbek};
    use Topic::{Marketing, Relationship};
    match (page, language) {
        (Page::Question(topic), English) => (
            "Unsubscribe",
            match topic {
                Marketing => "Do you want to get no more offers from us this way?",
                Relationship => "Do you want to get no more messages from us this way?",
            },
            Some("Unsubscribe"),
        ),
        (Page::Question(topic), Russian) => (
            "Отписаться",
            match topic {
                Marketing => "Больше не получать от нас предложений этим способом?",
                Relationship => "Больше не получать от нас сообщений этим способом?",
            },
            Some("Отписаться"),
        ),
        (Page::Question(topic), Uzbek) => (
            "Obunani bekor qilish",
            match topic {
                Marketing => "Bizdan bu yoʻl bilan takliflar olishni toʻxtatmoqchimisiz?",
                Relationship => "Bizdan bu yoʻl bilan xabarlar olishni toʻxtatmoqchimisiz?",
            },
            Some("Obunani bekor qilish"),
        ),
        (Page::Done(topic), English) => (
            "Done",
            match topic {
                Marketing => "You will get no more offers from us this way.",
                Relationship => "You will get no more messages from us this way.",
            },
            None,
        ),
        (Page::Done(topic), Russian) => (
            "Готово",
            match topic {
                Marketing => "Вы больше не будете получать от нас предложений этим способом.",
                Relationship => "Вы больше не будете получать от нас сообщений этим способом.",
            },
            None,
        ),
        (Page::Done(topic), Uzbek) => (
            "Tayyor",
            match topic {
                Marketing => "Endi bizdan bu yoʻl bilan takliflar olmaysiz.",
                Relationship => "Endi bizdan bu yoʻl bilan xabarlar olmaysiz.",
            },
            None,
        ),
        (Page::Unknown, English) => (
            "This link does not work",
            "It may have been cut off. Open the whole link from the message, or reply to the message.",
            None,
        ),
        (Page::Unknown, Russian) => (
            "Ссылка не действует",
            "Возможно, она скопирована не полностью. Откройте её из сообщения целиком или ответьте на сообщение.",
            None,
        ),
        (Page::Unknown, Uzbek) => (
            "Havola ishlamaydi",
            "U toʻliq koʻchirilmagan boʻlishi mumkin. Uni xabardan toʻliq oching yoki xabarga javob yozing.",
            None,
        ),
        (Page::Later, English) => (
            "Not now",
            "This did not work just now. Please try again in a few minutes.",
            None,
        ),
        (Page::Later, Russian) => (
            "Не получилось",
            "Сейчас это не получилось. Попробуйте ещё раз через несколько минут.",
            None,
        ),
        (Page::Later, Uzbek) => (
            "Hozir boʻlmadi",
            "Hozir buning imkoni boʻlmadi. Bir necha daqiqadan soʻng qayta urinib koʻring.",
            None,
        ),
    }
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
    fn the_words_need_no_escaping_and_only_the_question_has_a_button() {
        let topics = [Topic::Marketing, Topic::Relationship];
        for language in [Language::English, Language::Russian, Language::Uzbek] {
            let mut pages = vec![Page::Unknown, Page::Later];
            pages.extend(topics.map(Page::Question));
            pages.extend(topics.map(Page::Done));
            for page in pages {
                let (title, text, button) = words(language, page);
                assert_eq!(button.is_some(), matches!(page, Page::Question(_)));
                for text in [title, text, button.unwrap_or("x")] {
                    assert!(!text.is_empty() && !text.contains(['<', '>', '&', '"', '\'']));
                }
            }
        }
    }
}
