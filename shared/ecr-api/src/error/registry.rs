//! What clients are told of refused use cases of the registry, in ECR's words.

use berth_policy::InvalidPolicy;
use berth_registry::RegistryError;
use berth_registry::ports::{KeyRefusal, StoreError, StoreErrorKind};
use berth_types::{Reference, RegistryId};
use http::StatusCode;

use super::ErrorAnswer;
use crate::messages::{
    LAYER_UNUSED, backfill_refused, content_missing, image_id, image_unknown, prefix_taken,
    prefix_unknown, preview_refused, quota_exceeded, repository_unknown, storage_refused,
};
use crate::parameter::InvalidParameter;
use crate::tag_mutability::unfit_filters;

/// AWS says little of what is wrong with a policy; the log says more.
pub(super) fn policy_invalid(error: &InvalidPolicy) -> (&'static str, String) {
    tracing::info!(%error, "a policy was refused");
    ("InvalidParameterException", error.aws_message())
}

/// The table of what use cases refuse: the exceptions are those of ECR's model.
pub(super) fn registry_answer(error: &RegistryError, registry_id: &RegistryId) -> ErrorAnswer {
    use RegistryError as E;
    let (code, message) = match error {
        E::RepositoryUnknown(name) => {
            ("RepositoryNotFoundException", repository_unknown(name, registry_id))
        }
        E::RepositoryPolicyUnknown(name) => (
            "RepositoryPolicyNotFoundException",
            format!(
                "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry_id}'"
            ),
        ),
        E::RegistryPolicyUnknown => (
            "RegistryPolicyNotFoundException",
            format!("Registry policy does not exist in the registry with id '{registry_id}'"),
        ),
        E::PrefixTaken { kind, prefix } => prefix_taken(*kind, prefix, registry_id),
        E::PrefixUnknown { kind, prefix } => prefix_unknown(*kind, prefix, registry_id),
        E::TagMutability(error) => ("InvalidParameterException", unfit_filters(error).to_string()),
        E::PolicyInvalid(error) => policy_invalid(error),
        E::RepositoryExists(name) => (
            "RepositoryAlreadyExistsException",
            format!(
                "The repository with name '{name}' already exists in the registry with id '{registry_id}'"
            ),
        ),
        E::RepositoryNotEmpty(name) => (
            "RepositoryNotEmptyException",
            format!(
                "The repository with name '{name}' in registry with id '{registry_id}' cannot be deleted because it still contains images"
            ),
        ),
        E::SigningConfigurationUnknown => (
            "SigningConfigurationNotFoundException",
            format!(
                "The signing configuration does not exist in the registry with id '{registry_id}'"
            ),
        ),
        E::LifecyclePolicyUnknown(name) => (
            "LifecyclePolicyNotFoundException",
            format!(
                "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{registry_id}'"
            ),
        ),
        E::LifecyclePreview(error) => preview_refused(error, registry_id),
        E::Backfill(error) => backfill_refused(error, registry_id),
        E::ManifestUnknown { repository, reference } => {
            let id = match reference {
                Reference::Tag(tag) => image_id(None, Some(tag)),
                Reference::Digest(digest) => image_id(Some(digest), None),
            };
            ("ImageNotFoundException", image_unknown(repository, &id, registry_id))
        }
        E::ImageArchived { .. } => ("ImageArchivedException", error.to_string()),
        E::StorageUpdateRefused { digest, reason, .. } => storage_refused(digest, *reason),
        E::TagElsewhere { repository, tag, digest } => {
            let id = image_id(Some(digest), Some(tag));
            ("ImageNotFoundException", image_unknown(repository, &id, registry_id))
        }
        E::TagImmutable { repository, tag } => (
            "ImageTagAlreadyExistsException",
            format!(
                "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is immutable."
            ),
        ),
        E::ManifestNotAccepted { .. } => ("UnsupportedImageTypeException", error.to_string()),
        E::ContentMissing { repository, content, missing } => {
            content_missing(repository, *content, missing, registry_id)
        }
        E::BlobUnknown { repository, digest } => (
            "LayersNotFoundException",
            format!(
                "The layer with digest '{digest}' does not exist within the repository with name '{repository}' in the registry with id '{registry_id}'"
            ),
        ),
        E::DigestMismatch { .. } => ("ImageDigestDoesNotMatchException", error.to_string()),
        E::BlobUnused { .. } => ("LayerInaccessibleException", LAYER_UNUSED.to_owned()),
        E::BlobArchived { .. } => ("LayerInaccessibleException", error.to_string()),
        E::UploadUnknown(_) => ("UploadNotFoundException", error.to_string()),
        E::UploadEmpty(_) => ("EmptyUploadException", error.to_string()),
        E::UploadOutOfOrder { .. } | E::SizeMismatch { .. } | E::BodyCutOff(_) => {
            ("InvalidLayerPartException", error.to_string())
        }
        E::ManifestTooComplex { .. }
        | E::TooManyChunks(_)
        | E::TooManyPrefixes { .. }
        | E::TooManyExclusions { .. } => ("LimitExceededException", error.to_string()),
        E::ManifestInvalid(reason) => manifest_invalid(reason),
        E::ImageReferenced { .. } | E::BlobInUse { .. } | E::SettingTooLarge { .. } => {
            ("InvalidParameterException", error.to_string())
        }
        E::QuotaExceeded(error) => ("LimitExceededException", quota_exceeded(error, registry_id)),
        E::ExclusionExists(_) => ("ExclusionAlreadyExistsException", error.to_string()),
        E::ExclusionUnknown(_) => ("ExclusionNotFoundException", error.to_string()),
        E::TooManyResourceTags { .. } => ("TooManyTagsException", error.to_string()),
        E::UploadBusy(_) | E::Contended(_) => ("ThrottlingException", error.to_string()),
        E::Store(error) => return store_answer(error),
    };
    ErrorAnswer::client(code, message)
}

fn manifest_invalid(reason: &impl ToString) -> (&'static str, String) {
    let error = InvalidParameter::new("imageManifest", reason.to_string());
    ("InvalidParameterException", error.to_string())
}

fn store_answer(error: &StoreError) -> ErrorAnswer {
    if let Some(KeyRefusal { code, message }) = error.key_refusal() {
        let mut answer = ErrorAnswer::client("KmsException", message.as_str());
        answer.members.insert("kmsError".to_owned(), code.as_str().into());
        return answer;
    }
    let (status, message) = match error.kind() {
        StoreErrorKind::Full => {
            (StatusCode::INSUFFICIENT_STORAGE, "The registry's storage is full")
        }
        StoreErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "The registry's storage can't answer now, try again")
        }
        StoreErrorKind::KeyRefused
        | StoreErrorKind::NotFound
        | StoreErrorKind::Damaged
        | StoreErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "The registry failed internally")
        }
    };
    ErrorAnswer::server(status, message)
}
