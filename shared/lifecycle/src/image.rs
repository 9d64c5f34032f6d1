use crate::policy::Action;

/// What a policy asks of an image. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Digest. Of images pushed at the same moment, the one with the greater digest counts as the
    /// younger.
    pub digest: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Size, in bytes.
    pub size: u64,
    /// When it was pushed.
    pub pushed_at: u64,
    /// When it was last pulled, if it was.
    pub pulled_at: Option<u64>,
    /// Where it is kept.
    pub storage: Storage,
    /// How many manifest lists that are not archived list it.
    pub parents: u64,
    /// How many manifest lists that are archived list it.
    pub archived_parents: u64,
    /// Digest of the image that it refers to.
    pub subject: Option<String>,
}

/// Where an image is kept. Times are in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// At hand.
    Standard {
        /// When it came back from the archive, if it was there.
        activated_at: Option<u64>,
    },
    /// In the archive.
    Archive {
        /// Since when.
        archived_at: u64,
    },
}

impl Image {
    /// Returns how many manifest lists keep it from what a rule would do to it: none that is in the
    /// archive keeps it from going there as well.
    pub(crate) fn holders(&self, action: Action) -> u64 {
        match action {
            Action::Expire => self.parents + self.archived_parents,
            Action::Archive => self.parents,
            Action::Retain | Action::Untag => 0,
        }
    }

    /// Returns the time from which its age is counted: when it was pushed, or came back from the
    /// archive.
    pub(crate) fn begin(&self) -> u64 {
        match self.storage {
            Storage::Standard { activated_at: Some(at) } => at,
            Storage::Standard { activated_at: None } | Storage::Archive { .. } => self.pushed_at,
        }
    }

    /// Returns when it was last pulled; if never, or not since it came back from the archive, the
    /// time from which its age is counted.
    pub(crate) fn last_use(&self) -> u64 {
        match (self.pulled_at, self.storage) {
            (Some(pulled), Storage::Standard { activated_at: Some(at) }) => pulled.max(at),
            (Some(pulled), _) => pulled,
            (None, _) => self.begin(),
        }
    }
}
