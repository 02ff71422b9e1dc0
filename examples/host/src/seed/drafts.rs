//! An inbox full of drafts: to see how a manager gets through a hundred of them.
//!
//! Everything is made by the use cases that people's requests go through, so that what guardrails find is what they
//! do find. Nothing is left to chance: the same number makes the same inbox, but for its times.

use chrono::{DateTime, Duration, Utc};
use crm_core::contact::ContactFields;
use crm_core::engine::{NewDraft, Session};
use crm_core::message::Occasion;
use crm_core::message::decide::Edit;

use crate::error::Problem;

/// How the people of one language are called, and what they are written.
struct Tongue {
    language: &'static str,
    time_zone: &'static str,
    first: [&'static str; 8],
    last: [&'static str; 7],
    /// Occasion, subject, text; `{name}` is the first name.
    texts: [(Occasion, &'static str, &'static str); 4],
    /// What a second reader adds.
    added: &'static str,
    /// Something that was to be filled in, which keeps a text from being approved.
    gap: &'static str,
    /// What no house wants to have said: a model's talk about itself.
    slip: &'static str,
}

const TONGUES: [Tongue; 4] = [
    Tongue {
        language: "ru",
        time_zone: "Asia/Tashkent",
        first: [
            "Анна",
            "Дмитрий",
            "Елена",
            "Сергей",
            "Ольга",
            "Рустам",
            "Мария",
            "Павел",
        ],
        last: ["Каримов", "Ким", "Цой", "Ли", "Петров", "Хан", "Югай"],
        texts: [
            (
                Occasion::Birthday,
                "С днём рождения!",
                "{name}, поздравляем вас с днём рождения! Пусть год будет добрым, а рядом будут те, кто вам дорог. \
                 Ваш подарок ждёт вас у администратора.",
            ),
            (
                Occasion::Promotion,
                "Приглашаем вас на весенний уход",
                "{name}, этой весной мы готовим для постоянных гостей новый уход. Запишитесь в удобный день, \
                 и мы всё расскажем.",
            ),
            (
                Occasion::NewYear,
                "С Новым годом!",
                "{name}, с Новым годом! Спасибо, что были с нами. Пусть каждый день приносит радость.",
            ),
            (
                Occasion::Custom,
                "Спасибо за визит",
                "{name}, спасибо за визит! Расскажите, пожалуйста, всё ли вам понравилось: так мы станем лучше.",
            ),
        ],
        added: " Если планы изменятся, просто ответьте на это письмо.",
        gap: " Ваш мастер: [имя мастера].",
        slip: " Как языковая модель, я не могу знать ваших планов.",
    },
    Tongue {
        language: "uz",
        time_zone: "Asia/Samarkand",
        first: [
            "Malika", "Jasur", "Gulnora", "Bobur", "Nilufar", "Sardor", "Zilola", "Otabek",
        ],
        last: [
            "Rahimov",
            "Toshmatov",
            "Saidov",
            "Yusupov",
            "Aliyev",
            "Nazarov",
            "Ergashev",
        ],
        texts: [
            (
                Occasion::Birthday,
                "Tugʻilgan kuningiz bilan!",
                "Hurmatli {name}, tugʻilgan kuningiz bilan tabriklaymiz! Sizga sogʻlik, oilangizga tinchlik tilaymiz.",
            ),
            (
                Occasion::Promotion,
                "Bahorgi taklif",
                "Hurmatli {name}, bu bahorda doimiy mijozlarimiz uchun yangi xizmat tayyorladik. Qulay kunni tanlang, \
                 biz sizni kutamiz.",
            ),
            (
                Occasion::NewYear,
                "Yangi yilingiz bilan!",
                "Hurmatli {name}, Yangi yilingiz bilan! Biz bilan boʻlganingiz uchun rahmat. Yangi yil quvonch keltirsin.",
            ),
            (
                Occasion::Custom,
                "Tashrifingiz uchun rahmat",
                "Hurmatli {name}, tashrifingiz uchun rahmat! Hammasi yoqdimi? Fikringizni yozib yuborsangiz, \
                 xursand boʻlamiz.",
            ),
        ],
        added: " Rejangiz oʻzgarsa, shu xabarga javob yozing.",
        gap: " Ustangiz: [usta ismi].",
        slip: " Til modeli sifatida men rejalaringizni bilmayman.",
    },
    Tongue {
        language: "en",
        time_zone: "Europe/London",
        first: [
            "Sarah", "John", "Emma", "Peter", "Alice", "Robert", "Julia", "Daniel",
        ],
        last: [
            "Brown", "Miller", "Clark", "Evans", "Hughes", "Parker", "Turner",
        ],
        texts: [
            (
                Occasion::Birthday,
                "Happy birthday!",
                "Dear {name}, happy birthday! We wish you a year of good health and good company. \
                 A small present is waiting for you at the desk.",
            ),
            (
                Occasion::Promotion,
                "Something new this spring",
                "Dear {name}, this spring we have something new for our regular guests. Pick a day that suits you, \
                 and we will tell you all about it.",
            ),
            (
                Occasion::NewYear,
                "Happy New Year!",
                "Dear {name}, happy New Year! Thank you for being with us. May every day bring you joy.",
            ),
            (
                Occasion::Custom,
                "Thank you for your visit",
                "Dear {name}, thank you for your visit! Would you tell us how it was? It helps us to get better.",
            ),
        ],
        added: " If your plans change, simply answer this message.",
        gap: " Your stylist is [stylist name].",
        slip: " As an AI language model, I do not know your plans.",
    },
    Tongue {
        language: "uz-Cyrl",
        time_zone: "Asia/Almaty",
        first: [
            "Дилноза",
            "Жасур",
            "Гулнора",
            "Бобур",
            "Нилуфар",
            "Сардор",
            "Зилола",
            "Отабек",
        ],
        last: [
            "Раҳимов",
            "Тошматов",
            "Саидов",
            "Юсупов",
            "Алиев",
            "Назаров",
            "Эргашев",
        ],
        texts: [
            (
                Occasion::Birthday,
                "Туғилган кунингиз билан!",
                "Ҳурматли {name}, туғилган кунингиз билан табриклаймиз! Сизга соғлик, оилангизга тинчлик тилаймиз.",
            ),
            (
                Occasion::Promotion,
                "Баҳорги таклиф",
                "Ҳурматли {name}, бу баҳорда доимий мижозларимиз учун янги хизмат тайёрладик. Қулай кунни танланг, \
                 биз сизни кутамиз.",
            ),
            (
                Occasion::NewYear,
                "Янги йилингиз билан!",
                "Ҳурматли {name}, Янги йилингиз билан! Биз билан бўлганингиз учун раҳмат. Янги йил қувонч келтирсин.",
            ),
            (
                Occasion::Custom,
                "Ташрифингиз учун раҳмат",
                "Ҳурматли {name}, ташрифингиз учун раҳмат! Ҳаммаси ёқдими? Фикрингизни ёзиб юборсангиз, \
                 хурсанд бўламиз.",
            ),
        ],
        added: " Режангиз ўзгарса, шу хабарга жавоб ёзинг.",
        gap: " Устангиз: [уста исми].",
        slip: " Тил модели сифатида мен режаларингизни билмайман.",
    },
];

/// One of a list, which goes round.
fn pick<T>(list: &[T], number: usize) -> Option<&T> {
    list.get(number.checked_rem(list.len())?)
}

/// The family name as a woman (every other one of the first names is) or a man has it.
fn family(last: &str, woman: bool) -> String {
    let ending = match last.chars().last() {
        Some('v') => "a",
        Some('в') => "а",
        _ => "",
    };
    format!("{last}{}", if woman { ending } else { "" })
}

/// A person and what they are written.
struct Letter {
    person: ContactFields,
    draft: NewDraft,
    /// The text as a second reader left it.
    edited: Option<String>,
}

/// The letter of that number.
fn letter(number: usize, now: DateTime<Utc>) -> Option<Letter> {
    let round = number / TONGUES.len();
    let tongue = pick(&TONGUES, number)?;
    let first = pick(&tongue.first, round)?;
    let last = family(pick(&tongue.last, round)?, round.is_multiple_of(2));
    let sms = number % 3 == 1;
    let person = ContactFields {
        name: format!("{first} {last}"),
        email: Some(format!("guest{}@example.com", number + 1)),
        phone: Some(format!("+99893{:07}", 2_000_001 + number)),
        segment: pick(&["regular", "VIP", "new_client", "partner"], round)?.to_string(),
        language: tongue.language.to_owned(),
        time_zone: Some(tongue.time_zone.to_owned()),
        ..ContactFields::default()
    };
    // Some are written in another language than their reader's: guardrails warn of these.
    let written = if number % 10 == 7 {
        pick(&TONGUES, number + 2)?
    } else {
        tongue
    };
    let (occasion, subject, text) = pick(&written.texts, round + number / 16)?;
    let mut content = text.replace("{name}", first);
    match number % 20 {
        3 | 13 => content += written.gap,
        11 => content += written.slip,
        _ => {}
    }
    let hours = |n: usize| Duration::hours(i64::try_from(n).unwrap_or(1));
    // Whole hours, as people plan.
    let seconds = now.timestamp();
    let hour = DateTime::from_timestamp(seconds - seconds.rem_euclid(3_600), 0)?;
    let scheduled_for = (!number.is_multiple_of(5)).then(|| hour + hours(3 + number * 37 % 240));
    let expires_at = match (number % 4, scheduled_for) {
        (0, Some(at)) => Some(at + Duration::hours(24)),
        (0, None) => Some(hour + hours(6 + number % 48)),
        _ => None,
    };
    let edited = (number % 6 == 2).then(|| format!("{content}{}", written.added));
    Some(Letter {
        person,
        draft: NewDraft {
            contact_id: crm_core::id::ContactId(uuid::Uuid::nil()),
            occasion_type: *occasion,
            content,
            subject: (!sms).then(|| (*subject).to_owned()),
            channel: Some(if sms { "sms" } else { "email" }.to_owned()),
            format: crm_core::message::Format::Text,
            scheduled_for,
            expires_at,
        },
        edited,
    })
}

/// Has `count` drafts written by the manager, some of them changed by the admin, and all submitted.
pub(super) async fn run(
    manager: &Session,
    admin: &Session,
    count: u32,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    for letter in (0..count).filter_map(|number| letter(number, now)) {
        let contact = manager.contacts().create(letter.person).await?;
        let draft = NewDraft {
            contact_id: contact.id,
            ..letter.draft
        };
        let draft = manager.messages().create(draft).await?;
        let asked = manager
            .messages()
            .submit(draft.id, Some(draft.version))
            .await?;
        if let Some(content) = letter.edited {
            let edit = Edit {
                content: Some(content),
                ..Edit::default()
            };
            admin
                .messages()
                .edit(asked.id, Some(asked.version), edit)
                .await?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_hundred_letters_differ_in_what_an_inbox_is_sorted_and_filtered_by() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T10:20:30Z")
            .unwrap()
            .to_utc();
        let all: Vec<Letter> = (0..100).map(|n| letter(n, now).unwrap()).collect();
        let distinct =
            |of: &dyn Fn(&Letter) -> String| all.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(&|one| one.person.email.clone().unwrap()), 100);
        assert_eq!(distinct(&|one| one.person.phone.clone().unwrap()), 100);
        assert_eq!(distinct(&|one| one.person.language.clone()), 4);
        assert_eq!(distinct(&|one| one.draft.channel.clone().unwrap()), 2);
        assert_eq!(
            distinct(&|one| one.draft.occasion_type.as_str().to_owned()),
            4
        );
        assert!(distinct(&|one| format!("{:?}", one.draft.scheduled_for)) > 50);
        assert!(
            all.iter()
                .any(|one| one.draft.expires_at.is_some() && one.draft.scheduled_for.is_none())
        );
        assert!(all.iter().filter(|one| one.edited.is_some()).count() > 10);
        for one in &all {
            assert!(!one.draft.content.contains("{name}"));
            assert!(one.draft.scheduled_for.is_none_or(|at| at > now));
            assert!(one.draft.expires_at.is_none_or(|until| until > now));
        }
    }
}
