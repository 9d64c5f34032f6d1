use std::sync::Arc;

use berth_registry::Registry;
use berth_registry::access::{
    Action, AuthenticationError, Authenticator, Caller, Denied, FailedLogins, Gate, RegistryPermit,
    RepositoryPermit,
};
use berth_types::RepositoryName;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode, request};

use crate::body::{RequestBody, ResponseBody};
use crate::challenge::{challenge, scope};
use crate::credentials;
use crate::error::OciError;
use crate::headers::{response, with_bytes};
use crate::query::Query;
use crate::route::Route;
use crate::uploads::range_of;

/// What a server decides about the API.
#[derive(Clone, Copy, Debug)]
pub struct ApiSettings {
    /// Length, in bytes, below which a chunk is not worth its request; told to clients in
    /// `OCI-Chunk-Min-Length`. Smaller ones are taken too.
    pub chunk_min_length: u64,
}

/// The OCI distribution API of one registry.
#[derive(Clone, Debug)]
pub struct OciApi {
    pub(crate) registry: Registry,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) failed_logins: Arc<FailedLogins>,
    pub(crate) gate: Gate,
    pub(crate) settings: ApiSettings,
}

/// A request that was routed and whose caller is known.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a OciApi,
    pub(crate) caller: Caller,
    pub(crate) parts: request::Parts,
    pub(crate) query: Query,
}

/// What a handler returns.
pub(crate) type Answer = Result<Response<ResponseBody>, OciError>;

impl OciApi {
    /// Puts the API on a registry.
    #[must_use]
    pub fn new(
        registry: Registry,
        authenticator: Arc<Authenticator>,
        failed_logins: Arc<FailedLogins>,
        settings: ApiSettings,
    ) -> Self {
        Self { registry, authenticator, failed_logins, gate: Gate, settings }
    }

    /// Answers a request. `base_url` is what clients see, such as `http://localhost:5001`.
    pub async fn handle(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let upload_path = parts.uri.path().to_owned();
        let mut response = match self.answer(parts, body).await {
            Ok(response) => response,
            Err(error) => render(&error, &upload_path, base_url),
        };
        if method == Method::HEAD {
            // The headers are those of GET; not every server leaves the body out by itself.
            *response.body_mut() = ResponseBody::empty();
        }
        response
    }

    async fn answer(&self, parts: request::Parts, body: RequestBody) -> Answer {
        let caller = match credentials::caller(&parts.headers, &self.authenticator) {
            Ok(caller) => caller,
            // Nothing was guessed: the client fetches a new token.
            Err(error @ AuthenticationError::Expired) => return Err(error.into()),
            Err(error) => {
                self.failed_logins.slow_down().await;
                return Err(error.into());
            }
        };
        let route = match Route::parse(parts.uri.path()) {
            Ok(route) => route,
            // A stranger learns nothing about paths either.
            Err(_) if caller == Caller::Anonymous => return Err(OciError::CredentialsMissing),
            Err(error) => return Err(error.into()),
        };
        let query = Query::of(&parts.uri);
        let call = Call { api: self, caller, parts, query };
        let method = call.parts.method.clone();
        match (&method, &route) {
            (&Method::GET | &Method::HEAD, Route::Base) => call.base(),
            (&Method::GET | &Method::HEAD, Route::Catalog) => call.catalog().await,
            (&Method::GET, Route::Token) => call.token(),
            (&Method::POST, Route::Token) => call.token_by_form(body).await,
            (&Method::GET, Route::Manifest(name, reference)) => {
                call.get_manifest(name, reference).await
            }
            (&Method::HEAD, Route::Manifest(name, reference)) => {
                call.head_manifest(name, reference).await
            }
            (&Method::PUT, Route::Manifest(name, reference)) => {
                call.put_manifest(name, reference, body).await
            }
            (&Method::DELETE, Route::Manifest(name, reference)) => {
                call.delete_manifest(name, reference).await
            }
            (&Method::GET, Route::Blob(name, digest)) => call.get_blob(name, digest).await,
            (&Method::HEAD, Route::Blob(name, digest)) => call.head_blob(name, digest).await,
            (&Method::DELETE, Route::Blob(name, digest)) => call.delete_blob(name, digest).await,
            (&Method::POST, Route::Uploads(name)) => call.post_upload(name, body).await,
            (&Method::GET, Route::Upload(name, id)) => call.get_upload(name, id).await,
            (&Method::PATCH, Route::Upload(name, id)) => call.patch_upload(name, id, body).await,
            (&Method::PUT, Route::Upload(name, id)) => call.put_upload(name, id, body).await,
            (&Method::DELETE, Route::Upload(name, id)) => call.delete_upload(name, id).await,
            (&Method::GET | &Method::HEAD, Route::Tags(name)) => call.tags(name).await,
            (&Method::GET | &Method::HEAD, Route::Referrers(name, digest)) => {
                call.referrers(name, digest).await
            }
            _ => Err(OciError::Method(method, route.allowed_methods())),
        }
    }
}

impl Call<'_> {
    /// Answers `GET /v2/`: whether this is a registry that the caller may log in to.
    fn base(&self) -> Answer {
        if self.caller == Caller::Anonymous {
            return Err(OciError::CredentialsMissing);
        }
        with_bytes(response(StatusCode::OK).header(CONTENT_TYPE, "application/json"), "{}")
    }

    /// Asks the gate for an action on a repository.
    pub(crate) fn permit(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<RepositoryPermit, Denied> {
        self.api.gate.repository(&self.caller, action, name)
    }

    /// Asks the gate for an action on the registry as a whole.
    pub(crate) fn registry_permit(&self, action: Action) -> Result<RegistryPermit, Denied> {
        self.api.gate.registry(&self.caller, action)
    }
}

/// Renders an error by the table, with the headers that belong to its status.
fn render(error: &OciError, path: &str, base_url: &str) -> Response<ResponseBody> {
    let mut row = error.row();
    let mut builder = response(row.status).header(CONTENT_TYPE, "application/json");
    let refused = match error {
        OciError::Denied(denied) if !matches!(denied.caller, Caller::Root) => Some(scope(denied)),
        OciError::CredentialsMissing | OciError::Authentication(_) => Some(None),
        _ => None,
    };
    if let Some(scope) = refused {
        row.code = "UNAUTHORIZED";
        builder = builder
            .status(StatusCode::UNAUTHORIZED)
            .header(WWW_AUTHENTICATE, challenge(base_url, error, scope));
    }
    if let Some(offset) = error.upload_offset() {
        builder = builder.header(LOCATION, path).header(RANGE, range_of(offset));
    }
    if let OciError::Method(_, allowed) = error {
        builder = builder.header(ALLOW, *allowed);
    }
    if row.status == StatusCode::TOO_MANY_REQUESTS {
        builder = builder.header(RETRY_AFTER, "1");
    }
    with_bytes(builder, row.body().to_string()).unwrap_or_else(|_| {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
