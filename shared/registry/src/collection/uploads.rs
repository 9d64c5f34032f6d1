use super::is_over;
use super::range::Range;
use super::worker::CollectWorker;
use crate::error::RegistryError;
use crate::layout::{RepositoryId, UPLOADS, content};
use crate::ports::{Select, Timestamp};
use crate::uploads::Collectable;

impl CollectWorker {
    /// Gives up the uploads of a repository that no request has written to for long, behind the sort
    /// key `after`; returns the sort key behind which to go on, if it is late.
    pub(super) async fn uploads(
        &self,
        id: &RepositoryId,
        after: Option<String>,
        until: Timestamp,
    ) -> Result<Option<String>, RegistryError> {
        let table = self.table.as_ref();
        let mut sessions = Range::over(table, content(id), UPLOADS, after, Select::Items);
        while let Some(item) = sessions.next().await? {
            let sort = item.key.sort.clone();
            let session = Collectable::read(item)?;
            if is_over(session.idle_since(), self.grace.idle, self.clock.now()) {
                session.discard(table, self.doomed.as_ref()).await?;
            }
            if self.is_late(until) {
                return Ok(Some(sort));
            }
        }
        Ok(None)
    }
}
