//! Twenty invented people. Nobody can be reached by accident: their addresses end in `.example`.

/// What every file says of a person, in whatever form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Somebody {
    pub(crate) given: &'static str,
    pub(crate) middle: &'static str,
    pub(crate) family: &'static str,
    pub(crate) email: String,
    /// E.164.
    pub(crate) phone: String,
    /// `YYYY-MM-DD`, `--MM-DD` or nothing.
    pub(crate) birthday: &'static str,
    pub(crate) company: &'static str,
    pub(crate) position: &'static str,
}

impl Somebody {
    pub(crate) fn name(&self) -> String {
        let parts = [self.given, self.middle, self.family];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }
}

/// Whom a file in an encoding can name: letters that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Russian ones.
    Russian,
    /// Western ones.
    Western,
    /// All, Uzbek ones and a smile among them.
    All,
}

const RUSSIAN: [[&str; 6]; 20] = [
    [
        "Анна",
        "Петровна",
        "Иванова",
        "1985-03-07",
        "ООО «Ромашка»",
        "директор",
    ],
    ["Юрий", "", "Щукин", "1990-12-31", "Чинор; Сад", "инженер"],
    ["Ольга", "Сергеевна", "Ёлкина", "--02-29", "", ""],
    [
        "Отабек",
        "Улугбекович",
        "Каримов",
        "2000-02-29",
        "Пахта, Хлопок",
        "бухгалтер № 2",
    ],
    ["Ян", "", "Ким", "", "ИП Ким", ""],
    [
        "Эмма",
        "Юльевна",
        "Цой",
        "1977-01-01",
        "\"Цой\" и Ко",
        "врач",
    ],
    ["Фёдор", "", "Жданов", "1969-07-20", "Завод \"Ъ\"", ""],
    ["Зоя", "Ильинична", "Подъячева", "--12-01", "", "юрист"],
    [
        "Рустам",
        "",
        "Хамраев",
        "1988-10-10",
        "Чинор Клиник",
        "хирург",
    ],
    ["Мария", "Ивановна", "Петрова-Водкина", "1992-05-05", "", ""],
    [
        "Пётр",
        "Ильич",
        "Чайкин",
        "1940-05-07",
        "Опера",
        "композитор",
    ],
    [
        "Гульнара",
        "Рустамовна",
        "Хасанова",
        "1983-04-02",
        "Банк, Отделение 2",
        "кассир",
    ],
    ["Денис", "", "Орлов", "1995-09-15", "", "курьер"],
    ["Алла", "", "Эм", "--11-11", "Эм и сыновья", ""],
    ["Тимур", "Бахтиёрович", "Юсупов", "1979-06-30", "", ""],
    ["Лола", "", "Ахмедова", "2001-08-08", "Ателье", "швея"],
    ["Игорь", "Олегович", "Шевчук", "1966-03-03", "", "сторож"],
    ["Вера", "", "Мышкина", "1999-01-31", "Школа № 5", "учитель"],
    [
        "Шухрат",
        "Ганиевич",
        "Назаров",
        "1981-11-02",
        "Таксопарк",
        "",
    ],
    ["Яна", "", "Ростова", "1994-02-14", "", ""],
];

const WESTERN: [[&str; 6]; 20] = [
    [
        "Jürgen",
        "",
        "Müller",
        "1985-03-07",
        "Größe & Söhne",
        "Geschäftsführer",
    ],
    [
        "Zoë",
        "",
        "Lefèvre",
        "1990-12-31",
        "Café; Crème",
        "ingénieure",
    ],
    ["José", "María", "Núñez", "--02-29", "", ""],
    ["François", "", "Besançon", "2000-02-29", "Forêt, Bois", ""],
    ["Ann", "", "Smith", "", "Smith \"and\" Sons", ""],
    ["Åsa", "", "Öberg", "1977-01-01", "", "läkare"],
    ["John", "Paul", "Jones", "1969-07-20", "", "bass"],
    ["Mary", "", "O'Neill", "--12-01", "", ""],
    ["Søren", "", "Ærø", "1988-10-10", "Bådværft", ""],
    ["Élodie", "", "Dupré", "1992-05-05", "", "avocate"],
    ["Peter", "", "Çelik", "1940-05-07", "Opera", ""],
    [
        "Inês",
        "",
        "Gonçalves",
        "1983-04-02",
        "Banco, Agência 2",
        "",
    ],
    ["Dennis", "", "Weiß", "1995-09-15", "", ""],
    ["Chloé", "", "Noël", "--11-11", "", ""],
    ["Tim", "", "Young", "1979-06-30", "", ""],
    ["Renée", "", "Forêt", "2001-08-08", "Atelier", ""],
    ["Ian", "", "McKay", "1966-03-03", "", ""],
    ["Vera", "", "Håkansson", "1999-01-31", "Skola 5", "lärare"],
    ["Luís", "", "Araújo", "1981-11-02", "", ""],
    ["Jana", "", "Groß", "1994-02-14", "", ""],
];

/// Added to the Russian ones where every letter can be written.
const ALL: [[&str; 6]; 4] = [
    [
        "Oʻtkir",
        "",
        "Gʻulomov",
        "1985-03-07",
        "Oʻzbek Paxta",
        "bugʻalter",
    ],
    [
        "Қаҳрамон",
        "Баҳодир ўғли",
        "Ғуломов",
        "1990-12-31",
        "Қўқон",
        "ҳисобчи",
    ],
    ["Dilnoza", "Rustam qizi", "Karimova", "--02-29", "", ""],
    ["Эмодзи", "", "Смайлов", "2000-02-29", "🎂 Торты", ""],
];

pub(crate) fn people(letters: Letters) -> Vec<Somebody> {
    let rows: Vec<&[&'static str; 6]> = match letters {
        Letters::Russian => RUSSIAN.iter().collect(),
        Letters::Western => WESTERN.iter().collect(),
        Letters::All => ALL.iter().chain(RUSSIAN.iter().take(16)).collect(),
    };
    rows.into_iter()
        .enumerate()
        .map(|(number, row)| Somebody {
            given: row[0],
            middle: row[1],
            family: row[2],
            // Some have an e-mail address, some a phone number, most both.
            email: if number % 7 == 3 {
                String::new()
            } else {
                format!("person.{number}@post.example")
            },
            phone: if number % 7 == 5 {
                String::new()
            } else {
                format!("+9989012345{number:02}")
            },
            birthday: row[3],
            company: row[4],
            position: row[5],
        })
        .collect()
}
