//! Reading and writing single column values: instants, numbers, names, JSON.

use chrono::{DateTime, Utc};
use crm_core::message::{Digest, Format};
use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::DeserializeOwned;

use crate::fault::unreadable;

type Cell<T> = rusqlite::Result<T>;

/// An instant as stored.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// An instant that may be missing, as stored.
pub(crate) fn opt_micros(at: Option<DateTime<Utc>>) -> Option<i64> {
    at.map(micros)
}

/// A version, epoch or position as stored.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn opt_instant(row: &Row<'_>, column: usize) -> Cell<Option<DateTime<Utc>>> {
    row.get::<_, Option<i64>>(column)?
        .map(|us| {
            DateTime::from_timestamp_micros(us).ok_or_else(|| unreadable(column, Type::Integer))
        })
        .transpose()
}

pub(crate) fn instant(row: &Row<'_>, column: usize) -> Cell<DateTime<Utc>> {
    opt_instant(row, column)?.ok_or_else(|| unreadable(column, Type::Null))
}

pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> Cell<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| unreadable(column, Type::Integer))
}

pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Cell<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|_| unreadable(column, Type::Text))
}

pub(crate) fn opt_named<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl Fn(&str) -> Option<T>,
) -> Cell<Option<T>> {
    row.get_ref(column)?
        .as_str_or_null()?
        .map(|name| parse(name).ok_or_else(|| unreadable(column, Type::Text)))
        .transpose()
}

pub(crate) fn named<T>(row: &Row<'_>, column: usize, parse: impl Fn(&str) -> Option<T>) -> Cell<T> {
    opt_named(row, column, parse)?.ok_or_else(|| unreadable(column, Type::Null))
}

pub(crate) fn digest(row: &Row<'_>, column: usize) -> Cell<Digest> {
    row.get(column).map(Digest)
}

pub(crate) fn opt_digest(row: &Row<'_>, column: usize) -> Cell<Option<Digest>> {
    Ok(row.get::<_, Option<[u8; 32]>>(column)?.map(Digest))
}

pub(crate) fn format(name: &str) -> Option<Format> {
    [Format::Text, Format::Html]
        .into_iter()
        .find(|format| format.as_str() == name)
}
