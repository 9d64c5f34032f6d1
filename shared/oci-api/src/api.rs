use std::sync::Arc;

use berth_registry::access::{
    Action, AuthenticationError, Authenticator, Caller, DeniedBy, Facts, FailedLogins, Gate,
    GateError, ImagePermit, RegistryPermit, RepositoryPermit,
};
use berth_registry::{Pull, Push, Registry, Removal};
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
#[derive(Clone, Debug, Default)]
pub struct ApiSettings {
    /// Length, in bytes, below which a chunk is not worth its request; told to clients in
    /// `OCI-Chunk-Min-Length`. Smaller ones are taken too.
    pub chunk_min_length: u64,
    /// URL of the host that takes the bytes of uploads, such as `https://uploads.example.com`,
    /// without a slash at its end. Every answer about an upload sends the client there, with a new
    /// token in the URL. Without it, uploads go where the rest goes.
    pub upload_host: Option<String>,
    /// The most bytes of a blob that one request carries here. Without it, there is no limit.
    pub largest_body: Option<u64>,
}

/// The OCI distribution API of one registry, or those parts of it that a process serves. A method
/// whose part is missing is answered as one that the path does not take.
#[derive(Clone, Debug)]
pub struct OciApi {
    pull: Option<Pull>,
    push: Option<Push>,
    removal: Option<Removal>,
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
    pub(crate) base_url: &'a str,
    /// What is known of the client, for the conditions of policies.
    pub(crate) facts: Facts,
    route: &'a Route,
}

/// What a handler returns.
pub(crate) type Answer = Result<Response<ResponseBody>, OciError>;

impl OciApi {
    /// Makes an API that serves `/v2/` and `/token` alone, to which parts are added.
    #[must_use]
    pub fn new(
        authenticator: Arc<Authenticator>,
        failed_logins: Arc<FailedLogins>,
        settings: ApiSettings,
    ) -> Self {
        let (pull, push, removal) = (None, None, None);
        let gate = authenticator.gate();
        Self { pull, push, removal, authenticator, failed_logins, gate, settings }
    }

    /// Adds what GET and HEAD do.
    #[must_use]
    pub fn with_pull(self, pull: Pull) -> Self {
        let gate = self.gate.sharing(pull.directory());
        Self { pull: Some(pull), gate, ..self }
    }

    /// Adds what POST, PATCH and PUT do.
    #[must_use]
    pub fn with_push(self, push: Push) -> Self {
        let gate = self.gate.sharing(push.directory());
        Self { push: Some(push), gate, ..self }
    }

    /// Adds what DELETE does.
    #[must_use]
    pub fn with_removal(self, removal: Removal) -> Self {
        let gate = self.gate.sharing(removal.directory());
        Self { removal: Some(removal), gate, ..self }
    }

    /// Adds all parts of a registry.
    #[must_use]
    pub fn with_registry(self, registry: &Registry) -> Self {
        let Registry { pull, push, removal, .. } = registry.clone();
        self.with_pull(pull).with_push(push).with_removal(removal)
    }

    /// Answers a request. `base_url` is what clients see, such as `http://localhost:5001`.
    pub async fn handle(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let mut response = match self.answer(parts, body, base_url).await {
            Ok(response) => response,
            Err(error) => render(&error, None, base_url),
        };
        if method == Method::HEAD {
            // The headers are those of GET; not every server leaves the body out by itself.
            *response.body_mut() = ResponseBody::empty();
        }
        response
    }

    async fn answer(&self, parts: request::Parts, body: RequestBody, base_url: &str) -> Answer {
        let route = Route::parse(parts.uri.path());
        let query = Query::of(&parts.uri);
        let (headers, named) = (&parts.headers, route.as_ref().ok());
        let caller = match credentials::caller(headers, named, &query, &self.authenticator).await {
            Ok(caller) => caller,
            Err(error) => return Err(self.refuse(error).await),
        };
        let route = match route {
            Ok(route) => route,
            // A stranger learns nothing about paths either.
            Err(_) if caller == Caller::Anonymous => return Err(OciError::CredentialsMissing),
            Err(error) => return Err(error.into()),
        };
        let (client, transport) = (parts.extensions.get(), parts.extensions.get());
        let facts = Facts::of_client(client.copied(), transport.copied(), base_url);
        let bearer = caller.clone();
        let call = Call { api: self, caller, parts, query, base_url, facts, route: &route };
        match (call.run(body).await, &route) {
            (Err(error), Route::Upload(name, upload)) if error.upload_offset().is_some() => {
                let location = self.upload_location(&bearer, name, upload).await?;
                Ok(render(&error, Some(location), base_url))
            }
            (answer, _) => answer,
        }
    }

    /// Slows a guess down, and says what it is answered.
    pub(crate) async fn refuse(&self, error: AuthenticationError) -> OciError {
        match error {
            AuthenticationError::Password | AuthenticationError::Token => {
                self.failed_logins.slow_down().await;
            }
            // Nothing was guessed: the client fetches a new token, or tries again.
            AuthenticationError::Expired | AuthenticationError::Store(_) => {}
        }
        error.into()
    }

    /// Returns those methods of a path that the process serves, for the header `Allow`.
    fn allowed_methods(&self, route: &Route) -> String {
        let is_served = |method: &&str| match (route, *method) {
            (Route::Base | Route::Token, _) => true,
            (_, "GET" | "HEAD") => self.pull.is_some(),
            (_, "DELETE") => self.removal.is_some(),
            _ => self.push.is_some(),
        };
        let served: Vec<_> = route.allowed_methods().split(", ").filter(is_served).collect();
        served.join(", ")
    }
}

impl Call<'_> {
    async fn run(self, body: RequestBody) -> Answer {
        let call = &self;
        match (&self.parts.method, self.route) {
            (&Method::GET | &Method::HEAD, Route::Base) => call.base(),
            (&Method::GET | &Method::HEAD, Route::Catalog) => call.catalog().await,
            (&Method::GET, Route::Token) => call.token().await,
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
            _ => Err(self.not_served()),
        }
    }

    /// Answers `GET /v2/`: whether this is a registry that the caller may log in to.
    fn base(&self) -> Answer {
        if self.caller == Caller::Anonymous {
            return Err(OciError::CredentialsMissing);
        }
        with_bytes(response(StatusCode::OK).header(CONTENT_TYPE, "application/json"), "{}")
    }

    /// Returns the part that reads.
    pub(crate) fn pull(&self) -> Result<&Pull, OciError> {
        self.api.pull.as_ref().ok_or_else(|| self.not_served())
    }

    /// Returns the part that writes.
    pub(crate) fn push(&self) -> Result<&Push, OciError> {
        self.api.push.as_ref().ok_or_else(|| self.not_served())
    }

    /// Returns the part that deletes.
    pub(crate) fn removal(&self) -> Result<&Removal, OciError> {
        self.api.removal.as_ref().ok_or_else(|| self.not_served())
    }

    fn not_served(&self) -> OciError {
        OciError::Method(self.parts.method.clone(), self.api.allowed_methods(self.route))
    }

    /// Asks the gate for an action on a repository.
    pub(crate) async fn permit(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<RepositoryPermit, GateError> {
        self.permit_with(action, name, &self.facts).await
    }

    /// Asks the gate for an action on a repository, by `facts` that the request adds to.
    pub(crate) async fn permit_with(
        &self,
        action: Action,
        name: &RepositoryName,
        facts: &Facts,
    ) -> Result<RepositoryPermit, GateError> {
        self.api.gate.repository(&self.caller, action, name, facts).await
    }

    /// Asks the gate for an action on images of a repository.
    pub(crate) async fn images_permit(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<ImagePermit, GateError> {
        self.api.gate.images(&self.caller, action, name, &self.facts).await
    }

    /// Asks the gate for an action that the request does not depend on.
    pub(crate) async fn optional_permit(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryPermit>, GateError> {
        match self.permit(action, name).await {
            Ok(permit) => Ok(Some(permit)),
            Err(GateError::Denied(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks the gate for an action on the registry as a whole.
    pub(crate) async fn registry_permit(
        &self,
        action: Action,
    ) -> Result<RegistryPermit, GateError> {
        self.api.gate.registry(&self.caller, action, &self.facts).await
    }
}

/// Renders an error by the table, with the headers that belong to its status.
fn render(error: &OciError, location: Option<String>, base_url: &str) -> Response<ResponseBody> {
    let mut row = error.row();
    let mut builder = response(row.status).header(CONTENT_TYPE, "application/json");
    let refused = match error {
        OciError::Denied(denied) if denied.by == DeniedBy::Credentials => Some(scope(denied)),
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
        builder = builder.header(RANGE, range_of(offset));
    }
    if let Some(location) = location {
        builder = builder.header(LOCATION, location);
    }
    if let OciError::Method(_, allowed) = error {
        builder = builder.header(ALLOW, allowed);
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
