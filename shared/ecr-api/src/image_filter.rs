//! The filter of lists of images.

use berth_registry::TagStatus;
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
    pub(crate) status: StatusFilter,
}

/// Which images are listed, by their storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusFilter {
    /// Those that can be pulled: all of them, as long as none can be archived.
    Active,
    /// Those that are archived, or on their way back: none.
    Archived,
}

impl FilterInput {
    /// Checks the filter.
    pub(crate) fn parse(input: Option<Self>) -> Result<ImageFilter, InvalidParameter> {
        let Self { tag_status, image_status } = input.unwrap_or_default();
        let tag_status = match tag_status.as_deref() {
            Some("TAGGED") => TagStatus::Tagged,
            Some("UNTAGGED") => TagStatus::Untagged,
            Some("ANY") | None => TagStatus::Any,
            Some(_) => return Err(InvalidParameter::choice("filter.tagStatus", &TAG_STATUS)),
        };
        let status = status_filter("filter.imageStatus", image_status.as_deref())?;
        Ok(ImageFilter { tag_status, status })
    }
}

/// Checks a filter by status.
pub(crate) fn status_filter(
    at: &str,
    text: Option<&str>,
) -> Result<StatusFilter, InvalidParameter> {
    match text {
        Some("ACTIVE" | "ANY") | None => Ok(StatusFilter::Active),
        Some("ARCHIVED" | "ACTIVATING") => Ok(StatusFilter::Archived),
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
        let (tag_status, status) = (TagStatus::Any, StatusFilter::Active);
        assert_eq!(parse("null"), Ok(ImageFilter { tag_status, status }));
        assert_eq!(parse("{}"), parse("null"));
        let filter = parse(r#"{"tagStatus":"UNTAGGED","imageStatus":"ARCHIVED"}"#).unwrap();
        assert_eq!(filter.tag_status, TagStatus::Untagged);
        assert_eq!(filter.status, StatusFilter::Archived);
        let error = parse(r#"{"tagStatus":"SOME"}"#).unwrap_err().to_string();
        assert!(error.contains("[TAGGED, UNTAGGED, ANY]"), "{error}");
        let error = parse(r#"{"imageStatus":"SOME"}"#).unwrap_err().to_string();
        assert!(error.contains("[ACTIVE, ARCHIVED, ACTIVATING, ANY]"), "{error}");
    }
}
