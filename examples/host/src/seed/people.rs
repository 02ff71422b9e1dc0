//! The contacts of the demo.

use chrono::{DateTime, Days, NaiveDate, Utc};
use crm_core::contact::{Birthday, ContactFields};
use crm_core::engine::Session;
use crm_core::id::ContactId;
use crm_core::zone;

use crate::error::Problem;

/// Where they all live.
const ZONE: &str = "Asia/Tashkent";

/// Name, e-mail, phone, segment, language, birthday, company, position.
type Person = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Born,
    &'static str,
    &'static str,
);

/// When somebody was born. The birthday automation is to have a greeting to draft whenever the demo is started first,
/// and never more than that one at once, so those whom it greets have their birthdays so many days from then.
#[derive(Clone, Copy)]
enum Born {
    /// On this day.
    On(&'static str),
    /// In this year, with the next birthday in so many days.
    In(i32, u64),
    /// In a year that nobody knows.
    Some(u64),
}

impl Born {
    fn birthday(self, today: NaiveDate) -> Option<Birthday> {
        let (year, days) = match self {
            Self::On(text) => return Birthday::parse(text),
            Self::In(year, days) => (Some(year), days),
            Self::Some(days) => (None, days),
        };
        let day = today.checked_add_days(Days::new(days))?;
        let text = day.format("%m-%d");
        // 29 February does not come in every year of birth.
        year.and_then(|year| Birthday::parse(&format!("{year}-{text}")))
            .or_else(|| Birthday::parse(&format!("--{text}")))
    }
}

const PEOPLE: [Person; 11] = [
    (
        "Анна Каримова",
        "anna.karimova@example.com",
        "+998901234501",
        "VIP",
        "ru",
        Born::In(1988, 107),
        "Orient Silk",
        "Директор",
    ),
    (
        "Oʻtkir Rahimov",
        "otkir.rahimov@example.com",
        "+998912345602",
        "VIP",
        "uz",
        Born::In(1979, 1),
        "Registon Travel",
        "Asoschi",
    ),
    (
        "John Miller",
        "john.miller@example.com",
        "+998933456703",
        "partner",
        "en",
        Born::On("1985-07-04"),
        "Miller Trade",
        "Partner",
    ),
    (
        "Дмитрий Ким",
        "dmitry.kim@example.com",
        "+998944567804",
        "regular",
        "ru",
        Born::In(1992, 64),
        "Kim Print",
        "Менеджер",
    ),
    (
        "Дилноза Юсупова",
        "dilnoza.yusupova@example.com",
        "+998975678905",
        "new_client",
        "ru",
        Born::In(1996, 286),
        "",
        "",
    ),
    (
        "Жасур Тошматов",
        "jasur.toshmatov@example.com",
        "+998906789006",
        "regular",
        "uz-Cyrl",
        Born::In(1990, 175),
        "Чинор",
        "Бухгалтер",
    ),
    (
        "Gulnora Saidova",
        "gulnora.saidova@example.com",
        "+998917890107",
        "new_client",
        "uz",
        Born::Some(11),
        "Saida Atelier",
        "Egasi",
    ),
    (
        "Елена Цой",
        "elena.tsoi@example.com",
        "+998938901208",
        "VIP",
        "ru",
        Born::In(1983, 34),
        "Tsoi Dental",
        "Врач",
    ),
    (
        "Sarah Brown",
        "sarah.brown@example.com",
        "+998949012309",
        "partner",
        "en",
        Born::On("2000-02-29"),
        "Brown & Co",
        "Lawyer",
    ),
    (
        "Рустам Алиев",
        "rustam.aliev@example.com",
        "+998970123410",
        "regular",
        "ru",
        Born::In(1975, 203),
        "Aliev Auto",
        "Владелец",
    ),
    (
        "Malika Ergasheva",
        "malika.ergasheva@example.com",
        "+998901230011",
        "regular",
        "uz",
        Born::In(1999, 309),
        "",
        "",
    ),
];

/// Writes them; their ids, in the order above.
pub(super) async fn run(session: &Session, now: DateTime<Utc>) -> Result<Vec<ContactId>, Problem> {
    let today = zone::date(now, zone::parse(ZONE)?);
    let mut ids = Vec::with_capacity(PEOPLE.len());
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    for (name, email, phone, segment, language, birthday, company, position) in PEOPLE {
        let fields = ContactFields {
            name: name.to_owned(),
            email: text(email),
            phone: text(phone),
            segment: segment.to_owned(),
            language: language.to_owned(),
            birthday: birthday.birthday(today),
            company: text(company),
            position: text(position),
            ..ContactFields::default()
        };
        ids.push(session.contacts().create(fields).await?.id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;

    #[test]
    fn one_birthday_is_tomorrow_and_no_other_one_is_near_whatever_the_day() {
        let first: NaiveDate = "2027-01-01".parse().unwrap();
        for today in first.iter_days().take(4 * 366) {
            let born: Vec<_> = PEOPLE
                .iter()
                .map(|person| person.5.birthday(today).unwrap())
                .collect();
            let near = |days: u64| {
                let day = today.checked_add_days(Days::new(days)).unwrap();
                let segments = PEOPLE.iter().zip(&born).filter(|(person, born)| {
                    person.3 != "partner" && (born.month, born.day) == (day.month(), day.day())
                });
                segments.count()
            };
            let found: Vec<usize> = (0..5).map(near).collect();
            assert_eq!(found, [0, 1, 0, 0, 0], "{today}");
        }
    }
}
