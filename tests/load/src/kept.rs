//! Files that stay in memory while the servers are asked.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// Keeps files in the system's cache, until the value is dropped. A virtual machine may take from
/// the cache whatever nobody read for some seconds, and a large file is nearly all that.
pub(crate) struct Kept(Child);

impl Kept {
    /// Reads the files into memory, and locks them there. Says so, and goes on, if that is not
    /// allowed: it takes the right to lock as much memory (`ulimit -l`).
    pub(crate) fn keep(files: &[PathBuf]) -> Result<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("keep.py");
        let mut command = Command::new("python3");
        command.arg(program).args(files).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("run python3")?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut said)?;
        if said.trim() != "kept" {
            println!("the tables are not locked in memory: some reads may wait for the disk");
        }
        Ok(Self(child))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
