use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_oci_api::ResponseBody;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::event::Form;

/// Answer to an [`HttpEvent`](super::HttpEvent), in the form that its API understands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpReply {
    status_code: u16,
    /// Of an HTTP API, which has one value of each; those of one name are joined by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    /// Of a REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    body: String,
    is_base64_encoded: bool,
}

impl HttpReply {
    /// Renders an answer. `Content-Length` goes along: an answer to HEAD has one and no body.
    pub(crate) fn new(form: Form, response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let all = values(&parts.headers);
        let (body, is_base64_encoded) = encode(&body);
        let (headers, multi_value_headers) = match form {
            Form::Http => {
                let joined = all.into_iter().map(|(name, values)| (name, values.join(", ")));
                (Some(joined.collect()), None)
            }
            Form::Rest => (None, Some(all)),
        };
        let status_code = parts.status.as_u16();
        Self { status_code, headers, multi_value_headers, body, is_base64_encoded }
    }
}

fn values(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.as_str().to_owned()).or_default().push(value);
    }
    all
}

/// Writes a body as text, which keeps every byte of what is UTF-8, or as base64: what is no text,
/// and text that JSON's escapes would make longer than base64 does, since an answer has 6 MiB.
fn encode(body: &Bytes) -> (String, bool) {
    match str::from_utf8(body) {
        Ok(text) if text.len() + escapes(text) <= body.len().div_ceil(3) * 4 => {
            (text.to_owned(), false)
        }
        _ => (STANDARD.encode(body), true),
    }
}

/// Returns how many bytes JSON adds to a text.
fn escapes(text: &str) -> usize {
    let added = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.bytes().map(added).sum()
}

/// Returns a response's body as bytes. Part of a file is none: no function has files.
pub(crate) fn bytes(response: Response<ResponseBody>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    match body {
        ResponseBody::Bytes(bytes) => Response::from_parts(parts, bytes),
        ResponseBody::File(_) => {
            tracing::error!("an answer was part of a file");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "the registry failed; its log has the cause")
        }
    }
}

/// Makes an answer of the function's own, in the form of the API's
/// [error codes](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes).
pub(crate) fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
    let errors = json!({ "errors": [{ "code": "UNKNOWN", "message": message }] });
    let body = Bytes::from(errors.to_string());
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(form: Form, body: &[u8]) -> serde_json::Value {
        let response = Response::builder()
            .status(206)
            .header("link", "<a>")
            .header("link", "<b>")
            .header(CONTENT_LENGTH, 7)
            .body(Bytes::copy_from_slice(body))
            .unwrap();
        serde_json::to_value(HttpReply::new(form, response)).unwrap()
    }

    #[test]
    fn each_form_has_its_headers() {
        let http = rendered(Form::Http, b"");
        assert_eq!(
            http,
            json!({
                "statusCode": 206,
                "headers": { "link": "<a>, <b>", "content-length": "7" },
                "body": "",
                "isBase64Encoded": false,
            })
        );
        let rest = rendered(Form::Rest, b"");
        let headers = json!({ "link": ["<a>", "<b>"], "content-length": ["7"] });
        assert_eq!((&rest["multiValueHeaders"], rest.get("headers")), (&headers, None));
    }

    #[test]
    fn text_keeps_every_byte() {
        let manifest = "{\r\n\t\"name\" : \"é\\u0000\"  }\n";
        let reply = rendered(Form::Http, manifest.as_bytes());
        assert_eq!(reply["isBase64Encoded"], false);
        let wire = reply.to_string();
        let read: serde_json::Value = serde_json::from_str(&wire).unwrap();
        assert_eq!(read["body"], manifest);
    }

    #[test]
    fn what_is_longer_as_text_is_base64() {
        assert_eq!(rendered(Form::Http, &[0, 255])["body"], "AP8=");
        let quotes = rendered(Form::Http, "\"".repeat(300).as_bytes());
        assert_eq!(quotes["isBase64Encoded"], true);
        assert_eq!(quotes["body"].as_str().unwrap().len(), 400);
    }

    #[test]
    fn escapes_are_counted_as_json_writes_them() {
        for text in ["plain", "\"\\\n\r\t\u{8}\u{c}", "\u{0}\u{1f}\u{7f}é/", ""] {
            let written = serde_json::to_string(text).unwrap().len() - 2;
            assert_eq!(text.len() + escapes(text), written, "{text:?}");
        }
    }
}
