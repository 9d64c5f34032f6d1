//! When images were last pulled.

use std::sync::Arc;
use std::time::Duration;

use berth_types::Digest;
use futures_util::future::join_all;
use quick_cache::sync::Cache;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::excluded::Excluded;
use super::walk::Pulled;
use crate::access::Principal;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::ports::{Clock, Condition, Consistency, Operation, Timestamp, WriteTable};

/// How long a recorded pull stands for those after it, as in ECR.
const RECORDED: Duration = Duration::from_hours(24);

/// How long a pull waits for its record at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many pulls wait at most to be recorded beside their answers.
const MOST_WAITING: usize = 4096;

/// How many of them are recorded at the same time: more in one go hold up the answers beside them.
const MOST_AT_ONCE: usize = 16;

/// How many images' pulls a process remembers to be recorded.
const REMEMBERED: usize = 16 * 1024;

/// Records pulls before they are answered or, in a process that goes on when it has answered, later.
#[derive(Clone, Debug)]
pub(crate) struct PullRecorder {
    times: Arc<PullTimes>,
    /// Where pulls wait to be recorded, if they are not recorded before their answers.
    waiting: Option<mpsc::Sender<NewPull>>,
}

/// A pull that is to be recorded.
#[derive(Debug)]
struct NewPull {
    principal: Option<Principal>,
    image: (RepositoryId, Digest),
    at: Timestamp,
}

/// Records when images were pulled: for each image the first pull of a day.
///
/// A process remembers what is recorded, so that only the first pull of an image through it costs
/// a read, and a write if no other process was faster; who pulls is compared with the list of
/// exclusions before. A record that fails fails no pull.
#[derive(Debug)]
struct PullTimes {
    table: Arc<dyn WriteTable>,
    clock: Arc<dyn Clock>,
    excluded: Arc<Excluded>,
    recorded: Cache<(RepositoryId, Digest), Timestamp>,
}

impl PullRecorder {
    pub(crate) fn new(
        table: Arc<dyn WriteTable>,
        clock: Arc<dyn Clock>,
        excluded: Arc<Excluded>,
    ) -> Self {
        let times = PullTimes { table, clock, excluded, recorded: Cache::new(REMEMBERED) };
        Self { times: Arc::new(times), waiting: None }
    }

    /// Makes pulls wait for their records no more, unless too many wait to be made. Starts a task,
    /// which ends with the last clone of the returned value.
    pub(crate) fn beside(self) -> Self {
        let (waiting, pulls) = mpsc::channel(MOST_WAITING);
        tokio::spawn(record_beside(self.times.clone(), pulls));
        Self { waiting: Some(waiting), ..self }
    }

    /// Records that an image is pulled now by a principal, unless its pulls are excluded.
    pub(super) async fn record(
        &self,
        principal: Option<&Principal>,
        id: &RepositoryId,
        digest: &Digest,
    ) {
        let (image, at) = ((id.clone(), digest.clone()), self.times.clock.now());
        if self.times.is_recorded(&image, at) {
            return;
        }
        let pull = NewPull { principal: principal.cloned(), image, at };
        let left = match &self.waiting {
            Some(waiting) => waiting.try_send(pull).err().map(TrySendError::into_inner),
            None => Some(pull),
        };
        if let Some(pull) = left {
            self.times.record(pull).await;
        }
    }
}

/// Records those pulls at once that came while the ones before were recorded, so that they share a
/// commit of the table.
async fn record_beside(times: Arc<PullTimes>, mut waiting: mpsc::Receiver<NewPull>) {
    let mut pulls = Vec::with_capacity(MOST_AT_ONCE);
    while waiting.recv_many(&mut pulls, MOST_AT_ONCE).await > 0 {
        join_all(pulls.drain(..).map(|pull| times.record(pull))).await;
    }
}

impl PullTimes {
    fn is_recorded(&self, image: &(RepositoryId, Digest), now: Timestamp) -> bool {
        self.recorded.get(image).is_some_and(|at| now < at.plus(RECORDED))
    }

    async fn record(&self, NewPull { principal, image, at: now }: NewPull) {
        if self.is_excluded(principal.as_ref()).await || self.is_recorded(&image, now) {
            return;
        }
        let (id, digest) = &image;
        // Those who pull it beside this one don't record it too.
        self.recorded.insert(image.clone(), now);
        match tokio::time::timeout(PATIENCE, self.write(id, digest, now)).await {
            Ok(Ok(Some(at))) => {
                self.recorded.insert(image, at);
                return;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%digest, %error, "the time of a pull was not recorded");
            }
            Err(_) => tracing::warn!(%digest, "the time of a pull was not recorded in time"),
        }
        self.recorded.remove(&image);
    }

    /// Whether a principal's pulls are not recorded. Nor are they while nobody knows.
    async fn is_excluded(&self, principal: Option<&Principal>) -> bool {
        let Some(principal) = principal else { return false };
        match tokio::time::timeout(PATIENCE, self.excluded.has(principal)).await {
            Ok(Ok(excluded)) => excluded,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the pull time exclusions could not be read");
                true
            }
            Err(_) => {
                tracing::warn!("the pull time exclusions could not be read in time");
                true
            }
        }
    }

    /// Writes the time of a pull, unless one was recorded less than a day before. Returns what is
    /// recorded then; `None` if another request was faster, and recorded another pull of this
    /// moment, or changed or deleted the image: then the next pull looks again.
    async fn write(
        &self,
        id: &RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, RegistryError> {
        let key = Place::Pulled(id, digest).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let before = item.as_ref().map(decode::<Pulled>).transpose()?;
        if let Some(Pulled { at }) = before.filter(|before| now < before.at.plus(RECORDED)) {
            return Ok(Some(at));
        }
        let condition = item.map_or(Condition::Absent, |item| Condition::Version(item.version));
        let document = encode(&Pulled { at: now })?;
        let operations = vec![
            put(key, document, now.millis(), condition),
            // A deletion beside the pull leaves no record behind.
            Operation::Check { key: Place::Image(id, digest).key(), condition: Condition::Present },
        ];
        Ok(won(self.table.transact(operations).await)?.then_some(now))
    }
}
