//! Pages of lists: the parameters `n` and `last`, and the header `Link`.

use form_urlencoded::Serializer;

use crate::error::OciError;
use crate::query::Query;

/// Which page of a list a client asks for.
#[derive(Debug)]
pub(crate) struct PageRequest {
    /// The most entries to return.
    pub(crate) limit: usize,
    /// Entry after which the page begins.
    pub(crate) last: Option<String>,
}

impl PageRequest {
    /// Reads `n`, of which at most `most` are returned, and `last`.
    pub(crate) fn of(query: &Query, most: usize) -> Result<Self, OciError> {
        let n: Option<usize> = query.parse("n")?;
        let last = query.get("last").filter(|last| !last.is_empty()).map(str::to_owned);
        Ok(Self { limit: n.map_or(most, |n| n.min(most)), last })
    }

    /// Returns the `Link` to the page after the entry `last`, with further parameters.
    ///
    /// Follows [RFC 5988](https://www.rfc-editor.org/rfc/rfc5988).
    pub(crate) fn link(&self, path: &str, last: &str, others: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("n", &self.limit.to_string()).append_pair("last", last);
        query.extend_pairs(others);
        format!("<{path}?{}>; rel=\"next\"", query.finish())
    }
}

/// Writes a list as JSON.
pub(crate) fn json(list: &impl serde::Serialize) -> Result<Vec<u8>, OciError> {
    let internal = |error| {
        use berth_registry::ports::{StoreError, StoreErrorKind};
        let error = StoreError::new(StoreErrorKind::Internal, error);
        OciError::Registry(error.into())
    };
    serde_json::to_vec(list).map_err(internal)
}
