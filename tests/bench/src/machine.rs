//! What the machine can do: the limits that no registry passes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use crate::sample::median;

/// Bytes hashed, and bytes written, to measure a speed.
const AMOUNT: usize = 512 << 20;

/// Bytes at once.
const BLOCK: usize = 1 << 20;

/// Small writes, each synced, to measure how long that takes.
const SYNCS: usize = 100;

/// The machine that runs the benchmark.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processor, cores and kernel, in words.
    pub description: String,
    /// Other work: processes that ran in the last minute, on average.
    pub load: f64,
    /// SHA-256 on one core, in MiB/s.
    pub sha256: f64,
    /// Writing a large file and syncing it, in MiB/s.
    pub disk: f64,
    /// Appending 4 KiB to a file and syncing it.
    pub sync: Duration,
}

impl Machine {
    /// Measures this machine, and the disk of the folder.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be written to.
    pub fn measure(folder: &Path) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            description: description(),
            load: load.split_whitespace().next().unwrap_or_default().parse()?,
            sha256: sha256(),
            disk: disk(folder)?,
            sync: sync(folder)?,
        })
    }
}

fn description() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    let memory = memory.unwrap_or_default() >> 20;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {memory} GiB of memory, Linux {}", kernel.trim())
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn mebibytes_per_second(bytes: usize, elapsed: Duration) -> f64 {
    bytes as f64 / f64::from(1 << 20) / elapsed.as_secs_f64()
}

fn sha256() -> f64 {
    let block = vec![0x5a; BLOCK];
    let started = Instant::now();
    let mut hasher = Sha256::new();
    for _ in 0..AMOUNT / BLOCK {
        hasher.update(&block);
    }
    std::hint::black_box(hasher.finalize());
    mebibytes_per_second(AMOUNT, started.elapsed())
}

/// Returns the median of three: the first write to a part of a virtual disk may be slow.
fn disk(folder: &Path) -> Result<f64> {
    let block = vec![0x5a; BLOCK];
    let mut speeds = Vec::new();
    for _ in 0..3 {
        let mut file = tempfile::tempfile_in(folder)?;
        let started = Instant::now();
        for _ in 0..AMOUNT / BLOCK {
            file.write_all(&block)?;
        }
        file.sync_data()?;
        speeds.push(mebibytes_per_second(AMOUNT, started.elapsed()));
    }
    Ok(median(speeds).unwrap_or_default())
}

fn sync(folder: &Path) -> Result<Duration> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(Duration::from_secs_f64(median(times).unwrap_or_default()))
}
