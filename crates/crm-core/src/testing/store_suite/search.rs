//! Search of contacts: every store finds what [`contact::search`](crate::contact::search) says, in the list's order.

use uuid::Uuid;

use super::Case;
use super::kit::{S, everything, next_contact, other_ws, put, told, ws};
use super::lists::ids;
use crate::audience::Audience;
use crate::change::ChangeSet;
use crate::contact::search::{FEW, Query, matches};
use crate::contact::{Contact, ContactFields};
use crate::port::store::{ContactQuery, PageRequest};
use crate::testing::fixtures::{contact, noon};
use crate::testing::ids::nth;
use crate::testing::suite::{Verdict, ensure, list, same};

pub(super) fn cases() -> Vec<Case> {
    list![
        search_knows_both_alphabets_and_typos,
        search_knows_phones_and_mails,
        search_answers_as_it_is_defined,
        search_takes_any_text,
        search_follows_changes_and_erasure,
        search_keeps_workspaces_apart,
        search_of_what_many_have,
    ]
}

fn search(text: &str) -> ContactQuery {
    ContactQuery {
        search: Some(text.to_owned()),
        ..ContactQuery::default()
    }
}

fn person(number: u64, name: &str) -> Contact {
    let mut row = contact(number);
    row.fields = ContactFields {
        name: name.to_owned(),
        ..ContactFields::default()
    };
    row
}

fn numbers(numbers: &[u64]) -> Vec<Uuid> {
    numbers.iter().map(|number| nth(*number)).collect()
}

async fn search_knows_both_alphabets_and_typos(store: S) -> Verdict {
    let names = [
        (1, "Хасанов Бахтиёр"),
        (2, "Xasanova Gʻulchehra"),
        (3, "Ёлкин Пётр"),
        (4, "Khasan O'tkirov"),
    ];
    for (number, name) in names {
        put(&store, |s| s.insert_contact(person(number, name))).await?;
    }
    let cases: [(&str, &[u64]); 20] = [
        ("хасан", &[4, 2, 1]),
        ("HASAN", &[4, 2, 1]),
        ("khasanov", &[2, 1]),
        ("Хсаанов", &[1]),
        ("xasanof", &[1]),
        ("хассанов", &[1]),
        ("хаанов", &[1]),
        ("ғулчеҳра", &[2]),
        ("G’ulchehra xasanova", &[2]),
        ("gulcehra", &[2]),
        ("ёлкин", &[3]),
        ("Elkin Petr", &[3]),
        ("петр ел", &[3]),
        ("Ўткиров", &[4]),
        ("х", &[4, 2, 1]),
        ("ел", &[3]),
        ("сан", &[4, 2, 1]),
        ("хасан петр", &[]),
        ("ан", &[]),
        ("каримов", &[]),
    ];
    for (text, wanted) in cases {
        same(ids(&store, search(text)).await?, numbers(wanted), text)?;
    }
    let oldest = ContactQuery {
        page: PageRequest {
            oldest_first: true,
            limit: 1,
            after: Some(nth(1)),
            ..PageRequest::default()
        },
        ..search("hasan")
    };
    let page = store.contacts(&ws(), oldest).await.map_err(told)?;
    same(page.next, Some(nth(2)), "a page behind the first")
}

async fn search_knows_phones_and_mails(store: S) -> Verdict {
    let mut row = contact(1);
    row.fields.phone = Some("+998901234567".to_owned());
    row.fields.whatsapp = Some("+79161234567".to_owned());
    row.fields.company = Some("ООО Ромашка".to_owned());
    let mut other = contact(2);
    other.fields.email = Some("b.karimov@mail.example".to_owned());
    put(&store, |s| s.insert_contact(row).insert_contact(other)).await?;
    let cases: [(&str, &[u64]); 13] = [
        ("90 123 45 67", &[1]),
        ("901234567", &[1]),
        ("+998 (90) 123-45-67", &[1]),
        ("8 916 123 45 67", &[1]),
        ("90 123 45 68", &[]),
        ("ромашка 4567", &[1]),
        ("romashka", &[1]),
        ("B.Karimov@mail.example", &[2]),
        ("mov@ma", &[2]),
        ("каримов", &[2]),
        ("karimv", &[]),
        ("b.karimov@mail.exmaple", &[]),
        ("anna1@example.org", &[1]),
    ];
    for (text, wanted) in cases {
        same(ids(&store, search(text)).await?, numbers(wanted), text)?;
    }
    Ok(())
}

/// Invented names, cut up and put together in many ways, found as the definition says.
async fn search_answers_as_it_is_defined(store: S) -> Verdict {
    let first = ["Анна", "Inna", "Шахноза", "Ўткир", "Yoqub", "Zoʻr-2"];
    let last = [
        "Ким",
        "Каримов",
        "Karimova",
        "Щербак",
        "Саксонов",
        "Saxonov 15",
    ];
    let mut rows = Vec::new();
    for (place, one) in first.iter().enumerate() {
        for (number, two) in last.iter().enumerate() {
            let number = u64::try_from(place * last.len() + number).unwrap_or_default() + 1;
            let mut row = person(number, &format!("{one} {two}"));
            row.fields.email = (number % 2 == 0).then(|| format!("m.{number}@ex-ample.org"));
            row.fields.phone = (number % 3 == 0).then(|| format!("+9989012345{number:02}"));
            rows.push(row);
        }
    }
    for row in &rows {
        put(&store, |s| s.insert_contact(row.clone())).await?;
    }
    let mut texts: Vec<String> = [
        "ex-ample.org",
        "m.1",
        "12345",
        "901234 503",
        "кар ан",
        "15 saks",
    ]
    .map(str::to_owned)
    .into();
    for word in first.iter().chain(&last) {
        let letters: Vec<char> = word.chars().collect();
        for at in 0..letters.len() {
            let (front, back) = letters.split_at(at);
            let (front, back) = (front.iter(), back.iter());
            texts.push(front.clone().collect());
            texts.push(back.clone().collect());
            texts.push(front.clone().chain(back.clone().skip(1)).collect());
            texts.push(
                front
                    .clone()
                    .chain([&'и'])
                    .chain(back.clone().skip(1))
                    .collect(),
            );
            texts.push(front.chain([&'s']).chain(back).collect());
        }
    }
    for text in texts {
        let query = Query::parse(&text);
        let found = rows.iter().rev().filter(|row| matches(row, &query));
        let wanted: Vec<Uuid> = found.map(|row| row.id.0).collect();
        let query = ContactQuery {
            page: everything(),
            ..search(&text)
        };
        let page = store.contacts(&ws(), query).await.map_err(told)?;
        same(
            page.total,
            Some(wanted.len() as u64),
            &format!("total of {text}"),
        )?;
        let found: Vec<Uuid> = page.items.iter().map(|row| row.id.0).collect();
        same(found, wanted, &text)?;
    }
    Ok(())
}

async fn search_takes_any_text(store: S) -> Verdict {
    put(&store, |s| s.insert_contact(person(1, "Анна Иванова"))).await?;
    for text in ["", "  ", "\n"] {
        same(ids(&store, search(text)).await?.len(), 1, "nothing typed")?;
    }
    let long = "я".repeat(5_000);
    let many = "анна ".repeat(500);
    let odd = [
        "%",
        "_",
        "*",
        "' OR 1=1 --",
        "\"",
        "\\",
        "[а-я]",
        "a AND b",
        "NOT",
        "\0",
        "анна\\d",
        ".{3}",
        "@",
        "a.b@(c|d)",
        "\u{ffff}",
        "NEAR(a b)",
        "^x",
        long.as_str(),
    ];
    for text in odd {
        same(ids(&store, search(text)).await?.len(), 0, "signs")?;
    }
    same(
        ids(&store, search(&many)).await?.len(),
        1,
        "one word many times",
    )?;
    let odd = person(2, "a.b@(c|d)* \\d [x] $5^");
    put(&store, |s| s.insert_contact(odd)).await?;
    for text in ["a.b@(c|d)*", "b@(c", "b@(c|d)", "\\d", "[x]"] {
        same(ids(&store, search(text)).await?, numbers(&[2]), text)?;
    }
    same(ids(&store, search("b@c")).await?.len(), 0, "no pattern")
}

async fn search_follows_changes_and_erasure(store: S) -> Verdict {
    let row = person(1, "Каримов Тимур");
    put(&store, |s| s.insert_contact(row.clone())).await?;
    put(&store, |s| s.insert_contact(person(2, "Каримов Олег"))).await?;
    let mut renamed = next_contact(&row);
    "Саидов Тимур".clone_into(&mut renamed.fields.name);
    put(&store, |s| s.update_contact(&row, renamed.clone())).await?;
    for (text, wanted) in [
        ("каримов", vec![2]),
        ("саидав", vec![1]),
        ("timur", vec![1]),
    ] {
        same(ids(&store, search(text)).await?, numbers(&wanted), text)?;
    }
    // One that is refused leaves no trace.
    let mut late = next_contact(&row);
    "Опоздавший".clone_into(&mut late.fields.name);
    let refused = store.commit(vec![{
        let mut set = ChangeSet::new(ws());
        set.update_contact(&row, late);
        set
    }]);
    ensure(
        refused.await.map_err(told)?.iter().all(Result::is_err),
        "an old version was written",
    )?;
    same(ids(&store, search("опоздавший")).await?.len(), 0, "refused")?;
    let gone = renamed.erased(noon());
    put(&store, |s| s.update_contact(&renamed, gone)).await?;
    for text in ["саидов", "тимур", "timur", "erased"] {
        same(ids(&store, search(text)).await?.len(), 0, text)?;
    }
    same(
        ids(&store, search("каримов")).await?,
        numbers(&[2]),
        "others",
    )
}

async fn search_keeps_workspaces_apart(store: S) -> Verdict {
    put(&store, |s| s.insert_contact(person(1, "Каримов"))).await?;
    let other = other_ws()?;
    let mut set = ChangeSet::new(other.clone());
    set.insert_contact(Contact {
        workspace: other.clone(),
        ..person(2, "Каримова")
    });
    let results = store.commit(vec![set]).await.map_err(told)?;
    ensure(results.iter().all(Result::is_ok), "not written")?;
    same(ids(&store, search("каримов")).await?, numbers(&[1]), "ours")?;
    let page = store
        .contacts(&other, search("каримов"))
        .await
        .map_err(told)?;
    let found: Vec<Uuid> = page.items.iter().map(|row| row.id.0).collect();
    same(found, numbers(&[2]), "the other's")
}

/// More than are compared one by one.
async fn search_of_what_many_have(store: S) -> Verdict {
    let many = u64::from(FEW) + 50;
    let mut number = 0;
    while number < many {
        let mut set = ChangeSet::new(ws());
        for _ in 0..1_000.min(many - number) {
            number += 1;
            let mut row = person(number, "Ова");
            if number % 1_000 == 7 {
                "Ова Редкая".clone_into(&mut row.fields.name);
            }
            if number % 2 == 0 {
                "vip".clone_into(&mut row.fields.segment);
            }
            set.insert_contact(row);
        }
        let results = store.commit(vec![set]).await.map_err(told)?;
        ensure(results.iter().all(Result::is_ok), "not written")?;
    }
    let paged = |text: &str, page| ContactQuery {
        page,
        ..search(text)
    };
    let newest = PageRequest {
        limit: 2,
        count: true,
        ..PageRequest::default()
    };
    let oldest = PageRequest {
        oldest_first: true,
        after: Some(nth(10)),
        skip: 1,
        ..newest
    };
    let cases = [
        ("ова", newest, vec![many, many - 1], many),
        ("OVA", oldest, vec![12, 13], many),
        ("ов", newest, vec![many, many - 1], many),
        ("о", oldest, vec![12, 13], many),
        ("редкая ова", newest, vec![4_007, 3_007], 5),
        ("redkaya", oldest, vec![2_007, 3_007], 5),
        ("рекдая", newest, vec![4_007, 3_007], 5),
        ("нет ова", newest, vec![], 0),
    ];
    for (text, page, wanted, total) in cases {
        let found = store
            .contacts(&ws(), paged(text, page))
            .await
            .map_err(told)?;
        same(found.total, Some(total), &format!("total of {text}"))?;
        let found: Vec<Uuid> = found.items.iter().map(|row| row.id.0).collect();
        same(found, numbers(&wanted), text)?;
    }
    let some = ContactQuery {
        audience: Some(Audience::Segment("vip".to_owned())),
        ..paged("ова", newest)
    };
    let found = store.contacts(&ws(), some).await.map_err(told)?;
    same(found.total, Some(many / 2), "total of a part")?;
    same(
        found.items.iter().map(|row| row.id.0).collect(),
        numbers(&[many, many - 2]),
        "a part of many",
    )
}
