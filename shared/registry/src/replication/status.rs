use std::time::Duration;

use berth_types::{Digest, Reference};
use serde::{Deserialize, Serialize};

use super::ReplicationFailure;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId, content, replications};
use crate::manifests::{Image, ImageSelector};
use crate::ports::{
    Condition, Consistency, Key, Operation, Query, ReadTable, Select, StoreError, Timestamp,
    WriteTable,
};
use crate::registry::Pull;
use crate::settings::ReplicationDestination;

/// How far the replication of an image to a destination is.
///
/// Follows [ImageReplicationStatus](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageReplicationStatus.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReplicationStatus {
    /// Registry that it goes to.
    pub destination: ReplicationDestination,
    /// How far it is.
    pub state: ReplicationState,
    /// When its last job began, or ended.
    at: Timestamp,
}

/// How far a replication is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplicationState {
    /// It is under way.
    InProgress,
    /// The image is at the destination, with its tags.
    Complete,
    /// The image, or a tag of it, is not at the destination.
    Failed(ReplicationFailure),
}

/// Where the status of an image at a destination is kept: beside the image, in the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatusKeeper<'a> {
    pub(super) table: &'a dyn WriteTable,
    pub(super) repository: &'a RepositoryId,
    pub(super) digest: &'a Digest,
    pub(super) destination: &'a ReplicationDestination,
}

impl StatusKeeper<'_> {
    /// Notes how far the replication is `now`.
    pub(super) async fn note(
        &self,
        state: ReplicationState,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        let destination = self.destination.clone();
        let document = encode(&ImageReplicationStatus { destination, state, at: now })?;
        let operation = put(self.key(), document, now.millis(), Condition::Any);
        let mut attempts = Attempts::at(self.digest);
        while !won(self.table.transact(vec![operation.clone()]).await)? {
            attempts.next().await?;
        }
        Ok(())
    }

    /// Returns the version of what is known; `None` if nothing is.
    pub(super) async fn version(&self) -> Result<Option<u64>, StoreError> {
        let item = self.table.get(&self.key(), Consistency::Strong).await?;
        Ok(item.map(|item| item.version))
    }

    /// Forgets what is known; `false` if it is not of this `version` any more.
    pub(super) async fn forget(&self, version: u64) -> Result<bool, RegistryError> {
        let condition = Condition::Version(version);
        let operation = Operation::Delete { key: self.key(), condition };
        Ok(won(self.table.transact(vec![operation]).await)?)
    }

    fn key(&self) -> Key {
        let Self { repository, digest, destination, .. } = *self;
        Place::Replication { repository, digest, destination }.key()
    }
}

impl Pull {
    /// Returns the digest of an image of the repository that the permit names, and how far its
    /// replications are.
    pub async fn replication_statuses(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
    ) -> Result<(Digest, Vec<ImageReplicationStatus>), RegistryError> {
        permit.must_be(Action::DescribeImageReplicationStatus);
        let table = self.table.as_ref();
        let (repository, _) = self.directory.current(permit.name()).await?;
        let digest = selector.resolve(table, &repository).await?;
        let key = Place::Image(&repository.id, &digest).key();
        let Some(item) = table.get(&key, Consistency::Strong).await? else {
            let (repository, reference) = (repository.name.clone(), Reference::Digest(digest));
            return Err(RegistryError::ManifestUnknown { repository, reference });
        };
        let image: Image = decode(&item)?;
        let mut statuses = all(table, &repository.id, &digest).await?;
        // What is older is of an image that was deleted and came again. A clock may be a little
        // behind the one that the push saw.
        statuses.retain(|status| status.at.plus(CLOCKS_DIFFER) >= image.pushed_at);
        Ok((digest, statuses))
    }
}

/// How far the clocks of two processes may be apart.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// Reads the status of an image at every destination. There are as many as a registry's rules
/// ever named, which are few.
async fn all(
    table: &dyn ReadTable,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<Vec<ImageReplicationStatus>, RegistryError> {
    let mut statuses = Vec::new();
    let mut after = None;
    loop {
        let query = Query {
            partition: content(repository),
            prefix: replications(digest),
            after,
            limit: 100,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = table.query(&query).await?;
        for item in &page.items {
            statuses.push(decode(item)?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(statuses);
        }
    }
}
