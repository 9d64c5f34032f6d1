//! What errors of files and of SQLite mean to a caller of the ports.

use std::io;
use std::path::Path;

use berth_registry::ports::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;

/// A disk with less room than this is full, when SQLite failed to write and can't say why.
const LEAST_ROOM: u64 = 1024 * 1024;

/// Sorts the error of a file.
pub(crate) fn file_failure(error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => StoreErrorKind::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::Full,
        io::ErrorKind::UnexpectedEof => StoreErrorKind::Damaged,
        _ if is_out_of_files(&error) => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Internal,
    };
    StoreError::new(kind, error)
}

fn is_out_of_files(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno
        .is_some_and(|errno| errno == rustix::io::Errno::MFILE || errno == rustix::io::Errno::NFILE)
}

/// Sorts the error of a table whose file lies in `folder`.
pub(crate) fn table_failure(error: &rusqlite::Error, folder: &Path) -> StoreErrorKind {
    if matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)
    ) {
        return StoreErrorKind::Damaged;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreErrorKind::Damaged,
        Some(ErrorCode::DatabaseBusy | ErrorCode::CannotOpen | ErrorCode::OutOfMemory) => {
            StoreErrorKind::Unavailable
        }
        // SQLite keeps the system's error to itself, and a sync or the index of its log fails
        // with this one on a full disk too.
        Some(ErrorCode::SystemIoFailure) if is_full(folder) => StoreErrorKind::Full,
        _ => StoreErrorKind::Internal,
    }
}

fn is_full(folder: &Path) -> bool {
    rustix::fs::statvfs(folder)
        .is_ok_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < LEAST_ROOM)
}
