//! The log: to standard error, for people or for machines.

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::options::LogFormat;

/// Variable that chooses what is logged, as `info` or `berth=debug`.
const FILTER: &str = "BERTH_LOG";

/// Lines that wait for standard error before requests wait too.
const WAITING_LINES: usize = 16 * 1024;

/// Starts the log; lines that still wait are written when the returned guard is dropped.
pub(super) fn start(format: LogFormat) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(WAITING_LINES)
        .finish(std::io::stderr());
    let filter = EnvFilter::builder()
        .with_env_var(FILTER)
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Text => builder.with_ansi(false).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    guard
}
