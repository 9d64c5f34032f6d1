use berth_types::{Digest, Tag};

use super::tags::targets;
use super::{ImageToReplicate, Peer, ReplicateJob, ReplicateWorker, Replicated, ReplicationRules};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId};
use crate::ports::Consistency;
use crate::settings::ReplicationDestination;

/// What became of an image here while it was replicated.
#[derive(Debug)]
struct Here {
    /// Id of the repository, if it is still there.
    repository: Option<RepositoryId>,
    has_image: bool,
    /// Images that its tags point to, each in the place of its tag.
    targets: Vec<Option<Digest>>,
}

impl ReplicateWorker {
    /// Looks again after a replication, and returns the jobs that bring the destination to what
    /// stands here by then. A job that was faster than this one, of a tag that moved or of what
    /// was deleted, would be undone otherwise.
    pub(super) async fn settle(
        &self,
        image: &ImageToReplicate,
        destination: &ReplicationDestination,
    ) -> Result<Vec<Job>, RegistryError> {
        let Some(peer) = self.peers.find(destination) else { return Ok(Vec::new()) };
        let Some(left) = left_there(peer, image).await? else { return Ok(Vec::new()) };
        let here = self.here(image, &left).await?;
        let table = self.ports.table.as_ref();
        let rules = ReplicationRules::read(table, &self.identity).await?;
        let plan = rules.plan(&image.repository, destination);
        let deletions = plan.is_some_and(|plan| plan.deletions);
        let Some(id) = here.repository else { return Ok(Vec::new()) };
        let digest = &image.digest;
        let mut changes = Vec::new();
        if !here.has_image && deletions {
            changes.push(Replicated::Deletion { digest: digest.clone() });
        }
        for (tag, target) in left.into_iter().zip(here.targets) {
            match target {
                Some(target) if target == *digest => {}
                Some(digest) => {
                    let tags = plan.and_then(|plan| plan.select(&[tag]));
                    changes.extend(tags.map(|tags| Replicated::Push { digest, tags }));
                }
                None if here.has_image && deletions => {
                    let digest = digest.clone();
                    changes.push(Replicated::Untagging { digest, tags: vec![tag] });
                }
                None => {}
            }
        }
        let job = |change| {
            let (repository, repository_id) = (image.repository.clone(), id.clone());
            let destination = destination.clone();
            Job::Replicate(ReplicateJob { repository, repository_id, destination, change })
        };
        Ok(changes.into_iter().map(job).collect())
    }

    async fn here(&self, image: &ImageToReplicate, tags: &[Tag]) -> Result<Here, RegistryError> {
        // A repository that was made anew has what it has under this name, too.
        let Some(repository) = self.repository_named(&image.repository).await? else {
            return Ok(Here { repository: None, has_image: false, targets: Vec::new() });
        };
        let table = self.ports.table.as_ref();
        Ok(Here {
            targets: targets(table, &repository.id, tags).await?,
            has_image: self.has_image(&repository, &image.digest).await?,
            repository: Some(repository.id),
        })
    }
}

/// Returns those of the image's tags that are the image's at the destination; `None` if it is not
/// there.
async fn left_there(
    peer: &Peer,
    image: &ImageToReplicate,
) -> Result<Option<Vec<Tag>>, RegistryError> {
    let push = &peer.registry.push;
    let repository = match push.directory.current(&image.repository).await {
        Ok((repository, _)) => repository,
        Err(RegistryError::RepositoryUnknown(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let key = Place::Image(&repository.id, &image.digest).key();
    if push.table.get(&key, Consistency::Strong).await?.is_none() {
        return Ok(None);
    }
    let found = targets(push.table.as_ref(), &repository.id, &image.tags).await?;
    let own =
        image.tags.iter().zip(found).filter(|(_, found)| found.as_ref() == Some(&image.digest));
    Ok(Some(own.map(|(tag, _)| tag.clone()).collect()))
}
