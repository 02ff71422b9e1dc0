//! The built-in question of a double opt-in, with the link that answers it.

use chrono::{DateTime, Utc};

use super::greeting;
use super::render::Rendered;
use super::tongue::Tongue;
use crate::consent::Topic;
use crate::contact::Contact;
use crate::message::Format;
use crate::zone;

/// The question in the contact's language. `until` is when the link stops working, told as a date where the contact
/// lives.
#[must_use]
pub fn opt_in(contact: &Contact, topic: Topic, link: &str, until: DateTime<Utc>) -> Rendered {
    let tongue = Tongue::of(&contact.language).unwrap_or(Tongue::Ru);
    let (subject, hello, text) = texts(topic, tongue.tag());
    let hello = greeting::fill(hello, &contact.name, tongue);
    let day = zone::date(until, contact.zone_or(chrono_tz::UTC));
    let day = match tongue {
        Tongue::En => day.format("%-d %B %Y"),
        _ => day.format("%d.%m.%Y"),
    };
    let text = text
        .replace("{link}", link)
        .replace("{day}", &day.to_string());
    Rendered {
        subject: Some(subject.to_owned()),
        content: format!("{hello}\n\n{text}"),
        format: Format::Text,
    }
}

/// Subject, greeting and text.
fn texts(topic: Topic, language: &str) -> (&'static str, &'static str, &'static str) {
    match (topic, language) {
        (Topic::Marketing, "en") => (
            "Please confirm: may we send you offers?",
            "Dear {},",
            "You asked us to send you our offers. If that is so, please confirm it here:\n\n{link}\n\nThe link \
             works until {day}. If you did not ask for this, do nothing: then you will get no offers.",
        ),
        (Topic::Relationship, "en") => (
            "Please confirm: may we write to you?",
            "Dear {},",
            "You asked us to write to you. If that is so, please confirm it here:\n\n{link}\n\nThe link works \
             until {day}. If you did not ask for this, you need not do anything.",
        ),
        (Topic::Marketing, "uz") => (
            "Tasdiqlang: sizga takliflarimizni yuborsak maylimi?",
            "Hurmatli {}!",
            "Siz bizdan takliflarimizni yuborib turishni soʻragan edingiz. Agar shunday boʻlsa, buni shu yerda \
             tasdiqlang:\n\n{link}\n\nHavola {day} kuniga qadar ishlaydi. Agar soʻramagan boʻlsangiz, hech narsa \
             qilmang: takliflar yuborilmaydi.",
        ),
        (Topic::Relationship, "uz") => (
            "Tasdiqlang: sizga yozib tursak maylimi?",
            "Hurmatli {}!",
            "Siz bizdan sizga yozib turishni soʻragan edingiz. Agar shunday boʻlsa, buni shu yerda \
             tasdiqlang:\n\n{link}\n\nHavola {day} kuniga qadar ishlaydi. Agar soʻramagan boʻlsangiz, hech narsa \
             qilish shart emas.",
        ),
        (Topic::Marketing, "uz-Cyrl") => (
            "Тасдиқланг: сизга таклифларимизни юборсак майлими?",
            "Ҳурматли {}!",
            "Сиз биздан таклифларимизни юбориб туришни сўраган эдингиз. Агар шундай бўлса, буни шу ерда \
             тасдиқланг:\n\n{link}\n\nҲавола {day} кунига қадар ишлайди. Агар сўрамаган бўлсангиз, ҳеч нарса \
             қилманг: таклифлар юборилмайди.",
        ),
        (Topic::Relationship, "uz-Cyrl") => (
            "Тасдиқланг: сизга ёзиб турсак майлими?",
            "Ҳурматли {}!",
            "Сиз биздан сизга ёзиб туришни сўраган эдингиз. Агар шундай бўлса, буни шу ерда \
             тасдиқланг:\n\n{link}\n\nҲавола {day} кунига қадар ишлайди. Агар сўрамаган бўлсангиз, ҳеч нарса \
             қилиш шарт эмас.",
        ),
        (Topic::Marketing, _) => (
            "Подтвердите: можно присылать вам предложения?",
            "Здравствуйте, {}!",
            "Вы попросили присылать вам наши предложения. Если это так, подтвердите это \
             здесь:\n\n{link}\n\nСсылка действует до {day}. Если вы об этом не просили, ничего не делайте: \
             предложений не будет.",
        ),
        (Topic::Relationship, _) => (
            "Подтвердите: можно вам писать?",
            "Здравствуйте, {}!",
            "Вы попросили нас писать вам. Если это так, подтвердите это здесь:\n\n{link}\n\nСсылка действует \
             до {day}. Если вы об этом не просили, ничего делать не нужно.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contact::normalise::tests::contact;

    #[test]
    fn every_language_has_its_text_with_the_link_and_the_day() {
        let until = "2026-12-04T20:00:00Z".parse().unwrap();
        let mut seen = BTreeSet::new();
        for topic in [Topic::Marketing, Topic::Relationship] {
            for tag in ["ru", "en", "uz", "uz-Cyrl"] {
                for name in ["Анна Иванова", " "] {
                    let mut contact = contact(name);
                    contact.fields.language = tag.to_owned();
                    contact.fields.time_zone = Some("Asia/Tashkent".to_owned());
                    let text = opt_in(&contact, topic, "https://crm.example/o/ab", until);
                    let lines: Vec<&str> = text.content.lines().collect();
                    assert!(lines.contains(&"https://crm.example/o/ab"), "{tag}");
                    // In Tashkent it is the fifth already.
                    let day = if tag == "en" {
                        "5 December 2026"
                    } else {
                        "05.12.2026"
                    };
                    assert!(text.content.contains(day), "{}", text.content);
                    assert_eq!(text.content.contains("Анна"), name != " ");
                    assert!(!text.content.contains(['{', '}']) && !text.content.contains(" !"));
                    let hello = text.content.lines().next().unwrap();
                    let nameless = [
                        "Здравствуйте!",
                        "Hello,",
                        "Assalomu alaykum!",
                        "Ассалому алайкум!",
                    ];
                    assert_eq!(nameless.contains(&hello), name == " ", "{hello}");
                    assert!(seen.insert(text.content));
                }
            }
        }
    }
}
