//! The schema of the document: which members there are, and of what type.

use serde_json::{Map, Value};

use crate::fault::InvalidLifecyclePolicy as Fault;
use crate::policy::{Action, Count, Rule, Selection, StorageClass, TagSelection};

/// The most rules of a policy: [ECR's quota](https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
const MOST_RULES: usize = 50;

/// The most wildcards of a pattern.
const MOST_WILDCARDS: usize = 4;

/// The largest number that a rule takes.
const LARGEST: i64 = i32::MAX as i64;

/// The least days that an image stays in the archive.
const LEAST_ARCHIVE_DAYS: u32 = 90;

/// Reads a document.
pub(crate) fn policy(document: &Value) -> Result<Vec<Rule>, Fault> {
    let members = object(document, &["rules"], &[])?;
    let rules = array(&members["rules"])?;
    if rules.len() > MOST_RULES {
        return Err(Fault::TooMany { maximum: MOST_RULES, found: rules.len() });
    }
    rules.iter().map(rule).collect()
}

fn rule(value: &Value) -> Result<Rule, Fault> {
    let members = object(value, &["action", "rulePriority", "selection"], &["description"])?;
    let (priority, action) = (positive(&members["rulePriority"])?, action(&members["action"])?);
    let description = members.get("description").map(text).transpose()?.map(str::to_owned);
    let selection = selection(&members["selection"], action)?;
    Ok(Rule { priority, description, selection, action })
}

fn action(value: &Value) -> Result<Action, Fault> {
    let members = object(value, &["type"], &["targetStorageClass"])?;
    let kind = choice(&members["type"], &["expire", "transition"])?;
    let target = members.get("targetStorageClass");
    let target = target.map(|target| choice(target, &["archive"])).transpose()?;
    match (kind, target) {
        ("expire", None) => Ok(Action::Expire),
        ("transition", Some(_)) => Ok(Action::Archive),
        _ => Err(Fault::NoSchema),
    }
}

fn selection(value: &Value, action: Action) -> Result<Selection, Fault> {
    let optional = ["countUnit", "storageClass", "tagPatternList", "tagPrefixList"];
    let members = object(value, &["countNumber", "countType", "tagStatus"], &optional)?;
    let tags = tag_selection(members)?;
    let storage_class = match members.get("storageClass") {
        None => StorageClass::Standard,
        Some(value) => match choice(value, &["archive", "standard"])? {
            "archive" => StorageClass::Archive,
            _ => StorageClass::Standard,
        },
    };
    let count = count(members)?;
    check_count(count, storage_class, action)?;
    Ok(Selection { tags, storage_class, count })
}

fn tag_selection(members: &Map<String, Value>) -> Result<TagSelection, Fault> {
    let status = choice(&members["tagStatus"], &["any", "tagged", "untagged"])?;
    let prefixes = members.get("tagPrefixList").map(texts).transpose()?;
    let patterns = members.get("tagPatternList").map(texts).transpose()?;
    match (status, prefixes, patterns) {
        ("tagged", Some(prefixes), None) => Ok(TagSelection::Prefixes(prefixes)),
        ("tagged", None, Some(patterns)) => {
            let many = |pattern: &&String| pattern.matches('*').count() > MOST_WILDCARDS;
            match patterns.iter().find(many) {
                None => Ok(TagSelection::Patterns(patterns)),
                Some(pattern) => refuse(format!(
                    "The pattern \"{pattern}\" must have at most {MOST_WILDCARDS} wildcards (*)."
                )),
            }
        }
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

fn count(members: &Map<String, Value>) -> Result<Count, Fault> {
    let types =
        ["imageCountMoreThan", "sinceImagePulled", "sinceImagePushed", "sinceImageTransitioned"];
    let kind = choice(&members["countType"], &types)?;
    let unit = members.get("countUnit").map(|unit| choice(unit, &["days"])).transpose()?;
    let number = positive(&members["countNumber"])?;
    match (kind, unit) {
        ("imageCountMoreThan", None) => Ok(Count::ImagesMoreThan(number)),
        ("sinceImagePushed", Some(_)) => Ok(Count::DaysSincePush(number)),
        ("sinceImagePulled", Some(_)) => Ok(Count::DaysSincePull(number)),
        ("sinceImageTransitioned", Some(_)) => Ok(Count::DaysSinceTransition(number)),
        _ => Err(Fault::NoSchema),
    }
}

fn check_count(count: Count, class: StorageClass, action: Action) -> Result<(), Fault> {
    match (count, class, action) {
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
        (Count::DaysSincePull(_), _, Action::Expire) => {
            refuse("countType=sinceImagePulled must have the action transition.")
        }
        _ => Ok(()),
    }
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Rule(reason.into()))
}

/// Returns the members of an object that has all of `required` and no more than `optional`.
fn object<'a>(
    value: &'a Value,
    required: &[&str],
    optional: &[&str],
) -> Result<&'a Map<String, Value>, Fault> {
    let members = value.as_object().ok_or_else(|| mistyped(value, "object"))?;
    let missing: Vec<_> = required.iter().filter(|name| !members.contains_key(**name)).collect();
    if !missing.is_empty() {
        return Err(Fault::Missing(missing.into_iter().map(ToString::to_string).collect()));
    }
    let is_known = |name: &str| required.contains(&name) || optional.contains(&name);
    let unknown: Vec<_> = members.keys().filter(|name| !is_known(name)).cloned().collect();
    match unknown.is_empty() {
        true => Ok(members),
        false => Err(Fault::Unknown(unknown)),
    }
}

/// Returns the elements of a list that is not empty.
fn array(value: &Value) -> Result<&[Value], Fault> {
    let elements = value.as_array().ok_or_else(|| mistyped(value, "array"))?;
    match elements.is_empty() {
        true => Err(Fault::TooFew { minimum: 1, found: 0 }),
        false => Ok(elements),
    }
}

fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| mistyped(value, "string"))
}

/// Returns the texts of a list, none of which is empty.
fn texts(value: &Value) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    for element in array(value)? {
        match text(element)? {
            "" => return refuse("string \"\" is too short (length: 0, required minimum: 1)"),
            text => found.push(text.to_owned()),
        }
    }
    Ok(found)
}

fn choice<'a>(value: &'a Value, values: &[&str]) -> Result<&'a str, Fault> {
    let found = text(value)?;
    match values.contains(&found) {
        true => Ok(found),
        false => Err(Fault::Choice {
            found: found.to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// Returns an integer of at least 1.
fn positive(value: &Value) -> Result<u32, Fault> {
    let found = value.as_i64().ok_or_else(|| mistyped(value, "integer"))?;
    if found < 1 {
        return Err(Fault::TooSmall { minimum: 1, found });
    }
    match u32::try_from(found) {
        Ok(number) if found <= LARGEST => Ok(number),
        _ => Err(Fault::TooLarge { maximum: LARGEST, found }),
    }
}

fn mistyped(value: &Value, expected: &'static str) -> Fault {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Fault::Type { found, expected }
}
