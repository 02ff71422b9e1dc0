//! Audiences select in the store exactly the contacts that they match in memory.

use chrono::NaiveDate;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Case;
use super::kit::{S, everything, put, told, ws};
use super::lists::{ids, people};
use crate::audience::Audience;
use crate::contact::{Birthday, Contact};
use crate::id::ContactId;
use crate::port::store::{ContactQuery, PageRequest};
use crate::testing::fixtures::contact;
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        audiences_select_as_matches_does,
        audience_of_a_thousand_parts,
        audience_with_paging,
    ]
}

/// Contacts that differ in everything an audience can ask for, the same in every run.
fn crowd() -> Vec<Contact> {
    let (mut list, mut seed) = (Vec::new(), 0x2545_F491_4F6C_DD1D_u64);
    for number in 1..=30 {
        let mut draw = |bound: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % bound
        };
        let mut row = contact(number);
        let fields = &mut row.fields;
        fields.segment = ["VIP", "vip", "regular", "ВИП"]
            .into_iter()
            .nth(draw(4) as usize)
            .unwrap_or_default()
            .to_owned();
        fields.language = ["uz", "uz-Cyrl", "ru", "en", "uzb"]
            .into_iter()
            .nth(draw(5) as usize)
            .unwrap_or_default()
            .to_owned();
        if draw(2) == 0 {
            fields.tags.insert("gold".to_owned());
        }
        if draw(3) == 0 {
            fields.tags.insert("ўзбек".to_owned());
        }
        if draw(5) > 0 {
            fields.birthday = Some(Birthday {
                year: (draw(2) == 0).then_some(1984),
                month: [1, 2, 2, 3, 12]
                    .into_iter()
                    .nth(draw(5) as usize)
                    .unwrap_or(1),
                day: [1, 2, 28, 29]
                    .into_iter()
                    .nth(draw(4) as usize)
                    .unwrap_or(1),
            });
        }
        let value = [
            json!("да"),
            json!(1),
            json!(1.0),
            json!(1.5),
            json!(true),
            json!("1"),
            json!([1]),
            json!({"deep": 1}),
        ];
        if let Some(value) = value.into_iter().nth(draw(10) as usize) {
            fields.custom_fields.insert("a \"b\".c'd".to_owned(), value);
        }
        list.push(row);
    }
    list
}

fn leaves() -> Vec<Audience> {
    let custom = |equals: Value| Audience::custom_field("a \"b\".c'd", equals);
    vec![
        Audience::Segment("VIP".to_owned()),
        Audience::Segment("ВИП".to_owned()),
        Audience::Segment("V%".to_owned()),
        Audience::Tag("gold".to_owned()),
        Audience::Tag("ўзбек".to_owned()),
        Audience::Tag("gol".to_owned()),
        Audience::Tag("%".to_owned()),
        Audience::Tag("' OR 1=1 --".to_owned()),
        Audience::Language("uz".to_owned()),
        Audience::Language("uz-Cyrl".to_owned()),
        Audience::Language("UZ-CYRL".to_owned()),
        Audience::Language("u_".to_owned()),
        Audience::BirthdayWithin(0),
        Audience::BirthdayWithin(3),
        Audience::BirthdayWithin(60),
        Audience::BirthdayWithin(363),
        Audience::BirthdayWithin(364),
        Audience::BirthdayWithin(365),
        Audience::BirthdayWithin(366),
        Audience::BirthdayMonth(2),
        Audience::BirthdayMonth(12),
        custom(json!("да")),
        custom(json!(1)),
        custom(json!(1.5)),
        custom(json!(true)),
        custom(json!("1")),
        Audience::custom_field("deep", 1),
        Audience::Contact(ContactId(nth(5))),
        Audience::Contact(ContactId(nth(500))),
        Audience::And(Vec::new()),
        Audience::Or(Vec::new()),
    ]
}

async fn audiences_select_as_matches_does(store: S) -> Verdict {
    let crowd = crowd();
    for row in &crowd {
        put(&store, |s| s.insert_contact(row.clone())).await?;
    }
    let mut list = leaves();
    for pair in leaves().windows(2) {
        list.push(Audience::And(pair.to_vec()));
        list.push(Audience::Or(pair.to_vec()));
        list.extend(
            pair.first()
                .map(|leaf| Audience::Not(Box::new(leaf.clone()))),
        );
    }
    let days = [
        (2026, 2, 27),
        (2026, 2, 28),
        (2026, 3, 1),
        (2026, 6, 1),
        (2026, 12, 30),
        (2028, 2, 28),
        (2028, 2, 29),
    ];
    for (year, month, day) in days {
        let today = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        for audience in &list {
            let wanted: Vec<Uuid> = crowd
                .iter()
                .filter(|row| audience.matches(row, today))
                .map(|row| row.id.0)
                .collect();
            let query = ContactQuery {
                audience: Some(audience.clone()),
                today: Some(today),
                page: PageRequest {
                    oldest_first: true,
                    ..everything()
                },
                ..ContactQuery::default()
            };
            let found = ids(&store, query).await?;
            same(found, wanted, &format!("{audience:?} on {today}"))?;
        }
    }
    Ok(())
}

async fn audience_of_a_thousand_parts(store: S) -> Verdict {
    // As many as are allowed, and as one flat list: a store's SQL must not nest as deep as that is long.
    people(&store, 3).await?;
    let others = (0..998).map(|number| Audience::Segment(format!("no {number}")));
    let wanted = Audience::Contact(ContactId(nth(2)));
    let audience = Audience::Or(others.chain([wanted]).collect());
    audience.validate().map_err(told)?;
    let query = ContactQuery {
        audience: Some(audience),
        ..ContactQuery::default()
    };
    same(ids(&store, query).await?, vec![nth(2)], "found")
}

async fn audience_with_paging(store: S) -> Verdict {
    people(&store, 9).await?;
    let not = Audience::Not(Box::new(Audience::Contact(ContactId(nth(4)))));
    let query = ContactQuery {
        audience: Some(not),
        page: PageRequest {
            limit: 3,
            after: Some(nth(2)),
            oldest_first: true,
            count: true,
            ..PageRequest::default()
        },
        ..ContactQuery::default()
    };
    let found = store.contacts(&ws(), query).await.map_err(told)?;
    same(found.total, Some(8), "total")?;
    same(found.next, Some(nth(6)), "next")?;
    let found: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
    same(found, [3, 5, 6].map(nth).to_vec(), "page")
}
