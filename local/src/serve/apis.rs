use berth_ecr_api::EcrApi;
use berth_http_server::Api;
use berth_oci_api::{OciApi, RequestBody, ResponseBody};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Both APIs of the registry: ECR's at `POST /`, the OCI distribution API everywhere else.
#[derive(Debug)]
pub(super) struct Apis {
    pub(super) oci: OciApi,
    pub(super) ecr: EcrApi,
}

/// Whether a request is one to ECR's JSON API.
fn is_ecr(method: &Method, path: &str) -> bool {
    *method == Method::POST && path == "/"
}

impl Api for Apis {
    fn kind(&self, method: &Method, path: &str) -> &'static str {
        if is_ecr(method, path) { "ecr" } else { self.oci.kind(method, path) }
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        if is_ecr(request.method(), request.uri().path()) {
            self.ecr(request, base_url).await
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
}
