//! Whether tags may move, as requests say and responses tell it.

use berth_types::{
    ExclusionFilter, ParseExclusionFilterError, TagMutability, TagMutabilityError,
    TagMutabilitySetting,
};
use serde::{Deserialize, Serialize};

use crate::parameter::{InvalidParameter, length, required};

const FILTERS: &str = "imageTagMutabilityExclusionFilters";

/// The data type [ImageTagMutabilityExclusionFilter](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html)
/// of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterInput {
    filter_type: Option<String>,
    filter: Option<String>,
}

/// The same data type, of a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterDescription {
    filter_type: &'static str,
    filter: ExclusionFilter,
}

/// Describes the filters of a setting.
pub(crate) fn describe_filters(mutability: &TagMutability) -> Vec<FilterDescription> {
    let describe = |filter: &ExclusionFilter| FilterDescription {
        filter_type: "WILDCARD",
        filter: filter.clone(),
    };
    mutability.exclusions().iter().map(describe).collect()
}

/// Parses a setting and its filters; without a setting, every tag may move.
pub(crate) fn tag_mutability(
    setting: Option<&str>,
    inputs: Option<Vec<FilterInput>>,
) -> Result<TagMutability, InvalidParameter> {
    let setting = setting.map(tag_mutability_setting).transpose()?.unwrap_or_default();
    let filters = inputs.map(exclusion_filters).transpose()?.unwrap_or_default();
    TagMutability::new(setting, filters).map_err(|error| unfit_filters(&error))
}

/// Parses a setting.
pub(crate) fn tag_mutability_setting(text: &str) -> Result<TagMutabilitySetting, InvalidParameter> {
    match text {
        "MUTABLE" => Ok(TagMutabilitySetting::Mutable),
        "IMMUTABLE" => Ok(TagMutabilitySetting::Immutable),
        "IMMUTABLE_WITH_EXCLUSION" => Ok(TagMutabilitySetting::ImmutableWithExclusion),
        "MUTABLE_WITH_EXCLUSION" => Ok(TagMutabilitySetting::MutableWithExclusion),
        _ => {
            let values =
                ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE", "MUTABLE_WITH_EXCLUSION"];
            Err(InvalidParameter::choice("imageTagMutability", &values))
        }
    }
}

/// Parses the filters of a setting.
pub(crate) fn exclusion_filters(
    inputs: Vec<FilterInput>,
) -> Result<Vec<ExclusionFilter>, InvalidParameter> {
    length(FILTERS, &inputs, 1, 5)?;
    let filter = |(place, input)| exclusion_filter(&format!("{FILTERS}.{place}.member"), input);
    (1..).zip(inputs).map(filter).collect()
}

/// Says that the filters do not fit the setting.
pub(crate) fn unfit_filters(error: &TagMutabilityError) -> InvalidParameter {
    let constraint = match error {
        TagMutabilityError::FiltersMissing => {
            "must have 1 to 5 members when imageTagMutability is a setting with exclusion"
        }
        TagMutabilityError::FiltersUnexpected => {
            "must not be given unless imageTagMutability is a setting with exclusion"
        }
    };
    InvalidParameter::new(FILTERS, constraint)
}

fn exclusion_filter(at: &str, input: FilterInput) -> Result<ExclusionFilter, InvalidParameter> {
    let at_type = format!("{at}.filterType");
    if required(&at_type, input.filter_type)? != "WILDCARD" {
        return Err(InvalidParameter::choice(at_type, &["WILDCARD"]));
    }
    let at = format!("{at}.filter");
    let filter = ExclusionFilter::try_from(required(&at, input.filter)?);
    filter.map_err(|error| match error {
        ParseExclusionFilterError::Text => {
            InvalidParameter::pattern(at, "^[0-9a-zA-Z._*-]{1,128}$")
        }
        ParseExclusionFilterError::Wildcards(_) => {
            InvalidParameter::new(at, "must have at most 2 wildcards (*)")
        }
    })
}
