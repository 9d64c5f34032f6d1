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

/// How often each blob is pulled in one round: once takes too little processor time to measure.
const REPEATS: u64 = 4;

/// Pulls blobs that were just pushed, each on a connection of its own.
#[derive(Debug)]
pub struct Pull {
    name: &'static str,
    pattern: Rc<Pattern>,
    maker: Rc<BlobMaker>,
    parallel: usize,
    blobs: OnceCell<Vec<Blob>>,
}

impl Pull {
    pub fn new(
        name: &'static str,
        pattern: Rc<Pattern>,
        maker: Rc<BlobMaker>,
        parallel: usize,
    ) -> Self {
        Self {
            name,
            pattern,
            maker,
            parallel,
            blobs: OnceCell::new(),
        }
    }
}

impl Scenario for Pull {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> String {
        format!(
            "pull {} × {}",
            self.parallel,
            size_in_words(self.maker.blob().size())
        )
    }

    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    fn target(&self) -> Option<Target> {
        Some(Target {
            rate: 2.0,
            processor: 0.5,
        })
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::Rounds
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        let make = || (0..self.parallel).map(|_| self.maker.blob()).collect();
        push_all(
            instance,
            &self.pattern,
            Upload::Put,
            self.blobs.get_or_init(make),
        )
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let blobs = self.blobs.get().context("nothing was pushed")?;
        let stopwatch = Stopwatch::start(instance)?;
        std::thread::scope(|scope| {
            let pulls: Vec<_> = blobs
                .iter()
                .map(|blob| scope.spawn(|| pull_repeatedly(instance, blob)))
                .collect();
            pulls
                .into_iter()
                .try_for_each(|pull| pull.join().map_err(|_| anyhow!("panicked"))?)
        })?;
        stopwatch.stop(REPEATS * blobs.iter().map(Blob::size).sum::<u64>())
    }
}

fn pull_repeatedly(instance: &Instance, blob: &Blob) -> Result<()> {
    let mut connection = Connection::open(instance.caller())?;
    for _ in 0..REPEATS {
        let length = pull_blob(&mut connection, "bench/blobs", blob.digest())?;
        ensure!(
            length == blob.size(),
            "pulled {length} bytes of {}",
            blob.size()
        );
    }
    Ok(())
}
