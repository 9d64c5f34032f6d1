//! The connections that read.

use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::schema::open_reader;

/// Page cache of all connections for brief reads together.
const BRIEF_CACHE_KIB: usize = 4096;
/// Page cache of each connection for long reads.
const LONG_CACHE_KIB: usize = 512;
const FEWEST_BRIEF: usize = 4;
const MOST_BRIEF: usize = 16;
const LONG: usize = 2;

/// Connections for brief reads, and others for long ones, so that the former never wait for the
/// latter.
pub(super) struct Readers {
    brief: Pool,
    long: Pool,
}

impl Readers {
    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let brief = cores.clamp(FEWEST_BRIEF, MOST_BRIEF);
        Ok(Self {
            brief: Pool::open(path, brief, BRIEF_CACHE_KIB / brief)?,
            long: Pool::open(path, LONG, LONG_CACHE_KIB)?,
        })
    }

    /// Runs a read of some microseconds.
    pub(super) fn briefly<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        self.brief.run(read)
    }

    /// Runs a read of any length; call it where blocking is allowed.
    pub(super) fn at_length<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        self.long.run(read)
    }
}

struct Pool {
    connections: Vec<Mutex<Connection>>,
}

thread_local! {
    /// The slot that this thread tries first: its own, as long as there are slots enough.
    static FIRST_SLOT: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed))
    };
}

impl Pool {
    fn open(path: &Path, size: usize, cache_kib: usize) -> rusqlite::Result<Self> {
        let cache_kib = i64::try_from(cache_kib).unwrap_or(i64::MAX);
        let open = |_| open_reader(path, cache_kib).map(Mutex::new);
        Ok(Self { connections: (0..size).map(open).collect::<Result<_, _>>()? })
    }

    fn run<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let (later, sooner) = self.connections.split_at(FIRST_SLOT.get() % self.connections.len());
        let free = sooner.iter().chain(later).find_map(|slot| slot.try_lock().ok());
        // A connection whose user panicked is as good as any: its statements were reset.
        let connection =
            free.unwrap_or_else(|| sooner[0].lock().unwrap_or_else(PoisonError::into_inner));
        read(&connection)
    }
}
