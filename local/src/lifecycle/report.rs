use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::identity::text;

/// What a policy would do to a repository, for people: rule by rule, an image a line.
#[derive(Debug)]
pub(super) struct Report {
    title: String,
    /// What each rule says of itself, by priority.
    rules: BTreeMap<u64, String>,
    /// What happens by each rule, by priority.
    images: BTreeMap<u64, Vec<String>>,
    sum: String,
}

impl Report {
    /// Begins with the figures of all images.
    pub(super) fn new(name: &str, summary: &Value) -> Self {
        let count = |member: &str| summary[member].as_u64().unwrap_or_default();
        let rules = summary["rules"].as_array().into_iter().flatten();
        let rules = rules.map(|rule| (number(&rule["rulePriority"]), describe_rule(rule)));
        Self {
            title: format!("{name}: {}", images(count("imageCount"))),
            rules: rules.collect(),
            images: BTreeMap::new(),
            sum: format!(
                "{} deleted, {} archived, {} untagged; {} freed",
                count("expiringImageCount"),
                count("archivedImageCount"),
                count("untaggedImageCount"),
                bytes(count("freedLayerSizeInBytes")),
            ),
        }
    }

    /// Adds a page of results.
    pub(super) fn add(&mut self, results: &Value) {
        for image in results.as_array().into_iter().flatten() {
            let rule = self.images.entry(number(&image["appliedRulePriority"])).or_default();
            rule.push(describe_image(image));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for (priority, rule) in &self.rules {
            writeln!(f, "  rule {priority}: {rule}")?;
            for image in self.images.get(priority).into_iter().flatten() {
                writeln!(f, "    {image}")?;
            }
        }
        writeln!(f, "  {}", self.sum)
    }
}

fn describe_rule(rule: &Value) -> String {
    let count = |member: &str| number(&rule[member]);
    format!(
        "matches {}, selects {}, acts on {}; deletes {} of images",
        count("matchingImageCount"),
        count("selectedImageCount"),
        count("actedImageCount"),
        bytes(count("expiringImageSizeInBytes")),
    )
}

fn describe_image(image: &Value) -> String {
    let list = |member: &str| {
        let tags = image[member].as_array().into_iter().flatten();
        tags.map(text).collect::<Vec<_>>().join(" ")
    };
    let (action, tags) = match text(&image["action"]) {
        "UNTAG" => ("untag", list("lostImageTags")),
        "ARCHIVE" => ("archive", list("imageTags")),
        _ => ("delete", list("imageTags")),
    };
    let tags = if tags.is_empty() { "(no tag)" } else { &tags };
    let size = bytes(number(&image["imageSizeInBytes"]));
    let (digest, reason) = (text(&image["imageDigest"]), text(&image["reason"]));
    format!("{action} {digest} {tags}, {size}: {reason}")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn images(count: u64) -> String {
    match count {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    }
}

/// Returns a number of bytes in the largest unit that it has at least one of.
#[expect(clippy::cast_precision_loss, reason = "a rounded figure is printed")]
fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let fits = |(power, _): &(u32, &&str)| count >= 1 << (10 * power);
    match (1..).zip(&units).take_while(fits).last() {
        None => format!("{count} B"),
        Some((power, unit)) => format!("{:.1} {unit}", count as f64 / 1024_f64.powf(power.into())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reports_tell_rule_by_rule() {
        let rule = |priority: u64, acted: u64| {
            json!({
                "rulePriority": priority, "matchingImageCount": 4, "selectedImageCount": 3,
                "actedImageCount": acted, "expiringImageSizeInBytes": 3 * 1024 * 1024,
            })
        };
        let mut report = Report::new(
            "team/app",
            &json!({
                "imageCount": 9, "expiringImageCount": 1, "archivedImageCount": 0,
                "untaggedImageCount": 1, "freedLayerSizeInBytes": 1000,
                "rules": [rule(1, 1), rule(12, 1)],
            }),
        );
        report.add(&json!([{
            "appliedRulePriority": 12, "action": "UNTAG", "imageDigest": "sha256:aa",
            "imageTags": ["v1", "dev-1"], "lostImageTags": ["dev-1"], "imageSizeInBytes": 2048,
            "reason": "rule 12 untags it",
        }]));
        report.add(&json!([{
            "appliedRulePriority": 1, "action": "EXPIRE", "imageDigest": "sha256:bb",
            "imageTags": [], "imageSizeInBytes": 12, "reason": "rule 1 expires it",
        }]));
        let expected = "\
team/app: 9 images
  rule 1: matches 4, selects 3, acts on 1; deletes 3.0 MiB of images
    delete sha256:bb (no tag), 12 B: rule 1 expires it
  rule 12: matches 4, selects 3, acts on 1; deletes 3.0 MiB of images
    untag sha256:aa dev-1, 2.0 KiB: rule 12 untags it
  1 deleted, 0 archived, 1 untagged; 1000 B freed
";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn sizes_are_rounded() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(1536 * 1024), "1.5 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }
}
