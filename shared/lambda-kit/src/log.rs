//! The log: one JSON object a line, on standard output, which Lambda keeps.

use std::io;

use lambda_runtime::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::panics;

/// Starts the log. `filter` is a level, or levels by crate: `info,berth_aws=debug`.
pub(crate) fn start(filter: &str) -> Result<(), Error> {
    // Standard error is kept as well: a filter that can't be read must not hide its own message.
    let layer = layer(filter, io::stdout).inspect_err(|error| eprintln!("{error}"))?;
    tracing_subscriber::registry().with(layer).try_init()?;
    panics::log();
    Ok(())
}

/// Returns what writes the lines that `filter` lets through.
fn layer<S, W>(filter: &str, writer: W) -> Result<impl Layer<S>, Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets: Targets =
        filter.parse().map_err(|error| format!("the variable BERTH_LOG is not valid: {error}"))?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer);
    Ok(lines.with_filter(targets.and(filter_fn(is_discreet))))
}

/// Whether a line may be written at all. The runtime's and the SDK's finest lines hold whole
/// events and requests, with their credentials, whatever the filter says.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("berth") || *metadata.level() <= LevelFilter::INFO
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Lines;

    fn written(filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = layer(filter, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "lambda_runtime", "an event");
            tracing::info!(target: "lambda_runtime", "of the runtime");
            let span = tracing::info_span!(target: "berth_lambda_kit", "invocation", id = 7);
            let _entered = span.enter();
            tracing::debug!(target: "berth_registry", color = "red", "of ours");
        });
        lines.text()
    }

    #[test]
    fn lines_are_json_with_their_invocation() {
        let text = written("info,berth_registry=debug");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "of the runtime");
        assert_eq!(lines[1]["message"], "of ours");
        assert_eq!(lines[1]["color"], "red");
        assert_eq!(lines[1]["span"]["id"], 7);
    }

    #[test]
    fn events_are_never_written() {
        let text = written("trace");
        assert!(text.contains("of ours") && text.contains("of the runtime"), "{text}");
        assert!(!text.contains("an event"), "{text}");
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_named() {
        let error = layer::<tracing_subscriber::Registry, _>("berth=loud", io::stdout).map(drop);
        assert!(error.unwrap_err().to_string().contains("BERTH_LOG"));
    }
}
