//! Measures how long a registry takes to answer that holds ever more images.
//!
//! It fills data folders by the registry's own use cases, a million images over HTTP would take too
//! long, and then runs `berth serve` on each and asks them turn about, over HTTP.

mod content;
mod fill;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Allocates as `berth` does.
#[derive(Debug, Parser)]
#[command(name = "berth-load")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a data folder, on top of what it holds already
    Fill {
        /// Data folder of `berth serve`, which must not run
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// How many images it shall hold, besides those that are asked for in every registry
        #[arg(long, value_name = "NUMBER")]
        images: usize,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match Cli::parse().command {
        Command::Fill { data_dir, images } => runtime.block_on(fill::fill(&data_dir, images)),
    }
}
