use std::sync::Arc;

use berth_registry::access::{
    Action, Authenticator, Caller, Facts, FailedLogins, Gate, GateError, ImagePermit, Principal,
    RegistryPermit, RepositoryPermit, UserPermit,
};
use berth_registry::ports::Clock;
use berth_registry::{FailedJobs, Identity, Registry, Repository, RepositoryChange, Trusts, Users};
use berth_types::{RepositoryName, UserName};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body_limits::BodyLimits;
use crate::error::ApiError;
use crate::operation::{EcrOperation, Operation};
use crate::signature::SignatureError;
use crate::{
    administration, batch_check_layer_availability, batch_delete_image, batch_get_image,
    complete_layer_upload, create_repository, delete_lifecycle_policy, delete_repository,
    delete_repository_policy, deregister_pull_time_update_exclusion, describe_images,
    describe_repositories, get_authorization_token, get_download_url_for_layer,
    get_lifecycle_policy, get_repository_policy, initiate_layer_upload, list_image_referrers,
    list_images, list_pull_time_update_exclusions, list_tags_for_resource, put_image,
    put_image_scanning_configuration, put_image_tag_mutability, put_lifecycle_policy,
    register_pull_time_update_exclusion, set_repository_policy, signature, tag_resource,
    untag_resource, upload_layer_part,
};

const JSON_1_1: &str = "application/x-amz-json-1.1";

/// Headers that say what a request is: two of them may say two things.
const ONCE: [(&str, &str); 2] = [
    ("content-type", "The request has more than one Content-Type header"),
    ("x-amz-target", "The request has more than one X-Amz-Target header"),
];

/// The JSON APIs of ECR and ECR Public, in front of one registry.
#[derive(Clone, Debug)]
pub struct EcrApi {
    /// Use cases.
    pub registry: Registry,
    /// Use cases of users.
    pub users: Users,
    /// Use cases of trusts.
    pub trusts: Trusts,
    /// Use cases of jobs that failed too often.
    pub failed_jobs: FailedJobs,
    /// Which registry this is.
    pub identity: Identity,
    /// Turns credentials into callers.
    pub authenticator: Arc<Authenticator>,
    /// Slows guesses down.
    pub failed_logins: Arc<FailedLogins>,
    /// What every operation passes.
    pub gate: Gate,
    /// How long bodies may be.
    pub body_limits: BodyLimits,
    /// The time, for signatures.
    pub clock: Arc<dyn Clock>,
}

/// One authenticated request, as operations see it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) api: &'a EcrApi,
    pub(crate) caller: Caller,
    /// What clients see, such as `http://localhost:5001`.
    pub(crate) base_url: &'a str,
    /// What is known of the client, for the conditions of policies.
    facts: Facts,
}

impl EcrApi {
    /// Answers one request to `POST /`. Clients see the registry at `base_url`, such as
    /// `http://localhost:5001`.
    ///
    /// Follows the [AWS JSON 1.1 protocol](https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html).
    pub async fn handle(&self, request: Request<Bytes>, base_url: &str) -> Response<Bytes> {
        match self.answer(request, base_url).await {
            Ok(body) => response(StatusCode::OK, body),
            Err(error) => self.refuse(&error).await,
        }
    }

    /// Answers a request whose body is longer than [`BodyLimits::request`], so that nobody read it.
    pub async fn refuse_long(&self) -> Response<Bytes> {
        self.refuse(&ApiError::RequestTooLarge { most: self.body_limits.request }).await
    }

    /// Makes an answer of whatever carries requests here, in the form of the API's errors.
    #[must_use]
    pub fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
        let code = match status.is_server_error() {
            true => "ServerException",
            false => "SerializationException",
        };
        response(status, Bytes::from(json!({ "__type": code, "message": message }).to_string()))
    }

    async fn answer(&self, request: Request<Bytes>, base_url: &str) -> Result<Bytes, ApiError> {
        let (parts, body) = request.into_parts();
        let BodyLimits { request: longest, answer: most, .. } = self.body_limits;
        if body.len() > longest {
            return Err(ApiError::RequestTooLarge { most: longest });
        }
        let operation = parse_operation(&parts)?;
        let caller = signature::authenticate(self, &parts, &body, operation, base_url).await?;
        let (client, transport) = (parts.extensions.get(), parts.extensions.get());
        let facts = Facts::of_client(client.copied(), transport.copied(), base_url);
        let call = Call { api: self, caller, base_url, facts };
        let answer = call.run(operation, &body).await?;
        match answer.len() > most {
            true => Err(ApiError::AnswerTooLarge { most }),
            false => Ok(answer),
        }
    }

    async fn refuse(&self, error: &ApiError) -> Response<Bytes> {
        if let ApiError::Signature(error) = error
            && error.may_be_a_guess()
        {
            self.failed_logins.slow_down().await;
        }
        let answer = error.answer(&self.identity);
        if answer.status.is_server_error() {
            tracing::error!(cause = error.cause(), "an operation of the ECR API failed");
        }
        let mut body = answer.members;
        body.insert("__type".to_owned(), answer.code.into());
        body.insert("message".to_owned(), answer.message.into());
        response(answer.status, Bytes::from(Value::Object(body).to_string()))
    }
}

impl Call<'_> {
    /// Returns what is known of the client, to which an operation adds what its input says.
    pub(crate) fn facts(&self) -> Facts {
        self.facts.clone()
    }

    /// Returns whom a token is given to.
    pub(crate) fn principal(&self) -> Result<&Principal, ApiError> {
        self.caller.principal().ok_or(ApiError::Signature(SignatureError::Missing))
    }

    /// Asks the gate for an action on a repository.
    pub(crate) async fn permit(
        &self,
        action: Action,
        name: &RepositoryName,
    ) -> Result<RepositoryPermit, GateError> {
        self.permit_with(action, name, &self.facts).await
    }

    /// Asks the gate for an action on a repository, by `facts` that the input adds to.
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

    /// Asks the gate for an action on a user.
    pub(crate) fn user_permit(
        &self,
        action: Action,
        name: &UserName,
    ) -> Result<UserPermit, GateError> {
        self.api.gate.user(&self.caller, action, name, &self.facts)
    }

    /// Asks the gate for an action on the registry as a whole.
    pub(crate) async fn registry_permit(
        &self,
        action: Action,
    ) -> Result<RegistryPermit, GateError> {
        self.registry_permit_with(action, &self.facts).await
    }

    /// Asks the gate for an action on the registry as a whole, by `facts` that the input adds to.
    pub(crate) async fn registry_permit_with(
        &self,
        action: Action,
        facts: &Facts,
    ) -> Result<RegistryPermit, GateError> {
        self.api.gate.registry(&self.caller, action, facts).await
    }

    /// Asks the gate, and changes a repository.
    pub(crate) async fn change_repository(
        &self,
        name: &RepositoryName,
        change: RepositoryChange,
    ) -> Result<Arc<Repository>, ApiError> {
        let mut facts = self.facts();
        match &change {
            RepositoryChange::Tag(tags) => facts.request_tags.clone_from(tags),
            RepositoryChange::Untag(keys) => facts.tag_keys.clone_from(keys),
            RepositoryChange::TagMutability(_) | RepositoryChange::ScanOnPush(_) => {}
        }
        let permit = self.permit_with(change.action(), name, &facts).await?;
        Ok(self.api.registry.repositories.change(&permit, change).await?)
    }

    async fn run(&self, operation: Operation, body: &[u8]) -> Result<Bytes, ApiError> {
        use EcrOperation as E;
        match operation {
            Operation::Ecr(E::BatchCheckLayerAvailability) => {
                write(&batch_check_layer_availability::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::BatchDeleteImage) => {
                write(&batch_delete_image::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::BatchGetImage) => {
                write(&batch_get_image::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::CompleteLayerUpload) => {
                write(&complete_layer_upload::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::CreateRepository) => {
                write(&create_repository::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DeleteLifecyclePolicy) => {
                write(&delete_lifecycle_policy::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DeleteRepository) => {
                write(&delete_repository::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DeregisterPullTimeUpdateExclusion) => {
                write(&deregister_pull_time_update_exclusion::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DescribeImages) => {
                write(&describe_images::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DescribeRepositories) => {
                write(&describe_repositories::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::GetAuthorizationToken) => {
                write(&get_authorization_token::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::GetDownloadUrlForLayer) => {
                write(&get_download_url_for_layer::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::GetLifecyclePolicy) => {
                write(&get_lifecycle_policy::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::InitiateLayerUpload) => {
                write(&initiate_layer_upload::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::ListImageReferrers) => {
                write(&list_image_referrers::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::ListImages) => write(&list_images::run(self, read(body)?).await?),
            Operation::Ecr(E::ListPullTimeUpdateExclusions) => {
                write(&list_pull_time_update_exclusions::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::ListTagsForResource) => {
                write(&list_tags_for_resource::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::PutImage) => write(&put_image::run(self, read(body)?).await?),
            Operation::Ecr(E::PutImageScanningConfiguration) => {
                write(&put_image_scanning_configuration::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::PutImageTagMutability) => {
                write(&put_image_tag_mutability::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::PutLifecyclePolicy) => {
                write(&put_lifecycle_policy::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::RegisterPullTimeUpdateExclusion) => {
                write(&register_pull_time_update_exclusion::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::TagResource) => write(&tag_resource::run(self, read(body)?).await?),
            Operation::Ecr(E::UntagResource) => {
                write(&untag_resource::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::UploadLayerPart) => {
                write(&upload_layer_part::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::SetRepositoryPolicy) => {
                write(&set_repository_policy::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::GetRepositoryPolicy) => {
                write(&get_repository_policy::run(self, read(body)?).await?)
            }
            Operation::Ecr(E::DeleteRepositoryPolicy) => {
                write(&delete_repository_policy::run(self, read(body)?).await?)
            }
            Operation::Berth(operation) => administration::run(self, operation, body).await,
            Operation::Ecr(operation) => self.run_on_registry(operation, body).await,
            Operation::EcrPublic(_) => Err(ApiError::UnsupportedOperation(operation.name())),
        }
    }
}

fn parse_operation(parts: &http::request::Parts) -> Result<Operation, ApiError> {
    if parts.method != Method::POST {
        return Err(ApiError::Protocol("The request's method must be POST"));
    }
    for (name, reason) in ONCE {
        if parts.headers.get_all(name).iter().nth(1).is_some() {
            return Err(ApiError::Protocol(reason));
        }
    }
    let text = |value: Option<&HeaderValue>| value.and_then(|v| v.to_str().ok().map(str::to_owned));
    let content_type = text(parts.headers.get(CONTENT_TYPE)).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(JSON_1_1) {
        let reason = "The request's Content-Type must be application/x-amz-json-1.1";
        return Err(ApiError::Protocol(reason));
    }
    let target = text(parts.headers.get("x-amz-target"));
    let target = target.ok_or(ApiError::Protocol("The request has no X-Amz-Target header"))?;
    Operation::parse(&target)
}

/// Reads an operation's input; an empty body stands for an empty object.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    let is_object = body.trim_ascii_start().starts_with(b"{");
    if !is_object {
        return Err(ApiError::Serialization("The body is not a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| ApiError::Serialization(error.to_string()))
}

/// Writes an operation's output.
pub(crate) fn write<T: Serialize>(output: &T) -> Result<Bytes, ApiError> {
    let body = serde_json::to_vec(output).map_err(ApiError::Answer)?;
    Ok(Bytes::from(body))
}

fn response(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static(JSON_1_1);
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: http::request::Builder, reason: &str) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match parse_operation(&parts) {
            Err(ApiError::Protocol(text)) => assert!(text.contains(reason), "{text}"),
            Err(ApiError::UnknownOperation(target)) => assert_eq!(target, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_name_their_operation() {
        check(Request::get("/"), "POST");
        check(Request::post("/"), "Content-Type");
        let json = |kind| Request::post("/").header("content-type", kind);
        check(json("application/json"), "Content-Type");
        check(json(JSON_1_1), "X-Amz-Target");
        check(json(JSON_1_1).header("content-type", JSON_1_1), "more than one Content-Type");
        let target = json(JSON_1_1).header("x-amz-target", "A.B");
        check(target.header("x-amz-target", "A.B"), "more than one X-Amz-Target");
        check(json("Application/x-amz-json-1.1; charset=utf-8"), "X-Amz-Target");
        check(json(JSON_1_1).header("x-amz-target", "Other.PutImage"), "Other.PutImage");
    }

    #[test]
    fn bodies_are_objects() {
        #[derive(Debug, serde::Deserialize)]
        struct Input {
            name: Option<String>,
        }
        let name = |body: &str| read::<Input>(body.as_bytes()).ok().map(|input| input.name);
        assert_eq!(name(""), Some(None));
        assert_eq!(name(" {}"), Some(None));
        assert_eq!(name(r#"{"name":"a","unknown":[1]}"#), Some(Some("a".to_owned())));
        assert_eq!(name(r#"{"name":null}"#), Some(None));
        assert_eq!(name("[]"), None);
        assert_eq!(name(r#"["a"]"#), None);
        assert_eq!(name("{"), None);
        assert_eq!(name("{} {}"), None);
        assert_eq!(name("\u{1}"), None);
    }
}
