use serde::{Deserialize, Serialize};

/// Whether an image can be pulled.
///
/// Follows the type of `imageStatus` in [ImageDetail](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageStatus {
    /// It can.
    #[default]
    Active,
    /// It is in the archive.
    Archived,
    /// It is on its way back from the archive.
    Activating,
}

/// Which images to list, by their status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// Those of this status.
    Only(ImageStatus),
    /// All.
    Any,
}

impl ImageStatus {
    /// Returns the name that ECR gives it, such as `ACTIVE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Archived => "ARCHIVED",
            Self::Activating => "ACTIVATING",
        }
    }
}

impl StatusFilter {
    /// Whether an image of this status is to be listed.
    #[must_use]
    pub fn wants(self, status: ImageStatus) -> bool {
        match self {
            Self::Only(wanted) => wanted == status,
            Self::Any => true,
        }
    }
}

impl Default for StatusFilter {
    fn default() -> Self {
        Self::Only(ImageStatus::Active)
    }
}
