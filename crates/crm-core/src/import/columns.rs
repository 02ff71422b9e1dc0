//! The columns of a file: their names, what each fills, and how its dates are written.

use std::collections::BTreeMap;

use super::REASON;
use super::dates::Order;
use super::look::Format;
use super::own;
use super::profile::{self, Profile};
use super::target::{Field, Target};
use crate::contact::normalise::custom_name;
use crate::error::{Error, Result};

/// Most columns of a file.
pub(super) const MOST_COLUMNS: usize = 500;
/// Longest name of a column, in bytes.
const LONGEST_NAME: usize = 200;
/// Longest name of a custom field made from one, in characters.
const LONGEST_FIELD_NAME: usize = 40;

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name, and behind names that came before a number: `Email (2)`.
    pub(super) name: String,
    /// What it fills; nothing for one that is left out.
    pub(super) target: Option<Target>,
    /// How its dates are written, if it holds any.
    pub(super) order: Order,
    /// Whether it fills a custom field of dates.
    pub(super) fills_dates: bool,
    /// The custom field for what it holds beside the value that is taken.
    pub(super) beside: String,
    /// The format of a file of ours; nothing in one of another program.
    pub(super) own: Option<Format>,
}

/// The columns of these names in a file of `profile`; `mapping` says what some of them fill instead.
///
/// # Errors
/// `Invalid` when there are too many, a name is too long, no column holds a name, or the mapping names a column or a
/// target that there is not.
pub(super) fn columns(
    names: &[String],
    profile: Option<&'static Profile>,
    mapping: &BTreeMap<String, Option<String>>,
) -> Result<Vec<Column>> {
    if names.len() > MOST_COLUMNS || names.iter().any(|name| name.len() > LONGEST_NAME) {
        let what = "the first row must name at most 500 columns, each in at most 200 bytes";
        return Err(Error::field("file", what));
    }
    let mut all: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        let mut column = Column {
            name: unique(
                name.trim(),
                |name| all.iter().any(|other: &Column| other.name == name),
                " (",
                ")",
            ),
            target: automatic(name, profile),
            order: profile.map_or(profile::PLAIN_DATES, |profile| profile.dates),
            fills_dates: false,
            beside: beside(name, &all),
            own: None,
        };
        if let Some(Target::Custom(field)) = &mut column.target {
            // Columns that differ stay apart as custom fields.
            field.clone_from(&column.beside);
        }
        if let Some(wanted) = mapping.get(&column.name) {
            let shown = column.target.as_ref().map(ToString::to_string);
            // Said as it was shown: that keeps the rank among columns that fill the same.
            if *wanted != shown {
                column.target = wanted.as_deref().map(Target::named).transpose()?;
            }
        }
        all.push(column);
    }
    if profile.is_none() {
        whole_name(&mut all, mapping);
    }
    if let Some(unknown) = mapping
        .keys()
        .find(|name| !all.iter().any(|column| column.name == **name))
    {
        let what = format!(
            "the file has no column \"{}\"",
            unknown.chars().take(100).collect::<String>()
        );
        return Err(Error::field("mapping", what));
    }
    let filled = |column: &Column| column.target.as_ref().is_some_and(Target::is_name);
    if !all.iter().any(filled) {
        let hint = if all
            .iter()
            .any(|column| profile::is_known(&profile::folded(&column.name)))
        {
            "no column holds the name; name one in the mapping, or call it \"name\""
        } else {
            "the first row must name the columns, for example name,email,phone"
        };
        return Err(Error::field("file", hint));
    }
    Ok(all)
}

/// A name for a custom field that no column before has.
fn beside(column: &str, all: &[Column]) -> String {
    match said(column) {
        // Only another one that says so takes it.
        Some(said) => {
            let fills = |column: &Column, name: &str| matches!(&column.target, Some(Target::Custom(field)) if field == name);
            unique(
                said,
                |name| all.iter().any(|other| fills(other, name)),
                "_",
                "",
            )
        }
        None => unique(
            &field_name(column),
            |name| all.iter().any(|other| other.beside == name),
            "_",
            "",
        ),
    }
}

/// The custom field that a column of this name names itself.
fn said(column: &str) -> Option<&str> {
    let field = column.trim().strip_prefix("custom_fields.")?;
    custom_name(field).then_some(field)
}

/// Where no other column holds the name, a given name is the whole one.
fn whole_name(all: &mut [Column], mapping: &BTreeMap<String, Option<String>>) {
    let others = [Target::Name, Target::NameFamilyFirst, Target::FamilyName];
    let holds = |column: &Column| {
        column
            .target
            .as_ref()
            .is_some_and(|target| others.contains(target))
    };
    if all.iter().any(holds) {
        return;
    }
    for column in all {
        if column.target == Some(Target::GivenName) && !mapping.contains_key(&column.name) {
            column.target = Some(Target::Name);
        }
    }
}

fn automatic(name: &str, profile: Option<&'static Profile>) -> Option<Target> {
    let folded = profile::folded(name);
    if folded == REASON || folded.is_empty() {
        return None;
    }
    let is_own = profile.is_some_and(|profile| profile.name == own::NAME);
    // What other files call consent may be anything; whoever knows better says so in a mapping.
    let told = Target::named(&folded)
        .ok()
        .filter(|target| is_own || *target != Target::Field(Field::Consent));
    if told.is_some() {
        return told;
    }
    match profile::known(profile, &folded) {
        Some(target) => target,
        None => Some(Target::Custom(String::new())),
    }
}

/// The share of the columns whose meaning is known, of those that have one.
pub(super) fn known_share(columns: &[Column]) -> f64 {
    let named: Vec<&Column> = columns
        .iter()
        .filter(|column| !column.name.is_empty() && column.name != REASON)
        .collect();
    let custom = |column: &&&Column| matches!(&column.target, Some(Target::Custom(field)) if *field == column.beside);
    let known = named.len() - named.iter().filter(custom).count();
    // Two decimals say enough.
    (known * 100 / named.len().max(1)) as f64 / 100.0
}

/// Whether a column holds birthdays, or the dates of a custom field.
pub(super) fn holds_dates(column: &Column) -> bool {
    column.fills_dates || column.target == Some(Target::Field(Field::Birthday))
}

fn unique(name: &str, taken: impl Fn(&str) -> bool, before: &str, behind: &str) -> String {
    let mut found = name.to_owned();
    let mut number = 2;
    while taken(&found) {
        found = format!("{name}{before}{number}{behind}");
        number += 1;
    }
    found
}

/// The name of a custom field for a column of any name: Latin letters, digits and `_`.
fn field_name(column: &str) -> String {
    let column = column.to_lowercase();
    let column = column.strip_prefix("custom_fields.").unwrap_or(&column);
    let mut name = String::new();
    for letter in column.chars() {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            // Uzbek oʻ and gʻ, and Cyrillic signs without a sound.
            '\'' | '`' | 'ʻ' | 'ʼ' | '‘' | '’' | 'ь' | 'ъ' => {}
            other => match LATIN.iter().find(|(cyrillic, _)| *cyrillic == other) {
                Some((_, latin)) => name.push_str(latin),
                None if name.ends_with('_') => {}
                None => name.push('_'),
            },
        }
    }
    let name = name.trim_matches('_');
    let name: String = name.chars().take(LONGEST_FIELD_NAME).collect();
    match name.chars().next() {
        None => "column".to_owned(),
        Some('0'..='9') => format!("c_{name}"),
        Some(_) => name,
    }
}

/// Cyrillic letters of Russian and Uzbek in Latin ones.
#[rustfmt::skip]
const LATIN: [(char, &str); 35] = [
    ('а', "a"), ('б', "b"), ('в', "v"), ('г', "g"), ('д', "d"), ('е', "e"), ('ё', "yo"),
    ('ж', "zh"), ('з', "z"), ('и', "i"), ('й', "y"), ('к', "k"), ('л', "l"), ('м', "m"),
    ('н', "n"), ('о', "o"), ('п', "p"), ('р', "r"), ('с', "s"), ('т', "t"), ('у', "u"),
    ('ф', "f"), ('х', "kh"), ('ц', "ts"), ('ч', "ch"), ('ш', "sh"), ('щ', "shch"), ('ы', "y"),
    ('э', "e"), ('ю', "yu"), ('я', "ya"), ('ў', "o"), ('қ', "q"), ('ғ', "g"), ('ҳ', "h"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str], mapping: &[(&str, Option<&str>)]) -> Result<Vec<String>> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mapping = mapping
            .iter()
            .map(|(name, target)| ((*name).to_owned(), target.map(str::to_owned)));
        let columns = columns(&names, None, &mapping.collect())?;
        let shown = |column: &Column| {
            column
                .target
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string)
        };
        Ok(columns
            .iter()
            .map(|column| format!("{}={}", column.name, shown(column)))
            .collect())
    }

    #[test]
    fn columns_of_like_names_stay_apart() {
        let found = of(&["name", "Цвет", "tsvet", "ЦВЕТ", "Email", "Email"], &[]).unwrap();
        let wanted = [
            "name=name",
            "Цвет=custom_fields.tsvet",
            "tsvet=custom_fields.tsvet_2",
            "ЦВЕТ=custom_fields.tsvet_3",
            "Email=email",
            "Email (2)=email",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn any_column_gets_a_name_that_a_custom_field_may_have() {
        for (column, name) in [
            ("Loyalty card #", "loyalty_card"),
            ("Любимый цвет", "lyubimyy_tsvet"),
            ("Oʻlchami (sm)", "olchami_sm"),
            ("Қўшимча маълумот", "qoshimcha_malumot"),
            ("2025", "c_2025"),
            ("住所", "column"),
            ("custom_fields.Level", "level"),
        ] {
            let found = of(&["name", column], &[]).unwrap();
            assert_eq!(found[1], format!("{column}=custom_fields.{name}"));
        }
    }

    #[test]
    fn the_only_part_of_a_name_is_the_whole() {
        assert_eq!(
            of(&["Имя", "Отчество"], &[]).unwrap(),
            ["Имя=name", "Отчество=middle_name"]
        );
        assert_eq!(
            of(&["Имя", "Фамилия"], &[]).unwrap(),
            ["Имя=given_name", "Фамилия=family_name"]
        );
        assert_eq!(
            of(&["Имя", "ФИО"], &[]).unwrap(),
            ["Имя=given_name", "ФИО=name_family_first"]
        );
    }

    #[test]
    fn a_mapping_wins() {
        let mapping = [
            ("Who", Some("name")),
            ("email", None),
            ("Born", Some("birthday")),
        ];
        let found = of(&["Who", "email", "Born", ""], &mapping).unwrap();
        assert_eq!(found, ["Who=name", "email=-", "Born=birthday", "=-"]);
        for (mapping, field) in [
            (("Nobody", Some("name")), "mapping"),
            (("name", Some("nick")), "mapping"),
            (("name", None), "file"),
        ] {
            let error = of(&["name"], &[mapping]).unwrap_err();
            assert_eq!(error.fields()[0].field, field);
        }
    }

    #[test]
    fn a_file_without_names_is_none_of_contacts() {
        assert!(
            of(&["email", "phone"], &[]).unwrap_err().fields()[0]
                .message
                .contains("name one in the mapping")
        );
        assert!(
            of(&["a", "b"], &[]).unwrap_err().fields()[0]
                .message
                .contains("for example")
        );
        assert!(of(&["x".repeat(201).as_str(), "name"], &[]).is_err());
    }
}
