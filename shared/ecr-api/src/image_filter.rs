//! The filter of lists of images.

use berth_registry::{ImageStatus, StatusFilter, TagStatus};
use serde::Deserialize;

use crate::parameter::InvalidParameter;

const TAG_STATUS: [&str; 3] = ["TAGGED", "UNTAGGED", "ANY"];

const IMAGE_STATUS: [&str; 4] = ["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"];

/// The data types [ListImagesFilter](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImagesFilter.html)
/// and [DescribeImagesFilter](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImagesFilter.html).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterInput {
    tag_status: Option<String>,
    image_status: Option<String>,
}

/// Which images are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageFilter {
    pub(crate) tag_status: TagStatus,
    /// None if the request does not say.
    pub(crate) status: Option<StatusFilter>,
}

impl FilterInput {
    /// Checks the filter.
    pub(crate) fn parse(input: Option<Self>) -> Result<ImageFilter, InvalidParameter> {
        let Self { tag_status, image_status } = input.unwrap_or_default();
        let tag_status = tag_status_filter(tag_status.as_deref())?;
        let status = status_filter("filter.imageStatus", image_status.as_deref())?;
        Ok(ImageFilter { tag_status, status })
    }
}

/// Checks a filter by tags.
pub(crate) fn tag_status_filter(text: Option<&str>) -> Result<TagStatus, InvalidParameter> {
    match text {
        Some("TAGGED") => Ok(TagStatus::Tagged),
        Some("UNTAGGED") => Ok(TagStatus::Untagged),
        Some("ANY") | None => Ok(TagStatus::Any),
        Some(_) => Err(InvalidParameter::choice("filter.tagStatus", &TAG_STATUS)),
    }
}

/// Checks a filter by status; none if there is no text.
pub(crate) fn status_filter(
    at: &str,
    text: Option<&str>,
) -> Result<Option<StatusFilter>, InvalidParameter> {
    let only = |status| Ok(Some(StatusFilter::Only(status)));
    match text {
        None => Ok(None),
        Some("ACTIVE") => only(ImageStatus::Active),
        Some("ARCHIVED") => only(ImageStatus::Archived),
        Some("ACTIVATING") => only(ImageStatus::Activating),
        Some("ANY") => Ok(Some(StatusFilter::Any)),
        Some(_) => Err(InvalidParameter::choice(at, &IMAGE_STATUS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<ImageFilter, InvalidParameter> {
        FilterInput::parse(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn filters_are_read() {
        let (tag_status, status) = (TagStatus::Any, None);
        assert_eq!(parse("null"), Ok(ImageFilter { tag_status, status }));
        assert_eq!(parse("{}"), parse("null"));
        let filter = parse(r#"{"tagStatus":"UNTAGGED","imageStatus":"ARCHIVED"}"#).unwrap();
        assert_eq!(filter.tag_status, TagStatus::Untagged);
        assert_eq!(filter.status, Some(StatusFilter::Only(ImageStatus::Archived)));
        let filter = parse(r#"{"imageStatus":"ANY"}"#).unwrap();
        assert_eq!(filter.status, Some(StatusFilter::Any));
        let error = parse(r#"{"tagStatus":"SOME"}"#).unwrap_err().to_string();
        assert!(error.contains("[TAGGED, UNTAGGED, ANY]"), "{error}");
        let error = parse(r#"{"imageStatus":"SOME"}"#).unwrap_err().to_string();
        assert!(error.contains("[ACTIVE, ARCHIVED, ACTIVATING, ANY]"), "{error}");
    }
}
