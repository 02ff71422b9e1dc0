//! The same people as each program writes them.

use crate::people::Somebody;

/// A file as rows of cells.
pub(crate) struct Sheet {
    pub(crate) profile: &'static str,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Every cell is in quotation marks.
    pub(crate) quoted: bool,
    /// A separator stands behind the last cell.
    pub(crate) trailing: bool,
}

fn words(text: &str) -> Vec<String> {
    text.split('|').map(str::to_owned).collect()
}

/// `DD.MM.YYYY`, or `DD.MM`.
fn dotted(date: &str) -> String {
    match date.split('-').collect::<Vec<_>>().as_slice() {
        ["", "", month, day] => format!("{day}.{month}"),
        [year, month, day] => format!("{day}.{month}.{year}"),
        _ => String::new(),
    }
}

/// `M/D/YYYY`; without a year as it stands.
fn american(date: &str) -> String {
    match date.split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => format!(
            "{}/{}/{year}",
            month.trim_start_matches('0'),
            day.trim_start_matches('0')
        ),
        _ => date.to_owned(),
    }
}

/// As people in Uzbekistan write a number, in many ways.
fn national(phone: &str, number: usize) -> String {
    let Some(rest) = phone.strip_prefix("+998") else {
        return String::new();
    };
    match number % 5 {
        0 => rest.to_owned(),
        1 => format!(
            "+998 {} {}-{}-{}",
            &rest[..2],
            &rest[2..5],
            &rest[5..7],
            &rest[7..]
        ),
        2 => format!(
            "8 ({}) {} {} {}",
            &rest[..2],
            &rest[2..5],
            &rest[5..7],
            &rest[7..]
        ),
        3 => format!("998{rest}"),
        _ => phone.to_owned(),
    }
}

pub(crate) fn all(people: &[Somebody]) -> Vec<Sheet> {
    let sheet = |profile, header: &str, rows: fn(usize, &Somebody) -> Vec<String>| Sheet {
        profile,
        header: words(header),
        rows: people
            .iter()
            .enumerate()
            .map(|(number, person)| rows(number, person))
            .collect(),
        quoted: false,
        trailing: false,
    };
    vec![
        sheet(
            "google",
            "First Name|Middle Name|Last Name|Phonetic First Name|Name Prefix|File As|Organization Name|Organization Title|\
            Birthday|Notes|Labels|E-mail 1 - Label|E-mail 1 - Value|Phone 1 - Label|Phone 1 - Value|Phone 2 - Label|Phone 2 - Value",
            |number, p| {
                // The mobile phone is the second one, and marked as the primary one.
                let (first, label) = if number % 2 == 0 {
                    ("", "Mobile")
                } else {
                    ("+998712345678", "* Mobile")
                };
                let first = if p.phone.is_empty() { "" } else { first };
                let (value, other) = if first.is_empty() {
                    (p.phone.clone(), String::new())
                } else {
                    (text(first), p.phone.clone())
                };
                vec![
                    text(p.given),
                    text(p.middle),
                    text(p.family),
                    text(""),
                    text(""),
                    text(""),
                    text(p.company),
                    text(p.position),
                    text(p.birthday),
                    text("line 1\nline 2"),
                    text("* myContacts ::: Friends"),
                    text("* Work"),
                    p.email.clone(),
                    text("Work"),
                    value,
                    text(label),
                    other,
                ]
            },
        ),
        sheet(
            "google_old",
            "Name|Given Name|Additional Name|Family Name|Yomi Name|Birthday|Group Membership|E-mail 1 - Type|E-mail 1 - Value|\
            Phone 1 - Type|Phone 1 - Value|Organization 1 - Name|Organization 1 - Title",
            |_, p| {
                vec![
                    p.name(),
                    text(p.given),
                    text(p.middle),
                    text(p.family),
                    text(""),
                    text(p.birthday),
                    text("* myContacts"),
                    text("* Home"),
                    p.email.clone(),
                    text("Mobile"),
                    p.phone.clone(),
                    text(p.company),
                    text(p.position),
                ]
            },
        ),
        sheet(
            "hubspot",
            "Record ID|First Name|Last Name|Email|Phone Number|Job Title|Contact owner|Lifecycle Stage|Lead Status|Create Date|\
            Last Activity Date|Company Name|Date of birth|Middle name",
            |number, p| {
                vec![
                    (1000 + number).to_string(),
                    format!("{} {}", p.given, p.middle),
                    text(p.family),
                    p.email.clone(),
                    p.phone.clone(),
                    text(p.position),
                    text("Eve Owner"),
                    text("lead"),
                    text("NEW"),
                    text("2026-01-02 10:00"),
                    text(""),
                    text(p.company),
                    text(p.birthday),
                    text(""),
                ]
            },
        ),
        Sheet {
            quoted: true,
            ..sheet(
                "salesforce",
                "Id|IsDeleted|AccountId|LastName|FirstName|MiddleName|Salutation|Name|Phone|MobilePhone|Email|Title|Birthdate|\
                Description|HasOptedOutOfEmail|DoNotCall|EmailBouncedReason|EmailBouncedDate|Level__c",
                |number, p| {
                    vec![
                        format!("003{number:012}"),
                        text("0"),
                        text("001"),
                        text(p.family),
                        text(p.given),
                        text(p.middle),
                        text("Ms."),
                        p.name(),
                        text(""),
                        p.phone.clone(),
                        p.email.clone(),
                        text(p.position),
                        text(p.birthday),
                        text(""),
                        text("0"),
                        text("0"),
                        text(""),
                        text(""),
                        text("7"),
                    ]
                },
            )
        },
        sheet(
            "outlook",
            "Title|First Name|Middle Name|Last Name|Suffix|Company|Department|Job Title|Business Phone|Mobile Phone|Birthday|\
            E-mail Address|E-mail Type|E-mail Display Name|E-mail 2 Address",
            |_, p| {
                vec![
                    text("Mr."),
                    text(p.given),
                    text(p.middle),
                    text(p.family),
                    text(""),
                    text(p.company),
                    text(""),
                    text(p.position),
                    if p.phone.is_empty() {
                        text("")
                    } else {
                        text("+998712345678")
                    },
                    p.phone.clone(),
                    if p.birthday.is_empty() {
                        text("0/0/00")
                    } else {
                        american(p.birthday)
                    },
                    p.email.clone(),
                    text("SMTP"),
                    text(""),
                    text(""),
                ]
            },
        ),
        Sheet {
            quoted: true,
            trailing: true,
            ..sheet(
                "bitrix24",
                "ID|Обращение|Имя|Фамилия|Отчество|Имя, Фамилия|Дата рождения|Компания|Ответственный|Рабочий телефон|\
                Мобильный телефон|Рабочий e-mail|Частный e-mail|Контакт Telegram|Должность|Комментарий|Тип контакта",
                |number, p| {
                    vec![
                        number.to_string(),
                        text(""),
                        text(p.given),
                        text(p.family),
                        text(p.middle),
                        format!("{} {}", p.given, p.family),
                        dotted(p.birthday),
                        text(p.company),
                        text("Ева"),
                        text(""),
                        p.phone.clone(),
                        text(""),
                        p.email.clone(),
                        text(""),
                        text(p.position),
                        text(""),
                        text("Клиенты"),
                    ]
                },
            )
        },
        sheet(
            "amocrm",
            "ID|Тип|Полное имя контакта|Имя|Фамилия|Название компании|Ответственный|Дата создания контакта|Теги|Примечание 1|\
            Рабочий телефон|Мобильный телефон|Рабочий email|Личный email|Должность|Дата рождения|Примечание 1",
            |number, p| {
                vec![
                    number.to_string(),
                    text("контакт"),
                    p.name(),
                    text(""),
                    text(""),
                    text(p.company),
                    text("Ева"),
                    text("01.02.2026 10:11:12"),
                    text("VIP"),
                    text(""),
                    text(""),
                    if p.phone.is_empty() {
                        text("")
                    } else {
                        format!("'{}", p.phone)
                    },
                    p.email.clone(),
                    text(""),
                    text(p.position),
                    dotted(p.birthday),
                    text("x"),
                ]
            },
        ),
        sheet(
            "plain",
            "ФИО|Телефон|E-mail|Дата рождения|Компания|Должность",
            |number, p| {
                // Surname first, where a patronymic says so.
                let patronymic = ["вна", "чна", "ич", "ўғли", "qizi"]
                    .iter()
                    .any(|end| p.middle.ends_with(end));
                let name = if patronymic {
                    format!("{} {} {}", p.family, p.given, p.middle)
                } else {
                    p.name()
                };
                vec![
                    name,
                    national(&p.phone, number),
                    p.email.clone(),
                    dotted(p.birthday),
                    text(p.company),
                    text(p.position),
                ]
            },
        ),
        sheet(
            "plain",
            "name|phone|email|birthday|company|position",
            |number, p| {
                vec![
                    p.name(),
                    national(&p.phone, number),
                    p.email.clone(),
                    text(p.birthday),
                    text(p.company),
                    text(p.position),
                ]
            },
        ),
        sheet(
            "plain",
            "Ismi|Familiyasi|Sharifi|Telefon raqami|Elektron pochta|Tugʻilgan sana|Tashkilot|Lavozimi",
            |number, p| {
                vec![
                    text(p.given),
                    text(p.family),
                    text(p.middle),
                    national(&p.phone, number),
                    p.email.clone(),
                    dotted(p.birthday),
                    text(p.company),
                    text(p.position),
                ]
            },
        ),
    ]
}

fn text(text: &str) -> String {
    text.to_owned()
}

impl Sheet {
    /// The file, with what it begins with and line ends.
    pub(crate) fn text(&self, separator: char, end: &str) -> String {
        let cell = |cell: &String| {
            let special = |letter: char| letter == separator || matches!(letter, '"' | '\n' | '\r');
            if self.quoted || cell.contains(special) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.clone()
            }
        };
        let row = |cells: &Vec<String>| {
            let mut row = cells
                .iter()
                .map(cell)
                .collect::<Vec<_>>()
                .join(&separator.to_string());
            if self.trailing {
                row.push(separator);
            }
            row + end
        };
        std::iter::once(&self.header)
            .chain(&self.rows)
            .map(row)
            .collect()
    }
}

/// One card for each person.
pub(crate) fn cards(people: &[Somebody], version: &str, end: &str) -> String {
    let mut file = String::new();
    for person in people {
        let escape = |text: &str| {
            text.replace('\\', "\\\\")
                .replace(';', "\\;")
                .replace(',', "\\,")
                .replace('\n', "\\n")
        };
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                file += &format!("{name}:{value}{end}");
            }
        };
        line("BEGIN", "VCARD");
        line("VERSION", version);
        line(
            "N",
            &format!(
                "{};{};{};;",
                escape(person.family),
                escape(person.given),
                escape(person.middle)
            ),
        );
        line("FN", &escape(&person.name()));
        line("EMAIL;TYPE=INTERNET", &person.email);
        line("TEL;TYPE=CELL", &person.phone);
        line("BDAY", person.birthday);
        line("ORG", &escape(person.company));
        line("TITLE", &escape(person.position));
        line("END", "VCARD");
    }
    file
}

/// As phones write version 2.1: texts in quoted-printable of UTF-8.
pub(crate) fn quoted_cards(people: &[Somebody]) -> String {
    let quote = |text: &str| {
        text.bytes()
            .map(|byte| format!("={byte:02X}"))
            .collect::<String>()
    };
    let mut file = String::new();
    for person in people {
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                file += &format!("{name};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{value}\r\n");
            }
        };
        line(
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN",
            &[person.family, person.given, person.middle]
                .map(quote)
                .join(";"),
        );
        line("FN", &quote(&person.name()));
        line("ORG", &quote(&person.company.replace(';', "\\;")));
        line("TITLE", &quote(person.position));
        for (name, value) in [
            ("TEL;CELL", &person.phone),
            ("EMAIL;INTERNET", &person.email),
            ("BDAY", &person.birthday.to_owned()),
        ] {
            if !value.is_empty() {
                file += &format!("{name}:{value}\r\n");
            }
        }
        file += "END:VCARD\r\n";
    }
    file
}

/// One object for each person.
pub(crate) fn json_lines(people: &[Somebody], end: &str) -> String {
    let line = |person: &Somebody| {
        let object = serde_json::json!({
            "name": person.name(), "email": person.email, "phone": person.phone, "birthday": person.birthday,
            "company": person.company, "position": person.position,
        });
        object.to_string() + end
    };
    people.iter().map(line).collect()
}
