use serde::{Deserialize, Serialize};

use super::status::ImageStatus;
use crate::ports::Timestamp;

/// Where an image is kept, in its summary. That of an image that never was in the archive is the
/// default, and is not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageStorage {
    /// Whether it can be pulled.
    pub(crate) status: ImageStatus,
    /// When it went to the archive the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archived_at: Option<Timestamp>,
    /// When it came back from there the last time, or began to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) activated_at: Option<Timestamp>,
}

impl ImageStorage {
    /// Whether it is as that of an image that never was in the archive.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the image can be pulled.
    pub(crate) fn is_active(&self) -> bool {
        self.status == ImageStatus::Active
    }

    /// Returns that of the same image, once it has another status since `now`.
    pub(crate) fn changed(self, status: ImageStatus, now: Timestamp) -> Self {
        match status {
            ImageStatus::Archived => Self { status, archived_at: Some(now), ..self },
            ImageStatus::Active | ImageStatus::Activating => {
                Self { status, activated_at: Some(now), ..self }
            }
        }
    }

    /// Returns when the image came back from the archive the last time, unless it is on its way.
    pub(crate) fn returned_at(&self) -> Option<Timestamp> {
        self.activated_at.filter(|_| self.status != ImageStatus::Activating)
    }

    /// Returns what lifecycle policies ask. An image on its way back counts as one that is back,
    /// since it began to come.
    pub(crate) fn judged(&self) -> berth_lifecycle::Storage {
        let activated_at = self.activated_at.map(Timestamp::millis);
        match (self.status, self.archived_at) {
            (ImageStatus::Archived, Some(at)) => {
                berth_lifecycle::Storage::Archive { archived_at: at.millis() }
            }
            _ => berth_lifecycle::Storage::Standard { activated_at },
        }
    }
}

#[cfg(test)]
mod tests {
    use berth_lifecycle::Storage;

    use super::*;

    #[test]
    fn times_are_those_of_the_last_change() {
        let at = Timestamp::from_millis;
        let fresh = ImageStorage::default();
        assert!(fresh.is_default() && fresh.is_active());
        assert_eq!(fresh.judged(), Storage::Standard { activated_at: None });
        let archived = fresh.changed(ImageStatus::Archived, at(1));
        assert_eq!(archived.judged(), Storage::Archive { archived_at: 1 });
        let activating = archived.changed(ImageStatus::Activating, at(2));
        assert!(!activating.is_active());
        assert_eq!(activating.judged(), Storage::Standard { activated_at: Some(2) });
        assert_eq!(activating.returned_at(), None);
        let active = activating.changed(ImageStatus::Active, at(3));
        assert_eq!((active.archived_at, active.returned_at()), (Some(at(1)), Some(at(3))));
        assert!(active.is_active() && !active.is_default());
        assert_eq!(active.judged(), Storage::Standard { activated_at: Some(3) });
    }
}
