//! Trying again, with jitter, when another request changed the same item first.

use std::time::Duration;

use crate::error::RegistryError;
use crate::ports::{StoreError, TransactError};

/// The most attempts at one change.
const MOST: u32 = 40;

/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_millis(250);

/// Counts the attempts at one change, and waits between them.
#[derive(Debug)]
pub(crate) struct Attempts {
    what: String,
    made: u32,
}

impl Attempts {
    /// Begins to count attempts at changing `what`.
    pub(crate) fn at(what: &impl ToString) -> Self {
        Self { what: what.to_string(), made: 0 }
    }

    /// Waits before the next attempt: up to 2 ms, 4 ms, … 250 ms, at random, so that those who
    /// met once don't meet again. Fails when there were too many.
    pub(crate) async fn next(&mut self) -> Result<(), RegistryError> {
        self.made += 1;
        if self.made >= MOST {
            return Err(RegistryError::Contended(self.what.clone()));
        }
        let most = Duration::from_millis(1 << self.made.min(8)).min(LONGEST);
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let pause = getrandom::u64().unwrap_or(most) % most;
        tokio::time::sleep(Duration::from_micros(pause)).await;
        Ok(())
    }
}

/// Whether a transaction was carried out; `false` if another request changed its items first.
pub(crate) fn won(result: Result<(), TransactError>) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}
