//! What is measured.

mod manifests;
mod pull;
mod push;
mod tags;

use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::content::{BlobMaker, Pattern};
use crate::load::Load;
use crate::peer::Instance;
use crate::registry::Upload;
use crate::sample::{Sample, Unit};
use crate::scenario::pull::Turn;

/// How long a registry lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// A fresh one, with an empty data folder, for each round.
    Round,
    /// One for all rounds.
    Rounds,
}

/// What the issue asks of Berth, against distribution.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Berth's rate divided by distribution's: at least this.
    pub rate: f64,
    /// Berth's processor time divided by distribution's: at most this.
    pub processor: f64,
}

/// One line of the table.
pub trait Scenario: Debug {
    /// Returns the name for `--only`.
    fn name(&self) -> &'static str;

    /// Returns what is done, in words.
    fn title(&self) -> String;

    /// Returns what is counted.
    fn unit(&self) -> Unit;

    /// Returns what is asked of Berth.
    fn target(&self) -> Option<Target>;

    /// Returns how long a registry lives.
    fn lifetime(&self) -> Lifetime;

    /// Fills a fresh registry.
    ///
    /// # Errors
    ///
    /// Fails when the registry does not answer as expected.
    fn prepare(&self, instance: &Instance) -> Result<()>;

    /// Measures one round.
    ///
    /// # Errors
    ///
    /// Fails when the registry does not answer as expected.
    fn measure(&self, instance: &Instance) -> Result<Sample>;
}

/// Sizes of the measurements.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of the one large blob.
    pub one: u64,
    /// Bytes of each of eight blobs.
    pub eight: u64,
    /// Tags in the list.
    pub tags: u64,
    /// Time for requests that are counted per second.
    pub duration: Duration,
    /// Time of such requests before they are measured.
    pub warm_up: Duration,
}

impl Sizes {
    /// Returns sizes for a run of some ten minutes, on a disk that writes so many MiB/s.
    #[must_use]
    pub fn full(disk: f64) -> Self {
        let scale = if disk < 300.0 { 2 } else { 1 };
        Self {
            one: (1 << 30) / scale,
            eight: (256 << 20) / scale,
            tags: 10_000,
            duration: Duration::from_secs(3),
            warm_up: Duration::from_millis(500),
        }
    }

    /// Returns sizes for a run of some seconds.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            one: 32 << 20,
            eight: 8 << 20,
            tags: 200,
            duration: Duration::from_millis(300),
            warm_up: Duration::from_millis(50),
        }
    }

    fn load(&self, status: u16) -> Load {
        Load { connections: 32, status, warm_up: self.warm_up, duration: self.duration }
    }
}

/// Returns every measurement.
///
/// # Errors
///
/// Fails when there is no memory for the pattern of the blobs.
pub fn all(sizes: Sizes) -> Result<Vec<Box<dyn Scenario>>> {
    let pattern = Rc::new(Pattern::new()?);
    let one = Rc::new(BlobMaker::new(&pattern, sizes.one));
    let eight = Rc::new(BlobMaker::new(&pattern, sizes.eight));
    let push = |name, blobs: &Rc<BlobMaker>, parallel, upload| -> Box<dyn Scenario> {
        let (pattern, blobs) = (Rc::clone(&pattern), Rc::clone(blobs));
        Box::new(push::Push { name, pattern, blobs, parallel, upload })
    };
    let pull = |name, blobs: &Rc<BlobMaker>, parallel, turn| -> Box<dyn Scenario> {
        Box::new(pull::Pull::new(name, Rc::clone(&pattern), Rc::clone(blobs), parallel, turn))
    };
    Ok(vec![
        push("push-one", &one, 1, Upload::Put),
        push("push-one-patch", &one, 1, Upload::Patch),
        push("push-eight", &eight, 8, Upload::Put),
        pull("pull-one", &one, 1, Turn::Later),
        pull("pull-eight", &eight, 8, Turn::Later),
        pull("pull-first", &one, 1, Turn::First),
        Box::new(manifests::Get::by_tag(sizes)),
        Box::new(manifests::Get::by_digest(sizes)),
        Box::new(manifests::Put::new(sizes)),
        Box::new(tags::List::new(sizes)),
    ])
}

/// Returns `bytes` in words.
fn size_in_words(bytes: u64) -> String {
    let mebibytes = bytes >> 20;
    if mebibytes.is_multiple_of(1024) {
        return format!("{} GiB", mebibytes / 1024);
    }
    format!("{mebibytes} MiB")
}
