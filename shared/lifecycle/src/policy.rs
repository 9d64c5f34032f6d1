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
    /// By where they are kept.
    pub storage_class: StorageClass,
    /// By number or age.
    pub count: Count,
}

/// Images by their tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagSelection {
    /// Those that have, for each of these prefixes, a tag that begins with it.
    Prefixes(Vec<String>),
    /// Those that have, for each of these patterns, a tag that matches it; `*` stands for any text.
    Patterns(Vec<String>),
    /// Those without a tag.
    Untagged,
    /// All.
    Any,
}

/// Images by number or age; ages are in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
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
