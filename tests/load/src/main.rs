//! Measures how long a registry takes to answer that holds ever more images, and how long a
//! lifecycle policy takes that deletes a hundred thousand.
//!
//! It fills data folders by the registry's own use cases, since a million images over HTTP would
//! take too long, then runs `berth serve` on each and asks them turn about, over HTTP.

mod asked;
mod content;
mod expire;
mod fill;
mod kept;
mod measure;
mod report;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser};
use tokio::runtime::Runtime;

use crate::kept::Kept;
use crate::server::Server;

/// Loads registries with images, and measures what that does to them.
#[derive(Debug, Parser)]
#[command(name = "berth-load")]
enum Options {
    /// Fill registries with ever more images, and measure how long they take to answer
    Growth(Growth),
    /// Fill one repository with images
    Fill(OneRepository),
    /// Let a lifecycle policy delete nearly all images of the repository that `fill` filled, and
    /// measure how long it takes and how much memory
    Expire(OneRepository),
}

/// What to measure as registries grow. A registry that was filled before is used again.
#[derive(Debug, Args)]
struct Growth {
    /// How many images the registries hold; the last is compared with the first
    #[arg(
        long,
        value_name = "NUMBER,…",
        value_delimiter = ',',
        default_value = "0,1000,10000,100000,1000000"
    )]
    images: Vec<usize>,

    /// Requests of each kind to each registry in each round
    #[arg(long, default_value_t = 2000)]
    samples: usize,

    /// Rounds: of each percentile, the median of the rounds is the figure
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// The folder that holds a data folder for each registry; a million images take 10 GB
    #[arg(long, value_name = "DIR", default_value = "target/load")]
    data: PathBuf,

    /// The `berth` program; by default the one beside this program
    #[arg(long, value_name = "FILE")]
    berth: Option<PathBuf>,

    /// Draws the plot into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// One large repository.
#[derive(Debug, Args)]
struct OneRepository {
    /// How many images it gets, or keeps
    #[arg(long)]
    images: usize,

    /// The data folder
    #[arg(long, value_name = "DIR", default_value = "target/load/one")]
    data: PathBuf,
}

fn main() -> Result<()> {
    match Options::parse() {
        Options::Growth(options) => growth(&options),
        Options::Fill(OneRepository { images, data }) => {
            fs::create_dir_all(&data)?;
            runtime()?.block_on(expire::fill(&data, images))
        }
        Options::Expire(OneRepository { images, data }) => {
            runtime()?.block_on(expire::expire(&data, images))
        }
    }
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn growth(options: &Growth) -> Result<()> {
    let berth = match &options.berth {
        Some(berth) => berth.clone(),
        None => std::env::current_exe()?.with_file_name("berth"),
    };
    let data_dir = |images: &usize| options.data.join(images.to_string());
    for images in &options.images {
        fill_once(&data_dir(images), *images)?;
    }
    let start = |images| Server::start(&berth, &data_dir(images), *images);
    let servers: Vec<_> = options.images.iter().map(start).collect::<Result<_>>()?;
    for server in &servers {
        server.settle()?;
    }
    let table = |images| data_dir(images).join("table.sqlite");
    let _kept = Kept::keep(&options.images.iter().map(table).collect::<Vec<_>>())?;
    let before = fs::read_to_string("/proc/loadavg")?;
    let rows = measure::measure(&servers, options.rounds, options.samples)?;
    let after = fs::read_to_string("/proc/loadavg")?;
    println!(
        "{} rounds of {} requests of each kind to each registry; load {} before, {} after\n",
        options.rounds,
        options.samples,
        before.trim(),
        after.trim(),
    );
    println!("{}", report::table(&options.images, &rows));
    for server in &servers {
        let memory = server.memory()?;
        println!("{} images: {} KiB resident at most", server.held.images, memory.peak);
    }
    if let Some(path) = &options.svg {
        fs::write(path, report::plot(&options.images, &rows))
            .with_context(|| format!("write {}", path.display()))?;
    }
    if rows.iter().any(|row| report::ratio(row) > report::MOST) {
        bail!("some requests take more than {} times as long", report::MOST);
    }
    Ok(())
}

/// Fills a data folder, unless that was done before.
fn fill_once(data_dir: &Path, images: usize) -> Result<()> {
    let done = data_dir.with_extension("filled");
    if done.is_file() {
        return Ok(());
    }
    println!("filling {} with {images} images", data_dir.display());
    fs::create_dir_all(data_dir)?;
    runtime()?.block_on(fill::fill(data_dir, images))?;
    Ok(fs::write(done, "")?)
}
