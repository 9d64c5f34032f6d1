//! The log: to standard error, for people or for machines.

use std::fmt::{self, Write as _};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

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
        LogFormat::Text => builder.fmt_fields(fields()).with_ansi(false).with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    guard
}

/// Returns what writes the fields of a line as text. What a client sent may be in them: its control
/// characters make up no lines, and tell a terminal nothing.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    let field = |writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn fmt::Debug| {
        let mut writer = Escaping(writer);
        match field.name() {
            "message" => write!(writer, "{value:?}"),
            name => write!(writer, "{name}={value:?}"),
        }
    };
    debug_fn(field).delimited(" ")
}

/// Writes control characters as Rust does in a literal.
struct Escaping<'a, 'writer>(&'a mut Writer<'writer>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() {
                write!(self.0, "{}", character.escape_default())?;
            } else {
                self.0.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_clients_send_makes_no_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let subscriber = tracing_subscriber::fmt()
            .with_writer(Mutex::new(File::create(&path).unwrap()))
            .fmt_fields(fields())
            .with_ansi(false)
            .without_time()
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let sent = "é`\n2026 ERROR\r \u{1b}[31m\u{9b}1m";
            tracing::info!(error = %sent, text = "a \"b\"", number = 1, "refused");
            tracing::info!("no fields, but {sent}");
        });
        let text = std::fs::read_to_string(path).unwrap();
        let sent = r"é`\n2026 ERROR\r \u{1b}[31m\u{9b}1m";
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        let fields = format!(r#"refused error={sent} text="a \"b\"" number=1"#);
        assert!(lines[0].ends_with(&fields), "{text}");
        assert!(lines[1].ends_with(&format!("no fields, but {sent}")), "{text}");
    }
}
