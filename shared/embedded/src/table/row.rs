//! Rows and items.

use std::collections::BTreeMap;

use berth_registry::ports::{Item, Key, Page, Query, Select};
use bytes::Bytes;
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A page ends when its documents reach this size, as in DynamoDB.
const LARGEST_PAGE: usize = 1024 * 1024;

const GET: &str = "
    SELECT version, attributes, counters,
        ifnull(document, (SELECT document FROM large_documents WHERE number = large))
    FROM items WHERE pk = ?1 AND sk = ?2";

/// Returns the item under `key`.
pub(super) fn get(connection: &Connection, key: &Key) -> rusqlite::Result<Option<Item>> {
    let mut statement = connection.prepare_cached(GET)?;
    let row = statement.query_row(params![key.partition, key.sort], |row| item(row, key.clone()));
    row.optional()
}

/// Returns the items under `keys`, each in the place of its key.
pub(super) fn get_all(
    connection: &Connection,
    keys: &[Key],
) -> rusqlite::Result<Vec<Option<Item>>> {
    keys.iter().map(|key| get(connection, key)).collect()
}

/// Returns a page.
pub(super) fn query(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let limit = query.limit.max(1);
    let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let (lower, is_included) = match &query.after {
        Some(after) if *after >= query.prefix => (after, false),
        _ => (&query.prefix, true),
    };
    let mut statement = connection.prepare_cached(statement(query.select, is_included))?;
    let mut rows =
        statement.query(params![query.partition, lower, upper_bound(&query.prefix), one_more])?;
    let mut page = Page::default();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        if page.items.len() == limit || size >= LARGEST_PAGE {
            page.next = page.items.last().map(|item| item.key.sort.clone());
            break;
        }
        let key = Key { partition: query.partition.clone(), sort: text(row, 4)?.to_owned() };
        let item = item(row, key)?;
        size += item.document.len();
        page.items.push(item);
    }
    Ok(page)
}

/// Returns the statement of a query whose lower bound is included or not. Two bounds in one
/// statement would let SQLite seek to the smaller one, and walk from there. Where keys are asked for,
/// large documents, which lie elsewhere, are not read.
fn statement(select: Select, is_lower_included: bool) -> &'static str {
    match (select, is_lower_included) {
        (Select::Items, true) => {
            "SELECT version, attributes, counters,
                 ifnull(document, (SELECT document FROM large_documents WHERE number = large)), sk
             FROM items WHERE pk = ?1 AND sk >= ?2 AND sk < ?3 ORDER BY sk LIMIT ?4"
        }
        (Select::Items, false) => {
            "SELECT version, attributes, counters,
                 ifnull(document, (SELECT document FROM large_documents WHERE number = large)), sk
             FROM items WHERE pk = ?1 AND sk > ?2 AND sk < ?3 ORDER BY sk LIMIT ?4"
        }
        (Select::Keys, true) => {
            "SELECT 0, NULL, NULL, x'', sk FROM items
             WHERE pk = ?1 AND sk >= ?2 AND sk < ?3 ORDER BY sk LIMIT ?4"
        }
        (Select::Keys, false) => {
            "SELECT 0, NULL, NULL, x'', sk FROM items
             WHERE pk = ?1 AND sk > ?2 AND sk < ?3 ORDER BY sk LIMIT ?4"
        }
    }
}

/// Returns the least value greater than every text that begins with `prefix`.
fn upper_bound(prefix: &str) -> Value {
    let mut bound = prefix.to_owned();
    while let Some(last) = bound.pop() {
        // The order of characters is the order of their bytes in UTF-8. This skips the gap of the
        // surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            bound.push(next);
            return Value::Text(bound);
        }
    }
    // SQLite sorts every blob behind every text.
    Value::Blob(Vec::new())
}

fn item(row: &Row<'_>, key: Key) -> rusqlite::Result<Item> {
    let document = row.get_ref(3)?.as_blob()?;
    Ok(Item {
        key,
        document: Bytes::copy_from_slice(document),
        version: row.get(0)?,
        attributes: map(row, 1)?,
        counters: map(row, 2)?,
    })
}

fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// Reads a column of attributes or counters.
pub(super) fn map<V: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<BTreeMap<String, V>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(text(row, column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Returns what is kept of attributes or counters.
pub(super) fn map_text<V: Serialize>(
    map: &BTreeMap<String, V>,
) -> Result<Option<String>, serde_json::Error> {
    if map.is_empty() { Ok(None) } else { serde_json::to_string(map).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_bound(prefix: &str, bound: Option<&str>) {
        let expected = bound.map_or(Value::Blob(Vec::new()), |text| Value::Text(text.to_owned()));
        assert_eq!(upper_bound(prefix), expected);
    }

    #[test]
    fn bounds_a_prefix() {
        check_bound("", None);
        check_bound("a", Some("b"));
        check_bound("tag#z", Some("tag#{"));
        check_bound("\u{7f}", Some("\u{80}"));
        check_bound("\u{d7ff}", Some("\u{e000}"));
        check_bound("a\u{10ffff}", Some("b"));
        check_bound("\u{10ffff}\u{10ffff}", None);
    }
}
