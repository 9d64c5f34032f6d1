//! Images and rules in few words.

use berth_lifecycle::{Evaluation, Image, LifecyclePolicy, Storage};
use serde_json::{Value, json};

pub const DAY: u64 = 24 * 60 * 60 * 1000;

/// The time of all tests.
pub const NOW: u64 = 20_000 * DAY;

/// Makes an image that was pushed so many days ago; `tags` are apart by blanks.
pub fn image(digest: &str, tags: &str, days: u64) -> Image {
    Image {
        digest: digest.to_owned(),
        tags: tags.split_whitespace().map(str::to_owned).collect(),
        size: 1,
        pushed_at: NOW - days * DAY,
        pulled_at: None,
        storage: Storage::Standard { activated_at: None },
        parents: 0,
        archived_parents: 0,
        subject: None,
    }
}

pub fn patterns(patterns: &[&str]) -> Value {
    json!({"tagStatus": "tagged", "tagPatternList": patterns})
}

pub fn untagged() -> Value {
    json!({"tagStatus": "untagged"})
}

pub fn any() -> Value {
    json!({"tagStatus": "any"})
}

/// Adds a count to a selection: so many days since something, or a number of images.
pub fn count(selection: &Value, kind: &str, number: u64) -> Value {
    let mut selection = selection.clone();
    selection["countType"] = kind.into();
    selection["countNumber"] = number.into();
    if !kind.starts_with("imageCount") {
        selection["countUnit"] = "days".into();
    }
    selection
}

pub fn more_than(selection: &Value, number: u64) -> Value {
    count(selection, "imageCountMoreThan", number)
}

pub fn pushed(selection: &Value, days: u64) -> Value {
    count(selection, "sinceImagePushed", days)
}

pub fn rule(priority: u64, selection: &Value, action: &str) -> Value {
    let action = match action {
        "transition" => json!({"type": "transition", "targetStorageClass": "archive"}),
        action => json!({ "type": action }),
    };
    json!({"rulePriority": priority, "selection": selection, "action": action})
}

/// Makes a policy of ECR's rules, which all expire: the first has the highest priority.
pub fn expiring(selections: &[Value]) -> LifecyclePolicy {
    let rules = (1..).zip(selections).map(|(place, selection)| rule(place, selection, "expire"));
    json!({ "rules": rules.collect::<Vec<_>>() }).to_string().parse().unwrap()
}

/// Makes a policy with members of Berth's own.
pub fn berths(rules: &[Value]) -> LifecyclePolicy {
    json!({"dialect": "berth", "rules": rules}).to_string().parse().unwrap()
}

/// Returns the digests of the images that are acted on.
pub fn acted_on(policy: &LifecyclePolicy, images: &[Image]) -> Vec<String> {
    digests(images, &policy.evaluate(images, NOW))
}

/// Returns the digests of the images that an evaluation acts on.
pub fn digests(images: &[Image], evaluation: &Evaluation<'_>) -> Vec<String> {
    let verdicts = images.iter().zip(&evaluation.verdicts);
    let acted = verdicts.filter(|(_, verdict)| verdict.action.is_some());
    acted.map(|(image, _)| image.digest.clone()).collect()
}

/// Returns what is said of each image, in its words.
pub fn reasons(policy: &LifecyclePolicy, images: &[Image]) -> Vec<String> {
    policy.evaluate(images, NOW).verdicts.iter().map(ToString::to_string).collect()
}
