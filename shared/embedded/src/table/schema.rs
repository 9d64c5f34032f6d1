//! The file's one table, and how its connections are set up.

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

/// The rows lie in order of their number, and the primary key is an index of its own: with the
/// rows in the index (`WITHOUT ROWID`), a page would hold few keys, the tree be twice as high, and
/// a point read take twice as long (measured with the example `rates`).
///
/// The document is the last column, so that a read of the others never touches the pages that a
/// large document spills to. `attributes` and `counters` are JSON objects, NULL when empty.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS items (
        pk TEXT NOT NULL,
        sk TEXT NOT NULL,
        version INTEGER NOT NULL,
        attributes TEXT,
        counters TEXT,
        document BLOB NOT NULL,
        PRIMARY KEY (pk, sk)
    ) STRICT";

/// Opens the connection that writes, and makes the table if it is not there.
pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
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
    connection.execute_batch(TABLE)?;
    Ok(connection)
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
