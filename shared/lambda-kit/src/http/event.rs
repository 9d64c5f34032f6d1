use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_oci_api::RequestBody;
use berth_registry::access::ClientAddress;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

/// What can't stand in the path of a URI.
const NOT_IN_A_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'\\');

/// What must be encoded in a path that was decoded once.
const DECODED: &AsciiSet = &NOT_IN_A_PATH.add(b'%');

/// Event of an API Gateway: of an HTTP API
/// ([payload 2.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.proxy-format)),
/// or of a REST API ([payload 1.0](https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format)).
///
/// Answers are `lambda_http`'s, but events are read here: it reads an event twice, takes a `?` of a
/// decoded path for the beginning of a query, resolves `..`, and panics at what is no URL.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpEvent {
    /// Of an HTTP API: the path, decoded.
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    /// Of a REST API: the path as it came, and the query, decoded.
    path: Option<String>,
    http_method: Option<String>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    headers: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: Option<String>,
    domain_name: Option<String>,
    /// Of an HTTP API.
    http: Option<HttpContext>,
    /// Of a REST API.
    identity: Option<IdentityContext>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    method: String,
    source_ip: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityContext {
    source_ip: Option<String>,
}

/// Which of the two forms an event has, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Of an HTTP API.
    Http,
    /// Of a REST API.
    Rest,
}

/// Why an event is no request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EventError {
    #[error("method is not valid")]
    Method,
    #[error("path or query is not valid")]
    Uri,
    #[error("header `{0}` is not valid")]
    Header(String),
    #[error("body is not valid base64")]
    Body,
}

impl HttpEvent {
    pub(crate) fn form(&self) -> Form {
        if self.raw_path.is_some() { Form::Http } else { Form::Rest }
    }

    /// Returns the id that the gateway gave the request.
    pub(crate) fn gateway_request_id(&self) -> Option<&str> {
        self.request_context.request_id.as_deref()
    }

    /// Returns the host that the client asked for, as the gateway knows it.
    pub(crate) fn domain_name(&self) -> Option<&str> {
        self.request_context.domain_name.as_deref()
    }

    /// Returns the address of the client, as the gateway knows it.
    fn client_address(&self) -> Option<ClientAddress> {
        let RequestContext { http, identity, .. } = &self.request_context;
        let of_http = http.as_ref().and_then(|http| http.source_ip.as_deref());
        let of_rest = identity.as_ref().and_then(|identity| identity.source_ip.as_deref());
        of_http.or(of_rest)?.parse().ok().map(ClientAddress)
    }

    /// Returns how many bytes the body has.
    pub(crate) fn body_length(&self) -> usize {
        let text = self.body.as_deref().unwrap_or_default();
        match self.is_base64_encoded {
            true => text.trim_end_matches('=').len() * 3 / 4,
            false => text.len(),
        }
    }

    /// Returns the method, as the client wrote it.
    pub(crate) fn method(&self) -> &str {
        let context = self.request_context.http.as_ref().map(|http| http.method.as_str());
        context.or(self.http_method.as_deref()).unwrap_or_default()
    }

    /// Returns the path, encoded so that decoding it once gives what the client meant.
    pub(crate) fn path(&self) -> String {
        let (path, set) = match &self.raw_path {
            Some(path) => (path.as_str(), DECODED),
            None => (self.path.as_deref().unwrap_or_default(), NOT_IN_A_PATH),
        };
        utf8_percent_encode(path, set).to_string()
    }

    fn query(&self) -> String {
        match (&self.raw_query_string, &self.multi_value_query_string_parameters) {
            (Some(query), _) => query.clone(),
            (None, Some(parameters)) => {
                let mut query = Serializer::new(String::new());
                for (name, values) in parameters {
                    query.extend_pairs(values.iter().map(|value| (name, value)));
                }
                query.finish()
            }
            (None, None) => String::new(),
        }
    }

    fn headers(&self) -> Result<HeaderMap, EventError> {
        let mut headers = HeaderMap::new();
        let mut append = |name: &str, value: &str| {
            let invalid = || EventError::Header(name.to_owned());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid())?;
            headers.append(key, value);
            Ok(())
        };
        match (&self.multi_value_headers, &self.headers) {
            (Some(all), _) => {
                for (name, values) in all {
                    values.iter().try_for_each(|value| append(name, value))?;
                }
            }
            (None, Some(each)) => {
                each.iter().try_for_each(|(name, value)| append(name, value))?;
            }
            (None, None) => {}
        }
        Ok(headers)
    }

    /// Makes the request of it. Its body is whole.
    pub(crate) fn into_request(self) -> Result<Request<RequestBody>, EventError> {
        let method =
            Method::from_bytes(self.method().as_bytes()).map_err(|_| EventError::Method)?;
        let (path, query) = (self.path(), self.query());
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let uri: Uri = uri.parse().map_err(|_| EventError::Uri)?;
        let (headers, client) = (self.headers()?, self.client_address());
        let body = match (self.body, self.is_base64_encoded) {
            (Some(text), true) => STANDARD.decode(text).map_err(|_| EventError::Body)?.into(),
            (Some(text), false) => Bytes::from(text),
            (None, _) => Bytes::new(),
        };
        let body = Full::new(body).map_err(|never| -> BodyError { match never {} });
        let mut request = Request::new(body.boxed_unsync());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        if let Some(client) = client {
            request.extensions_mut().insert(client);
        }
        Ok(request)
    }
}

/// Says nothing of what a client sent: a query and headers hold secrets.
impl fmt::Debug for HttpEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEvent").field("method", &self.method()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn event(value: Value) -> HttpEvent {
        serde_json::from_value(value).unwrap()
    }

    fn http_api(path: &str, query: &str) -> HttpEvent {
        event(json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": { "content-type": "text/plain", "accept": "a/b,c/d" },
            "requestContext": { "http": { "method": "PUT" }, "requestId": "id=" },
        }))
    }

    #[track_caller]
    fn check_uri(event: HttpEvent, uri: &str) {
        assert_eq!(event.into_request().unwrap().uri().to_string(), uri);
    }

    async fn body(event: HttpEvent) -> Bytes {
        event.into_request().unwrap().into_body().collect().await.unwrap().to_bytes()
    }

    #[test]
    fn a_decoded_path_stays_a_path() {
        check_uri(
            http_api("/v2/a/manifests/1", "digest=x%3Ay&digest=z"),
            "/v2/a/manifests/1?digest=x%3Ay&digest=z",
        );
        check_uri(http_api("/v2/a?digest=b#c", ""), "/v2/a%3Fdigest=b%23c");
        check_uri(http_api("/v2/../%2e%2e/é", ""), "/v2/../%252e%252e/%C3%A9");
    }

    #[test]
    fn an_event_of_a_rest_api_is_read_too() {
        let event = event(json!({
            "path": "/v2/a/blobs/sha256%3A0",
            "httpMethod": "PATCH",
            "headers": { "Accept": "c/d" },
            "multiValueHeaders": { "Accept": ["a/b", "c/d"] },
            "queryStringParameters": { "n": "2" },
            "multiValueQueryStringParameters": { "last": ["a&b"], "n": ["1", "2"] },
            "requestContext": {
                "domainName": "x.example",
                "identity": { "sourceIp": "2001:db8::1" },
                "requestId": "id",
            },
            "body": null,
        }));
        assert_eq!(event.form(), Form::Rest);
        assert_eq!(event.domain_name(), Some("x.example"));
        let request = event.into_request().unwrap();
        assert_eq!(request.method(), Method::PATCH);
        let client = ClientAddress("2001:db8::1".parse().unwrap());
        assert_eq!(request.extensions().get(), Some(&client));
        assert_eq!(request.uri(), "/v2/a/blobs/sha256%3A0?last=a%26b&n=1&n=2");
        let accepted: Vec<_> = request.headers().get_all("accept").iter().collect();
        assert_eq!(accepted, ["a/b", "c/d"]);
    }

    #[tokio::test]
    async fn bodies_are_text_or_base64() {
        let mut text = http_api("/v2/", "");
        text.body = Some("{\"é\":1}".to_owned());
        assert_eq!(body(text.clone()).await, "{\"é\":1}");
        let mut binary = text;
        (binary.body, binary.is_base64_encoded) = (Some("AP8=".to_owned()), true);
        assert_eq!(&body(binary.clone()).await[..], [0, 255]);
        binary.body = Some("AP8".to_owned());
        assert_eq!(binary.into_request().unwrap_err(), EventError::Body);
        assert!(body(http_api("/v2/", "")).await.is_empty());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let mut broken = http_api("/v2/", "");
        broken.headers = Some(BTreeMap::from([("a".to_owned(), "line\nline".to_owned())]));
        let error = broken.into_request().unwrap_err();
        assert_eq!(error, EventError::Header("a".to_owned()));
        assert_eq!(http_api("no path", "").into_request().unwrap_err(), EventError::Uri);
        assert_eq!(http_api("/v2/", "a b").into_request().unwrap_err(), EventError::Uri);
    }
}
