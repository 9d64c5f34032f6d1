//! The error table of the OCI distribution API.

use berth_registry::RegistryError;
use berth_registry::access::{AuthenticationError, Denied, GateError};
use berth_registry::ports::{StoreError, StoreErrorKind};
use berth_types::Digest;
use http::StatusCode;
use serde_json::{Value, json};

use crate::route::RouteError;

/// Why a request is not answered as it wishes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OciError {
    #[error(transparent)]
    Route(#[from] RouteError),
    #[error("method {0} is not supported here")]
    Method(http::Method, String),
    #[error("authentication required")]
    CredentialsMissing,
    #[error(transparent)]
    Authentication(AuthenticationError),
    #[error(transparent)]
    Denied(Denied),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("query parameter `{0}` is missing")]
    ParameterMissing(&'static str),
    #[error("query parameter `{0}` is not valid: {1}")]
    Parameter(&'static str, String),
    #[error("digest is not valid: {0}")]
    Digest(String),
    #[error("header `{0}` is not valid")]
    Header(&'static str),
    #[error("header `Content-Type` is not a media type")]
    ManifestType,
    #[error("more than {0} tags in one request")]
    TooManyTags(usize),
    #[error("body is larger than {most} bytes")]
    BodyTooLarge { most: usize },
    #[error(
        "body is larger than {most} bytes, the most that one request carries here: send it in chunks of at most {most} bytes, or through an upload host (docs/deploying.md)"
    )]
    ChunkTooLarge { most: u64 },
    #[error("body was cut off: {0}")]
    BodyCutOff(String),
}

impl From<GateError> for OciError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Denied(denied) => Self::Denied(denied),
            GateError::Registry(error) => Self::Registry(error),
        }
    }
}

impl From<AuthenticationError> for OciError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            // Not the credentials failed.
            AuthenticationError::Store(error) => Self::Registry(error.into()),
            error => Self::Authentication(error),
        }
    }
}

/// One row of the table: what a client is told.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// One error object each; a single one without detail if there is none.
    pub(crate) details: Vec<Value>,
}

impl Row {
    fn new(status: StatusCode, code: &'static str, message: &(impl ToString + ?Sized)) -> Self {
        Self { status, code, message: message.to_string(), details: Vec::new() }
    }

    fn of(self, digests: &[Digest]) -> Self {
        Self { details: digests.iter().map(|digest| json!({ "digest": digest })).collect(), ..self }
    }

    /// Returns the body, as the specification's
    /// [error codes](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes) want it.
    pub(crate) fn body(&self) -> Value {
        let error = |detail: Option<&Value>| match detail {
            Some(detail) => {
                json!({ "code": self.code, "message": self.message, "detail": detail })
            }
            None => json!({ "code": self.code, "message": self.message }),
        };
        let errors: Vec<_> = match self.details.as_slice() {
            [] => vec![error(None)],
            details => details.iter().map(|detail| error(Some(detail))).collect(),
        };
        json!({ "errors": errors })
    }
}

impl OciError {
    /// Finds the row of the table.
    pub(crate) fn row(&self) -> Row {
        let row = |status, code| Row::new(status, code, self);
        match self {
            Self::Route(error) => route_row(error),
            Self::Method(..) => row(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::CredentialsMissing | Self::Authentication(_) => {
                row(StatusCode::UNAUTHORIZED, "UNAUTHORIZED")
            }
            Self::Denied(_) => row(StatusCode::FORBIDDEN, "DENIED"),
            Self::Registry(error) => registry_row(error),
            Self::ParameterMissing("digest") | Self::Digest(_) => {
                row(StatusCode::BAD_REQUEST, "DIGEST_INVALID")
            }
            Self::ParameterMissing(_) | Self::Parameter(..) => {
                row(StatusCode::BAD_REQUEST, "UNSUPPORTED")
            }
            Self::Header(_) | Self::BodyCutOff(_) => {
                row(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID")
            }
            Self::ManifestType => row(StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::TooManyTags(_) => row(StatusCode::URI_TOO_LONG, "UNSUPPORTED"),
            Self::BodyTooLarge { .. } | Self::ChunkTooLarge { .. } => {
                row(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID")
            }
        }
    }

    /// Returns how many bytes the upload has, which a 416 tells.
    pub(crate) fn upload_offset(&self) -> Option<u64> {
        match self {
            Self::Registry(RegistryError::UploadOutOfOrder { offset, .. }) => Some(*offset),
            _ => None,
        }
    }
}

fn route_row(error: &RouteError) -> Row {
    let (status, code) = match error {
        RouteError::Unknown => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
        RouteError::Name(_) => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
        RouteError::Digest(_) => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
        RouteError::Reference(berth_types::ParseReferenceError::Digest(_)) => {
            (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
        }
        RouteError::Reference(_) => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
        RouteError::Upload(_) => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
    };
    Row::new(status, code, error)
}

fn registry_row(error: &RegistryError) -> Row {
    use RegistryError as E;
    let row = |status, code| Row::new(status, code, error);
    match error {
        E::RepositoryUnknown(_) => row(StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
        E::RepositoryExists(_) | E::RepositoryNotEmpty(_) => row(StatusCode::CONFLICT, "DENIED"),
        E::ManifestUnknown { .. }
        | E::ManifestNotAccepted { .. }
        | E::TagElsewhere { .. }
        | E::ImageArchived { .. } => row(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        E::ManifestInvalid(_) | E::ManifestTooComplex { .. } => {
            row(StatusCode::BAD_REQUEST, "MANIFEST_INVALID")
        }
        E::ContentMissing { missing, .. } => {
            row(StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN").of(missing)
        }
        E::DigestMismatch { expected, .. } => {
            row(StatusCode::BAD_REQUEST, "DIGEST_INVALID").of(std::slice::from_ref(expected))
        }
        E::QuotaExceeded(_) => row(StatusCode::FORBIDDEN, "DENIED"),
        E::TagImmutable { .. } => row(StatusCode::BAD_REQUEST, "TAG_INVALID"),
        E::ImageReferenced { digest, .. }
        | E::StorageUpdateRefused { digest, .. }
        | E::BlobInUse { digest, .. } => {
            row(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").of(std::slice::from_ref(digest))
        }
        E::BlobUnknown { digest, .. }
        | E::BlobUnused { digest, .. }
        | E::BlobArchived { digest, .. } => {
            row(StatusCode::NOT_FOUND, "BLOB_UNKNOWN").of(std::slice::from_ref(digest))
        }
        E::UploadUnknown(_) => row(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
        E::UploadBusy(_) | E::Contended(_) => row(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        E::UploadOutOfOrder { .. } => row(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID"),
        E::SizeMismatch { .. } => row(StatusCode::BAD_REQUEST, "SIZE_INVALID"),
        E::UploadEmpty(_) | E::TooManyChunks(_) | E::BodyCutOff(_) => {
            row(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID")
        }
        E::LifecyclePolicyUnknown(_)
        | E::Backfill(_)
        | E::LifecyclePreview(_)
        | E::SigningConfigurationUnknown
        | E::SettingTooLarge { .. }
        | E::RepositoryPolicyUnknown(_)
        | E::RegistryPolicyUnknown
        | E::PolicyInvalid(_)
        | E::PrefixTaken { .. }
        | E::PrefixUnknown { .. }
        | E::TooManyPrefixes { .. }
        | E::TagMutability(_)
        | E::TooManyResourceTags { .. }
        | E::ExclusionExists(_)
        | E::ExclusionUnknown(_)
        | E::TooManyExclusions { .. } => row(StatusCode::BAD_REQUEST, "UNSUPPORTED"),
        E::Store(error) => store_row(error),
    }
}

/// The client is told what it can do; the cause goes to the log.
fn store_row(error: &StoreError) -> Row {
    let (status, message) = match error.kind() {
        StoreErrorKind::Full => {
            (StatusCode::INSUFFICIENT_STORAGE, "the registry has no room left; nothing was stored")
        }
        StoreErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "the registry is busy, try again")
        }
        StoreErrorKind::KeyRefused => return key_row(error),
        StoreErrorKind::NotFound | StoreErrorKind::Damaged | StoreErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "the registry failed; its log has the cause")
        }
    };
    tracing::error!(error = %error, "store failed");
    // The specification's codes are for what a client did; Docker's registry says so for the rest.
    Row::new(status, "UNKNOWN", message)
}

/// The owner of the key can mend it, and is told what KMS says.
fn key_row(error: &StoreError) -> Row {
    let message = error.key_refusal().map_or_else(|| error.to_string(), ToString::to_string);
    tracing::warn!(%error, "a KMS key can't be used");
    Row::new(StatusCode::FORBIDDEN, "DENIED", &message)
}
