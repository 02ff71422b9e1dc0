//! Built-in greetings: what is written when neither the model nor a template can.

use super::greeting;
use super::render::Rendered;
use super::tongue::Tongue;
use crate::contact::Contact;
use crate::message::{Format, Occasion};

/// A greeting for the occasion in the contact's language, else in its primary language, else in Russian.
#[must_use]
pub fn greeting(occasion: Occasion, contact: &Contact) -> Rendered {
    let tongue = Tongue::of(&contact.language).unwrap_or(Tongue::Ru);
    let (subject, content) = texts(occasion, tongue.tag());
    Rendered {
        subject: Some(subject.to_owned()),
        content: greeting::fill(content, &contact.name, tongue),
        format: Format::Text,
    }
}

/// The language a greeting for this tag is written in: `ru`, `en`, `uz` or `uz-Cyrl`.
#[must_use]
pub fn language(tag: &str) -> &'static str {
    Tongue::of(tag).unwrap_or(Tongue::Ru).tag()
}

fn birthday(language: &str) -> (&'static str, &'static str) {
    match language {
        "en" => (
            "Happy birthday!",
            "Dear {},\n\nHappy birthday! We wish you good health, joy and success in everything you \
             do. May the year ahead bring you many bright days.\n\nThank you for being with us.",
        ),
        "uz" => (
            "Tugʻilgan kuningiz muborak!",
            "Hurmatli {}!\n\nTugʻilgan kuningiz bilan chin qalbimizdan tabriklaymiz! Sizga mustahkam \
             sogʻliq, baxt va barcha ishlaringizda omad tilaymiz.\n\nBiz bilan birga ekaningiz uchun \
             rahmat.",
        ),
        "uz-Cyrl" => (
            "Туғилган кунингиз муборак!",
            "Ҳурматли {}!\n\nТуғилган кунингиз билан чин қалбимиздан табриклаймиз! Сизга мустаҳкам \
             соғлиқ, бахт ва барча ишларингизда омад тилаймиз.\n\nБиз билан бирга эканингиз учун \
             раҳмат.",
        ),
        _ => (
            "С днём рождения!",
            "{}, поздравляем вас с днём рождения!\n\nЖелаем крепкого здоровья, радости и успехов во \
             всех начинаниях. Пусть новый год жизни принесёт много светлых дней.\n\nСпасибо, что вы с \
             нами.",
        ),
    }
}

fn new_year(language: &str) -> (&'static str, &'static str) {
    match language {
        "en" => (
            "Happy New Year!",
            "Dear {},\n\nHappy New Year! May it bring health and peace to your home and success to \
             your work.\n\nThank you for the past year together.",
        ),
        "uz" => (
            "Yangi yil muborak!",
            "Hurmatli {}!\n\nYangi yil bilan tabriklaymiz! Yangi yil xonadoningizga sogʻliq va \
             tinchlik, ishlaringizga baraka olib kelsin.\n\nOʻtgan yil davomida biz bilan birga \
             boʻlganingiz uchun rahmat.",
        ),
        "uz-Cyrl" => (
            "Янги йил муборак!",
            "Ҳурматли {}!\n\nЯнги йил билан табриклаймиз! Янги йил хонадонингизга соғлиқ ва \
             тинчлик, ишларингизга барака олиб келсин.\n\nЎтган йил давомида биз билан бирга \
             бўлганингиз учун раҳмат.",
        ),
        _ => (
            "С Новым годом!",
            "{}, поздравляем вас с Новым годом!\n\nПусть он принесёт здоровье и мир в ваш дом и удачу \
             в делах.\n\nСпасибо, что были с нами в уходящем году.",
        ),
    }
}

fn holiday(language: &str) -> (&'static str, &'static str) {
    match language {
        "en" => (
            "Happy holiday!",
            "Dear {},\n\nWarm greetings on the holiday! We wish you and your family good health, peace \
             and many happy moments together.",
        ),
        "uz" => (
            "Bayramingiz muborak!",
            "Hurmatli {}!\n\nSizni bayram bilan samimiy tabriklaymiz! Sizga va yaqinlaringizga sogʻliq, \
             tinchlik va quvonchli kunlar tilaymiz.",
        ),
        "uz-Cyrl" => (
            "Байрамингиз муборак!",
            "Ҳурматли {}!\n\nСизни байрам билан самимий табриклаймиз! Сизга ва яқинларингизга соғлиқ, \
             тинчлик ва қувончли кунлар тилаймиз.",
        ),
        _ => (
            "С праздником!",
            "{}, поздравляем вас с праздником!\n\nЖелаем вам и вашим близким здоровья, мира и \
             радостных дней.",
        ),
    }
}

fn promotion(language: &str) -> (&'static str, &'static str) {
    match language {
        "en" => (
            "An offer for you",
            "Dear {},\n\nWe have prepared an offer that may interest you. Please reply to this message \
             and we will gladly tell you more.",
        ),
        "uz" => (
            "Siz uchun taklifimiz bor",
            "Hurmatli {}!\n\nSiz uchun maxsus taklif tayyorladik. Ushbu xabarga javob yozing, batafsil \
             maʼlumotni mamnuniyat bilan beramiz.",
        ),
        "uz-Cyrl" => (
            "Сиз учун таклифимиз бор",
            "Ҳурматли {}!\n\nСиз учун махсус таклиф тайёрладик. Ушбу хабарга жавоб ёзинг, батафсил \
             маълумотни мамнуният билан берамиз.",
        ),
        _ => (
            "Предложение для вас",
            "{}, мы подготовили предложение, которое может вас заинтересовать.\n\nОтветьте на это \
             сообщение, и мы с удовольствием расскажем подробнее.",
        ),
    }
}

fn custom(language: &str) -> (&'static str, &'static str) {
    match language {
        "en" => (
            "A few warm words",
            "Dear {},\n\nThank you for being with us. We wish you a good day and are always glad to \
             hear from you.",
        ),
        "uz" => (
            "Sizga samimiy tilaklar",
            "Hurmatli {}!\n\nBiz bilan birga ekaningiz uchun rahmat. Sizga xayrli kun tilaymiz va \
             sizdan xabar olishdan doimo xursandmiz.",
        ),
        "uz-Cyrl" => (
            "Сизга самимий тилаклар",
            "Ҳурматли {}!\n\nБиз билан бирга эканингиз учун раҳмат. Сизга хайрли кун тилаймиз ва \
             сиздан хабар олишдан доимо хурсандмиз.",
        ),
        _ => (
            "Несколько тёплых слов",
            "{}, спасибо, что вы с нами!\n\nЖелаем вам хорошего дня и всегда рады вашему сообщению.",
        ),
    }
}

fn texts(occasion: Occasion, language: &str) -> (&'static str, &'static str) {
    match occasion {
        Occasion::Birthday => birthday(language),
        Occasion::NewYear => new_year(language),
        Occasion::Holiday => holiday(language),
        Occasion::Promotion => promotion(language),
        Occasion::Custom => custom(language),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contact::normalise::tests::contact;

    const LANGUAGES: [&str; 4] = ["ru", "en", "uz", "uz-cyrl"];

    fn write(occasion: Occasion, tag: &str, name: &str) -> Rendered {
        let mut contact = contact(name);
        contact.fields.language = tag.to_owned();
        greeting(occasion, &contact)
    }

    #[test]
    fn every_occasion_has_its_own_text_in_every_language() {
        let mut seen = BTreeSet::new();
        for occasion in Occasion::ALL {
            for tag in LANGUAGES {
                let text = write(occasion, tag, "Anna Ivanova");
                assert!(text.content.contains("Anna") && !text.content.contains("Ivanova"));
                assert!(!text.content.contains(['{', '}', '[']) && !text.content.contains("  "));
                assert!(
                    text.subject
                        .as_ref()
                        .is_some_and(|line| !line.contains('\n'))
                );
                assert!(
                    seen.insert((text.subject, text.content)),
                    "{occasion:?} {tag}"
                );
            }
        }
        assert_eq!(seen.len(), 20);
    }

    #[test]
    fn scripts_are_not_mixed() {
        let cyrillic = |c: char| ('\u{400}'..='\u{4ff}').contains(&c);
        for occasion in Occasion::ALL {
            for tag in ["en", "uz"] {
                assert!(
                    !write(occasion, tag, "Anna").content.contains(cyrillic),
                    "{occasion:?} {tag}"
                );
            }
            for tag in ["ru", "uz-Cyrl"] {
                let text = write(occasion, tag, "Анна");
                let latin = |c: char| c.is_ascii_alphabetic();
                assert!(!text.content.contains(latin), "{occasion:?} {tag}");
                assert!(!text.subject.unwrap().contains(latin), "{occasion:?} {tag}");
            }
        }
    }

    #[test]
    fn languages_fall_back_to_the_primary_one_and_to_russian() {
        let tags = [
            "en-GB",
            "uz-Latn",
            "uz-Cyrl-UZ",
            "UZ-cyrl",
            "ru-RU",
            "de",
            "",
        ];
        assert_eq!(
            tags.map(language),
            ["en", "uz", "uz-Cyrl", "uz-Cyrl", "ru", "ru", "ru"]
        );
    }

    #[test]
    fn a_missing_name_leaves_no_hole() {
        for occasion in Occasion::ALL {
            for (tag, hello) in [
                ("ru", "Здравствуйте!\n\n"),
                ("en", "Hello,\n\n"),
                ("uz", "Assalomu alaykum!\n\n"),
                ("uz-Cyrl", "Ассалому алайкум!\n\n"),
            ] {
                let text = write(occasion, tag, " ").content;
                let rest = text.strip_prefix(hello).unwrap();
                assert!(rest.starts_with(char::is_uppercase), "{text}");
                assert!(!text.contains(['{', '}']) && !text.contains("  "), "{text}");
                for hole in [" ,", " !", "Dear", "Hurmatli", "Ҳурматли"] {
                    assert!(!text.contains(hole), "{text}");
                }
            }
        }
    }
}
