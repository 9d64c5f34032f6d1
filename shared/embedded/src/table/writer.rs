//! The one thread that writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use berth_registry::ports::{Operation, StoreError, TransactError};
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use tokio::sync::{mpsc, oneshot};

use super::change::{apply, judge};
use crate::failure::table_failure;

/// The most transactions that share a commit.
const LARGEST_BATCH: usize = 128;

/// Pages of the log (4 KiB each) that are copied to the table's file at a time.
const LONG_LOG: i32 = 4096;

/// Pages of the log at which the writer waits for readers to leave it, so that it starts anew.
const LONGEST_LOG: i32 = 4 * LONG_LOG;

/// A transaction that waits.
pub(super) struct Job {
    task: Task,
    answer: oneshot::Sender<Outcome>,
}

enum Task {
    Transact(Vec<Operation>),
    /// Limits the file's size, to stand for a full disk.
    #[cfg(test)]
    LimitPages(u32),
}

type Outcome = Result<(), TransactError>;

impl Job {
    pub(super) fn transact(operations: Vec<Operation>, answer: oneshot::Sender<Outcome>) -> Self {
        Self { task: Task::Transact(operations), answer }
    }

    #[cfg(test)]
    pub(super) fn limit_pages(pages: u32, answer: oneshot::Sender<Outcome>) -> Self {
        Self { task: Task::LimitPages(pages), answer }
    }
}

/// Counts commits.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits(Arc<AtomicU64>);

impl Commits {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Writer {
    connection: Connection,
    folder: PathBuf,
    commits: Commits,
}

impl Writer {
    pub(super) fn new(connection: Connection, folder: PathBuf) -> Self {
        Self { connection, folder, commits: Commits::default() }
    }

    pub(super) fn commits(&self) -> Commits {
        self.commits.clone()
    }

    /// Works until nobody can send a job any more.
    pub(super) fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        while jobs.blocking_recv_many(&mut batch, LARGEST_BATCH) > 0 {
            self.answer(&mut batch);
            self.shorten_log();
        }
    }

    fn answer(&self, batch: &mut Vec<Job>) {
        match self.commit(batch) {
            Ok(outcomes) => {
                for (job, outcome) in batch.drain(..).zip(outcomes) {
                    // Whoever asked may have gone away.
                    _ = job.answer.send(outcome);
                }
            }
            // One may need more room than is left, or meet a damaged page: the others shall not
            // fail with it.
            Err(_) if batch.len() > 1 => {
                for job in batch.drain(..) {
                    self.answer(&mut vec![job]);
                }
            }
            Err(error) => {
                let kind = table_failure(&error, &self.folder);
                tracing::error!(%error, "table: commit failed");
                for job in batch.drain(..) {
                    _ = job.answer.send(Err(StoreError::new(kind, error.to_string()).into()));
                }
            }
        }
    }

    /// Carries `batch` out in one transaction of SQLite. If this fails, nothing was changed.
    fn commit(&self, batch: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        let result = self.try_commit(batch);
        // After some errors SQLite has rolled back by itself.
        if result.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        result
    }

    fn try_commit(&self, batch: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        self.execute("BEGIN IMMEDIATE")?;
        let outcomes = batch.iter().map(|job| self.perform(&job.task)).collect::<Result<_, _>>()?;
        self.execute("COMMIT")?;
        self.commits.0.fetch_add(1, Ordering::Relaxed);
        Ok(outcomes)
    }

    /// Carries one task out. `Err` says that the whole batch must be rolled back.
    fn perform(&self, task: &Task) -> rusqlite::Result<Outcome> {
        match task {
            Task::Transact(operations) => self.transact(operations),
            #[cfg(test)]
            Task::LimitPages(pages) => {
                let ignore = |_: &rusqlite::Row<'_>| Ok(());
                self.connection.pragma_update_and_check(None, "max_page_count", pages, ignore)?;
                Ok(Ok(()))
            }
        }
    }

    fn transact(&self, operations: &[Operation]) -> rusqlite::Result<Outcome> {
        match judge(&self.connection, operations)? {
            Ok(changes) => {
                changes.iter().try_for_each(|change| apply(&self.connection, change))?;
                Ok(Ok(()))
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn execute(&self, statement: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(statement)?.execute(()).map(drop)
    }

    /// Copies the log into the table's file when it has grown long, after the transactions that
    /// made it so were answered.
    fn shorten_log(&self) {
        let checkpoint = |mode| self.connection.wal_checkpoint_v2(None::<&str>, mode);
        let shortened = checkpoint(CheckpointMode::NOOP).and_then(|(pages, copied)| {
            if pages - copied < LONG_LOG {
                return Ok((pages, copied));
            }
            let is_too_long = pages > LONGEST_LOG;
            checkpoint(if is_too_long { CheckpointMode::RESTART } else { CheckpointMode::PASSIVE })
        });
        if let Err(error) = shortened {
            // Nothing is lost: the log is whole, and the next batch tries again.
            tracing::warn!(%error, "table: its log was not copied");
        }
    }
}
