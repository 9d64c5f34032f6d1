use std::str::FromStr;

use crate::fault::InvalidLifecyclePolicy;
use crate::{rules, schema};

/// A lifecycle policy, as it was written and as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    text: String,
    rules: Vec<Rule>,
}

/// One rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its place among the rules: the lowest number is applied first.
    pub priority: u32,
    /// What people say about it.
    pub description: Option<String>,
    /// The images that it acts on.
    pub selection: Selection,
    /// What it does to them.
    pub action: Action,
}

/// The images that a rule acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// By tag.
    pub tags: TagSelection,
    /// How many of the prefixes or patterns an image must have tags for.
    pub tag_match: TagMatch,
    /// Patterns of tags: an image with a tag that matches one of them is not selected.
    pub excluded_tags: Vec<String>,
    /// By where they are kept.
    pub storage_class: StorageClass,
    /// By number or age.
    pub count: Count,
}

/// Images by their tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagSelection {
    /// Those that have, for each of these prefixes (or for one of them, by [`TagMatch`]), a tag
    /// that begins with it.
    Prefixes(Vec<String>),
    /// Those that have, for each of these patterns (or for one of them), a tag that matches it as a
    /// whole; `*` stands for any text.
    Patterns(Vec<String>),
    /// Those without a tag.
    Untagged,
    /// All.
    Any,
}

/// How many of its prefixes or patterns a rule asks tags for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMatch {
    /// All of them, as in ECR.
    All,
    /// One of them: Berth's own.
    Any,
}

/// Images by number or age; ages are in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// All, whatever their number and age: for [`Action::Retain`].
    All,
    /// The youngest of this number: for [`Action::Retain`].
    ImagesAtMost(u32),
    /// Those pushed no longer ago: for [`Action::Retain`].
    PushedWithinDays(u32),
    /// Those last pulled no longer ago: for [`Action::Retain`].
    PulledWithinDays(u32),
    /// All but the youngest of this number.
    ImagesMoreThan(u32),
    /// Those pushed longer ago.
    DaysSincePush(u32),
    /// Those last pulled longer ago.
    DaysSincePull(u32),
    /// Those archived longer ago.
    DaysSinceTransition(u32),
}

/// Where images are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// At hand.
    Standard,
    /// In the archive.
    Archive,
}

/// What a rule does to images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Deletes them.
    Expire,
    /// Moves them to the archive.
    Archive,
    /// Keeps them: no rule of lower priority acts on them. Berth's own.
    Retain,
    /// Takes the tags away that it selects them by. Berth's own.
    Untag,
}

impl LifecyclePolicy {
    /// Returns the text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the rules, by priority.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl FromStr for LifecyclePolicy {
    type Err = InvalidLifecyclePolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let document = serde_json::from_str(text).map_err(|_| InvalidLifecyclePolicy::NotJson)?;
        let mut rules = schema::policy(&document)?;
        rules.sort_by_key(|rule| rule.priority);
        rules::check(&rules)?;
        Ok(Self { text: text.to_owned(), rules })
    }
}
