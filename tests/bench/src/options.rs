//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures Berth beside other registries, turn about, with one client.
///
/// Each peer runs on a free loopback port with a fresh data folder. The table shows medians, and
/// Berth's ratio to each peer.
#[derive(Clone, Debug, Parser)]
#[command(name = "berth-bench")]
pub struct Options {
    /// Rounds of each measurement; the table shows their medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Runs one round with small sizes, to see that everything works.
    #[arg(long)]
    pub quick: bool,

    /// Runs only the measurements whose name begins so, such as `push` or `manifest-put`.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// Runs only these peers: `berth`, `distribution`, `zot`.
    #[arg(long, value_name = "NAME")]
    pub peer: Vec<String>,

    /// Writes every sample to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// The `berth` program; by default the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub berth: Option<PathBuf>,

    /// The folder of the peers' programs, `registry` and `zot`.
    #[arg(long, value_name = "DIR", default_value = ".tools/bin")]
    pub tools: PathBuf,

    /// The folder, on the disk to measure, that holds the peers' data during the run.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub data: PathBuf,
}

impl Options {
    /// Returns the number of rounds to run.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// Tells whether the measurement called `name` was asked for.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Tells whether the peer called `name` was asked for.
    #[must_use]
    pub fn wants_peer(&self, name: &str) -> bool {
        self.peer.is_empty() || self.peer.iter().any(|peer| peer == name)
    }
}
