//! Reading request headers and building responses.

use berth_types::Digest;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::response::Builder;
use http::{Response, StatusCode};

use crate::body::ResponseBody;
use crate::error::OciError;

pub(crate) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
pub(crate) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(crate) const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");
pub(crate) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(crate) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(crate) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Begins a response that carries the API's version.
pub(crate) fn response(status: StatusCode) -> Builder {
    Response::builder().status(status).header(API_VERSION, "registry/2.0")
}

/// Ends a response with a body whose length is known.
pub(crate) fn with_bytes(
    builder: Builder,
    bytes: impl Into<Bytes>,
) -> Result<Response<ResponseBody>, OciError> {
    let bytes = bytes.into();
    finish(builder.header(header::CONTENT_LENGTH, bytes.len()), ResponseBody::Bytes(bytes))
}

/// Ends a response without a body.
pub(crate) fn empty(builder: Builder) -> Result<Response<ResponseBody>, OciError> {
    with_bytes(builder, Bytes::new())
}

/// Ends a response; its headers were made of checked types, so that it can't fail.
pub(crate) fn finish(
    builder: Builder,
    body: ResponseBody,
) -> Result<Response<ResponseBody>, OciError> {
    builder.body(body).map_err(|_| OciError::Header("response"))
}

/// Returns the entity tag of content, its digest in quotes.
pub(crate) fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether `If-None-Match` names the content, so that the client has it already.
///
/// Follows [RFC 9110, section 13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2).
pub(crate) fn client_has(headers: &HeaderMap, digest: &Digest) -> bool {
    let etag = etag(digest);
    let mut tags = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Returns the text of a header, if it is there.
pub(crate) fn text(
    headers: &HeaderMap,
    name: HeaderName,
    label: &'static str,
) -> Result<Option<String>, OciError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(|text| Some(text.to_owned())).map_err(|_| OciError::Header(label))
}

/// Returns `Content-Length`, if it is there.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, OciError> {
    let text = text(headers, header::CONTENT_LENGTH, "Content-Length")?;
    text.map(|text| text.parse().map_err(|_| OciError::Header("Content-Length"))).transpose()
}

/// Whether the client accepts `media_type`; one that does not say accepts everything.
///
/// Follows [RFC 9110, section 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1);
/// preferences don't matter, since there is one form of each manifest.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| HeaderValue::to_str(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_none() || ranges.any(|range| range_matches(range, media_type))
}

fn range_matches(range: &str, media_type: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let range = parts.next().unwrap_or_default();
    let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
    let kind = media_type.split('/').next().unwrap_or_default();
    let matches = range == "*/*" || range == media_type || range.strip_suffix("/*") == Some(kind);
    matches && !refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_types::media_types;

    #[track_caller]
    fn check(accept: &[&str], accepted: bool) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        assert_eq!(accepts(&headers, media_types::OCI_MANIFEST), accepted, "{accept:?}");
    }

    #[test]
    fn negotiates_content() {
        check(&[], true);
        check(&[""], true);
        check(&["*/*"], true);
        check(&["application/*"], true);
        check(&["text/html, application/json"], false);
        check(&[media_types::DOCKER_MANIFEST, media_types::OCI_MANIFEST], true);
        check(&["application/vnd.oci.image.manifest.v1+json; q=0"], false);
        check(&["application/vnd.oci.image.manifest.v1+json;q=0.5"], true);
        check(&[media_types::OCI_INDEX], false);
    }

    #[test]
    fn compares_entity_tags() {
        let digest = Digest::of(berth_types::Algorithm::Sha256, b"");
        let mut headers = HeaderMap::new();
        assert!(!client_has(&headers, &digest));
        headers.insert(header::IF_NONE_MATCH, format!("\"x\", W/\"{digest}\"").parse().unwrap());
        assert!(client_has(&headers, &digest));
        headers.insert(header::IF_NONE_MATCH, "*".parse().unwrap());
        assert!(client_has(&headers, &digest));
    }
}
