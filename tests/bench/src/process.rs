//! What Linux says of a running process.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Length of one tick of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux architecture we run on.
const TICK: Duration = Duration::from_millis(10);

/// Returns the processor time, user and system, that the process has used so far.
///
/// # Errors
///
/// Fails when the process is gone.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    // The name of the program, in brackets, may hold spaces: count from its end.
    let (_, fields) = stat.rsplit_once(')').with_context(|| format!("parse {path}"))?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || -> Result<u32> { Ok(fields.next().context("field is missing")?.parse()?) };
    Ok(TICK * (ticks()? + ticks()?))
}

/// Resident memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// The most that was ever resident.
    pub peak: u64,
}

impl Memory {
    /// Reads the memory of the process.
    ///
    /// # Errors
    ///
    /// Fails when the process is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let line = line.with_context(|| format!("{path} lacks {name}"))?;
            let number = line.split_whitespace().next().context("number is missing")?;
            Ok(number.parse()?)
        };
        Ok(Self { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let pid = std::process::id();
        let memory = Memory::of(pid).unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident, "{memory:?}");
        let before = processor_time(pid).unwrap();
        let mut sum = 0_u64;
        while processor_time(pid).unwrap() < before + 2 * TICK {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
