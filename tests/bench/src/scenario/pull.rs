//! Pulling large blobs.

use std::cell::OnceCell;
use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::connection::Connection;
use crate::content::{Blob, BlobMaker, Pattern};
use crate::peer::Instance;
use crate::registry::{Upload, pull_blob};
use crate::sample::{Sample, Stopwatch, Unit};
use crate::scenario::push::push_all;
use crate::scenario::{Lifetime, Scenario, Target, size_in_words};

/// How often each blob is pulled in one round when it is in the page cache: once takes too little
/// processor time to measure.
const REPEATS: u64 = 4;

/// Which pull of a blob is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first after the push: a registry that writes past the page cache reads the disk then.
    First,
    /// Later ones.
    Later,
}

/// Pulls blobs that were pushed before, each on a connection of its own.
#[derive(Debug)]
pub struct Pull {
    name: &'static str,
    pattern: Rc<Pattern>,
    maker: Rc<BlobMaker>,
    parallel: usize,
    turn: Turn,
    blobs: OnceCell<Vec<Blob>>,
}

impl Pull {
    pub fn new(
        name: &'static str,
        pattern: Rc<Pattern>,
        maker: Rc<BlobMaker>,
        parallel: usize,
        turn: Turn,
    ) -> Self {
        Self { name, pattern, maker, parallel, turn, blobs: OnceCell::new() }
    }
}

impl Scenario for Pull {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> String {
        let size = size_in_words(self.maker.blob().size());
        let turn = match self.turn {
            Turn::First => ", first after the push",
            Turn::Later => "",
        };
        format!("pull {} × {size}{turn}", self.parallel)
    }

    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    fn target(&self) -> Option<Target> {
        Some(Target { rate: 2.0, processor: 0.5 })
    }

    fn lifetime(&self) -> Lifetime {
        match self.turn {
            Turn::First => Lifetime::Round,
            Turn::Later => Lifetime::Rounds,
        }
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        let make = || (0..self.parallel).map(|_| self.maker.blob()).collect();
        let blobs = self.blobs.get_or_init(make);
        push_all(instance, &self.pattern, Upload::Put, blobs)?;
        match self.turn {
            Turn::First => Ok(()),
            Turn::Later => pull_all(instance, blobs, 1),
        }
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let blobs = self.blobs.get().context("nothing was pushed")?;
        let repeats = match self.turn {
            Turn::First => 1,
            Turn::Later => REPEATS,
        };
        let stopwatch = Stopwatch::start(instance)?;
        pull_all(instance, blobs, repeats)?;
        stopwatch.stop(repeats * blobs.iter().map(Blob::size).sum::<u64>())
    }
}

/// Pulls all blobs at the same time, each so many times.
fn pull_all(instance: &Instance, blobs: &[Blob], repeats: u64) -> Result<()> {
    std::thread::scope(|scope| {
        let pull = |blob| scope.spawn(move || pull_repeatedly(instance, blob, repeats));
        let pulls: Vec<_> = blobs.iter().map(pull).collect();
        pulls.into_iter().try_for_each(|pull| pull.join().map_err(|_| anyhow!("panicked"))?)
    })
}

fn pull_repeatedly(instance: &Instance, blob: &Blob, repeats: u64) -> Result<()> {
    let mut connection = Connection::open(instance.caller())?;
    for _ in 0..repeats {
        let length = pull_blob(&mut connection, "bench/blobs", blob.digest())?;
        ensure!(length == blob.size(), "pulled {length} bytes of {}", blob.size());
    }
    Ok(())
}
