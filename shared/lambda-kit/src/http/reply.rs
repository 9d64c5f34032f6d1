use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, HeaderValue};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use serde::Serialize;

use super::event::Form;

/// Answer to an [`HttpEvent`](super::HttpEvent), in the form that its API understands.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum HttpReply {
    /// Of an HTTP API.
    Http(ApiGatewayV2httpResponse),
    /// Of a REST API.
    Rest(ApiGatewayProxyResponse),
}

impl HttpReply {
    /// Renders an answer. `Content-Length` goes along: an answer to HEAD has one and no body.
    pub(crate) fn new(form: Form, response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        let body = encode(&body);
        let is_base64_encoded = matches!(body, Body::Binary(_));
        let status_code = parts.status.as_u16().into();
        match form {
            Form::Http => {
                let mut reply = ApiGatewayV2httpResponse::default();
                reply.status_code = status_code;
                reply.headers = joined(&parts.headers);
                reply.body = Some(body);
                reply.is_base64_encoded = is_base64_encoded;
                Self::Http(reply)
            }
            Form::Rest => {
                let mut reply = ApiGatewayProxyResponse::default();
                reply.status_code = status_code;
                reply.multi_value_headers = parts.headers;
                reply.body = Some(body);
                reply.is_base64_encoded = is_base64_encoded;
                Self::Rest(reply)
            }
        }
    }
}

/// Joins the values of one name by commas: an HTTP API has one value of each.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let join = |name| {
        let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        HeaderValue::from_bytes(&values.join(&b", "[..])).ok()
    };
    headers.keys().filter_map(|name| Some((name.clone(), join(name)?))).collect()
}

/// Writes a body as text, which keeps every byte of what is UTF-8, or as base64: what is no text,
/// and text that JSON's escapes would make longer than base64 does, since an answer has 6 MiB.
fn encode(body: &Bytes) -> Body {
    match str::from_utf8(body) {
        Ok(text) if text.len() + escapes(text) <= body.len().div_ceil(3) * 4 => {
            Body::Text(text.to_owned())
        }
        _ => Body::Binary(body.to_vec()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::CONTENT_LENGTH;
    use serde_json::json;

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
                "multiValueHeaders": {},
                "body": "",
                "isBase64Encoded": false,
                "cookies": [],
            })
        );
        let rest = rendered(Form::Rest, b"");
        let headers = json!({ "link": ["<a>", "<b>"], "content-length": ["7"] });
        assert_eq!((&rest["multiValueHeaders"], &rest["headers"]), (&headers, &json!({})));
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
