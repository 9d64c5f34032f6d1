//! What requests name images by.

use berth_registry::{ImageId, ImageSelector};
use berth_types::{Digest, Tag};
use serde::{Deserialize, Serialize};

use crate::parameter::{InvalidParameter, length, required, text_length};

/// Pattern that ECR gives for digests.
pub(crate) const IMAGE_DIGEST: &str = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+";

/// Pattern of tags.
pub(crate) const IMAGE_TAG: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

/// How many images a request names at most.
const MOST_IDS: usize = 100;

/// Longest text that is looked at as a tag.
const LONGEST_TAG: usize = 300;

/// The data type [ImageIdentifier](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html),
/// as requests give it, and as failures repeat it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image_tag: Option<String>,
}

/// Why an image's id names no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadImageId {
    /// It has neither digest nor tag.
    Empty,
    /// Its digest is none.
    Digest,
    /// Its tag is none.
    Tag,
    /// Its digest is of an algorithm that no image here has.
    Unknown,
}

impl From<ImageId> for ImageIdentifier {
    fn from(ImageId { digest, tag }: ImageId) -> Self {
        Self { image_digest: Some(digest.into()), image_tag: tag.map(Tag::into) }
    }
}

impl ImageIdentifier {
    /// Reads what it names.
    pub(crate) fn parse(&self) -> Result<ImageSelector, BadImageId> {
        let digest = self.image_digest.as_deref().map(parse_digest).transpose()?;
        let tag: Option<Result<Tag, _>> = self.image_tag.as_deref().map(str::parse);
        match (digest, tag.transpose().map_err(|_| BadImageId::Tag)?) {
            (None, None) => Err(BadImageId::Empty),
            (Some(digest), None) => Ok(ImageSelector::Digest(digest)),
            (None, Some(tag)) => Ok(ImageSelector::Tag(tag)),
            (Some(digest), Some(tag)) => Ok(ImageSelector::TagOfDigest(tag, digest)),
        }
    }
}

/// Checks the list of images that a request must give.
pub(crate) fn image_ids(
    ids: Option<Vec<ImageIdentifier>>,
) -> Result<Vec<ImageIdentifier>, InvalidParameter> {
    let ids = required("imageIds", ids)?;
    length("imageIds", &ids, 1, MOST_IDS)?;
    for (place, id) in (1..).zip(&ids) {
        if let Some(tag) = &id.image_tag {
            text_length(&format!("imageIds.{place}.member.imageTag"), tag, 1, LONGEST_TAG)?;
        }
    }
    Ok(ids)
}

/// Parses the id of an image, the parameter `at`.
pub(crate) fn image_selector(
    at: &str,
    id: &ImageIdentifier,
) -> Result<ImageSelector, InvalidParameter> {
    id.parse().map_err(|error| match error {
        BadImageId::Empty => InvalidParameter::new(at, "must have imageDigest or imageTag"),
        BadImageId::Digest | BadImageId::Unknown => {
            InvalidParameter::pattern(format!("{at}.imageDigest"), IMAGE_DIGEST)
        }
        BadImageId::Tag => InvalidParameter::pattern(format!("{at}.imageTag"), IMAGE_TAG),
    })
}

/// Checks the list of images that a request must give, and reads what each names.
pub(crate) fn image_selectors(
    ids: Vec<ImageIdentifier>,
) -> Result<Vec<(ImageIdentifier, ImageSelector)>, InvalidParameter> {
    let mut selectors = Vec::with_capacity(ids.len());
    for (place, id) in (1..).zip(image_ids(Some(ids))?) {
        let selector = image_selector(&format!("imageIds.{place}.member"), &id)?;
        selectors.push((id, selector));
    }
    Ok(selectors)
}

/// Parses a digest. Whatever ECR's pattern allows is a digest, if none that an image can have.
fn parse_digest(text: &str) -> Result<Digest, BadImageId> {
    let of_pattern = match_digest(text);
    let error = if of_pattern { BadImageId::Unknown } else { BadImageId::Digest };
    text.parse().map_err(|_| error)
}

/// Whether a text matches [`IMAGE_DIGEST`].
pub(crate) fn match_digest(text: &str) -> bool {
    let of_algorithm = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte);
    text.split_once(':').is_some_and(|(algorithm, hash)| {
        let is_filled = !algorithm.is_empty() && !hash.is_empty();
        is_filled
            && algorithm.bytes().all(of_algorithm)
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digest: Option<&str>, tag: Option<&str>) -> ImageIdentifier {
        let text = |text: Option<&str>| text.map(str::to_owned);
        ImageIdentifier { image_digest: text(digest), image_tag: text(tag) }
    }

    #[track_caller]
    fn check_bad(digest: Option<&str>, tag: Option<&str>, expected: BadImageId) {
        assert_eq!(id(digest, tag).parse(), Err(expected));
    }

    #[test]
    fn ids_name_images() {
        let text = format!("sha256:{}", "0".repeat(64));
        let (digest, tag): (Digest, Tag) = (text.parse().unwrap(), "v1".parse().unwrap());
        let selected = id(Some(&text), None).parse();
        assert_eq!(selected, Ok(ImageSelector::Digest(digest.clone())));
        assert_eq!(id(None, Some("v1")).parse(), Ok(ImageSelector::Tag(tag.clone())));
        let selected = id(Some(&text), Some("v1")).parse();
        assert_eq!(selected, Ok(ImageSelector::TagOfDigest(tag, digest)));
        check_bad(None, None, BadImageId::Empty);
        check_bad(Some("no digest"), None, BadImageId::Digest);
        check_bad(Some("sha256:"), None, BadImageId::Digest);
        check_bad(Some("sha256:00"), Some("v1"), BadImageId::Unknown);
        check_bad(Some("md5:00"), None, BadImageId::Unknown);
        check_bad(None, Some("-"), BadImageId::Tag);
    }

    #[test]
    fn lists_have_bounds() {
        assert!(image_ids(None).is_err());
        assert!(image_ids(Some(Vec::new())).is_err());
        assert!(image_ids(Some(vec![id(None, Some("v1")); 100])).is_ok());
        assert!(image_ids(Some(vec![id(None, Some("v1")); 101])).is_err());
        let error = image_ids(Some(vec![id(None, Some(""))])).unwrap_err().to_string();
        assert!(error.contains("'imageIds.1.member.imageTag'"), "{error}");
        assert!(image_ids(Some(vec![id(None, Some(&"a".repeat(301)))])).is_err());
    }
}
