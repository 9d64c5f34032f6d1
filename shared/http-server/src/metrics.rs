//! Figures for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Labels of a finished request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// Labels of a duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

/// What is counted. Durations run from a request's head to its response's head.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    uploads: Gauge,
}

/// An upload that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct UploadInFlight(Gauge);

impl Drop for UploadInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("berth");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let durations = Family::new_with_constructor(histogram as fn() -> Histogram);
        let help = "Time from a request's head to its response's head";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let received = Counter::default();
        let help = "Bytes of request bodies";
        registry.register_with_unit("received", help, Unit::Bytes, received.clone());
        let sent = Counter::default();
        registry.register_with_unit("sent", "Bytes of response bodies", Unit::Bytes, sent.clone());
        let uploads = Gauge::default();
        registry.register(
            "uploads_in_flight",
            "Requests that send a blob's bytes",
            uploads.clone(),
        );
        Self { registry, requests, durations, received, sent, uploads }
    }

    /// Counts an answered request.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        duration: Duration,
    ) {
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
        self.durations.get_or_create(&RouteLabels { route }).observe(duration.as_secs_f64());
    }

    /// Counts an upload while it is under way.
    pub(crate) fn upload(&self) -> UploadInFlight {
        self.uploads.inc();
        UploadInFlight(self.uploads.clone())
    }

    /// Returns the figures in Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# {error}\n"),
        }
    }
}

/// Half a millisecond to two minutes.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 4.0, 10))
}
