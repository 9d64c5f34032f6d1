//! Resource tags, such as those of a repository.

use std::collections::BTreeMap;
use std::str::FromStr;

use berth_registry::Identity;
use berth_types::{RepositoryArn, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::parameter::{InvalidParameter, repository_is_here, required};

/// How many tags a resource has at most.
const MOST_TAGS: usize = 50;

/// The data type [Tag](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Tag.html).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagInput {
    key: Option<String>,
    value: Option<String>,
}

/// The same data type, of a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagDescription {
    key: String,
    value: String,
}

impl From<(String, String)> for TagDescription {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

/// Parses the ARN of a resource that has tags: a repository of this registry.
pub(crate) fn tagged_repository(
    arn: Option<String>,
    identity: &Identity,
) -> Result<RepositoryName, ApiError> {
    let at = "resourceArn";
    let arn = RepositoryArn::from_str(&required(at, arn)?);
    let arn = arn.map_err(|error| InvalidParameter::new(at, error.to_string()))?;
    if arn.region != identity.region {
        let constraint = format!("must be an ARN of the region {}", identity.region);
        return Err(InvalidParameter::new(at, constraint).into());
    }
    repository_is_here(&arn.name, Some(arn.registry.to_string()), identity)?;
    Ok(arn.name)
}

/// Checks keys of tags that a resource is to lose.
pub(crate) fn tag_keys(at: &str, keys: &[String]) -> Result<(), ApiError> {
    for (place, key) in (1..).zip(keys) {
        if !(1..=128).contains(&key.chars().count()) {
            let reason = "must have length between 1 and 128";
            return Err(InvalidParameter::new(format!("{at}.{place}.member"), reason).into());
        }
        not_reserved(key)?;
    }
    Ok(())
}

/// Checks the tags of a new resource, or those that one is to get.
///
/// Follows [Tag restrictions](https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html#tag-restrictions).
pub(crate) fn resource_tags(
    at: &str,
    inputs: Vec<TagInput>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for (place, input) in (1..).zip(inputs) {
        let at = format!("{at}.{place}.member");
        let (key, value) = resource_tag(&at, input)?;
        if tags.insert(key.clone(), value).is_some() {
            let reason = format!("the tag key '{key}' is given more than once");
            return Err(ApiError::InvalidTag(reason));
        }
    }
    match tags.len() {
        ..=MOST_TAGS => Ok(tags),
        count => Err(ApiError::TooManyTags { count, most: MOST_TAGS }),
    }
}

fn resource_tag(at: &str, input: TagInput) -> Result<(String, String), ApiError> {
    let key = required(&format!("{at}.key"), input.key)?;
    let value = required(&format!("{at}.value"), input.value)?;
    if !(1..=128).contains(&key.chars().count()) {
        let reason = "must have length between 1 and 128";
        return Err(InvalidParameter::new(format!("{at}.key"), reason).into());
    }
    if value.chars().count() > 256 {
        let reason = "must have length less than or equal to 256";
        return Err(InvalidParameter::new(format!("{at}.value"), reason).into());
    }
    not_reserved(&key)?;
    if !key.chars().chain(value.chars()).all(is_allowed) {
        let reason = format!(
            "the tag '{key}' has a character other than letters, digits, spaces and _.:/=+-@"
        );
        return Err(ApiError::InvalidTag(reason));
    }
    Ok((key, value))
}

/// Checks that a key is none of AWS's own, which nobody gives or takes.
fn not_reserved(key: &str) -> Result<(), ApiError> {
    if key.to_lowercase().starts_with("aws:") {
        let reason = format!("the tag key '{key}' begins with 'aws:', which is reserved");
        return Err(ApiError::InvalidTag(reason));
    }
    Ok(())
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> TagInput {
        TagInput { key: Some(key.to_owned()), value: Some(value.to_owned()) }
    }

    #[track_caller]
    fn check(key: &str, value: &str, valid: bool) {
        let tags = resource_tags("tags", vec![tag(key, value)]);
        assert_eq!(tags.is_ok(), valid, "{key} {value}");
    }

    #[test]
    fn tags_follow_the_restrictions() {
        check("team", "platform", true);
        check("größe", "a b_.:/=+-@", true);
        check("empty", "", true);
        check("", "value", false);
        check(&"k".repeat(128), &"v".repeat(256), true);
        check(&"k".repeat(129), "", false);
        check("key", &"v".repeat(257), false);
        check("aws:key", "", false);
        check("AWS:key", "", false);
        check("key", "semi;colon", false);
        check("key", "line\nbreak", false);
    }

    #[test]
    fn tags_are_counted() {
        let tags = |count: usize| (0..count).map(|i| tag(&format!("k{i}"), "")).collect();
        assert!(resource_tags("tags", tags(50)).is_ok());
        let error = resource_tags("tags", tags(51)).unwrap_err();
        assert!(matches!(error, ApiError::TooManyTags { count: 51, most: 50 }));
        let twice = vec![tag("a", "1"), tag("a", "2")];
        assert!(matches!(resource_tags("tags", twice), Err(ApiError::InvalidTag(_))));
    }

    #[test]
    fn keys_are_required() {
        let nameless = TagInput { key: None, value: None };
        let error = resource_tags("tags", vec![nameless]).unwrap_err();
        let expected = InvalidParameter::new("tags.1.member.key", "must not be null");
        assert!(matches!(error, ApiError::Parameter(error) if error == expected));
    }
}
