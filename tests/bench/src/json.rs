//! Every sample, for other programs.

use serde_json::{Value, json};

use crate::report::Report;
use crate::run::{Measured, Outcome, Started};

/// Renders the report with all its samples.
#[must_use]
pub fn render(report: &Report) -> Value {
    let machine = &report.machine;
    let version = |(peer, version): &(crate::peer::Peer, String)| json!({ "name": peer.kind.name(), "version": version });
    json!({
        "machine": {
            "description": machine.description,
            "load": machine.load,
            "sha256_mib_per_second": machine.sha256,
            "disk_mib_per_second": machine.disk,
            "sync_seconds": machine.sync.as_secs_f64(),
        },
        "rounds": report.rounds,
        "peers": report.peers.iter().map(version).collect::<Vec<_>>(),
        "started": report.started.iter().map(started).collect::<Vec<_>>(),
        "measurements": report.outcomes.iter().map(outcome).collect::<Vec<_>>(),
    })
}

fn started(started: &Started) -> Value {
    let seconds: Vec<f64> = started.times.iter().map(std::time::Duration::as_secs_f64).collect();
    json!({ "peer": started.kind.name(), "seconds": seconds, "resident_kib": started.memory })
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "name": outcome.name,
        "title": outcome.title,
        "peers": outcome.peers.iter().map(measured).collect::<Vec<_>>(),
    })
}

fn measured(measured: &Measured) -> Value {
    let sample = |sample: &crate::sample::Sample| {
        json!({
            "amount": sample.amount,
            "seconds": sample.elapsed.as_secs_f64(),
            "server_processor_seconds": sample.server.as_secs_f64(),
            "client_processor_seconds": sample.client.as_secs_f64(),
        })
    };
    json!({
        "peer": measured.kind.name(),
        "peak_kib": measured.peaks,
        "samples": measured.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}
