//! What holds between the rules of one policy.

use std::collections::HashSet;

use crate::fault::InvalidLifecyclePolicy as Fault;
use crate::json::refuse;
use crate::policy::{Action, Count, Rule, Selection, StorageClass, TagMatch, TagSelection};

/// Checks `rules`, which are sorted by priority.
pub(crate) fn check(rules: &[Rule]) -> Result<(), Fault> {
    if rules.windows(2).any(|pair| pair[0].priority == pair[1].priority) {
        return refuse("rulePriority must be unique.");
    }
    for class in [StorageClass::Standard, StorageClass::Archive] {
        let of_class: Vec<_> =
            rules.iter().filter(|rule| rule.selection.storage_class == class).collect();
        check_class(&of_class)?;
    }
    Ok(())
}

/// Checks the rules of one storage class, in the order of their priority: those that ECR has, and
/// that none follows one which claims every image.
fn check_class(rules: &[&Rule]) -> Result<(), Fault> {
    let selections = || rules.iter().filter(|rule| is_ecrs(rule)).map(|rule| &rule.selection.tags);
    let count = |kind: &TagSelection| selections().filter(|found| *found == kind).count();
    if count(&TagSelection::Untagged) > 1 {
        return refuse("Only one rule can select Untagged images per storage class");
    }
    if count(&TagSelection::Any) > 1 {
        return refuse("Only one rule can select Any images per storage class");
    }
    if rules.iter().rev().skip(1).any(|rule| claims_all(rule)) {
        return refuse("Rule for tagStatus=ANY must have the lowest priority per storage class");
    }
    let mut seen = HashSet::new();
    for selection in selections() {
        let TagSelection::Prefixes(prefixes) = selection else {
            continue;
        };
        // A prefix may stand twice in one rule, which asks for the same again.
        let of_rule: HashSet<_> = prefixes.iter().collect();
        if of_rule.into_iter().any(|prefix| !seen.insert(prefix)) {
            return refuse("tagPrefixList values must be unique across rules of a storage class");
        }
    }
    Ok(())
}

/// Whether a rule claims every image, so that those behind it never act.
fn claims_all(rule: &Rule) -> bool {
    let Selection { tags, excluded_tags, .. } = &rule.selection;
    let claims = match rule.action {
        Action::Archive | Action::Expire => true,
        Action::Retain | Action::Untag => false,
    };
    claims && *tags == TagSelection::Any && excluded_tags.is_empty()
}

/// Whether a rule has nothing of Berth's own. Those that have may select what others select.
fn is_ecrs(rule: &Rule) -> bool {
    let Selection { tag_match, excluded_tags, count, .. } = &rule.selection;
    let has_ecrs_action = match rule.action {
        Action::Archive => true,
        Action::Expire => !matches!(count, Count::DaysSincePull(_)),
        Action::Retain | Action::Untag => false,
    };
    has_ecrs_action && *tag_match == TagMatch::All && excluded_tags.is_empty()
}
