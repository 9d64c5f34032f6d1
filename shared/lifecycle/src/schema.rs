//! The schema of the document: which members there are, and of what type.

use serde_json::{Map, Value};

use crate::fault::InvalidLifecyclePolicy as Fault;
use crate::json::{array, choice, object, positive, refuse, text, texts};
use crate::policy::{Action, Count, Rule, Selection, StorageClass, TagMatch, TagSelection};

/// The most wildcards of a pattern.
const MOST_WILDCARDS: usize = 4;

/// The least days that an image stays in the archive.
const LEAST_ARCHIVE_DAYS: u32 = 90;

/// Whose members a document may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// ECR's.
    Ecr,
    /// ECR's, and Berth's own.
    Berth,
}

/// Reads a document.
pub(crate) fn policy(document: &Value) -> Result<Vec<Rule>, Fault> {
    let members = object(document, &["rules"], &["dialect"])?;
    let dialect = match members.get("dialect") {
        None => Dialect::Ecr,
        Some(value) => choice(value, &["berth"]).map(|_| Dialect::Berth)?,
    };
    let rules = array(&members["rules"])?;
    rules.iter().map(|value| rule(value, dialect)).collect()
}

fn rule(value: &Value, dialect: Dialect) -> Result<Rule, Fault> {
    let members = object(value, &["action", "rulePriority", "selection"], &["description"])?;
    let priority = positive(&members["rulePriority"])?;
    let action = action(&members["action"], dialect)?;
    let description = members.get("description").map(text).transpose()?.map(str::to_owned);
    let selection = selection(&members["selection"], action, dialect)?;
    Ok(Rule { priority, description, selection, action })
}

fn action(value: &Value, dialect: Dialect) -> Result<Action, Fault> {
    let members = object(value, &["type"], &["targetStorageClass"])?;
    let kinds: &[_] = match dialect {
        Dialect::Ecr => &["expire", "transition"],
        Dialect::Berth => &["expire", "retain", "transition", "untag"],
    };
    let kind = choice(&members["type"], kinds)?;
    let target = members.get("targetStorageClass");
    let target = target.map(|target| choice(target, &["archive"])).transpose()?;
    match (kind, target) {
        ("expire", None) => Ok(Action::Expire),
        ("transition", Some(_)) => Ok(Action::Archive),
        ("retain", None) => Ok(Action::Retain),
        ("untag", None) => Ok(Action::Untag),
        _ => Err(Fault::NoSchema),
    }
}

fn selection(value: &Value, action: Action, dialect: Dialect) -> Result<Selection, Fault> {
    let mut required = vec!["countNumber", "countType", "tagStatus"];
    let mut optional = vec!["countUnit", "storageClass", "tagPatternList", "tagPrefixList"];
    if dialect == Dialect::Berth {
        optional.extend(["excludedTagPatternList", "tagMatch"]);
    }
    let counts = ["countNumber", "countType", "countUnit"];
    let is_given = |name: &&str| value.get(name).is_some();
    let retains_all = action == Action::Retain && !counts.iter().any(is_given);
    if retains_all {
        required.retain(|name| !counts.contains(name));
    }
    let members = object(value, &required, &optional)?;
    let tags = tag_selection(members)?;
    let tag_match = tag_match(members, &tags)?;
    let excluded_tags = excluded_tags(members, &tags)?;
    let storage_class = match members.get("storageClass") {
        None => StorageClass::Standard,
        Some(value) => match choice(value, &["archive", "standard"])? {
            "archive" => StorageClass::Archive,
            _ => StorageClass::Standard,
        },
    };
    let count = match (retains_all, action) {
        (true, _) => Count::All,
        (false, Action::Retain) => retained_count(members)?,
        (false, _) => count(members)?,
    };
    check_count(count, storage_class, action, dialect)?;
    if action == Action::Untag && tags == TagSelection::Untagged {
        return refuse("The action untag must not be in a rule with tagStatus=UNTAGGED.");
    }
    Ok(Selection { tags, tag_match, excluded_tags, storage_class, count })
}

fn tag_selection(members: &Map<String, Value>) -> Result<TagSelection, Fault> {
    let status = choice(&members["tagStatus"], &["any", "tagged", "untagged"])?;
    let prefixes = members.get("tagPrefixList").map(texts).transpose()?;
    let patterns = members.get("tagPatternList").map(patterns).transpose()?;
    match (status, prefixes, patterns) {
        ("tagged", Some(prefixes), None) => Ok(TagSelection::Prefixes(prefixes)),
        ("tagged", None, Some(patterns)) => Ok(TagSelection::Patterns(patterns)),
        ("tagged", Some(_), Some(_)) => {
            refuse("tagPrefixList and tagPatternList must not be in one rule.")
        }
        ("tagged", None, None) => {
            refuse("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
        }
        ("untagged", None, None) => Ok(TagSelection::Untagged),
        (_, None, None) => Ok(TagSelection::Any),
        _ => {
            refuse("tagPrefixList and tagPatternList must only be in a rule with tagStatus=TAGGED.")
        }
    }
}

fn patterns(value: &Value) -> Result<Vec<String>, Fault> {
    let patterns = texts(value)?;
    let many = |pattern: &&String| pattern.matches('*').count() > MOST_WILDCARDS;
    match patterns.iter().find(many) {
        None => Ok(patterns),
        Some(pattern) => refuse(format!(
            "The pattern \"{pattern}\" must have at most {MOST_WILDCARDS} wildcards (*)."
        )),
    }
}

fn tag_match(members: &Map<String, Value>, tags: &TagSelection) -> Result<TagMatch, Fault> {
    let Some(value) = members.get("tagMatch") else {
        return Ok(TagMatch::All);
    };
    let found = match choice(value, &["all", "any"])? {
        "any" => TagMatch::Any,
        _ => TagMatch::All,
    };
    match tags {
        TagSelection::Prefixes(_) | TagSelection::Patterns(_) => Ok(found),
        _ => refuse("tagMatch must only be in a rule with tagStatus=TAGGED."),
    }
}

fn excluded_tags(members: &Map<String, Value>, tags: &TagSelection) -> Result<Vec<String>, Fault> {
    match (members.get("excludedTagPatternList"), tags) {
        (None, _) => Ok(Vec::new()),
        (Some(_), TagSelection::Untagged) => {
            refuse("excludedTagPatternList must not be in a rule with tagStatus=UNTAGGED.")
        }
        (Some(value), _) => patterns(value),
    }
}

fn count(members: &Map<String, Value>) -> Result<Count, Fault> {
    let types =
        ["imageCountMoreThan", "sinceImagePulled", "sinceImagePushed", "sinceImageTransitioned"];
    match number_and_unit(members, &types)? {
        ("imageCountMoreThan", number, None) => Ok(Count::ImagesMoreThan(number)),
        ("sinceImagePushed", number, Some(_)) => Ok(Count::DaysSincePush(number)),
        ("sinceImagePulled", number, Some(_)) => Ok(Count::DaysSincePull(number)),
        ("sinceImageTransitioned", number, Some(_)) => Ok(Count::DaysSinceTransition(number)),
        _ => Err(Fault::NoSchema),
    }
}

fn retained_count(members: &Map<String, Value>) -> Result<Count, Fault> {
    let types = ["imageCountAtMost", "imagePulledWithin", "imagePushedWithin"];
    match number_and_unit(members, &types)? {
        ("imageCountAtMost", number, None) => Ok(Count::ImagesAtMost(number)),
        ("imagePushedWithin", number, Some(_)) => Ok(Count::PushedWithinDays(number)),
        ("imagePulledWithin", number, Some(_)) => Ok(Count::PulledWithinDays(number)),
        _ => Err(Fault::NoSchema),
    }
}

/// Returns one of the `types` of a count, its number, and its unit if it has one.
fn number_and_unit<'a>(
    members: &'a Map<String, Value>,
    types: &[&str],
) -> Result<(&'a str, u32, Option<&'a str>), Fault> {
    let kind = choice(&members["countType"], types)?;
    let unit = members.get("countUnit").map(|unit| choice(unit, &["days"])).transpose()?;
    Ok((kind, positive(&members["countNumber"])?, unit))
}

fn check_count(
    count: Count,
    class: StorageClass,
    action: Action,
    dialect: Dialect,
) -> Result<(), Fault> {
    match (count, class, action) {
        (_, _, Action::Retain) => Ok(()),
        (Count::DaysSinceTransition(days), StorageClass::Archive, Action::Expire) => {
            if days < LEAST_ARCHIVE_DAYS {
                let (minimum, found) = (LEAST_ARCHIVE_DAYS.into(), days.into());
                return Err(Fault::TooSmall { minimum, found });
            }
            Ok(())
        }
        (Count::DaysSinceTransition(_), ..) => refuse(
            "countType=sinceImageTransitioned must have the action expire and storageClass=archive.",
        ),
        (_, StorageClass::Archive, _) => {
            refuse("storageClass=archive must have countType=sinceImageTransitioned.")
        }
        (Count::DaysSincePull(_), _, Action::Expire) if dialect == Dialect::Ecr => {
            refuse("countType=sinceImagePulled must have the action transition.")
        }
        _ => Ok(()),
    }
}
