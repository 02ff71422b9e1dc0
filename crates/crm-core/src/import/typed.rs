//! Cells that fill a custom field with a type: what people write in files, in the form that is kept.
//!
//! Only here are numbers read with a comma or spaces, dates in other forms than ISO 8601, and yes and no in words: a
//! program that sends values can write them as they are kept, a spreadsheet does as it pleases. What is not understood
//! stays as it is, for the check of the [definition](crate::contact::definition) to refuse.

use std::collections::BTreeMap;

use serde_json::Value;

use super::dates::{self, Order};
use super::values;
use crate::contact::definition::{Definitions, FieldType};

/// What comes first in the dates of custom fields, by name.
pub(crate) type Orders = BTreeMap<String, Order>;

/// Reads texts of fields that have a type.
pub(crate) fn typed(
    fields: &mut BTreeMap<String, Value>,
    definitions: &Definitions,
    orders: &Orders,
) {
    if definitions.is_empty() {
        return;
    }
    for (name, value) in fields {
        let (Some(definition), Value::String(cell)) = (definitions.get(name), &*value) else {
            continue;
        };
        let read = match definition.kind {
            FieldType::Text | FieldType::Choice => None,
            FieldType::Number => number(cell).map(Value::from),
            FieldType::Boolean if values::is_yes(cell) => Some(Value::Bool(true)),
            FieldType::Boolean if values::is_no(cell) => Some(Value::Bool(false)),
            FieldType::Boolean => None,
            FieldType::Date => date(cell, orders.get(name).copied()),
        };
        if let Some(read) = read {
            *value = read;
        }
    }
}

/// The date of a cell, null where it says that there is none.
fn date(cell: &str, order: Option<Order>) -> Option<Value> {
    match dates::birthday(cell, order.unwrap_or(Order::DayFirst)) {
        Ok(Some(date)) if date.year.is_some() => Some(Value::from(date.to_string())),
        Ok(None) => Some(Value::Null),
        _ => None,
    }
}

/// The number of a cell, written as JSON does: without what groups its digits, and with a point.
///
/// A single comma before three digits is left alone: `1,234` is a thousand to some and one to others.
fn number(cell: &str) -> Option<String> {
    let spaces = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\''];
    let text: String = grouped(cell.trim(), &spaces)?;
    let commas = text.matches(',').count();
    match (commas, text.split_once('.')) {
        (0, _) => Some(text),
        // 1,234,567.89
        (_, Some((whole, fraction))) => {
            let whole = grouped(whole, &[','])?;
            (!fraction.contains(',')).then(|| format!("{whole}.{fraction}"))
        }
        // 1,234,567
        (2.., None) => grouped(&text, &[',']),
        (1, None) => {
            let (whole, fraction) = text.split_once(',')?;
            let is_grouped_elsewhere = cell.contains(spaces);
            let open = fraction.len() == 3
                && !is_grouped_elsewhere
                && whole.trim_start_matches('-') != "0";
            (!open).then(|| format!("{whole}.{fraction}"))
        }
    }
}

/// The text without these signs, each of which has to stand before three digits.
fn grouped(text: &str, signs: &[char]) -> Option<String> {
    let mut parts = text.split(signs);
    let mut joined = parts.next()?.to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 3 || joined.trim_start_matches('-').is_empty() {
            return None;
        }
        joined.push_str(part);
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contact::definition::DefinitionFields;

    /// What becomes of a cell, through the check of the definition.
    fn kept(kind: FieldType, cell: &str, order: Order) -> Value {
        let definitions: Definitions = [("f".to_owned(), DefinitionFields::of(kind))]
            .into_iter()
            .collect();
        let mut fields = BTreeMap::from([("f".to_owned(), json!(cell))]);
        let orders = Orders::from([("f".to_owned(), order)]);
        typed(&mut fields, &definitions, &orders);
        match definitions.read("f", fields["f"].clone()) {
            Ok(Some(value)) => value,
            Ok(None) => json!("none"),
            Err(_) => json!("refused"),
        }
    }

    #[test]
    fn numbers_are_read_as_spreadsheets_write_them() {
        for (cell, wanted) in [
            ("12.50", json!(12.5)),
            ("12,5", json!(12.5)),
            ("-12,5", json!(-12.5)),
            ("1 234 567,5", json!(1_234_567.5)),
            ("1\u{a0}234", json!(1234)),
            ("1\u{202f}234,567", json!(1234.567)),
            ("1'234", json!(1234)),
            ("1,234,567", json!(1_234_567)),
            ("1,234.5", json!(1234.5)),
            ("0,125", json!(0.125)),
            ("-0,125", json!(-0.125)),
            (" 7 ", json!(7)),
            ("1e3", json!(1000)),
            ("1,234", json!("refused")),
            ("1,5,5", json!("refused")),
            ("12 34", json!("refused")),
            ("1,23.5", json!("refused")),
            ("1.234,5", json!("refused")),
            (",5", json!("refused")),
            ("5 USD", json!("refused")),
            ("1 2345", json!("refused")),
            ("- 123", json!("refused")),
            ("9.98901E+11", json!(998_901_000_000_u64)),
        ] {
            assert_eq!(
                kept(FieldType::Number, cell, Order::DayFirst),
                wanted,
                "{cell}"
            );
        }
    }

    #[test]
    fn dates_are_read_as_birthdays_are() {
        for (cell, order, wanted) in [
            ("2024-02-29", Order::DayFirst, "2024-02-29"),
            ("29.02.2024", Order::MonthFirst, "2024-02-29"),
            ("3/7/2024", Order::DayFirst, "2024-07-03"),
            ("3/7/2024", Order::MonthFirst, "2024-03-07"),
            ("2024-03-07T10:00:00Z", Order::DayFirst, "2024-03-07"),
            ("00.00.0000", Order::DayFirst, "none"),
            ("07.03", Order::DayFirst, "refused"),
            ("29.02.2023", Order::DayFirst, "refused"),
            ("soon", Order::DayFirst, "refused"),
        ] {
            assert_eq!(kept(FieldType::Date, cell, order), json!(wanted), "{cell}");
        }
    }

    #[test]
    fn yes_and_no_are_read_in_words() {
        for (cell, wanted) in [
            ("Да", json!(true)),
            ("ha", json!(true)),
            ("1", json!(true)),
            ("TRUE", json!(true)),
            ("нет", json!(false)),
            ("Yoʻq", json!(false)),
            ("0", json!(false)),
            ("false", json!(false)),
            ("maybe", json!("refused")),
            ("2", json!("refused")),
        ] {
            assert_eq!(
                kept(FieldType::Boolean, cell, Order::DayFirst),
                wanted,
                "{cell}"
            );
        }
        assert_eq!(kept(FieldType::Text, "1,5", Order::DayFirst), json!("1,5"));
    }
}
