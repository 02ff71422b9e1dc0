//! Audiences select in the store exactly the contacts that they match in memory.

use chrono::NaiveDate;
use uuid::Uuid;

use super::Case;
use super::audience_samples::{Draw, comparisons, crowd, leaves, nested};
use super::kit::{S, everything, put, told, ws};
use super::lists::{ids, people};
use crate::audience::Audience;
use crate::audience::condition::Before;
use crate::audience::messages::{MessageCondition, MessageState};
use crate::contact::{Birthday, Contact};
use crate::error::ErrorKind;
use crate::id::ContactId;
use crate::port::store::{ContactQuery, PageRequest};
use crate::testing::fixtures::contact;
use crate::testing::ids::nth;
use crate::testing::suite::{Stop, Verdict, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        audiences_select_as_matches_does,
        fields_compare_in_the_store_as_in_memory,
        nested_audiences_select_as_matches_does,
        what_is_relative_needs_the_day,
        audience_of_a_thousand_parts,
        audience_with_paging,
        contacts_by_birthdays,
    ]
}

const DAYS: [(i32, u32, u32); 7] = [
    (2026, 2, 27),
    (2026, 2, 28),
    (2026, 3, 1),
    (2026, 6, 1),
    (2026, 12, 30),
    (2028, 2, 28),
    (2028, 2, 29),
];

fn day(number: usize) -> NaiveDate {
    let day = DAYS.into_iter().nth(number % DAYS.len());
    day.and_then(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day))
        .unwrap_or_default()
}

/// Finds on that day whom the audience matches, and nobody else.
async fn selects(store: &S, crowd: &[Contact], audience: &Audience, today: NaiveDate) -> Verdict {
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
    let found = ids(store, query).await?;
    same(found, wanted, &format!("{audience:?} on {today}"))
}

async fn settled(store: &S) -> Result<Vec<Contact>, Stop> {
    let crowd = crowd();
    put(store, |s| {
        crowd.iter().fold(s, |s, row| s.insert_contact(row.clone()))
    })
    .await?;
    Ok(crowd)
}

async fn audiences_select_as_matches_does(store: S) -> Verdict {
    let crowd = settled(&store).await?;
    let leaves = leaves();
    for audience in &leaves {
        let days = if audience.needs_today() {
            DAYS.len()
        } else {
            1
        };
        for number in 0..days {
            selects(&store, &crowd, audience, day(number)).await?;
        }
    }
    for (number, pair) in leaves.windows(2).enumerate() {
        let not = |leaf: &Audience| Audience::Not(Box::new(leaf.clone()));
        selects(&store, &crowd, &Audience::And(pair.to_vec()), day(number)).await?;
        selects(&store, &crowd, &Audience::Or(pair.to_vec()), day(number)).await?;
        for leaf in pair.iter().take(1) {
            selects(&store, &crowd, &not(leaf), day(number)).await?;
        }
    }
    Ok(())
}

async fn fields_compare_in_the_store_as_in_memory(store: S) -> Verdict {
    let crowd = settled(&store).await?;
    for audience in comparisons() {
        selects(&store, &crowd, &audience, day(0)).await?;
    }
    Ok(())
}

async fn nested_audiences_select_as_matches_does(store: S) -> Verdict {
    let crowd = settled(&store).await?;
    let mut draw = Draw::new(0x9E37_79B9_7F4A_7C15);
    let conditions: Vec<Audience> = leaves().into_iter().chain(comparisons()).collect();
    for number in 0..400 {
        let audience = nested(&conditions, &mut draw, 5);
        audience.validate().map_err(told)?;
        selects(&store, &crowd, &audience, day(number)).await?;
    }
    Ok(())
}

async fn what_is_relative_needs_the_day(store: S) -> Verdict {
    people(&store, 2).await?;
    let asks = |audience| ContactQuery {
        audience: Some(Audience::Not(Box::new(audience))),
        ..ContactQuery::default()
    };
    let message = MessageCondition {
        state: MessageState::Sent,
        campaign: None,
        within_days: Some(1),
    };
    for relative in [
        Audience::Message(message),
        Audience::BirthdayWithin(1),
        Audience::LastInteractionBefore(Before::Days(1)),
    ] {
        let refused = store.contacts(&ws(), asks(relative)).await;
        let kind = refused.map(|_| ()).map_err(|error| error.kind());
        same(kind, Err(ErrorKind::Invalid), "without today")?;
    }
    let date = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap_or_default();
    let absolute = Audience::LastInteractionBefore(Before::Date(date));
    store.contacts(&ws(), asks(absolute)).await.map_err(told)?;
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

async fn contacts_by_birthdays(store: S) -> Verdict {
    let all = [
        Some("1990-02-28"),
        Some("--02-29"),
        Some("2001-03-01"),
        None,
        Some("--12-31"),
    ];
    for (number, birthday) in (1..).zip(all) {
        let mut row = contact(number);
        row.fields.birthday = birthday.and_then(Birthday::parse);
        put(&store, |s| s.insert_contact(row)).await?;
    }
    for (days, found) in [
        (vec![228], vec![1]),
        (vec![229, 301], vec![2, 3]),
        (vec![1231, 101, 228], vec![1, 5]),
        (vec![1130], vec![]),
        (vec![], vec![]),
    ] {
        let query = ContactQuery {
            birthdays: Some(days.iter().copied().collect()),
            page: PageRequest {
                oldest_first: true,
                ..PageRequest::default()
            },
            ..ContactQuery::default()
        };
        let wanted = found.into_iter().map(nth).collect();
        same(ids(&store, query).await?, wanted, "born on these days")?;
    }
    Ok(())
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
