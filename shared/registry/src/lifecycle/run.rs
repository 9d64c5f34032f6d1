use berth_lifecycle::LifecyclePolicy;
use uuid::Uuid;

use super::freed::freed_bytes;
use super::judge::read_images;
use super::record::{PlannedAction, PreviewRecord, PreviewState};
use super::rehearsal::Rehearsal;
use super::{LifecyclePreviews, PreviewJob, damaged};
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Condition, Consistency, Item};

impl LifecyclePreviews {
    /// Works a preview out, unless it was, or another one took its place.
    ///
    /// Takes time in proportion to the repository's images, and holds their summaries; a
    /// repository of more than 128 MiB of them fails the preview.
    pub async fn run(&self, job: &PreviewJob) -> Result<(), RegistryError> {
        let Some((item, record)) = self.awaited(job).await? else { return Ok(()) };
        let policy: LifecyclePolicy = record.policy.parse().map_err(damaged)?;
        let run = Uuid::new_v4();
        let state = match read_images(self.table.as_ref(), &job.id).await? {
            None => {
                tracing::warn!(repository = %job.repository, "too many images for a preview");
                PreviewState::Failed
            }
            Some(images) => {
                let Rehearsal { mut figures, images } =
                    self.rehearse(&job.id, &policy, images).await?;
                let gone = images.iter().filter(|image| image.action == PlannedAction::Expire);
                let gone = gone.map(|image| &image.digest).collect();
                figures.freed = freed_bytes(self.table.as_ref(), &job.id, &gone).await?;
                self.write_pages(&job.id, run, images).await?;
                PreviewState::Complete { run, ended_at: self.clock.now(), figures }
            }
        };
        let document = encode(&PreviewRecord { state, ..record })?;
        let operation = put(item.key, document, 1, Condition::Version(item.version));
        if won(self.table.transact(vec![operation]).await)? {
            self.delete_pages_but(&job.id, run).await
        } else {
            self.delete_pages_of(&job.id, run).await
        }
    }

    /// Notes that a preview failed whose job is given up, so that nobody waits for it.
    pub(super) async fn give_up(&self, job: &PreviewJob) -> Result<(), RegistryError> {
        let Some((item, record)) = self.awaited(job).await? else { return Ok(()) };
        let document = encode(&PreviewRecord { state: PreviewState::Failed, ..record })?;
        let operation = put(item.key, document, 1, Condition::Version(item.version));
        // Else the preview ended, or another one took its place.
        won(self.table.transact(vec![operation]).await)?;
        Ok(())
    }

    /// Returns the record of a job's preview, and its item, if it was not worked out yet and no other
    /// one took its place.
    async fn awaited(
        &self,
        job: &PreviewJob,
    ) -> Result<Option<(Item, PreviewRecord)>, RegistryError> {
        let key = Place::LifecyclePreview(&job.id).key();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(None);
        };
        let record: PreviewRecord = decode(&item)?;
        let is_awaited =
            record.id == job.preview && matches!(record.state, PreviewState::InProgress);
        Ok(is_awaited.then_some((item, record)))
    }
}
