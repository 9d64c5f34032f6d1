//! What holds between the rules of one policy.

use std::collections::HashSet;

use crate::fault::InvalidLifecyclePolicy as Fault;
use crate::policy::{Rule, StorageClass, TagSelection};

/// Checks `rules`, which are sorted by priority.
pub(crate) fn check(rules: &[Rule]) -> Result<(), Fault> {
    if rules.windows(2).any(|pair| pair[0].priority == pair[1].priority) {
        return refuse("rulePriority must be unique.");
    }
    for class in [StorageClass::Standard, StorageClass::Archive] {
        let of_class = |rule: &&Rule| rule.selection.storage_class == class;
        check_class(&rules.iter().filter(of_class).map(|rule| &rule.selection.tags))?;
    }
    Ok(())
}

/// Checks what the rules of one storage class select, in the order of their priority.
fn check_class<'a>(
    selections: &(impl Iterator<Item = &'a TagSelection> + Clone),
) -> Result<(), Fault> {
    let count = |kind: &TagSelection| selections.clone().filter(|found| *found == kind).count();
    if count(&TagSelection::Untagged) > 1 {
        return refuse("Only one rule can select Untagged images per storage class");
    }
    if count(&TagSelection::Any) > 1 {
        return refuse("Only one rule can select Any images per storage class");
    }
    let ends_with_any = selections.clone().last() == Some(&TagSelection::Any);
    if count(&TagSelection::Any) == 1 && !ends_with_any {
        return refuse("Rule for tagStatus=ANY must have the lowest priority per storage class");
    }
    let mut seen = HashSet::new();
    for selection in selections.clone() {
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

fn refuse<T>(reason: &str) -> Result<T, Fault> {
    Err(Fault::Rule(reason.to_owned()))
}
