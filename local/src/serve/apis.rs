use berth_ecr_api::{EcrApi, MOST_SESSION_BYTES, SessionApi};
use berth_http_server::Api;
use berth_oci_api::{OciApi, RequestBody, ResponseBody};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// The APIs of the registry: ECR's at `POST /`, sessions at `POST /session`, the OCI distribution API
/// everywhere else.
#[derive(Debug)]
pub(super) struct Apis {
    pub(super) oci: OciApi,
    pub(super) ecr: EcrApi,
    pub(super) session: SessionApi,
}

/// Whether a request is one to ECR's JSON API.
fn is_ecr(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == "/"
}

/// Whether a request is one for a session.
fn is_session(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == "/session"
}

impl Api for Apis {
    fn kind(&self, method: &Method, path: &str) -> &'static str {
        match (is_ecr(method, path), is_session(method, path)) {
            (true, _) => "ecr",
            (_, true) => "session",
            _ => self.oci.kind(method, path),
        }
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        if is_ecr(request.method(), request.uri().path()) {
            self.ecr(request, base_url).await
        } else if is_session(request.method(), request.uri().path()) {
            self.session(request, base_url).await.map(ResponseBody::Bytes)
        } else {
            self.oci.answer(request, base_url).await
        }
    }
}

impl Apis {
    async fn ecr(&self, request: Request<RequestBody>, base_url: &str) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        match Limited::new(body, self.ecr.body_limits.request).collect().await {
            Ok(body) => {
                let request = Request::from_parts(parts, body.to_bytes());
                self.ecr.handle(request, base_url).await.map(ResponseBody::Bytes)
            }
            Err(error) if error.is::<LengthLimitError>() => {
                self.ecr.refuse_long().await.map(ResponseBody::Bytes)
            }
            Err(error) => {
                let refused = EcrApi::failure(StatusCode::BAD_REQUEST, &error.to_string());
                refused.map(ResponseBody::Bytes)
            }
        }
    }

    async fn session(&self, request: Request<RequestBody>, base_url: &str) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        match Limited::new(body, MOST_SESSION_BYTES).collect().await {
            Ok(body) => {
                let request = Request::from_parts(parts, body.to_bytes());
                self.session.handle(request, base_url).await
            }
            Err(error) if error.is::<LengthLimitError>() => {
                SessionApi::failure(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long")
            }
            Err(error) => SessionApi::failure(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}
