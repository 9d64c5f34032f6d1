//! Carrying out what was decided about many images, each on condition that it is as it was when it
//! was decided about.

use std::collections::{HashMap, HashSet};

use berth_types::{Digest, Tag};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::delete::Doomed;
use super::record::{Image, ManifestBytes};
use super::walk::Walked;
use crate::contention::{Attempts, won};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::ports::{Condition, Consistency, Key, MOST_OPERATIONS, Operation, TransactError};
use crate::registry::Removal;
use crate::repositories::Repository;

/// The most tags that one transaction takes from an image that stays, two operations each.
const TAGS_AT_ONCE: usize = 45;

/// How many transactions wait at once: the embedded table commits together what waits together.
const GROUPS_AT_ONCE: usize = 8;

/// An image as it was when it was decided about.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) digest: Digest,
    pub(crate) summary: Image,
    version: u64,
    pulled_version: Option<u64>,
    tags: Vec<Tag>,
    /// How many indexes listed it that were not in the archive.
    pub(crate) parents: u64,
    /// Whether an index listed it, in the archive or not.
    pub(crate) is_listed: bool,
}

/// What is to be done to an image.
#[derive(Clone, Debug)]
pub(crate) enum Decision {
    /// It is deleted, with its tags.
    Delete,
    /// It is deleted, with its tags, unless its subject is there.
    DeleteWithoutSubject(Digest),
    /// It loses these tags.
    Untag(Vec<Tag>),
}

/// Operations that belong together, and what follows them.
#[derive(Debug)]
struct Piece {
    /// Place of the image in the list.
    image: usize,
    operations: Vec<Operation>,
    late: Vec<[Operation; 2]>,
    bytes: ManifestBytes,
}

impl Seen {
    /// Returns the condition that the image was not pulled since.
    fn pulled(&self) -> Condition {
        self.pulled_version.map_or(Condition::Absent, Condition::Version)
    }

    /// Returns the version that the image had.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the operation that checks that the image was not pulled since.
    pub(crate) fn not_pulled(&self, id: &RepositoryId) -> Operation {
        let key = Place::Pulled(id, &self.digest).key();
        Operation::Check { key, condition: self.pulled() }
    }
}

impl From<Walked> for Seen {
    fn from(walked: Walked) -> Self {
        Self {
            digest: walked.digest,
            summary: walked.image,
            version: walked.version,
            pulled_version: walked.pulled_version,
            // The tags lie behind the summary: while its version holds, they are all.
            tags: walked.tags,
            parents: walked.parents,
            is_listed: walked.parents + walked.archived_parents > 0,
        }
    }
}

impl Removal {
    /// Carries out decisions about images, several in a transaction, and returns for each whether
    /// it was: not, if the image was tagged, untagged, pushed or pulled since, or is gone, or if an
    /// index lists it that is to be deleted, or its manifest can't be read.
    ///
    /// An image with more tags than a transaction holds loses tags before it goes: if it changes in
    /// between, it stays, without these.
    pub(crate) async fn carry_out(
        &self,
        repository: &Repository,
        decided: &[(Seen, Decision)],
    ) -> Result<Vec<bool>, RegistryError> {
        let mut manifests = self.manifests(repository, decided).await?;
        let mut pieces = Vec::new();
        for (place, (seen, decision)) in decided.iter().enumerate() {
            let subject = match decision {
                Decision::Untag(tags) => {
                    pieces.extend(self.untagging_piece(repository, place, seen, tags).await?);
                    continue;
                }
                Decision::Delete => None,
                Decision::DeleteWithoutSubject(subject) => Some(subject),
            };
            let Some(manifest) = manifests.remove(&place).filter(|_| !seen.is_listed) else {
                continue;
            };
            let mut doomed = Doomed::seen(seen.version, seen.summary.clone());
            doomed.pulled = seen.pulled();
            doomed.tags.clone_from(&seen.tags);
            let doomed = match self.with_manifest(doomed, &manifest).await {
                // What it lists and uses is not known. The others go all the same.
                Err(error) if error.is_damage() => {
                    let (repository, digest) = (&repository.name, &seen.digest);
                    tracing::error!(%repository, %digest, %error, "a manifest can't be read");
                    continue;
                }
                doomed => doomed?,
            };
            let Some(doomed) = self.shed_tags(repository, seen, doomed).await? else { continue };
            let (mut operations, late) = self.plan(repository, &seen.digest, &doomed).await?;
            if let Some(subject) = subject {
                if operations.len() == MOST_OPERATIONS {
                    // An index of as many children as fit, untagged: there is no room to check.
                    continue;
                }
                let key = Place::Image(&repository.id, subject).key();
                operations.push(Operation::Check { key, condition: Condition::Absent });
            }
            pieces.push(Piece { image: place, operations, late, bytes: doomed.bytes });
        }
        let mut done = vec![false; decided.len()];
        let groups: Vec<_> = groups(pieces)
            .into_iter()
            .map(|group| self.carry_out_group(repository, group))
            .collect();
        let mut carried_out = stream::iter(groups).buffer_unordered(GROUPS_AT_ONCE);
        while let Some(images) = carried_out.try_next().await? {
            for image in images {
                done[image] = true;
            }
        }
        Ok(done)
    }

    /// Reads the manifests of the images that are to be deleted, by their places in the list.
    async fn manifests(
        &self,
        repository: &Repository,
        decided: &[(Seen, Decision)],
    ) -> Result<HashMap<usize, crate::ports::Item>, RegistryError> {
        let is_doomed = |(_, (_, decision)): &(usize, &(Seen, Decision))| {
            !matches!(decision, Decision::Untag(_))
        };
        let doomed: Vec<_> = decided.iter().enumerate().filter(is_doomed).collect();
        if doomed.is_empty() {
            return Ok(HashMap::new());
        }
        let key = |(_, (seen, _)): &(usize, &(Seen, _))| {
            Place::Manifest(&repository.id, &seen.digest).key()
        };
        let keys: Vec<_> = doomed.iter().map(key).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let placed =
            doomed.iter().zip(items).filter_map(|((place, _), item)| Some((*place, item?)));
        Ok(placed.collect())
    }

    /// Takes tags away from an image that is to be deleted, until the rest fits the transaction
    /// that deletes it. `None` if it changed.
    async fn shed_tags(
        &self,
        repository: &Repository,
        seen: &Seen,
        mut doomed: Doomed,
    ) -> Result<Option<Doomed>, RegistryError> {
        while doomed.tags.len() > doomed.room_for_tags().min(TAGS_AT_ONCE) {
            let rest = doomed.tags.split_off(doomed.tags.len().min(TAGS_AT_ONCE));
            let some = std::mem::replace(&mut doomed.tags, rest);
            if !self.take_seen_tags(repository, seen, doomed.version, &some).await? {
                return Ok(None);
            }
            doomed.version += 1;
        }
        Ok(Some(doomed))
    }

    /// Returns the operations that take the last of these tags away, after the others went. None if
    /// the image changed.
    async fn untagging_piece(
        &self,
        repository: &Repository,
        place: usize,
        seen: &Seen,
        mut tags: &[Tag],
    ) -> Result<Option<Piece>, RegistryError> {
        let mut version = seen.version;
        while tags.len() > TAGS_AT_ONCE {
            let (some, rest) = tags.split_at(TAGS_AT_ONCE);
            if !self.take_seen_tags(repository, seen, version, some).await? {
                return Ok(None);
            }
            (version, tags) = (version + 1, rest);
        }
        let media_type = &seen.summary.media_type;
        let mut operations = self.untagging(repository, &seen.digest, version, media_type, tags)?;
        operations.push(seen.not_pulled(&repository.id));
        let bytes = ManifestBytes::Here(bytes::Bytes::new());
        Ok(Some(Piece { image: place, operations, late: Vec::new(), bytes }))
    }

    /// Takes some tags away; `false` if the image is of another version, or was pulled.
    async fn take_seen_tags(
        &self,
        repository: &Repository,
        seen: &Seen,
        version: u64,
        tags: &[Tag],
    ) -> Result<bool, RegistryError> {
        let media_type = &seen.summary.media_type;
        let mut operations = self.untagging(repository, &seen.digest, version, media_type, tags)?;
        operations.push(seen.not_pulled(&repository.id));
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Carries out pieces in one transaction, without those whose conditions do not hold, and
    /// returns which images they were of.
    async fn carry_out_group(
        &self,
        repository: &Repository,
        mut pieces: Vec<Piece>,
    ) -> Result<Vec<usize>, RegistryError> {
        let mut attempts = Attempts::at(&repository.name);
        while !pieces.is_empty() {
            let operations = pieces.iter().flat_map(|piece| piece.operations.iter().cloned());
            match self.table.transact(operations.collect()).await {
                Ok(()) => break,
                Err(TransactError::Conditions(positions)) => drop_failed(&mut pieces, &positions),
                Err(TransactError::Conflict) => attempts.next().await?,
                Err(TransactError::Store(error)) => return Err(error.into()),
            }
        }
        let mut done = Vec::with_capacity(pieces.len());
        for Piece { image, late, bytes, .. } in pieces {
            self.delete_rest(late, &bytes).await?;
            done.push(image);
        }
        Ok(done)
    }
}

/// Takes those pieces out that have operations at these positions of the transaction.
fn drop_failed(pieces: &mut Vec<Piece>, positions: &[usize]) {
    let mut begin = 0;
    pieces.retain(|piece| {
        let end = begin + piece.operations.len();
        let failed = positions.iter().any(|position| (begin..end).contains(position));
        begin = end;
        !failed
    });
}

/// Puts pieces together that fit a transaction, which has one operation on each key.
fn groups(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    let (mut keys, mut length): (HashSet<Key>, usize) = (HashSet::new(), 0);
    for piece in pieces {
        let is_full = length + piece.operations.len() > MOST_OPERATIONS;
        if is_full || piece.operations.iter().any(|operation| keys.contains(operation.key())) {
            groups.push(std::mem::take(&mut group));
            (keys, length) = (HashSet::new(), 0);
        }
        length += piece.operations.len();
        keys.extend(piece.operations.iter().map(|operation| operation.key().clone()));
        group.push(piece);
    }
    groups.push(group);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(image: usize, keys: &[usize]) -> Piece {
        let operation = |key: &usize| Operation::Delete {
            key: Key { partition: "p".to_owned(), sort: key.to_string() },
            condition: Condition::Any,
        };
        let operations = keys.iter().map(operation).collect();
        let bytes = ManifestBytes::Here(bytes::Bytes::new());
        Piece { image, operations, late: Vec::new(), bytes }
    }

    fn images(pieces: &[Piece]) -> Vec<usize> {
        pieces.iter().map(|piece| piece.image).collect()
    }

    #[test]
    fn groups_fit_a_transaction() {
        let many = |from: usize, count: usize| (from..from + count).collect::<Vec<_>>();
        let pieces = vec![
            piece(0, &many(0, 60)),
            piece(1, &many(100, 40)),
            piece(2, &[200]),
            piece(3, &[201, 202]),
            piece(4, &[202, 203]),
        ];
        let groups: Vec<_> = groups(pieces).iter().map(|group| images(group)).collect();
        assert_eq!(groups, [vec![0, 1], vec![2, 3], vec![4]]);
    }

    #[test]
    fn what_fails_is_left_out() {
        let mut pieces = vec![piece(0, &[0, 1]), piece(1, &[2]), piece(2, &[3, 4])];
        drop_failed(&mut pieces, &[1, 3]);
        assert_eq!(images(&pieces), [1]);
    }
}
