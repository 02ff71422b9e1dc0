//! Which program wrote a file, and what its columns mean, found out from the names of the columns.
//!
//! Sources: the programs' own exports, whose column names are given by Google Contacts, HubSpot, Salesforce's data
//! export, Outlook, Bitrix24 and amoCRM as of 2026.

use super::dates::Order;
use super::own;
use super::target::{Field, Target};
use crate::contact::AddressKind;

/// A program whose exports are known.
#[derive(Debug)]
pub(super) struct Profile {
    /// What a report calls it.
    pub(super) name: &'static str,
    /// Columns that this program alone has; all but one of them are there.
    signs: &'static [&'static str],
    /// What its columns fill; `#` stands for a number. Not listed: a custom field.
    columns: &'static [(&'static str, Option<Target>)],
    /// How it writes dates that can be read in two ways.
    pub(super) dates: Order,
}

const EMAIL: Option<Target> = Some(Target::Email(0));
const OTHER_EMAIL: Option<Target> = Some(Target::Email(5));
const MOBILE: Option<Target> = Some(Target::Phone(0));
const WORK_PHONE: Option<Target> = Some(Target::Phone(5));
const OTHER_PHONE: Option<Target> = Some(Target::Phone(6));
const NAME: Option<Target> = Some(Target::Name);
const GIVEN: Option<Target> = Some(Target::GivenName);
const MIDDLE: Option<Target> = Some(Target::MiddleName);
const FAMILY: Option<Target> = Some(Target::FamilyName);
const ID: Option<Target> = Some(Target::Field(Field::ExternalId));
const BIRTHDAY: Option<Target> = Some(Target::Field(Field::Birthday));
const COMPANY: Option<Target> = Some(Target::Field(Field::Company));
const POSITION: Option<Target> = Some(Target::Field(Field::Position));
const LANGUAGE: Option<Target> = Some(Target::Field(Field::Language));
const TAGS: Option<Target> = Some(Target::Field(Field::Tags));
const ZONE: Option<Target> = Some(Target::Field(Field::TimeZone));
const TELEGRAM: Option<Target> = Some(Target::Field(Field::Telegram));
const NO_EMAIL: Option<Target> = Some(Target::OptOut(AddressKind::Email));
const NO_PHONE: Option<Target> = Some(Target::OptOut(AddressKind::Phone));

/// All of them, the telling ones first.
pub(super) static PROFILES: [Profile; 9] = [
    Profile {
        name: own::NAME,
        signs: &[
            "id",
            "external_id",
            "telegram_chat_id",
            "preferred_channels",
            "last_interaction_date",
        ],
        // The others have the names of what they fill. These are the engine's own affair.
        columns: &[
            ("id", None),
            ("workspace", None),
            ("version", None),
            ("erased", None),
            ("merged_into", None),
            ("guessed_time_zone", None),
            ("created_by", None),
            ("created_at", None),
            ("updated_at", None),
        ],
        dates: Order::DayFirst,
    },
    Profile {
        name: "google",
        signs: &[
            "first name",
            "last name",
            "e-mail 1 - value",
            "phone 1 - value",
            "labels",
        ],
        columns: &[
            ("first name", GIVEN),
            ("middle name", MIDDLE),
            ("last name", FAMILY),
            ("phonetic first name", None),
            ("phonetic middle name", None),
            ("phonetic last name", None),
            ("name prefix", None),
            ("name suffix", None),
            ("file as", None),
            ("photo", None),
            ("organization name", COMPANY),
            ("organization title", POSITION),
            ("birthday", BIRTHDAY),
            ("labels", TAGS),
            ("e-mail # - label", Some(Target::Label)),
            ("e-mail # - value", EMAIL),
            ("phone # - label", Some(Target::Label)),
            ("phone # - value", MOBILE),
        ],
        dates: Order::MonthFirst,
    },
    Profile {
        name: "google_old",
        signs: &["name", "given name", "family name", "group membership"],
        columns: &[
            ("name", NAME),
            ("given name", GIVEN),
            ("additional name", MIDDLE),
            ("family name", FAMILY),
            ("yomi name", None),
            ("given name yomi", None),
            ("additional name yomi", None),
            ("family name yomi", None),
            ("name prefix", None),
            ("name suffix", None),
            ("initials", None),
            ("short name", None),
            ("maiden name", None),
            ("file as", None),
            ("photo", None),
            ("organization # - name", COMPANY),
            ("organization # - title", POSITION),
            ("birthday", BIRTHDAY),
            ("language", LANGUAGE),
            ("group membership", TAGS),
            ("e-mail # - type", Some(Target::Label)),
            ("e-mail # - value", EMAIL),
            ("phone # - type", Some(Target::Label)),
            ("phone # - value", MOBILE),
        ],
        dates: Order::MonthFirst,
    },
    Profile {
        name: "salesforce",
        signs: &["id", "isdeleted", "accountid", "lastname", "firstname"],
        columns: &[
            ("id", ID),
            ("isdeleted", Some(Target::Deleted)),
            ("lastname", FAMILY),
            ("firstname", GIVEN),
            ("middlename", MIDDLE),
            ("salutation", None),
            ("name", NAME),
            ("mobilephone", MOBILE),
            ("phone", WORK_PHONE),
            ("homephone", OTHER_PHONE),
            ("otherphone", OTHER_PHONE),
            ("assistantphone", None),
            ("email", EMAIL),
            ("title", POSITION),
            ("birthdate", BIRTHDAY),
            ("hasoptedoutofemail", NO_EMAIL),
            ("donotcall", NO_PHONE),
            ("emailbouncedreason", Some(Target::Bounced)),
            ("emailbounceddate", Some(Target::Bounced)),
            ("isemailbounced", None),
        ],
        dates: Order::MonthFirst,
    },
    Profile {
        name: "hubspot",
        signs: &[
            "record id",
            "contact owner",
            "lifecycle stage",
            "lead status",
            "create date",
        ],
        columns: HUBSPOT,
        dates: Order::MonthFirst,
    },
    Profile {
        name: "hubspot",
        signs: &[
            "hs_object_id",
            "hubspot_owner_id",
            "lifecyclestage",
            "hs_lead_status",
            "createdate",
        ],
        columns: HUBSPOT,
        dates: Order::MonthFirst,
    },
    Profile {
        name: "outlook",
        signs: &[
            "first name",
            "last name",
            "business phone",
            "e-mail address",
        ],
        columns: &[
            // A form of address here.
            ("title", None),
            ("first name", GIVEN),
            ("middle name", MIDDLE),
            ("last name", FAMILY),
            ("suffix", None),
            ("company", COMPANY),
            ("job title", POSITION),
            ("mobile phone", MOBILE),
            ("primary phone", Some(Target::Phone(1))),
            ("home phone", Some(Target::Phone(4))),
            ("home phone 2", OTHER_PHONE),
            ("business phone", WORK_PHONE),
            ("business phone 2", OTHER_PHONE),
            ("other phone", OTHER_PHONE),
            ("birthday", BIRTHDAY),
            ("e-mail address", EMAIL),
            ("e-mail type", None),
            ("e-mail display name", None),
            ("e-mail # address", OTHER_EMAIL),
            ("e-mail # type", None),
            ("e-mail # display name", None),
            ("language", LANGUAGE),
            ("categories", TAGS),
            ("initials", None),
        ],
        dates: Order::MonthFirst,
    },
    Profile {
        name: "bitrix24",
        signs: &[
            "id",
            "обращение",
            "имя, фамилия",
            "ответственный",
            "тип контакта",
        ],
        columns: &[
            ("id", ID),
            ("обращение", None),
            ("имя", GIVEN),
            ("отчество", MIDDLE),
            ("фамилия", FAMILY),
            ("имя, фамилия", NAME),
            ("дата рождения", BIRTHDAY),
            ("компания", COMPANY),
            ("должность", POSITION),
            ("мобильный телефон", MOBILE),
            ("рабочий телефон", WORK_PHONE),
            ("домашний телефон", OTHER_PHONE),
            ("другой телефон", OTHER_PHONE),
            ("рабочий e-mail", EMAIL),
            ("частный e-mail", OTHER_EMAIL),
            ("другой e-mail", OTHER_EMAIL),
            ("контакт telegram", TELEGRAM),
        ],
        dates: Order::DayFirst,
    },
    Profile {
        name: "amocrm",
        signs: &[
            "id",
            "тип",
            "полное имя контакта",
            "название компании",
            "дата создания контакта",
        ],
        columns: &[
            ("id", ID),
            ("полное имя контакта", NAME),
            ("имя", GIVEN),
            ("фамилия", FAMILY),
            ("отчество", MIDDLE),
            ("название компании", COMPANY),
            ("должность", POSITION),
            ("теги", TAGS),
            ("мобильный телефон", MOBILE),
            ("рабочий телефон", WORK_PHONE),
            ("рабочий прямой телефон", WORK_PHONE),
            ("домашний телефон", OTHER_PHONE),
            ("другой телефон", OTHER_PHONE),
            ("рабочий email", EMAIL),
            ("личный email", OTHER_EMAIL),
            ("другой email", OTHER_EMAIL),
            ("дата рождения", BIRTHDAY),
        ],
        dates: Order::DayFirst,
    },
];

const HUBSPOT: &[(&str, Option<Target>)] = &[
    ("record id", ID),
    ("hs_object_id", ID),
    ("first name", GIVEN),
    ("firstname", GIVEN),
    ("last name", FAMILY),
    ("lastname", FAMILY),
    ("email", EMAIL),
    ("work_email", OTHER_EMAIL),
    ("mobile phone number", MOBILE),
    ("mobilephone", MOBILE),
    ("phone number", WORK_PHONE),
    ("phone", WORK_PHONE),
    ("job title", POSITION),
    ("jobtitle", POSITION),
    ("company name", COMPANY),
    ("company", COMPANY),
    ("date of birth", BIRTHDAY),
    ("date_of_birth", BIRTHDAY),
    ("preferred language", LANGUAGE),
    ("hs_language", LANGUAGE),
    ("time zone", ZONE),
    ("hs_timezone", ZONE),
    ("unsubscribed from all email", NO_EMAIL),
    ("hs_email_optout", NO_EMAIL),
    ("email hard bounce reason", Some(Target::Bounced)),
    ("hs_email_hard_bounce_reason_enum", Some(Target::Bounced)),
];

/// Names that people give columns, in English, Russian and Uzbek.
static PLAIN: &[(&str, Option<Target>)] = &[
    ("name", NAME),
    ("full name", NAME),
    ("full_name", NAME),
    ("contact name", NAME),
    ("полное имя", NAME),
    ("имя и фамилия", NAME),
    ("имя фамилия", NAME),
    ("имя, фамилия", NAME),
    ("контакт", NAME),
    ("клиент", NAME),
    ("to'liq ism", NAME),
    ("to'liq ismi", NAME),
    ("ism familiya", NAME),
    ("исм фамилия", NAME),
    ("фио", Some(Target::NameFamilyFirst)),
    ("ф.и.о.", Some(Target::NameFamilyFirst)),
    ("ф.и.о", Some(Target::NameFamilyFirst)),
    ("фамилия имя", Some(Target::NameFamilyFirst)),
    ("фамилия имя отчество", Some(Target::NameFamilyFirst)),
    ("фамилия, имя, отчество", Some(Target::NameFamilyFirst)),
    ("fio", Some(Target::NameFamilyFirst)),
    ("f.i.o.", Some(Target::NameFamilyFirst)),
    ("f.i.sh.", Some(Target::NameFamilyFirst)),
    ("f.i.sh", Some(Target::NameFamilyFirst)),
    ("фиш", Some(Target::NameFamilyFirst)),
    ("ф.и.ш.", Some(Target::NameFamilyFirst)),
    ("first name", GIVEN),
    ("first_name", GIVEN),
    ("firstname", GIVEN),
    ("given name", GIVEN),
    ("given_name", GIVEN),
    ("имя", GIVEN),
    ("ism", GIVEN),
    ("ismi", GIVEN),
    ("исм", GIVEN),
    ("исми", GIVEN),
    ("middle name", MIDDLE),
    ("middle_name", MIDDLE),
    ("patronymic", MIDDLE),
    ("отчество", MIDDLE),
    ("sharif", MIDDLE),
    ("sharifi", MIDDLE),
    ("otasining ismi", MIDDLE),
    ("шариф", MIDDLE),
    ("шарифи", MIDDLE),
    ("отасининг исми", MIDDLE),
    ("last name", FAMILY),
    ("last_name", FAMILY),
    ("lastname", FAMILY),
    ("surname", FAMILY),
    ("family name", FAMILY),
    ("family_name", FAMILY),
    ("фамилия", FAMILY),
    ("familiya", FAMILY),
    ("familiyasi", FAMILY),
    ("фамилияси", FAMILY),
    ("email", EMAIL),
    ("e-mail", EMAIL),
    ("mail", EMAIL),
    ("email address", EMAIL),
    ("e-mail address", EMAIL),
    ("e-mail #", OTHER_EMAIL),
    ("email #", OTHER_EMAIL),
    ("почта", EMAIL),
    ("эл. почта", EMAIL),
    ("электронная почта", EMAIL),
    ("адрес электронной почты", EMAIL),
    ("elektron pochta", EMAIL),
    ("pochta", EMAIL),
    ("электрон почта", EMAIL),
    ("mobile", MOBILE),
    ("mobile phone", MOBILE),
    ("cell phone", MOBILE),
    ("мобильный", MOBILE),
    ("мобильный телефон", MOBILE),
    ("сотовый", MOBILE),
    ("phone", Some(Target::Phone(2))),
    ("phone number", Some(Target::Phone(2))),
    ("phone #", Some(Target::Phone(3))),
    ("телефон #", Some(Target::Phone(3))),
    ("телефон", Some(Target::Phone(2))),
    ("номер телефона", Some(Target::Phone(2))),
    ("тел.", Some(Target::Phone(2))),
    ("тел", Some(Target::Phone(2))),
    ("telefon", Some(Target::Phone(2))),
    ("telefon raqami", Some(Target::Phone(2))),
    ("телефон рақами", Some(Target::Phone(2))),
    ("work phone", WORK_PHONE),
    ("рабочий телефон", WORK_PHONE),
    ("home phone", OTHER_PHONE),
    ("домашний телефон", OTHER_PHONE),
    ("segment", Some(Target::Field(Field::Segment))),
    ("сегмент", Some(Target::Field(Field::Segment))),
    ("birthday", BIRTHDAY),
    ("birthdate", BIRTHDAY),
    ("birth date", BIRTHDAY),
    ("date of birth", BIRTHDAY),
    ("дата рождения", BIRTHDAY),
    ("день рождения", BIRTHDAY),
    ("др", BIRTHDAY),
    ("tug'ilgan sana", BIRTHDAY),
    ("tug'ilgan sanasi", BIRTHDAY),
    ("tug'ilgan kun", BIRTHDAY),
    ("туғилган сана", BIRTHDAY),
    ("туғилган санаси", BIRTHDAY),
    ("туғилган кун", BIRTHDAY),
    ("company", COMPANY),
    ("company name", COMPANY),
    ("organization", COMPANY),
    ("компания", COMPANY),
    ("организация", COMPANY),
    ("фирма", COMPANY),
    ("kompaniya", COMPANY),
    ("tashkilot", COMPANY),
    ("ташкилот", COMPANY),
    ("position", POSITION),
    ("job title", POSITION),
    ("должность", POSITION),
    ("lavozim", POSITION),
    ("lavozimi", POSITION),
    ("лавозим", POSITION),
    ("лавозими", POSITION),
    ("language", LANGUAGE),
    ("lang", LANGUAGE),
    ("язык", LANGUAGE),
    ("til", LANGUAGE),
    ("тил", LANGUAGE),
    ("tags", TAGS),
    ("labels", TAGS),
    ("теги", TAGS),
    ("метки", TAGS),
    ("teglar", TAGS),
    ("теглар", TAGS),
    ("external_id", ID),
    ("external id", ID),
    ("id", ID),
    ("time_zone", ZONE),
    ("time zone", ZONE),
    ("timezone", ZONE),
    ("часовой пояс", ZONE),
    ("telegram_chat_id", TELEGRAM),
    ("telegram", TELEGRAM),
    ("телеграм", TELEGRAM),
    ("телеграмм", TELEGRAM),
    ("whatsapp", Some(Target::Field(Field::Whatsapp))),
    ("ватсап", Some(Target::Field(Field::Whatsapp))),
    ("unsubscribed", NO_EMAIL),
    ("opted out", NO_EMAIL),
    ("отписан", NO_EMAIL),
    ("отписался", NO_EMAIL),
    ("do not call", NO_PHONE),
    ("не звонить", NO_PHONE),
    ("nickname", Some(Target::Custom(String::new()))),
    ("note", Some(Target::Custom(String::new()))),
    ("notes", Some(Target::Custom(String::new()))),
    ("примечание", Some(Target::Custom(String::new()))),
    ("комментарий", Some(Target::Custom(String::new()))),
    ("izoh", Some(Target::Custom(String::new()))),
    ("изоҳ", Some(Target::Custom(String::new()))),
];

/// Columns that mean the same whoever wrote them.
pub(super) const PLAIN_NAME: &str = "plain";

/// The name of a column as it is looked up: small letters, one kind of apostrophe and of space.
pub(super) fn folded(name: &str) -> String {
    let name = name.trim_start_matches('\u{feff}').to_lowercase();
    let name: String = name
        .chars()
        .map(|letter| match letter {
            'ʻ' | 'ʼ' | '‘' | '’' | '`' | 'ʹ' => '\'',
            '\u{a0}' | '\t' | '\r' | '\n' => ' ',
            'ё' => 'е',
            other => other,
        })
        .collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name with a `#` for its number: `e-mail 1 - value` is `e-mail # - value`.
fn numbered(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let place = words
        .iter()
        .position(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()))?;
    let words: Vec<&str> = words
        .iter()
        .enumerate()
        .map(|(at, word)| if at == place { "#" } else { word })
        .collect();
    Some(words.join(" "))
}

impl Profile {
    /// Whether a file with these columns is from this program.
    fn fits(&self, columns: &[String]) -> bool {
        let found = self
            .signs
            .iter()
            .filter(|sign| columns.iter().any(|name| name == *sign))
            .count();
        // Who exports may choose columns, but hardly leaves two of the telling ones out.
        found + 1 >= self.signs.len()
    }
}

/// The program whose columns these folded names are.
pub(super) fn profile(columns: &[String]) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.fits(columns))
}

/// Whether a column of this folded name is known in files of that program, or of any, and what it fills.
pub(super) fn known(profile: Option<&'static Profile>, name: &str) -> Option<Option<Target>> {
    let find = |columns: &'static [(&str, Option<Target>)]| {
        let number = || numbered(name);
        let exact = columns.iter().find(|(known, _)| *known == name);
        exact.or_else(|| {
            let name = number()?;
            columns.iter().find(|(known, _)| *known == name)
        })
    };
    let table = profile.map_or(PLAIN, |profile| profile.columns);
    find(table).map(|(_, target)| target.clone())
}

/// Whether any file has a column of this folded name.
pub(super) fn is_known(name: &str) -> bool {
    known(None, name).is_some()
        || PROFILES
            .iter()
            .any(|profile| known(Some(profile), name).is_some())
}

/// The way plain files write dates, as long as their values say nothing else.
pub(super) const PLAIN_DATES: Order = Order::DayFirst;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(header: &str) -> Option<&'static str> {
        let columns: Vec<String> = header.split(';').map(folded).collect();
        profile(&columns).map(|profile| profile.name)
    }

    #[test]
    fn programs_are_known_by_their_columns() {
        for (header, name) in [
            (
                "First Name;Middle Name;Last Name;Labels;E-mail 1 - Label;E-mail 1 - Value;Phone 1 - Value",
                "google",
            ),
            (
                "Name;Given Name;Family Name;Group Membership;E-mail 1 - Type;E-mail 1 - Value",
                "google_old",
            ),
            (
                "Id;IsDeleted;AccountId;LastName;FirstName;Email",
                "salesforce",
            ),
            (
                "Record ID;First Name;Contact owner;Lifecycle Stage;Lead Status;Create Date",
                "hubspot",
            ),
            (
                "Title;First Name;Last Name;Business Phone;E-mail Address",
                "outlook",
            ),
            (
                "ID;Обращение;Имя;Фамилия;Имя, Фамилия;Ответственный;Тип контакта",
                "bitrix24",
            ),
            (
                "ID;Тип;Полное имя контакта;Название компании;Дата создания контакта",
                "amocrm",
            ),
        ] {
            assert_eq!(found(header), Some(name), "{header}");
        }
        for header in [
            "name;email",
            "Имя;Фамилия;Телефон",
            "id;first name;last name;email",
            "",
        ] {
            assert_eq!(found(header), None, "{header}");
        }
    }

    #[test]
    fn a_column_may_have_a_number() {
        let google = PROFILES.iter().find(|profile| profile.name == "google");
        assert_eq!(known(google, "e-mail 12 - value"), Some(EMAIL));
        assert_eq!(known(google, "e-mail x - value"), None);
        assert_eq!(known(google, "custom field 1 - value"), None);
    }

    #[test]
    fn names_are_looked_up_by_their_sense() {
        for (name, wanted) in [
            ("  E-Mail ", EMAIL),
            ("Tugʻilgan sana", BIRTHDAY),
            ("tug‘ilgan\u{a0} Sana", BIRTHDAY),
            ("Телефон рақами", Some(Target::Phone(2))),
            ("\u{feff}ФИО", Some(Target::NameFamilyFirst)),
        ] {
            assert_eq!(known(None, &folded(name)), Some(wanted), "{name}");
        }
    }
}
