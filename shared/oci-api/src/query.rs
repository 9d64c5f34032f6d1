//! Query parameters.

use std::str::FromStr;

use http::Uri;

use crate::error::OciError;

/// The query of a request, decoded.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Reads a form, which has the same encoding.
    pub(crate) fn of_form(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Returns the first value of `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns every value of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of `name`, parsed.
    pub(crate) fn parse<T: FromStr<Err: ToString>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, OciError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let refused = |error: T::Err| OciError::Parameter(name, error.to_string());
        text.parse().map(Some).map_err(refused)
    }
}
