use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn person(name: &str) -> ContactFields {
    ContactFields {
        name: name.to_owned(),
        ..ContactFields::default()
    }
}

fn full() -> ContactFields {
    ContactFields {
        name: "Хасанов Бахтиёр".to_owned(),
        company: Some("ООО «Ромашка-2»".to_owned()),
        email: Some("b.hasanov@example.org".to_owned()),
        phone: Some("+998901234567".to_owned()),
        whatsapp: Some("+79161234567".to_owned()),
        ..ContactFields::default()
    }
}

/// Both answers, which must agree: the exact one, and that marks let nothing slip.
fn found(fields: &ContactFields, query: &str) -> bool {
    let query = Query::parse(query);
    let found = matches(fields, &query);
    let has = marks(7, &search_key(fields));
    let has = |mark: &u32| has.binary_search(mark).is_ok();
    let narrowed = query.words().iter().all(|word| {
        let wanted = word.wanted(7);
        assert!(wanted.all.iter().all(|all| !all.is_empty()));
        wanted.all.iter().any(|all| all.iter().all(has)) || wanted.any.iter().any(has)
    });
    assert!(narrowed || !found, "marks lose a contact");
    found
}

#[test]
fn one_name_is_found_in_all_its_spellings() {
    let groups: [&[&str]; 11] = [
        &["Хасанов", "Xasanov", "Hasanov", "Khasanov", "ҲАСАНОВ"],
        &[
            "Ғуломжон",
            "Gʻulomjon",
            "G'ulomjon",
            "G`ulomjon",
            "G‘ulomjon",
            "Gulomjon",
            "Ghulomjon",
        ],
        &["Ўткир", "Oʻtkir", "Otkir", "O’tkir"],
        &["Ёқуб", "Yoqub", "ёқуб", "Еқуб"],
        &["Жамшид", "Jamshid", "Джамшид", "Djamshid", "Dzhamshid"],
        &["Александр", "Alexandr", "Aleksandr"],
        &["Щербаков", "Shcherbakov", "Scherbakov"],
        &["Дмитрий", "Dmitriy", "Dmitry", "Dmitrii"],
        &["Татьяна", "Tatyana", "Tatiana"],
        &["Артём", "Артем", "Artem", "Artyom"],
        &["José", "JOSE", "jose"],
    ];
    for group in groups {
        for name in group {
            for query in group {
                assert!(found(&person(name), query), "{name} {query}");
            }
        }
    }
}

#[test]
fn each_word_must_be_found() {
    let row = full();
    for query in [
        "хасанов",
        "бахтиёр хасанов",
        "Hasanov Baxtiyor",
        "ха",
        "Х",
        "сано",
        "ромашка",
        "РОМАШК",
        "romashka 2",
        "b.hasanov@example.org",
        "B.HASANOV@",
        "ov@ex",
        "example",
        "example.org",
        "+998901234567",
        "901234567",
        "90 123 45 67",
        "(90) 123-45-67",
        "8 90 123 45 67",
        "4567",
        "8 (916) 123-45-67",
        "Хасанов 90 12",
        "хасонов",
        "Хсаанов",
        "хасаннов",
        "хасаов",
        "",
        "  ",
        "romahska",
        "hasanv",
    ] {
        assert!(found(&row, query), "{query}");
    }
    for query in [
        "каримов",
        "хасанов карим",
        "а",
        "аса нет",
        "хсаонов",
        "90 123 45 68",
        "901234568",
        "%",
        "*",
        "@",
        "« »",
        "b@example.com",
        "b.hasanov@exampel.org",
        "ов",
        "сн",
        "хасанов %% анна",
    ] {
        assert!(!found(&row, query), "{query}");
    }
    // The name in the address is found in any alphabet, and what stands behind it as it is written.
    let address = ContactFields {
        email: Some("zh.Xasanov-90@mail.example.org".to_owned()),
        ..person("Анна")
    };
    for query in ["хасанов", "Khasanov", "zh.xasan", "ail.exa", "xasanov-90@"] {
        assert!(found(&address, query), "{query}");
    }
    for query in ["хасаннов", "xasanof", "exampel", "org@"] {
        assert!(!found(&address, query), "{query}");
    }
    assert!(!found(&ContactFields::default(), "а"));
    assert!(found(&ContactFields::default(), ""));
}

#[test]
fn a_typo_is_forgiven_from_four_letters_on() {
    for (name, query, wanted) in [
        ("анна", "инна", true),
        ("анна", "ана", true),
        ("анна", "нана", true),
        ("анна", "анан", true),
        ("анна", "аннам", true),
        ("анна", "иннам", false),
        ("ким", "цим", false),
        ("ким", "каим", true),
        ("ким", "ки", true),
        ("анатолий", "анна", false),
        ("1234", "1235", false),
        ("a234", "b234", false),
        ("дом 1234", "дом 1243", false),
        ("ab234", "ac234", true),
    ] {
        assert_eq!(found(&person(name), query), wanted, "{name} {query}");
    }
    let long = "а".repeat(LONGEST_FORGIVEN - 1);
    assert!(found(&person(&format!("{long}б")), &format!("{long}в")));
    assert!(!found(&person(&format!("а{long}б")), &format!("а{long}в")));
}

#[test]
fn what_is_kept_is_forms_and_marks_are_of_one_workspace() {
    assert_eq!(
        search_key(&person("Анна Ким-2")),
        "\n2\nanna\nkim\nанна\nким\n"
    );
    assert_eq!(search_key(&ContactFields::default()), "");
    let key = search_key(&full());
    let (one, two) = (marks(1, &key), marks(2, &key));
    assert!(one.iter().all(|mark| two.binary_search(mark).is_err()));
    // Stored marks must stay what they are.
    assert_eq!(marks(1, "\nab\n"), [1_149_492_746, 2_602_206_426]);
    assert!(marks(1, "").is_empty());
    assert_eq!(format!("{:?}", Query::parse("анна ким")), "Query(2 words)");
    let many = Query::parse(&"а ".repeat(MOST_WORDS + 1));
    assert_eq!(many.words().len(), MOST_WORDS);
}

/// As passports, Uzbek's Latin alphabet and people without a rule write it.
fn latin(name: &str, way: usize) -> String {
    let pick = |ways: [&'static str; 3]| ways.get(way).copied().unwrap_or_default();
    let letter = |c: char| match c {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "g",
        'д' => "d",
        'е' => "e",
        'з' => "z",
        'и' => "i",
        'й' => "y",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'э' => "e",
        'ы' => "y",
        'ю' => "yu",
        'я' => "ya",
        'ж' => pick(["zh", "j", "j"]),
        'х' => pick(["kh", "x", "h"]),
        'ё' => pick(["yo", "yo", "e"]),
        'щ' => pick(["shch", "sch", "sch"]),
        'қ' => pick(["q", "q", "k"]),
        'ғ' => pick(["gh", "gʻ", "g"]),
        'ў' => pick(["o", "oʻ", "o'"]),
        'ҳ' => pick(["h", "h", "kh"]),
        _ => "",
    };
    name.chars().map(letter).collect()
}

/// One typo somewhere.
fn mistyped(word: &str, kind: usize, at: Index, letter: char) -> String {
    let mut chars: Vec<char> = word.chars().collect();
    let place = at.index(chars.len());
    match kind {
        0 => chars.insert(place, letter),
        1 => drop(chars.remove(place)),
        2 => chars[place] = letter,
        _ => chars.swap(place, (place + 1).min(word.chars().count() - 1)),
    }
    chars.into_iter().collect()
}

const CYRILLIC: &str = "[а-яёқғўҳ]{4,12}";
const LATIN: &str = "[a-z]{3,6}['ʻ]?[a-z]{2,6}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_name_is_found_by_itself(name in "\\PC{1,30}", query in "\\PC{0,12}") {
        let row = person(&name);
        prop_assert!(found(&row, &name) || Query::parse(&name).finds_none());
        prop_assert!(found(&row, &name.to_lowercase()) || Query::parse(&name).finds_none());
        found(&row, &query);
        let key = search_key(&row);
        prop_assert!(key.is_empty() || key.starts_with('\n') && key.ends_with('\n'));
        prop_assert!(!key.contains("\n\n") && !key.contains('\0'));
    }

    // Of open syllables: only where consonants or vowels stand side by side do two names become one in Latin letters, as
    // "зх" and "ж" do, and nobody can tell them apart there. Names that people have are in the test of spellings.
    #[test]
    fn a_name_is_found_in_the_other_alphabet(
        name in "([бвгджзклмнпрстфхцчшщқғҳ][аеёиоуўыэюя]){2,4}[бвгдзклмнпрстф]?",
        way in 0..3_usize,
    ) {
        let other = latin(&name, way);
        prop_assert!(found(&person(&name), &other), "{} {}", name, other);
        prop_assert!(found(&person(&other), &name), "{} {}", name, other);
        prop_assert!(found(&person(&name.to_uppercase()), &other.to_uppercase()));
    }

    #[test]
    fn a_name_is_found_with_any_apostrophe(
        name in "[a-z]{1,5}'[a-z]{1,5}", sign in "['`´ʻʼ‘’′]",
    ) {
        prop_assert!(found(&person(&name), &name.replace('\'', &sign)));
        prop_assert!(found(&person(&name), &name.replace('\'', "")));
    }

    #[test]
    fn a_name_is_found_with_one_typo(
        cyrillic in CYRILLIC, latin in LATIN, kind in 0..4_usize, at in any::<Index>(),
        other in "[а-я]", letter in "[a-z]",
    ) {
        let row = person(&format!("{cyrillic} Ким {latin}"));
        for (word, other) in [(cyrillic, other), (latin, letter)] {
            let other = other.chars().next().unwrap_or('a');
            let query = mistyped(&word, kind, at, other);
            prop_assert!(found(&row, &query), "{} {}", word, query);
            let both = format!("{query} ким");
            prop_assert!(found(&row, &both));
        }
    }

    #[test]
    fn what_shares_nothing_is_not_found(name in "[а-ж]{1,12}( [а-ж]{1,12})?", query in "[н-щ]{1,12}") {
        prop_assert!(!found(&person(&name), &query) , "{} {}", name, query);
        let both = format!("{name} {query}");
        prop_assert!(!found(&person(&name), &both));
    }

    #[test]
    fn one_typo_is_what_edits_say(a in "[аб]{3,6}", b in "[аб]{3,6}") {
        let form: Vec<char> = a.chars().collect();
        let line: Vec<char> = b.chars().collect();
        let swaps = (1..form.len()).any(|at| { let mut f = form.clone(); f.swap(at - 1, at); f == line });
        let other = form.len() == line.len() && form.iter().zip(&line).filter(|(a, b)| a != b).count() <= 1;
        let less = |long: &[char], short: &[char]| long.len() == short.len() + 1
            && (0..long.len()).any(|at| [&long[..at], &long[at + 1..]].concat() == short);
        let near = swaps || other || less(&form, &line) || less(&line, &form);
        prop_assert_eq!(nearly(&form, &b), near && a.len().max(b.len()) >= 8, "{} {}", a, b);
    }
}
