//! Reads single conditions and their values.

use chrono::NaiveDate;
use serde_json::Value;
use uuid::Uuid;

use super::lexer::{Token, refuse};
use super::literal::{Plain, plain};
use super::parser::Parser;
use super::words;
use crate::audience::condition::{
    Before, ConsentCondition, ContactField, FieldCondition, FieldTest, STATUSES, TOPICS,
};
use crate::audience::messages::{MessageCondition, MessageState};
use crate::audience::{Audience, compare};
use crate::error::{Error, Result};
use crate::id::{CampaignId, ContactId};

/// What is read where a value stands.
enum Read<'t> {
    Word(&'t str),
    Quoted(String),
}

impl Read<'_> {
    fn text(self) -> String {
        match self {
            Self::Word(word) => word.to_owned(),
            Self::Quoted(text) => text,
        }
    }
}

/// A value read at a character, as the condition it makes.
type Make<'f> = &'f dyn Fn(Read<'_>, usize) -> Result<Audience>;

impl<'t> Parser<'t> {
    /// The condition that begins with the word that is next; none does with an unknown one.
    pub(super) fn condition(&mut self, word: &'t str) -> Result<Option<Audience>> {
        let lower = word.to_ascii_lowercase();
        let at = self.next.at;
        let text =
            |make: fn(String) -> Audience| move |read: Read<'_>, at| whole(make(read.text()), at);
        let read = match lower.as_str() {
            "everybody" => self.alone(Audience::everybody()),
            "nobody" => self.alone(Audience::nobody()),
            "segment" => self.equality(&text(Audience::Segment)),
            "tag" => self.equality(&text(Audience::Tag)),
            "language" => self.equality(&text(Audience::Language)),
            "contact" => self.equality(&|read, at| {
                let id = Uuid::parse_str(&read.text());
                let id = id.map_err(|_| refuse(at, "expected the id of a contact, a UUID"))?;
                Ok(Audience::Contact(ContactId(id)))
            }),
            "in" => self.in_campaign(),
            "message" => self.message(),
            "birthday" => self.birthday(),
            "last" => self.last(),
            "has" => self.has(),
            "consent" => self.consent(),
            "saved" => self.saved(),
            _ if lower.starts_with("field.") => {
                let name = self.field_name()?;
                self.field(&name, at)
            }
            _ => return Ok(None),
        };
        read.map(Some)
    }

    fn alone(&mut self, audience: Audience) -> Result<Audience> {
        self.part()?;
        self.take()?;
        Ok(audience)
    }

    /// `= value`, `!= value`, `in (..)` or `not in (..)` behind the word that is next.
    fn equality(&mut self, make: Make<'_>) -> Result<Audience> {
        self.take()?;
        match self.tested(make)? {
            Some(read) => Ok(read),
            None => Err(self.unexpected("=, !=, in or not in")),
        }
    }

    /// The same, when it is there.
    fn tested(&mut self, make: Make<'_>) -> Result<Option<Audience>> {
        if self.sign("=")? {
            return self.value(make).map(Some);
        }
        if self.sign("!=")? {
            self.part()?;
            return Ok(Some(Audience::Not(Box::new(self.value(make)?))));
        }
        if self.word("in")? {
            return self.values(make).map(Some);
        }
        if self.word("not")? {
            self.part()?;
            self.wanted("in")?;
            return Ok(Some(Audience::Not(Box::new(self.values(make)?))));
        }
        Ok(None)
    }

    /// A list in brackets: one of them. A single one stands for itself.
    fn values(&mut self, make: Make<'_>) -> Result<Audience> {
        self.wanted_sign("(", "a bracket and a list of values")?;
        let first = self.value(make)?;
        if self.sign(")")? {
            return Ok(first);
        }
        self.part()?;
        let mut all = vec![first];
        while self.sign(",")? {
            all.push(self.value(make)?);
        }
        self.wanted_sign(")", "a comma or a closing bracket")?;
        Ok(Audience::Or(all))
    }

    fn value(&mut self, make: Make<'_>) -> Result<Audience> {
        self.part()?;
        let at = self.next.at;
        let read = self.text()?;
        make(read, at)
    }

    /// A word that does not join, or a text in quotes.
    fn text(&mut self) -> Result<Read<'t>> {
        match &self.next.token {
            Token::Word(word) if words::reserved(word) => {
                Err(self.unexpected("a value (put this word in quotes if it is one)"))
            }
            Token::Word(_) | Token::Quoted(_) => Ok(match self.take()?.token {
                Token::Word(word) => Read::Word(word),
                Token::Quoted(text) => Read::Quoted(text),
                Token::Sign(_) | Token::End => Read::Quoted(String::new()),
            }),
            Token::Sign(_) | Token::End => Err(self.unexpected("a value")),
        }
    }

    fn birthday(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        if self.word("within")? {
            let at = self.next.at;
            let days = self.days("a number of days, such as 7d")?;
            return whole(Audience::BirthdayWithin(days), at);
        }
        if !self.word("in")? {
            return Err(self.unexpected("within or in month"));
        }
        self.wanted("month")?;
        let at = self.next.at;
        let month = match self.next.token {
            Token::Word(word) => number(word),
            _ => None,
        };
        let month = month.ok_or_else(|| self.unexpected("the number of a month, 1 to 12"))?;
        self.take()?;
        whole(Audience::BirthdayMonth(month), at)
    }

    /// `7d`, `7 d`, `7 days` or `1 day`.
    fn days(&mut self, expected: &str) -> Result<u32> {
        let Token::Word(word) = self.next.token else {
            return Err(self.unexpected(expected));
        };
        let (digits, unit) = word.split_at(
            word.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(word.len()),
        );
        let days = number(digits).ok_or_else(|| self.unexpected(expected))?;
        if unit.is_empty() {
            self.take()?;
        }
        let unit = if unit.is_empty() {
            match self.next.token {
                Token::Word(unit) => unit,
                _ => return Err(self.unexpected("d or days")),
            }
        } else {
            unit
        };
        if !["d", "day", "days"]
            .iter()
            .any(|known| words::is(unit, known))
        {
            return Err(self.unexpected("d or days"));
        }
        self.take()?;
        Ok(days)
    }

    fn last(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        self.wanted("interaction")?;
        self.wanted("before")?;
        let at = self.next.at;
        let date: Option<NaiveDate> = match self.next.token {
            Token::Word(word) => compare::date(word),
            _ => None,
        };
        let before = match date {
            Some(date) => {
                self.take()?;
                Before::Date(date)
            }
            None => Before::Days(
                self.days("a number of days, such as 90d, or a date, such as 2026-01-31")?,
            ),
        };
        whole(Audience::LastInteractionBefore(before), at)
    }

    fn has(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        let at = self.next.at;
        let Token::Word(word) = self.next.token else {
            return Err(self.unexpected("the name of a field"));
        };
        if word.to_ascii_lowercase().starts_with("field.") {
            let name = self.field_name()?;
            return custom(&name, FieldTest::Exists, at);
        }
        let named = ContactField::ALL
            .into_iter()
            .find(|field| words::is(word, field.as_str()));
        let Some(field) = named else {
            let mut known: Vec<&'static str> = words::fields().collect();
            known.push("field.name");
            let hint = words::hint(word, &known);
            return Err(refuse(at, &format!("there is no such field; {hint}")));
        };
        self.take()?;
        Ok(Audience::Has(field))
    }

    fn consent(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        let at = self.next.at;
        let channel = self.text()?.text();
        let topic = self.choice(&TOPICS)?;
        let differs = self.sign("!=")?;
        if differs {
            self.part()?;
        } else {
            self.wanted_sign("=", "= or !=")?;
        }
        let status = self.choice(&STATUSES)?;
        let consent = whole(
            Audience::Consent(ConsentCondition {
                channel,
                topic,
                status,
            }),
            at,
        )?;
        Ok(if differs {
            Audience::Not(Box::new(consent))
        } else {
            consent
        })
    }

    fn saved(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        let at = self.next.at;
        let name = self.text()?.text();
        whole(Audience::Saved(name), at)
    }

    fn in_campaign(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        Ok(Audience::InCampaign(self.campaign()?))
    }

    /// `campaign` and its id.
    fn campaign(&mut self) -> Result<CampaignId> {
        self.wanted("campaign")?;
        let at = self.next.at;
        let id = Uuid::parse_str(&self.text()?.text());
        id.map(CampaignId)
            .map_err(|_| refuse(at, "expected the id of a campaign, a UUID"))
    }

    fn message(&mut self) -> Result<Audience> {
        self.part()?;
        self.take()?;
        let state = self.choice(&MessageState::ALL.map(|state| (state.as_str(), state)))?;
        let campaign = match self.word("in")? {
            true => Some(self.campaign()?),
            false => None,
        };
        let at = self.next.at;
        let within_days = match self.word("within")? {
            true => Some(self.days("a number of days, such as 30d")?),
            false => None,
        };
        let wanted = MessageCondition {
            state,
            campaign,
            within_days,
        };
        whole(Audience::Message(wanted), at)
    }

    /// One of a few words.
    fn choice<T: Copy>(&mut self, choices: &[(&'static str, T)]) -> Result<T> {
        let word = match self.next.token {
            Token::Word(word) => Some(word),
            _ => None,
        };
        let found = choices
            .iter()
            .find(|(name, _)| word.is_some_and(|word| words::is(word, name)));
        let Some((_, it)) = found else {
            let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
            let mut expected = words::listed(&names);
            if let Some(near) = word.and_then(|word| words::nearest(word, &names)) {
                expected.push_str(&format!(" (did you mean {near}?)"));
            }
            return Err(self.unexpected(&expected));
        };
        self.take()?;
        Ok(*it)
    }

    /// The name behind `field.`, which is next: part of the word or, when that ends there, in quotes behind it.
    fn field_name(&mut self) -> Result<String> {
        let word = match self.take()?.token {
            Token::Word(word) => word,
            _ => "",
        };
        match word.split_once('.') {
            Some((_, name)) if !name.is_empty() => Ok(name.to_owned()),
            _ => {
                if !matches!(self.next.token, Token::Quoted(_)) {
                    return Err(self.unexpected(
                        "the name of a field, as in field.level or field.\"my level\"",
                    ));
                }
                Ok(self.text()?.text())
            }
        }
    }

    fn field(&mut self, name: &str, at: usize) -> Result<Audience> {
        type Test = fn(Value) -> FieldTest;
        const TESTS: [(&str, Test); 4] = [
            ("<", FieldTest::LessThan),
            ("<=", FieldTest::AtMost),
            (">", FieldTest::GreaterThan),
            (">=", FieldTest::AtLeast),
        ];
        custom(name, FieldTest::Exists, at)?;
        for (sign, test) in TESTS {
            if self.sign(sign)? {
                return self.value(&|read, at| custom(name, test(json(read, at)?), at));
            }
        }
        let equals = |read: Read<'_>, at| custom(name, FieldTest::Equals(json(read, at)?), at);
        match self.tested(&equals)? {
            Some(read) => Ok(read),
            None => Err(self.unexpected("=, !=, <, <=, >, >=, in or not in")),
        }
    }
}

fn custom(name: &str, test: FieldTest, at: usize) -> Result<Audience> {
    let name = name.to_owned();
    whole(Audience::CustomField(FieldCondition { name, test }), at)
}

/// The condition, if it is valid.
fn whole(condition: Audience, at: usize) -> Result<Audience> {
    match condition.validate() {
        Ok(()) => Ok(condition),
        Err(error) => {
            let messages = error.fields().iter().map(|field| field.message.as_str());
            Err(refuse(at, &messages.collect::<Vec<_>>().join("; ")))
        }
    }
}

fn number(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The value of a field: what is not in quotes may be a number or `true` or `false`.
fn json(read: Read<'_>, at: usize) -> Result<Value> {
    let word = match read {
        Read::Quoted(text) => return Ok(Value::String(text)),
        Read::Word(word) => word,
    };
    match plain(word) {
        Plain::Text => Ok(Value::from(word)),
        Plain::Bool(value) => Ok(Value::Bool(value)),
        Plain::Number(number) => Ok(Value::Number(number)),
        Plain::TooLarge => Err(too_large(at)),
    }
}

fn too_large(at: usize) -> Error {
    refuse(
        at,
        "this number is too large to be exact; write it with an exponent, as in 1e20, or in quotes if it is a text",
    )
}
