//! All words of the pages, in three languages.

use crm_core::consent::Topic;

use super::{Language, Page};

/// Title, text, and the button if there is one.
pub(super) const fn words(
    language: Language,
    page: Page,
) -> (&'static str, &'static str, Option<&'static str>) {
    use Language::{English, Russian, Uzbek};
    use Topic::{Marketing, Relationship};
    match (page, language) {
        (Page::Unsubscribe(topic), English) => (
            "Unsubscribe",
            match topic {
                Marketing => "Do you want to get no more offers from us this way?",
                Relationship => "Do you want to get no more messages from us this way?",
            },
            Some("Unsubscribe"),
        ),
        (Page::Unsubscribe(topic), Russian) => (
            "Отписаться",
            match topic {
                Marketing => "Больше не получать от нас предложений этим способом?",
                Relationship => "Больше не получать от нас сообщений этим способом?",
            },
            Some("Отписаться"),
        ),
        (Page::Unsubscribe(topic), Uzbek) => (
            "Obunani bekor qilish",
            match topic {
                Marketing => "Bizdan bu yoʻl bilan takliflar olishni toʻxtatmoqchimisiz?",
                Relationship => "Bizdan bu yoʻl bilan xabarlar olishni toʻxtatmoqchimisiz?",
            },
            Some("Obunani bekor qilish"),
        ),
        (Page::Unsubscribed(topic), English) => (
            "Done",
            match topic {
                Marketing => "You will get no more offers from us this way.",
                Relationship => "You will get no more messages from us this way.",
            },
            None,
        ),
        (Page::Unsubscribed(topic), Russian) => (
            "Готово",
            match topic {
                Marketing => "Вы больше не будете получать от нас предложений этим способом.",
                Relationship => "Вы больше не будете получать от нас сообщений этим способом.",
            },
            None,
        ),
        (Page::Unsubscribed(topic), Uzbek) => (
            "Tayyor",
            match topic {
                Marketing => "Endi bizdan bu yoʻl bilan takliflar olmaysiz.",
                Relationship => "Endi bizdan bu yoʻl bilan xabarlar olmaysiz.",
            },
            None,
        ),
        (Page::OptIn(topic), English) => (
            "Confirm",
            match topic {
                Marketing => "Do you want to get our offers this way?",
                Relationship => "Do you want us to write to you this way?",
            },
            Some("Yes, I do"),
        ),
        (Page::OptIn(topic), Russian) => (
            "Подтверждение",
            match topic {
                Marketing => "Вы хотите получать от нас предложения этим способом?",
                Relationship => "Вы хотите получать от нас сообщения этим способом?",
            },
            Some("Да, хочу"),
        ),
        (Page::OptIn(topic), Uzbek) => (
            "Tasdiqlash",
            match topic {
                Marketing => "Bizdan bu yoʻl bilan takliflar olishni xohlaysizmi?",
                Relationship => "Bizdan bu yoʻl bilan xabarlar olishni xohlaysizmi?",
            },
            Some("Ha, xohlayman"),
        ),
        (Page::OptedIn(topic), English) => (
            "Thank you",
            match topic {
                Marketing => "You will get our offers this way.",
                Relationship => "You will get our messages this way.",
            },
            None,
        ),
        (Page::OptedIn(topic), Russian) => (
            "Спасибо",
            match topic {
                Marketing => "Вы будете получать от нас предложения этим способом.",
                Relationship => "Вы будете получать от нас сообщения этим способом.",
            },
            None,
        ),
        (Page::OptedIn(topic), Uzbek) => (
            "Rahmat",
            match topic {
                Marketing => "Bizdan bu yoʻl bilan takliflar olasiz.",
                Relationship => "Bizdan bu yoʻl bilan xabarlar olasiz.",
            },
            None,
        ),
        (Page::Outdated, English) => (
            "This link is no longer valid",
            "It is too old, or something has changed since. Ask us for a new one.",
            None,
        ),
        (Page::Outdated, Russian) => (
            "Ссылка больше не действует",
            "Она устарела, или с тех пор что-то изменилось. Попросите у нас новую.",
            None,
        ),
        (Page::Outdated, Uzbek) => (
            "Havola endi amal qilmaydi",
            "U eskirgan yoki shundan beri nimadir oʻzgargan. Bizdan yangisini soʻrang.",
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
