//! Figures in CloudWatch's embedded metric format: a line of the log that CloudWatch counts.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use berth_registry::ports::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

/// CloudWatch's namespace of all figures.
const NAMESPACE: &str = "Berth";

/// Writes one line for each request or message.
///
/// Each figure of each function is a metric, which costs 0.30 dollars a month; by the kind of path
/// as well it would be four times as many. That stands in the line, for queries of the log.
///
/// Follows [Embedded metric format specification](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
pub struct Metrics {
    writer: Mutex<Box<dyn Write + Send>>,
}

/// What is counted of one request or message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures<'a> {
    pub(crate) function: &'a str,
    /// Kind of its path, or `queue`.
    pub(crate) route: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) duration: Duration,
    /// Bytes of its body.
    pub(crate) bytes_in: usize,
}

/// How a request or message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered, be it with a refusal.
    Answered,
    /// Failed for a reason that is not the client's.
    Failed,
}

impl Metrics {
    /// Writes to standard output, which Lambda keeps.
    #[must_use]
    pub fn to_standard_output() -> Self {
        Self::to(Box::new(io::stdout()))
    }

    /// Writes to `writer`.
    #[must_use]
    pub fn to(writer: Box<dyn Write + Send>) -> Self {
        Self { writer: Mutex::new(writer) }
    }

    /// Counts one request or message.
    pub(crate) fn count(&self, figures: &Figures<'_>) {
        let line = format!("{}\n", line(figures, SystemClock.now()));
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that no other line stands inside this one.
        if let Err(error) = writer.write_all(line.as_bytes()).and_then(|()| writer.flush()) {
            tracing::warn!(%error, "metrics were not written");
        }
    }
}

fn line(figures: &Figures<'_>, now: Timestamp) -> Value {
    let metric = |name, unit| json!({ "Name": name, "Unit": unit });
    json!({
        "_aws": {
            "Timestamp": now.millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Function"]],
                "Metrics": [
                    metric("Requests", "Count"),
                    metric("Errors", "Count"),
                    metric("Duration", "Milliseconds"),
                    metric("BytesIn", "Bytes"),
                ],
            }],
        },
        "Function": figures.function,
        "Route": figures.route,
        "Requests": 1,
        "Errors": i32::from(figures.outcome == Outcome::Failed),
        "Duration": figures.duration.as_secs_f64() * 1000.0,
        "BytesIn": figures.bytes_in,
    })
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Lines that were written, for tests to read.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(test)]
impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[cfg(test)]
impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let lines = Lines::default();
        let figures = Figures {
            function: "berth-oci-push",
            route: "upload",
            outcome: Outcome::Failed,
            duration: Duration::from_micros(1500),
            bytes_in: 19,
        };
        Metrics::to(Box::new(lines.clone())).count(&figures);
        let text = lines.text();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Berth");
        assert_eq!(line["_aws"]["Timestamp"].as_u64().unwrap() / 1_000_000_000_000, 1);
        // Every name that the directive mentions is a member of the line, as the format demands.
        assert_eq!(directive["Dimensions"], json!([["Function"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        let values = ["Function", "Route", "Requests", "Errors", "Duration", "BytesIn"];
        let values = values.map(|name| line[name].to_string());
        assert_eq!(values, ["\"berth-oci-push\"", "\"upload\"", "1", "1", "1.5", "19"]);
    }
}
