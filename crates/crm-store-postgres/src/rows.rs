//! Reading and writing single column values: numbers, names, digests, JSON.

use std::io;

use crm_core::message::{Digest, Format};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::fault::{Outcome, unreadable};

/// A version, epoch or position as stored.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A small count (revision, attempt) as stored.
pub(crate) fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A value as JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Outcome<serde_json::Value> {
    Ok(serde_json::to_value(value)?)
}

/// A value as JSON text that comes back from `jsonb` as it was: a large float stays a float.
pub(crate) fn json_text<T: Serialize>(value: &T) -> Outcome<String> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, Floats))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The JSON text of one value of each row. See [`json_text`].
pub(crate) fn json_column<R, T: Serialize>(
    rows: &[&R],
    value: impl Fn(&R) -> &T,
) -> Outcome<Vec<String>> {
    rows.iter().map(|row| json_text(value(row))).collect()
}

/// Writes `1e16` as `10000000000000000.0`: `jsonb` keeps the decimals but not the exponent.
struct Floats;

impl Formatter for Floats {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Shorter ones have decimals anyway, and none beyond 2^64 can be taken for an integer.
        if (1e16..18_446_744_073_709_551_616.0).contains(&value.abs()) {
            write!(writer, "{value:.1}")
        } else {
            CompactFormatter.write_f64(writer, value)
        }
    }
}

/// One value of each row, for a statement that writes all rows at once through `unnest`.
pub(crate) fn column<R, T>(rows: &[&R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

/// A column of a known type.
pub(crate) fn get<'r, T>(row: &'r PgRow, column: &'static str) -> Outcome<T>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|_| unreadable(column))
}

pub(crate) fn unsigned(row: &PgRow, column: &'static str) -> Outcome<u64> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| unreadable(column))
}

pub(crate) fn count(row: &PgRow, column: &'static str) -> Outcome<u32> {
    u32::try_from(get::<i32>(row, column)?).map_err(|_| unreadable(column))
}

pub(crate) fn json<T: DeserializeOwned>(row: &PgRow, column: &'static str) -> Outcome<T> {
    let value: serde_json::Value = get(row, column)?;
    serde_json::from_value(value).map_err(|_| unreadable(column))
}

pub(crate) fn opt_named<T>(
    row: &PgRow,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Outcome<Option<T>> {
    get::<Option<&str>>(row, column)?
        .map(|name| parse(name).ok_or_else(|| unreadable(column)))
        .transpose()
}

pub(crate) fn named<T>(
    row: &PgRow,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Outcome<T> {
    opt_named(row, column, parse)?.ok_or_else(|| unreadable(column))
}

pub(crate) fn opt_digest(row: &PgRow, column: &'static str) -> Outcome<Option<Digest>> {
    get::<Option<&[u8]>>(row, column)?
        .map(|bytes| bytes.try_into().map(Digest).map_err(|_| unreadable(column)))
        .transpose()
}

pub(crate) fn digest(row: &PgRow, column: &'static str) -> Outcome<Digest> {
    opt_digest(row, column)?.ok_or_else(|| unreadable(column))
}

pub(crate) fn format(name: &str) -> Option<Format> {
    [Format::Text, Format::Html]
        .into_iter()
        .find(|format| format.as_str() == name)
}
