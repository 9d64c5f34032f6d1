//! One transaction: judge its conditions, then change the rows.

use berth_registry::ports::{
    Attributes, Condition, Counters, Key, Operation, StoreError, StoreErrorKind, TransactError,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::row::{map, map_text};
use super::schema::LARGEST_INLINE;

const FIND: &str = "SELECT version, attributes, counters FROM items WHERE pk = ?1 AND sk = ?2";

const PUT: &str = "
    INSERT INTO items (pk, sk, version, attributes, document, large) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (pk, sk) DO UPDATE SET
        version = version + 1, attributes = excluded.attributes,
        document = excluded.document, large = excluded.large";

const PUT_LARGE: &str = "INSERT INTO large_documents (document) VALUES (?1)";

const DELETE_LARGE: &str = "
    DELETE FROM large_documents
    WHERE number = (SELECT large FROM items WHERE pk = ?1 AND sk = ?2)";

const SET_COUNTERS: &str = "
    UPDATE items SET version = version + 1, counters = ?3 WHERE pk = ?1 AND sk = ?2";

const DELETE: &str = "DELETE FROM items WHERE pk = ?1 AND sk = ?2";

/// What an operation does to its row, its condition being true.
pub(super) enum Change<'a> {
    Put {
        key: &'a Key,
        first_version: i64,
        attributes: Option<String>,
        document: &'a [u8],
        /// Whether the row is known to be a new one.
        is_new: bool,
    },
    SetCounters {
        key: &'a Key,
        counters: Option<String>,
    },
    Delete {
        key: &'a Key,
    },
}

/// What a row says, apart from its document.
struct Found {
    version: u64,
    attributes: Attributes,
    counters: Counters,
}

/// Returns the changes that `operations` make, or why they are refused. Changes nothing.
///
/// # Errors
///
/// SQLite's own: it may have rolled back by itself, so that the whole batch must be given up.
pub(super) fn judge<'a>(
    connection: &Connection,
    operations: &'a [Operation],
) -> rusqlite::Result<Result<Vec<Change<'a>>, TransactError>> {
    let mut changes = Vec::with_capacity(operations.len());
    let mut failed = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        let found = find(connection, operation)?;
        if !holds(operation, found.as_ref()) {
            failed.push(position);
        } else if failed.is_empty() {
            match change(operation, found) {
                Ok(change) => changes.extend(change),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
    }
    Ok(if failed.is_empty() { Ok(changes) } else { Err(TransactError::Conditions(failed)) })
}

/// Makes one change.
pub(super) fn apply(connection: &Connection, change: &Change<'_>) -> rusqlite::Result<()> {
    match change {
        Change::Put { key, first_version, attributes, document, is_new } => {
            if !is_new {
                delete_large(connection, key)?;
            }
            let (inline, large) = if document.len() > LARGEST_INLINE {
                connection.prepare_cached(PUT_LARGE)?.execute(params![document])?;
                (None, Some(connection.last_insert_rowid()))
            } else {
                (Some(document), None)
            };
            let values = params![key.partition, key.sort, first_version, attributes, inline, large];
            connection.prepare_cached(PUT)?.execute(values)?;
        }
        Change::SetCounters { key, counters } => {
            let values = params![key.partition, key.sort, counters];
            connection.prepare_cached(SET_COUNTERS)?.execute(values)?;
        }
        Change::Delete { key } => {
            delete_large(connection, key)?;
            connection.prepare_cached(DELETE)?.execute(params![key.partition, key.sort])?;
        }
    }
    Ok(())
}

/// Deletes the document of a row, if it lies elsewhere.
fn delete_large(connection: &Connection, key: &Key) -> rusqlite::Result<()> {
    connection.prepare_cached(DELETE_LARGE)?.execute(params![key.partition, key.sort]).map(drop)
}

/// Returns the row that `operation` depends on; one that it doesn't depend on is not read.
fn find(connection: &Connection, operation: &Operation) -> rusqlite::Result<Option<Found>> {
    let is_add = matches!(operation, Operation::Add { .. });
    if !is_add && *operation.condition() == Condition::Any {
        return Ok(None);
    }
    let key = operation.key();
    let mut statement = connection.prepare_cached(FIND)?;
    let row = statement.query_row(params![key.partition, key.sort], |row| {
        Ok(Found { version: row.get(0)?, attributes: map(row, 1)?, counters: map(row, 2)? })
    });
    row.optional()
}

fn holds(operation: &Operation, found: Option<&Found>) -> bool {
    if matches!(operation, Operation::Add { .. }) && found.is_none() {
        return false;
    }
    match operation.condition() {
        Condition::Any => true,
        Condition::Absent => found.is_none(),
        Condition::Present => found.is_some(),
        Condition::Version(version) => found.is_some_and(|found| found.version == *version),
        Condition::Attribute { name, value } => {
            found.is_some_and(|found| found.attributes.get(*name) == Some(value))
        }
    }
}

fn change(
    operation: &Operation,
    found: Option<Found>,
) -> Result<Option<Change<'_>>, TransactError> {
    let change = match operation {
        Operation::Put { key, document, attributes, first_version, .. } => Change::Put {
            key,
            first_version: i64::try_from(*first_version)
                .map_err(|_| TransactError::malformed("first version is out of range"))?,
            attributes: map_text(attributes).map_err(unwritable)?,
            document,
            is_new: *operation.condition() == Condition::Absent,
        },
        Operation::Add { key, counters: amounts, .. } => {
            let mut counters = found.map(|found| found.counters).unwrap_or_default();
            for (name, amount) in amounts {
                let counter = counters.entry((*name).to_owned()).or_default();
                *counter = counter
                    .checked_add(*amount)
                    .ok_or_else(|| TransactError::malformed("counter is out of range"))?;
            }
            Change::SetCounters { key, counters: map_text(&counters).map_err(unwritable)? }
        }
        Operation::Delete { key, .. } => Change::Delete { key },
        Operation::Check { .. } => return Ok(None),
    };
    Ok(Some(change))
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, error)
}
