//! Whether there is room for what a push adds.

use super::put::{PushChange, Pushed};
use super::record::TagRecord;
use super::transaction::Sight;
use crate::counts::Counted;
use crate::document::decode;
use crate::error::{QuotaExceeded, RegistryError};
use crate::registry::Push;

/// What a push adds to what there is.
#[derive(Debug)]
pub(super) struct Additions {
    change: PushChange,
    images: Counted,
    tags: Counted,
    /// Tags that the image did not have.
    new_tags: usize,
}

impl Push {
    /// Refuses a push for which its repository, or its image, has no room. A push that makes an
    /// image counts the repository's images, one that tags another image counts that image's tags.
    pub(super) async fn must_have_room(
        &self,
        sight: &Sight,
        pushed: &Pushed,
        change: PushChange,
    ) -> Result<Additions, RegistryError> {
        let (id, name) = (&sight.repository.id, &sight.repository.name);
        let images = Counted::Images(id.clone());
        let most = self.rules.quotas.images_per_repository;
        if change == PushChange::Made && !self.counts.has_room(&images, 1, most).await? {
            return Err(QuotaExceeded::Images { repository: name.clone(), most }.into());
        }
        let mut new = Vec::new();
        for (tag, item) in pushed.tags.iter().zip(&sight.tags) {
            let before = item.as_ref().map(decode::<TagRecord>).transpose()?;
            if before.is_none_or(|before| before.digest != pushed.digest) {
                new.push(tag);
            }
        }
        let (tags, new_tags) = (Counted::Tags(id.clone(), pushed.digest.clone()), new.len());
        let most = self.rules.quotas.tags_per_image;
        let fits = match change {
            PushChange::Made => new_tags <= most,
            PushChange::Tagged => self.counts.has_room(&tags, new_tags, most).await?,
            PushChange::Restored | PushChange::Nothing => true,
        };
        match new.first() {
            Some(tag) if !fits => {
                let (repository, tag) = (name.clone(), (*tag).clone());
                Err(QuotaExceeded::Tags { repository, tag, most }.into())
            }
            _ => Ok(Additions { change, images, tags, new_tags }),
        }
    }

    /// Takes note of what a push has added.
    pub(super) fn take_note(&self, additions: &Additions) {
        let Additions { change, images, tags, new_tags } = additions;
        match change {
            PushChange::Made => {
                self.counts.added(images, 1);
                self.counts.learn(tags, *new_tags);
            }
            PushChange::Tagged => self.counts.added(tags, *new_tags),
            PushChange::Restored | PushChange::Nothing => {}
        }
    }
}
