//! Pages of lists: how long they are, and the tokens that lead from one to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::parameter::InvalidParameter;

/// How long pages of an operation are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageSizes {
    /// When the request does not say.
    pub(crate) usual: usize,
    /// At most.
    pub(crate) most: usize,
}

/// The sizes that most operations have.
pub(crate) const PAGE_SIZES: PageSizes = PageSizes { usual: 100, most: 1000 };

impl PageSizes {
    /// Checks `maxResults`.
    pub(crate) fn parse(self, max_results: Option<i64>) -> Result<usize, InvalidParameter> {
        let invalid =
            |bound: String| InvalidParameter::new("maxResults", format!("must have value {bound}"));
        match max_results {
            None => Ok(self.usual),
            Some(..1) => Err(invalid("greater than or equal to 1".to_owned())),
            Some(size) => usize::try_from(size)
                .ok()
                .filter(|size| *size <= self.most)
                .ok_or_else(|| invalid(format!("less than or equal to {}", self.most))),
        }
    }
}

/// Writes where the next page begins as a token, which is opaque to clients.
pub(crate) fn to_token<T: Serialize>(position: &T) -> Result<String, ApiError> {
    let text = serde_json::to_vec(position).map_err(ApiError::Answer)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

/// Reads a token that `operation` wrote.
pub(crate) fn parse_token<T: DeserializeOwned>(
    token: &str,
    operation: &str,
) -> Result<T, InvalidParameter> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let position = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let invalid = || format!("must be a token that {operation} returned");
    position.ok_or_else(|| InvalidParameter::new("nextToken", invalid()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_types::Tag;

    #[test]
    fn tokens_come_back() {
        let tag: Tag = "v1".parse().unwrap();
        let token = to_token(&tag).unwrap();
        assert_eq!(parse_token(&token, "ListImages"), Ok(tag));
        let error = parse_token::<Tag>("", "ListImages").unwrap_err().to_string();
        assert!(error.contains("must be a token that ListImages returned"), "{error}");
        assert!(parse_token::<Tag>("%", "ListImages").is_err());
        assert!(parse_token::<Tag>(&URL_SAFE_NO_PAD.encode("\"-x\""), "ListImages").is_err());
    }

    #[test]
    fn pages_have_bounds() {
        assert_eq!(PAGE_SIZES.parse(None), Ok(100));
        assert_eq!(PAGE_SIZES.parse(Some(1)), Ok(1));
        assert_eq!(PAGE_SIZES.parse(Some(1000)), Ok(1000));
        let error = PAGE_SIZES.parse(Some(0)).unwrap_err().to_string();
        assert!(error.contains("'must have value greater than or equal to 1'"), "{error}");
        let error = PAGE_SIZES.parse(Some(1001)).unwrap_err().to_string();
        assert!(error.contains("'must have value less than or equal to 1000'"), "{error}");
        assert!(PAGE_SIZES.parse(Some(i64::MIN)).is_err());
        assert!(PAGE_SIZES.parse(Some(i64::MAX)).is_err());
    }
}
