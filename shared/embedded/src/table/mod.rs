//! The registry's table, in one SQLite file.
//!
//! One thread writes: it takes all transactions that wait, carries them out one after another in
//! one transaction of SQLite, and so answers all of them after a single sync (`writer`). Readers
//! have connections of their own, which the log (WAL) lets read beside the writer (`readers`).

mod change;
mod readers;
mod row;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, StoreErrorKind,
    TransactError, WriteTable,
};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::OpenError;
use crate::failure::table_failure;
use crate::folder::FolderLock;
use readers::Readers;
use writer::{Commits, Job, Writer};

/// The most transactions that wait for the writer; more wait for their turn to wait.
const LONGEST_QUEUE: usize = 256;

/// The most keys that are read without leaving the task; reading one takes some 5 µs.
const MOST_KEYS_INLINE: usize = 50;

/// The registry's table in a SQLite file.
///
/// Closing it (dropping the last reference) ends its thread and empties its log.
pub struct SqliteTable {
    /// `None` once it closes.
    queue: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Arc<Readers>,
    commits: Commits,
    folder: PathBuf,
    /// Of each queue in the table, what wakes those who wait for its messages.
    signals: Mutex<HashMap<String, Arc<Notify>>>,
    _lock: FolderLock,
}

impl SqliteTable {
    pub(crate) fn open(path: &Path, lock: FolderLock) -> Result<Self, OpenError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| OpenError::Table {
            path: path.to_owned(),
            source,
        };
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let connection = schema::open_writer(path).map_err(failed)?;
        let readers = Readers::open(path).map_err(|error| failed(error.into()))?;
        let (queue, jobs) = mpsc::channel(LONGEST_QUEUE);
        let writer = Writer::new(connection, folder.clone());
        let commits = writer.commits();
        let writer = std::thread::Builder::new()
            .name("berth-table".to_owned())
            .spawn(move || writer.run(jobs))
            .map_err(|error| failed(error.into()))?;
        Ok(Self {
            queue: Some(queue),
            writer: Some(writer),
            readers: Arc::new(readers),
            commits,
            folder,
            signals: Mutex::default(),
            _lock: lock,
        })
    }

    /// Returns what wakes those who wait for messages of a queue.
    pub(crate) fn signal(&self, queue: &str) -> Arc<Notify> {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(signals.entry(queue.to_owned()).or_default())
    }

    /// Returns how many times the table committed since it was opened, which is how many syncs
    /// its transactions shared.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.count()
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        StoreError::new(table_failure(&error, &self.folder), error)
    }

    async fn send(&self, job: Job) -> Result<(), StoreError> {
        let stopped = || StoreError::new(StoreErrorKind::Internal, "the table's writer has ended");
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(job).await.map_err(|_| stopped())
    }

    /// Reads where it may block for long.
    async fn read_aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let result = tokio::task::spawn_blocking(move || read(&readers)).await;
        let result = result.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        result.map_err(|error| self.failure(error))
    }
}

/// A point read takes some microseconds, since its pages are nearly always in memory: handing it
/// to another thread would cost more than the read. So small reads run on the calling task, and
/// only large ones elsewhere.
#[async_trait]
impl ReadTable for SqliteTable {
    async fn get(&self, key: &Key, _consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.readers.briefly(|connection| row::get(connection, key)).map_err(|e| self.failure(e))
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        _consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        if keys.len() <= MOST_KEYS_INLINE {
            let read = |connection: &_| row::get_all(connection, keys);
            return self.readers.briefly(read).map_err(|error| self.failure(error));
        }
        let keys = keys.to_vec();
        self.read_aside(move |readers| readers.at_length(|c| row::get_all(c, &keys))).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        if query.limit <= MOST_KEYS_INLINE {
            let read = |connection: &_| row::query(connection, query);
            return self.readers.briefly(read).map_err(|error| self.failure(error));
        }
        let query = query.clone();
        self.read_aside(move |readers| readers.at_length(|c| row::query(c, &query))).await
    }
}

#[async_trait]
impl WriteTable for SqliteTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        TransactError::check_form(&operations)?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::transact(operations, answer)).await?;
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::new(StoreErrorKind::Internal, "the table's writer has ended").into())
        })
    }
}

impl Drop for SqliteTable {
    fn drop(&mut self) {
        // The writer ends when nobody can send to it any more.
        self.queue = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the table's writer had panicked");
        }
    }
}

impl fmt::Debug for SqliteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTable").field("folder", &self.folder).finish_non_exhaustive()
    }
}
