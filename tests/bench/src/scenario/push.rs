//! Pushing large blobs.

use std::rc::Rc;

use anyhow::{Result, anyhow};

use crate::connection::Connection;
use crate::content::{Blob, BlobMaker, Pattern};
use crate::peer::Instance;
use crate::registry::{Upload, push_blob};
use crate::sample::{Sample, Stopwatch, Unit};
use crate::scenario::{Lifetime, Scenario, Target, size_in_words};

/// Pushes blobs that the registry does not have, each on a connection of its own.
#[derive(Debug)]
pub struct Push {
    pub name: &'static str,
    pub pattern: Rc<Pattern>,
    pub blobs: Rc<BlobMaker>,
    pub parallel: usize,
    pub upload: Upload,
}

impl Scenario for Push {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> String {
        let how = match self.upload {
            Upload::Put => "PUT",
            Upload::Patch => "PATCH, chunked",
        };
        format!("push {} × {} ({how})", self.parallel, size_in_words(self.blobs.blob().size()))
    }

    fn unit(&self) -> Unit {
        Unit::Bytes
    }

    fn target(&self) -> Option<Target> {
        Some(Target { rate: 2.0, processor: 0.5 })
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime::Round
    }

    fn prepare(&self, instance: &Instance) -> Result<()> {
        // The repository is there, and the code is warm.
        let small = BlobMaker::new(&self.pattern, 0).blob();
        push_all(instance, &self.pattern, self.upload, &[small])
    }

    fn measure(&self, instance: &Instance) -> Result<Sample> {
        let blobs: Vec<Blob> = (0..self.parallel).map(|_| self.blobs.blob()).collect();
        let stopwatch = Stopwatch::start(instance)?;
        push_all(instance, &self.pattern, self.upload, &blobs)?;
        stopwatch.stop(blobs.iter().map(Blob::size).sum())
    }
}

/// Pushes all blobs at the same time.
pub(super) fn push_all(
    instance: &Instance,
    pattern: &Pattern,
    upload: Upload,
    blobs: &[Blob],
) -> Result<()> {
    std::thread::scope(|scope| {
        let push = |blob| {
            let mut connection = Connection::open(instance.caller())?;
            push_blob(&mut connection, pattern, "bench/blobs", blob, upload)
        };
        let pushes: Vec<_> = blobs.iter().map(|blob| scope.spawn(move || push(blob))).collect();
        pushes.into_iter().try_for_each(|push| push.join().map_err(|_| anyhow!("panicked"))?)
    })
}
