use berth_types::Digest;

use super::range::Range;
use super::uses::UseWalk;
use super::worker::{CollectWorker, damaged};
use super::{GracePeriods, is_over};
use crate::blobs::{Deletion, Layer, is_used};
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{LAYERS, RepositoryId, content, parse_layer_key};
use crate::ports::{Item, Select, Timestamp};

/// What is to be done with a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    Leave,
    /// Record this.
    Record(Deletion),
    /// Take it away.
    Remove,
}

/// Returns what is to be done with a layer of which it is known whether it has uses.
fn step(deletion: Deletion, is_used: bool, now: Timestamp, grace: GracePeriods) -> Step {
    match deletion {
        Deletion::None if is_used => Step::Leave,
        _ if is_used => Step::Record(Deletion::None),
        Deletion::None => Step::Record(Deletion::Unused(now)),
        Deletion::Unused(since) if is_over(since, grace.unused, now) => {
            Step::Record(Deletion::Condemned(now))
        }
        // Who began the deletion has died.
        Deletion::Began(since) if is_over(since, grace.condemned, now) => {
            Step::Record(Deletion::Condemned(now))
        }
        Deletion::Condemned(since) | Deletion::Done(since)
            if is_over(since, grace.condemned, now) =>
        {
            Step::Remove
        }
        _ => Step::Leave,
    }
}

impl CollectWorker {
    /// Goes over the layers of a repository and their uses, behind the sort key `after`; returns the
    /// sort key behind which to go on, if it is late.
    pub(super) async fn layers(
        &self,
        id: &RepositoryId,
        after: Option<String>,
        until: Timestamp,
    ) -> Result<Option<String>, RegistryError> {
        let last = after.as_ref().and_then(|after| parse_layer_key(after));
        let mut uses = UseWalk::begin(self, id, last.as_ref()).await?;
        let table = self.table.as_ref();
        let mut layers = Range::over(table, content(id), LAYERS, after, Select::Items);
        while let Some(item) = layers.next().await? {
            let digest = parse_layer_key(&item.key.sort).ok_or_else(|| damaged(&item.key.sort))?;
            let seems_used = uses.go_to(&digest).await?;
            self.judge_layer(id, &digest, &item, seems_used).await?;
            if self.is_late(until) {
                return Ok(Some(item.key.sort));
            }
        }
        uses.finish().await?;
        Ok(None)
    }

    /// Marks a layer that no image uses, takes it away when its time has come, or takes the mark of
    /// one that is used back. If it changes meanwhile, the next collection looks at it.
    async fn judge_layer(
        &self,
        id: &RepositoryId,
        digest: &Digest,
        item: &Item,
        seems_used: bool,
    ) -> Result<(), RegistryError> {
        let mut layer: Layer = decode(item)?;
        if seems_used && layer.deletion == Deletion::None {
            return Ok(());
        }
        let is_used = is_used(self.table.as_ref(), id, digest).await?;
        let mut version = item.version;
        loop {
            let now = self.clock.now();
            match step(layer.deletion, is_used, now, self.grace) {
                Step::Leave => return Ok(()),
                Step::Record(deletion) => {
                    let operation = layer.change(id, digest, version, deletion)?;
                    if !won(self.table.transact(vec![operation]).await)? {
                        return Ok(());
                    }
                    layer.deletion = deletion;
                    version += 1;
                }
                Step::Remove => {
                    let operations = layer.removal(id, digest, version, now)?;
                    won(self.table.transact(operations).await)?;
                    return Ok(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const GRACE: GracePeriods = GracePeriods {
        unused: Duration::from_secs(10),
        condemned: Duration::from_secs(20),
        idle: Duration::from_secs(40),
        unnamed: Duration::from_secs(80),
    };

    #[track_caller]
    fn check(deletion: Deletion, seconds: u64, unused: Step) {
        let now = at(seconds);
        assert_eq!(step(deletion, false, now, GRACE), unused);
        let used = match deletion {
            Deletion::None => Step::Leave,
            _ => Step::Record(Deletion::None),
        };
        assert_eq!(step(deletion, true, now, GRACE), used);
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_layer_goes_step_by_step() {
        check(Deletion::None, 100, Step::Record(Deletion::Unused(at(100))));
        check(Deletion::Unused(at(100)), 109, Step::Leave);
        check(Deletion::Unused(at(100)), 110, Step::Record(Deletion::Condemned(at(110))));
        check(Deletion::Condemned(at(110)), 129, Step::Leave);
        check(Deletion::Condemned(at(110)), 130, Step::Remove);
    }

    #[test]
    fn marks_of_a_clock_that_was_wrong_are_as_good_as_old() {
        let (ahead, far) = (100 + 24 * 3600, 101 + 24 * 3600);
        check(Deletion::Unused(at(ahead)), 100, Step::Leave);
        check(Deletion::Unused(at(far)), 100, Step::Record(Deletion::Condemned(at(100))));
        check(Deletion::Condemned(at(far)), 100, Step::Remove);
    }

    #[test]
    fn a_clients_deletion_is_carried_out() {
        check(Deletion::Began(at(100)), 119, Step::Leave);
        check(Deletion::Began(at(100)), 120, Step::Record(Deletion::Condemned(at(120))));
        check(Deletion::Done(at(100)), 119, Step::Leave);
        check(Deletion::Done(at(100)), 120, Step::Remove);
    }
}
