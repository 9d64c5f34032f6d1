use berth_types::Digest;

use super::amounts::Amounts;
use crate::document::{decode, encode};
use crate::layout::{Place, RepositoryId};
use crate::ports::{Attributes, Condition, Item, Operation, StoreError, StoreErrorKind, Timestamp};

/// Attribute that says up to which image events count; see [`Counted`].
const COUNTED: &str = "counted";

/// Images whose events count: those that are counted already, in the order of their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// None yet.
    Nothing,
    /// This one, and those before it.
    To(Digest),
    /// All.
    All,
}

/// Storage figures of a repository, as the table keeps them.
#[derive(Debug)]
pub(crate) struct FiguresItem {
    /// Which images are counted.
    pub(crate) counted: Counted,
    /// What was counted by walking over images that were there.
    pub(crate) walked: Amounts,
    /// What events have told since.
    pub(crate) told: Amounts,
    /// Version of the item.
    pub(crate) version: u64,
}

impl Counted {
    /// Whether an event of the image counts.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        match self {
            Self::Nothing => false,
            Self::To(last) => digest.to_string() <= last.to_string(),
            Self::All => true,
        }
    }

    /// Returns the condition that it is still so.
    pub(crate) fn condition(&self) -> Condition {
        Condition::Attribute { name: COUNTED, value: self.text() }
    }

    fn text(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::To(digest) => digest.to_string(),
            Self::All => "all".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "nothing" => Some(Self::Nothing),
            "all" => Some(Self::All),
            digest => digest.parse().ok().map(Self::To),
        }
    }
}

impl FiguresItem {
    /// Returns the operation that gives a repository that is made its figures.
    pub(crate) fn of_new_repository(
        id: &RepositoryId,
        now: Timestamp,
    ) -> Result<Operation, StoreError> {
        let (nothing, version) = (Amounts::default(), now.millis());
        Self::put(id, &Counted::All, nothing, version, Condition::Any)
    }

    /// Returns the operation that writes what was counted, and leaves what events told.
    pub(crate) fn put(
        id: &RepositoryId,
        counted: &Counted,
        walked: Amounts,
        first_version: u64,
        condition: Condition,
    ) -> Result<Operation, StoreError> {
        Ok(Operation::Put {
            key: Place::Figures(id).key(),
            document: encode(&walked)?,
            attributes: Attributes::from([(COUNTED.to_owned(), counted.text())]),
            first_version,
            condition,
        })
    }

    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let damaged = || StoreError::new(StoreErrorKind::Damaged, "figures that count nothing");
        let counted = item.attributes.get(COUNTED).and_then(|text| Counted::parse(text));
        Ok(Self {
            counted: counted.ok_or_else(damaged)?,
            walked: decode(item)?,
            told: Amounts::of_counters(item),
            version: item.version,
        })
    }

    /// Returns the figures.
    pub(crate) fn total(&self) -> Amounts {
        self.walked + self.told
    }
}
