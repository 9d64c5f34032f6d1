use berth_ecr_api::{EcrApi, SessionApi};
use berth_oci_api::{OciApi, RequestBody, ResponseBody, Route};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

/// What answers the requests that a function is called for.
pub trait HttpApi: Send + Sync {
    /// Returns a short word for the kind of a path, for metrics: one of a few, whatever clients make
    /// up.
    fn kind(path: &str) -> &'static str;

    /// Makes an answer of the function's own, in the form of the API's errors.
    fn failure(status: StatusCode, message: &str) -> Response<Bytes>;

    /// Answers a request, whose body is whole. `base_url` is what the client sees, such as
    /// `https://registry.example.com`.
    fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> impl Future<Output = Response<Bytes>> + Send;
}

impl HttpApi for OciApi {
    fn kind(path: &str) -> &'static str {
        Route::parse(path).map_or("unknown", |route| route.kind())
    }

    /// In the form of the API's
    /// [error codes](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes).
    fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
        let errors = json!({ "errors": [{ "code": "UNKNOWN", "message": message }] });
        let body = Bytes::from(errors.to_string());
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, length);
        response
    }

    async fn answer(&self, request: Request<RequestBody>, base_url: &str) -> Response<Bytes> {
        let (parts, body) = self.handle(request, base_url).await.into_parts();
        match body {
            ResponseBody::Bytes(bytes) => Response::from_parts(parts, bytes),
            // Part of a file: no function has files.
            ResponseBody::File(_) => {
                tracing::error!("an answer was part of a file");
                let message = "the registry failed; its log has the cause";
                Self::failure(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl HttpApi for EcrApi {
    fn kind(_: &str) -> &'static str {
        "ecr"
    }

    fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
        EcrApi::failure(status, message)
    }

    async fn answer(&self, request: Request<RequestBody>, base_url: &str) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match body.collect().await {
            Ok(body) => self.handle(Request::from_parts(parts, body.to_bytes()), base_url).await,
            Err(error) => EcrApi::failure(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}

impl HttpApi for SessionApi {
    fn kind(_: &str) -> &'static str {
        "session"
    }

    fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
        SessionApi::failure(status, message)
    }

    async fn answer(&self, request: Request<RequestBody>, base_url: &str) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match body.collect().await {
            Ok(body) => self.handle(Request::from_parts(parts, body.to_bytes()), base_url).await,
            Err(error) => SessionApi::failure(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}
