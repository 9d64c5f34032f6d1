use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

use crate::manifests::Image;
use crate::outbox::ChangedImage;
use crate::ports::Item;

/// What one image counts at most, in bytes of its layers: 1 TiB. A manifest may claim any size, and
/// a few that claim the most there is would take a counter beyond its end.
const MOST_BYTES: u64 = 1 << 40;

/// Counter of images.
const IMAGES: &str = "images";

/// Counter of the bytes of manifests.
const MANIFEST_BYTES: &str = "manifestBytes";

/// Counter of the bytes that images say they have.
const IMAGE_BYTES: &str = "imageBytes";

/// Images, and their bytes; negative where they are taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Amounts {
    /// How many images.
    pub(crate) images: i64,
    /// Bytes of their manifests.
    pub(crate) manifest_bytes: i64,
    /// Bytes of all layers and configs that their manifests name, shared ones each time.
    pub(crate) image_bytes: i64,
}

impl Amounts {
    /// Returns what an image that is there counts.
    pub(crate) fn of_image(image: &Image) -> Self {
        Self::new(image.manifest_size, image.content_size)
    }

    /// Returns what an image that an event tells of counts.
    pub(crate) fn of_event(image: &ChangedImage) -> Self {
        Self::new(image.manifest_size, image.size)
    }

    /// Returns what an item's counters say.
    pub(crate) fn of_counters(item: &Item) -> Self {
        Self {
            images: item.counter(IMAGES),
            manifest_bytes: item.counter(MANIFEST_BYTES),
            image_bytes: item.counter(IMAGE_BYTES),
        }
    }

    /// Returns the counters to add to; none that stays as it is.
    pub(crate) fn counters(self) -> Vec<(&'static str, i64)> {
        let counters = [
            (IMAGES, self.images),
            (MANIFEST_BYTES, self.manifest_bytes),
            (IMAGE_BYTES, self.image_bytes),
        ];
        counters.into_iter().filter(|(_, amount)| *amount != 0).collect()
    }

    fn new(manifest_size: u64, image_size: u64) -> Self {
        let bytes = |size: u64| i64::try_from(size.min(MOST_BYTES)).unwrap_or(i64::MAX);
        Self { images: 1, manifest_bytes: bytes(manifest_size), image_bytes: bytes(image_size) }
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            images: self.images.saturating_add(other.images),
            manifest_bytes: self.manifest_bytes.saturating_add(other.manifest_bytes),
            image_bytes: self.image_bytes.saturating_add(other.image_bytes),
        }
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Amounts {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            images: self.images.saturating_neg(),
            manifest_bytes: self.manifest_bytes.saturating_neg(),
            image_bytes: self.image_bytes.saturating_neg(),
        }
    }
}

impl Sub for Amounts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl std::iter::Sum for Amounts {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}
