//! A slow evaluator, written as plainly as the rules are, to compare with.
//!
//! It reads the policy's JSON by itself, and looks at every image anew for every question.

use berth_lifecycle::{Action, Image, Storage};
use proptest::prelude::*;
use serde_json::Value;

use crate::random::{images, policy};
use crate::support::{DAY, NOW};

/// What happens to an image, and the priority of the rule that says so.
type Fate = Option<(u64, &'static str)>;

fn fate(policy: &Value, images: &[Image], image: &Image) -> Fate {
    if let Some(subject) = subject(images, image) {
        let fate = fate(policy, images, subject);
        return match fate {
            Some((_, action)) if is_held(image, action) => None,
            Some((_, "transition")) if is_archived(image) => None,
            Some((_, "untag")) => None,
            fate => fate,
        };
    }
    let mut rules: Vec<&Value> = policy["rules"].as_array().unwrap().iter().collect();
    rules.sort_by_key(|rule| rule["rulePriority"].as_u64().unwrap());
    for rule in rules {
        if !is_candidate(rule, image) {
            continue;
        }
        let is_marked = is_marked(rule, images, image);
        let action = rule["action"]["type"].as_str().unwrap();
        let priority = rule["rulePriority"].as_u64().unwrap();
        if action == "retain" && !is_marked {
            continue;
        }
        if !is_marked || action == "retain" {
            return None;
        }
        return match action {
            "untag" => Some((priority, "untag")),
            action if is_held(image, action) => None,
            "expire" => Some((priority, "expire")),
            _ => Some((priority, "transition")),
        };
    }
    None
}

fn subject<'a>(images: &'a [Image], image: &Image) -> Option<&'a Image> {
    let digest = image.subject.as_ref()?;
    images.iter().find(|other| other.digest == *digest)
}

/// Whether a list keeps the image from what would be done to it.
fn is_held(image: &Image, action: &str) -> bool {
    match action {
        "expire" => image.parents > 0 || image.archived_parents > 0,
        "transition" => image.parents > 0,
        _ => false,
    }
}

fn is_archived(image: &Image) -> bool {
    matches!(image.storage, Storage::Archive { .. })
}

/// Whether the image is one of those that the rule is about.
fn is_candidate(rule: &Value, image: &Image) -> bool {
    let selection = &rule["selection"];
    if (selection["storageClass"] == "archive") != is_archived(image) {
        return false;
    }
    let excluded = texts(&selection["excludedTagPatternList"]);
    for tag in &image.tags {
        if excluded.iter().any(|pattern| glob(pattern.as_bytes(), tag.as_bytes())) {
            return false;
        }
    }
    if selection["tagStatus"] == "untagged" {
        return image.tags.is_empty();
    }
    if selection["tagStatus"] == "any" {
        return rule["action"]["type"] != "untag" || !image.tags.is_empty();
    }
    let mut patterns = texts(&selection["tagPatternList"]);
    for prefix in texts(&selection["tagPrefixList"]) {
        patterns.push(format!("{prefix}*"));
    }
    let mut found = 0;
    for pattern in &patterns {
        if image.tags.iter().any(|tag| glob(pattern.as_bytes(), tag.as_bytes())) {
            found += 1;
        }
    }
    if selection["tagMatch"] == "any" { found > 0 } else { found == patterns.len() }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        ([b'*', rest @ ..], []) => glob(rest, &[]),
        ([b'*', rest @ ..], [_, tail @ ..]) => glob(rest, text) || glob(pattern, tail),
        ([_, ..], []) => false,
        ([a, rest @ ..], [b, tail @ ..]) => a == b && glob(rest, tail),
    }
}

/// Whether the rule's count marks the image.
fn is_marked(rule: &Value, images: &[Image], image: &Image) -> bool {
    let selection = &rule["selection"];
    let Some(kind) = selection["countType"].as_str() else {
        return true;
    };
    let number = selection["countNumber"].as_u64().unwrap();
    let is_older = |than: u64, at: u64| at + than * DAY < NOW;
    let mut younger = 0;
    for other in images {
        let counts = is_candidate(rule, other) && subject(images, other).is_none();
        if counts && (pushed(other), &other.digest) > (pushed(image), &image.digest) {
            younger += 1;
        }
    }
    match kind {
        "imageCountMoreThan" => younger >= number,
        "imageCountAtMost" => younger < number,
        "sinceImagePushed" => is_older(number, pushed(image)),
        "imagePushedWithin" => !is_older(number, pushed(image)),
        "sinceImagePulled" => is_older(number, pulled(image)),
        "imagePulledWithin" => !is_older(number, pulled(image)),
        "sinceImageTransitioned" => match image.storage {
            Storage::Archive { archived_at } => is_older(number, archived_at),
            Storage::Standard { .. } => false,
        },
        kind => panic!("{kind}"),
    }
}

fn pushed(image: &Image) -> u64 {
    match image.storage {
        Storage::Standard { activated_at: Some(activated_at) } => activated_at,
        _ => image.pushed_at,
    }
}

fn pulled(image: &Image) -> u64 {
    match (image.storage, image.pulled_at) {
        (Storage::Standard { activated_at: Some(back) }, Some(pulled)) if pulled < back => back,
        (_, Some(pulled)) => pulled,
        (_, None) => pushed(image),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_evaluation_agrees_with_the_reference((text, policy) in policy(), images in images()) {
        let document: Value = serde_json::from_str(&text).unwrap();
        let evaluation = policy.evaluate(&images, NOW);
        for (image, verdict) in images.iter().zip(&evaluation.verdicts) {
            let found: Fate = verdict.action.map(|action| {
                let action = match action {
                    Action::Expire => "expire",
                    Action::Archive => "transition",
                    Action::Untag => "untag",
                    Action::Retain => "retain",
                };
                (verdict.rule.unwrap().priority.into(), action)
            });
            prop_assert_eq!(found, fate(&document, &images, image), "{:?} by {}", image, text);
        }
    }
}
