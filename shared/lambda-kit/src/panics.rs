//! A panic ends one invocation, or one message, and leaves a line in the log.

use std::panic::{AssertUnwindSafe, set_hook};

use futures_util::FutureExt;

/// Work that panicked. The panic itself stands in the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function panicked; its log has the cause")]
pub(crate) struct Panicked;

/// Writes panics to the log, with the invocation that they end.
pub(crate) fn log() {
    set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or_default();
        tracing::error!(location, reason, "panicked");
    }));
}

/// Runs `work` and keeps a panic inside.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Panicked)
}
