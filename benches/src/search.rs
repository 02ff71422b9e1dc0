//! T13: search of contacts, as people type it.
//!
//! Invented people with Uzbek and Russian names, half of them in Cyrillic and half in Latin letters, with phones, and
//! with mails that look like their names. Each query is another one, chosen anew from all people, so that little of
//! what it reads was read just before. The peer is the goal: 50 ms.

use std::fmt::Write as _;
use std::time::Instant;

use crm_core::port::store::{ContactQuery, PageRequest};

use crate::Outcome;
use crate::measure::{Better, Figure, Names, each, rate};
use crate::site::Site;

/// Queries of each kind.
const QUERIES: usize = 200;
/// What a query may take, in microseconds.
const GOAL: f64 = 50_000.0;
/// The database.
const NAME: &str = "search";

#[rustfmt::skip]
const FIRST: [(&str, &str); 24] = [
    ("Алишер", "Alisher"), ("Бахтиёр", "Baxtiyor"), ("Гулнора", "Gulnora"), ("Дилноза", "Dilnoza"),
    ("Жамшид", "Jamshid"), ("Зухра", "Zuhra"), ("Ирина", "Irina"), ("Камола", "Kamola"),
    ("Лола", "Lola"), ("Мадина", "Madina"), ("Наталья", "Natalya"), ("Ойбек", "Oybek"),
    ("Павел", "Pavel"), ("Рустам", "Rustam"), ("Сергей", "Sergey"), ("Тимур", "Timur"),
    ("Ўткир", "Oʻtkir"), ("Феруза", "Feruza"), ("Хуршида", "Xurshida"), ("Шахноза", "Shaxnoza"),
    ("Юлдуз", "Yulduz"), ("Анна", "Anna"), ("Ёқуб", "Yoqub"), ("Ғулом", "Gʻulom"),
];
#[rustfmt::skip]
const SYLLABLES: [(&str, &str); 24] = [
    ("ка", "ka"), ("ри", "ri"), ("са", "sa"), ("ли", "li"), ("ху", "xu"), ("ра", "ra"), ("мо", "mo"), ("то", "to"),
    ("ба", "ba"), ("не", "ne"), ("шо", "sho"), ("ди", "di"), ("ма", "ma"), ("зу", "zu"), ("га", "ga"), ("ви", "vi"),
    ("по", "po"), ("ла", "la"), ("ко", "ko"), ("се", "se"), ("чи", "chi"), ("ну", "nu"), ("да", "da"), ("фа", "fa"),
];
const ENDINGS: [(&str, &str); 4] = [
    ("мов", "mov"),
    ("нова", "nova"),
    ("дов", "dov"),
    ("тоева", "toyeva"),
];

/// The same for the same number, and spread evenly.
const fn mixed(number: usize, salt: usize) -> usize {
    let mixed =
        (number ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A person: the name in both alphabets, and the phone.
struct Person {
    cyrillic: [String; 2],
    latin: [String; 2],
    phone: String,
}

fn person(number: usize) -> Person {
    let pick = |of: &[(&'static str, &'static str)], salt| {
        of.get(mixed(number, salt) % of.len())
            .copied()
            .unwrap_or_default()
    };
    let first = pick(&FIRST, 1);
    let parts = [
        pick(&SYLLABLES, 2),
        pick(&SYLLABLES, 3),
        pick(&SYLLABLES, 4),
        pick(&ENDINGS, 5),
    ];
    let cyrillic: String = parts.iter().map(|part| part.0).collect();
    let latin: String = parts.iter().map(|part| part.1).collect();
    Person {
        cyrillic: [first.0.to_owned(), cyrillic],
        latin: [first.1.to_owned(), latin],
        phone: format!("+99890{:07}", 1_000_000 + mixed(number, 6) % 8_999_999),
    }
}

fn people(from: usize, count: usize) -> String {
    let mut file = String::from("external_id,name,email,phone,company\n");
    for number in from..from + count {
        let person = person(number);
        let name = if number.is_multiple_of(2) {
            &person.cyrillic
        } else {
            &person.latin
        };
        let [first, last] = name;
        let mail = person.latin.concat().replace('ʻ', "").to_lowercase();
        // Writing to a string cannot fail.
        let _ = writeln!(
            file,
            "c{number},{last} {first},{mail}{number}@example.uz,{},Компания {}",
            person.phone,
            mixed(number, 7) % 1_000,
        );
    }
    file
}

/// What is typed.
#[derive(Debug, Clone, Copy)]
enum Kind {
    OtherAlphabet,
    Beginning,
    Typo,
    Phone,
    Nobody,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::OtherAlphabet,
        Self::Beginning,
        Self::Typo,
        Self::Phone,
        Self::Nobody,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::OtherAlphabet => "a name in the other alphabet",
            Self::Beginning => "beginnings of words",
            Self::Typo => "a surname with a typo",
            Self::Phone => "a phone",
            Self::Nobody => "nobody's name",
        }
    }

    fn text(self, query: usize, count: usize) -> String {
        let number = mixed(query, 8) % count;
        let person = person(number);
        let (own, other) = if number.is_multiple_of(2) {
            (&person.cyrillic, &person.latin)
        } else {
            (&person.latin, &person.cyrillic)
        };
        let [first, last] = own;
        match self {
            Self::OtherAlphabet => other.join(" "),
            // From one letter, which half of all people have, to a few of both words.
            Self::Beginning => {
                let begin = |word: &str, letters| word.chars().take(letters).collect::<String>();
                match query % 5 {
                    0 => begin(last, 1),
                    letters @ 1..=3 => begin(last, letters + 1),
                    _ => format!("{} {}", begin(last, 4), begin(first, 2)),
                }
            }
            Self::Typo => {
                let mut letters: Vec<char> = last.chars().collect();
                let place = 1 + mixed(query, 9) % (letters.len() - 2);
                if query.is_multiple_of(2) {
                    letters.swap(place, place + 1);
                } else {
                    letters.remove(place);
                }
                letters.into_iter().collect()
            }
            Self::Phone => person.phone.chars().skip(4).collect(),
            Self::Nobody => format!("{last} {}щщ", begin_backwards(first)),
        }
    }
}

fn begin_backwards(word: &str) -> String {
    word.chars().rev().collect()
}

/// Imports `count` people and searches among them.
///
/// # Errors
/// When somebody is not imported or not found.
pub async fn measure(site: &Site, count: usize) -> Outcome<Vec<Figure>> {
    site.create(NAME).await?;
    let world = site.world(NAME).await?;
    let session = world.session();
    let start = Instant::now();
    let mut done = 0;
    while done < count {
        let next = (count - done).min(20_000);
        let file = people(done, next);
        let options = crm_core::import::Options::default();
        let report = session
            .contacts()
            .import_file(file.as_bytes(), &options)
            .await?;
        if usize::try_from(report.created)? != next {
            return Err("not everyone was imported".into());
        }
        done += next;
    }
    eprintln!(
        "T13: {:.0} contacts imported a second",
        rate(count, start.elapsed())
    );
    site.settle(NAME).await?;
    let mut figures = Vec::new();
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        let mut times = Vec::with_capacity(QUERIES);
        for query in 0..QUERIES {
            let text = kind.text(query * Kind::ALL.len() + place, count);
            let start = Instant::now();
            let wanted = ContactQuery {
                search: Some(text),
                page: PageRequest {
                    limit: 20,
                    ..PageRequest::default()
                },
                ..ContactQuery::default()
            };
            let found = session.contacts().list(wanted).await?.items.len();
            times.push(each(1, start.elapsed()));
            if (found == 0) != matches!(kind, Kind::Nobody) {
                return Err(format!("a search for {} found {found}", kind.name()).into());
            }
        }
        times.sort_by(f64::total_cmp);
        for (what, share) in [("p50", 50), ("p99", 99)] {
            let time = times
                .get(QUERIES * share / 100)
                .copied()
                .unwrap_or_default();
            let names = Names {
                id: "T13",
                work: format!("search for {}, {what}", kind.name()),
                peer_work: "the goal".to_owned(),
                better: Better::Less,
            };
            figures.push(Figure::new(names, count, vec![(time, GOAL)], 1.0));
        }
    }
    Ok(figures)
}
