//! Why an operation is refused, and the one table of what clients are told.

mod identity;
mod registry;

use berth_policy::InvalidPolicy;
use berth_registry::access::{Denied, GateError};
use berth_registry::{Identity, IdentityError, RegistryError, TrustError};
use berth_types::{Digest, RegistryId, RepositoryName, UploadId};
use http::StatusCode;
use serde_json::{Map, Value};

use self::identity::{identity_answer, trust_answer};
use self::registry::{policy_invalid, registry_answer};
use crate::image_id::ImageIdentifier;
use crate::messages::{SECRET_UNKNOWN, image_exists, image_unknown, repository_unknown};
use crate::parameter::InvalidParameter;
use crate::signature::SignatureError;

/// Why an operation is refused.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The request is none of the protocol's: wrong method or content type.
    Protocol(&'static str),
    /// No API has an operation of that target.
    UnknownOperation(String),
    /// The operation is known, and not built.
    UnsupportedOperation(&'static str),
    /// Nothing proves who calls.
    Signature(SignatureError),
    /// The body can't be read as the operation's input.
    Serialization(String),
    /// A parameter is wrong.
    Parameter(InvalidParameter),
    /// A resource tag is wrong.
    InvalidTag(String),
    /// There are more resource tags than a resource may have.
    TooManyTags {
        /// How many there are.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// The repository is asked for in another registry than this.
    RepositoryElsewhere {
        /// Repository.
        name: RepositoryName,
        /// Registry that was named.
        registry_id: RegistryId,
    },
    /// There is no such image.
    ImageUnknown {
        /// Repository.
        repository: RepositoryName,
        /// What was asked for.
        id: ImageIdentifier,
    },
    /// The image is there already, with the tag.
    ImageExists {
        /// Repository.
        repository: RepositoryName,
        /// Image.
        id: ImageIdentifier,
    },
    /// A part of a layer does not go on where the upload ends, or has another length than it says.
    BadPart(BadPart),
    /// The layer is there already.
    LayerExists {
        /// Repository.
        repository: RepositoryName,
        /// Layer.
        digest: Digest,
    },
    /// The layer does not have the digest that the client named.
    LayerMismatch {
        /// What the client named.
        expected: Digest,
        /// What was sent.
        actual: Digest,
    },
    /// The body is longer than one may be.
    RequestTooLarge {
        /// How many bytes it may have.
        most: usize,
    },
    /// The answer would be longer than one may be.
    AnswerTooLarge {
        /// How many may be.
        most: usize,
    },
    /// The caller may not do this.
    Denied(Denied),
    /// The use case refused or failed.
    Registry(RegistryError),
    /// A policy is not valid.
    InvalidPolicy(InvalidPolicy),
    /// Nothing is cached from the registry that a rule names.
    UpstreamUnsupported,
    /// The secret that a rule names is none that this registry can have.
    SecretUnknown,
    /// A use case of users refused.
    Identity(IdentityError),
    /// A use case of trusts refused.
    Trust(TrustError),
    /// The answer can't be written.
    Answer(serde_json::Error),
}

/// A part of a layer that is refused.
#[derive(Debug)]
pub(crate) struct BadPart {
    pub(crate) repository: RepositoryName,
    pub(crate) upload: UploadId,
    /// Last byte that the upload has.
    pub(crate) last_valid: Option<u64>,
    pub(crate) reason: String,
}

/// What a client is told of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    pub(crate) status: StatusCode,
    /// Name of the exception, such as `RepositoryNotFoundException`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// What the exception has besides its message.
    pub(crate) members: Map<String, Value>,
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<InvalidParameter> for ApiError {
    fn from(error: InvalidParameter) -> Self {
        Self::Parameter(error)
    }
}

impl From<InvalidPolicy> for ApiError {
    fn from(error: InvalidPolicy) -> Self {
        Self::InvalidPolicy(error)
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Registry(error) => Self::Registry(error),
            error => Self::Identity(error),
        }
    }
}

impl From<TrustError> for ApiError {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Registry(error) => Self::Registry(error),
            error => Self::Trust(error),
        }
    }
}

impl From<GateError> for ApiError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Denied(denied) => Self::Denied(denied),
            GateError::Registry(error) => Self::Registry(error),
        }
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl ErrorAnswer {
    /// ECR answers all that a client can mend with status 400, whatever the exception.
    fn client(code: &'static str, message: impl Into<String>) -> Self {
        let (message, members) = (message.into(), Map::new());
        Self { status: StatusCode::BAD_REQUEST, code, message, members }
    }

    fn server(status: StatusCode, message: &str) -> Self {
        let (message, members) = (message.to_owned(), Map::new());
        Self { status, code: "ServerException", message, members }
    }

    fn bad_part(part: &BadPart, registry_id: &RegistryId) -> Self {
        let mut answer = Self::client("InvalidLayerPartException", part.reason.as_str());
        let mut member = |name: &str, value: Value| answer.members.insert(name.to_owned(), value);
        member("registryId", registry_id.to_string().into());
        member("repositoryName", part.repository.to_string().into());
        member("uploadId", part.upload.to_string().into());
        if let Some(last) = part.last_valid {
            member("lastValidByteReceived", last.into());
        }
        answer
    }
}

impl ApiError {
    /// Returns the inner cause, for the log.
    pub(crate) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Registry(error) => Some(error),
            Self::Answer(error) => Some(error),
            _ => None,
        }
    }

    /// Returns what the client is told, by a registry of this `identity`.
    pub(crate) fn answer(&self, identity: &Identity) -> ErrorAnswer {
        use ErrorAnswer as A;
        match self {
            Self::Protocol(reason) => A::client("UnknownOperationException", *reason),
            Self::UnknownOperation(target) => A::client(
                "UnknownOperationException",
                format!("The operation '{target}' is not known"),
            ),
            Self::UnsupportedOperation(name) => A::client(
                "UnsupportedOperationException",
                format!("The operation {name} is not supported by Berth yet"),
            ),
            Self::Signature(error) => A::client(error.code(), error.to_string()),
            Self::Serialization(reason) => A::client("SerializationException", reason.as_str()),
            Self::Parameter(error) => A::client("InvalidParameterException", error.to_string()),
            Self::InvalidTag(reason) => A::client("InvalidTagParameterException", reason.as_str()),
            Self::TooManyTags { count, most } => A::client(
                "TooManyTagsException",
                format!("The request has {count} tags, at most {most} are allowed"),
            ),
            Self::RepositoryElsewhere { name, registry_id } => {
                A::client("RepositoryNotFoundException", repository_unknown(name, registry_id))
            }
            Self::ImageUnknown { repository, id } => {
                let message = image_unknown(repository, id, &identity.registry_id);
                A::client("ImageNotFoundException", message)
            }
            Self::ImageExists { repository, id } => {
                let message = image_exists(repository, id, &identity.registry_id);
                A::client("ImageAlreadyExistsException", message)
            }
            Self::BadPart(part) => A::bad_part(part, &identity.registry_id),
            Self::LayerExists { repository, digest } => A::client(
                "LayerAlreadyExistsException",
                format!(
                    "The layer with digest '{digest}' already exists within the repository with name '{repository}' in the registry with id '{}'",
                    identity.registry_id
                ),
            ),
            Self::LayerMismatch { expected, actual } => A::client(
                "InvalidLayerException",
                format!("The layer has the digest '{actual}', not '{expected}'"),
            ),
            Self::RequestTooLarge { most } => A::client(
                "LimitExceededException",
                format!("The request's body has more than {most} bytes"),
            ),
            Self::AnswerTooLarge { most } => A::client(
                "LimitExceededException",
                format!("The answer has more than {most} bytes, ask for less at once"),
            ),
            Self::Denied(denied) => A::client("AccessDeniedException", denied.to_string()),
            Self::Registry(error) => registry_answer(error, &identity.registry_id),
            Self::InvalidPolicy(error) => {
                let (code, message) = policy_invalid(error);
                A::client(code, message)
            }
            Self::UpstreamUnsupported => A::client(
                "UnsupportedUpstreamRegistryException",
                "The specified upstream registry isn't supported.",
            ),
            Self::SecretUnknown => A::client("SecretNotFoundException", SECRET_UNKNOWN),
            Self::Identity(error) => identity_answer(error, &identity.registry_id),
            Self::Trust(error) => trust_answer(error, &identity.registry_id),
            Self::Answer(_) => {
                A::server(StatusCode::INTERNAL_SERVER_ERROR, "The registry failed internally")
            }
        }
    }
}

#[cfg(test)]
mod tests;
