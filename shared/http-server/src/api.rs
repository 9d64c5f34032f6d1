use berth_oci_api::{OciApi, RequestBody, ResponseBody, Route};
use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

/// What answers the requests that are not the server's own.
pub trait Api: Send + Sync + 'static {
    /// Returns a short word for the kind of a request, for metrics: one of a few, whatever clients
    /// make up. Requests of the kind `upload` are counted while they run.
    fn kind(&self, method: &Method, path: &str) -> &'static str;

    /// Answers a request. `base_url` is what the client sees, such as `http://localhost:5001`.
    fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;
}

impl Api for OciApi {
    fn kind(&self, _: &Method, path: &str) -> &'static str {
        Route::parse(path).map_or("unknown", |route| route.kind())
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        self.handle(request, base_url).await
    }
}

/// Returns an answer in plain text.
#[must_use]
pub fn plain_text(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let bytes = text.into();
    let length = bytes.len();
    let mut response = Response::new(ResponseBody::Bytes(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}
