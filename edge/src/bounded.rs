use berth_http_server::Api;
use berth_oci_api::{OciApi, RequestBody, ResponseBody};
use http::{Method, Request, Response};
use http_body::Body;
use tokio::sync::Semaphore;

/// The OCI API, for so many requests at once that bring a body. More of them wait, with their
/// bytes unread, so that the client's own network holds them.
#[derive(Debug)]
pub(crate) struct BoundedApi {
    api: OciApi,
    places: Semaphore,
}

impl BoundedApi {
    /// Bounds `api` to `bodies` at once.
    pub(crate) fn new(api: OciApi, bodies: usize) -> Self {
        Self { api, places: Semaphore::new(bodies) }
    }
}

impl Api for BoundedApi {
    fn kind(&self, method: &Method, path: &str) -> &'static str {
        self.api.kind(method, path)
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        let _place = match request.body().is_end_stream() {
            true => None,
            // Nobody closes the semaphore.
            false => self.places.acquire().await.ok(),
        };
        self.api.answer(request, base_url).await
    }
}
