//! The file's tables, and how its connections are set up.

use std::error::Error;
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// The page caches are small: SQLite drops a reader's at each commit, and the pages are in the
/// system's cache anyway. The file is not mapped into memory, since then a failing disk would
/// kill the process, and every connection's map would count as its memory.
const WRITER_CACHE_KIB: i64 = 4096;

/// SQLite's own access to files, with two differences: the file is locked as a whole, once, since
/// no other process may use it; and the index of the log, which all connections share, is in the
/// heap. In a file mapped into memory it would kill the process when the disk is full (seen on
/// ext4 with blocks of 1 KiB), and each read would lock and unlock that file.
const FILE_ACCESS: &CStr = c"unix-excl";

/// What is kept of the log's file when it starts anew.
const LOG_SIZE_LIMIT: i64 = 32 * 1024 * 1024;

/// Wait for a lock; they are held for microseconds, except while a crashed process's log is read.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The largest document, in bytes, that lies in its row. Rows of 1,002 bytes and more would take
/// pages of their own, and rows near that leave a page of the tree few keys.
pub(super) const LARGEST_INLINE: usize = 512;

/// Which layout the file has, its `user_version`. Files of the first one say 0, as new files do.
const LAYOUT: i64 = 2;

/// The rows lie in the order of their keys (`WITHOUT ROWID`), so that what is read together, such as
/// all that is known of a repository's images, lies together. A large document lies elsewhere, so
/// that the pages of the tree hold many keys: then `large` is its number, and `document` is NULL.
///
/// `attributes` and `counters` are JSON objects, NULL when empty.
const TABLES: &str = "
    CREATE TABLE items (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        version INTEGER NOT NULL,
        attributes TEXT,
        counters TEXT,
        document BLOB,
        large INTEGER,
        PRIMARY KEY (pk, sk)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE large_documents (
        number INTEGER PRIMARY KEY,
        document BLOB NOT NULL
    ) STRICT";

/// Opens the connection that writes. Makes the tables if they are not there, and lays those of the
/// first layout anew.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Box<dyn Error + Send + Sync>> {
    make_private(path)?;
    let connection = open(path, OpenFlags::empty())?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS only this reaches the disk; elsewhere it does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // The writer does it when nobody waits.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_SIZE_LIMIT)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    match connection.pragma_query_value(None, "user_version", |row| row.get(0))? {
        LAYOUT => {}
        0 if connection.table_exists(None, "items")? => lay_anew(&connection, path)?,
        0 => lay(&connection, TABLES)?,
        found => {
            return Err(format!("its layout is {found}; it may belong to a newer Berth").into());
        }
    }
    Ok(connection)
}

/// Takes over what a file of the first layout has, where all documents lay in their rows, and the rows
/// in the order in which they were made. Whoever ends in the middle of it finds the file as it was.
fn lay_anew(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    tracing::info!(path = %path.display(), "table: laid anew, which takes as long as copying it");
    let large = format!("length(document) > {LARGEST_INLINE}");
    lay(
        connection,
        &format!(
            "ALTER TABLE items RENAME TO first_items;
             {TABLES};
             INSERT INTO large_documents
             SELECT rowid, document FROM first_items WHERE {large} ORDER BY rowid;
             INSERT INTO items SELECT pk, sk, version, attributes, counters,
                 iif({large}, NULL, document), iif({large}, rowid, NULL)
             FROM first_items ORDER BY pk, sk;
             DROP TABLE first_items"
        ),
    )
}

/// Lays the tables as one transaction, and says that they have this layout.
fn lay(connection: &Connection, statements: &str) -> rusqlite::Result<()> {
    let marked = format!("BEGIN IMMEDIATE; {statements}; PRAGMA user_version = {LAYOUT}; COMMIT");
    connection.execute_batch(&marked)
}

/// Makes the file, if it is not there, for its owner alone; the log takes its mode from it.
fn make_private(path: &Path) -> rusqlite::Result<()> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|_| rusqlite::Error::InvalidPath(path.to_owned()))
}

/// Opens a connection that reads, with a page cache of `cache_kib`.
pub(super) fn open_reader(path: &Path, cache_kib: i64) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::empty())?;
    // Not opened read-only, so that whichever connection closes last can empty the log.
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}

fn open(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags_and_vfs(path, flags, FILE_ACCESS)?;
    connection.busy_timeout(LOCK_WAIT)?;
    Ok(connection)
}
