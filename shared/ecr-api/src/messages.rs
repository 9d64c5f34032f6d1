//! What clients are told of errors, in ECR's words.

use berth_registry::{
    BackfillError, LifecyclePreviewError, MissingContent, PrefixedKind, QuotaExceeded,
    ReplicationDestination, StorageRefusal,
};
use berth_types::{Digest, RegistryId, RepositoryName, RepositoryPrefix, Tag};

use crate::image_id::ImageIdentifier;
use crate::parameter::InvalidParameter;

/// Says that a layer can't be read because no image has it.
pub(crate) const LAYER_UNUSED: &str =
    "The specified layer is not available because it is not associated with an image";

/// Says that there is no such repository.
pub(crate) fn repository_unknown(name: &RepositoryName, registry_id: &RegistryId) -> String {
    format!(
        "The repository with name '{name}' does not exist in the registry with id '{registry_id}'"
    )
}

/// Returns the exception and the message of a preview of a lifecycle policy that is not there, or
/// is there already.
pub(crate) fn preview_refused(
    error: &LifecyclePreviewError,
    registry_id: &RegistryId,
) -> (&'static str, String) {
    match error {
        LifecyclePreviewError::Unknown(name) => (
            "LifecyclePolicyPreviewNotFoundException",
            format!(
                "Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id '{registry_id}'"
            ),
        ),
        LifecyclePreviewError::InProgress(name) => (
            "LifecyclePolicyPreviewInProgressException",
            format!(
                "The previous lifecycle policy preview for the repository with name '{name}' in the registry with id '{registry_id}' has not completed, please wait and try again"
            ),
        ),
    }
}

/// Returns the exception and the message of a refused request about backfills.
pub(crate) fn backfill_refused(
    error: &BackfillError,
    registry_id: &RegistryId,
) -> (&'static str, String) {
    match error {
        BackfillError::NoRule(_) => {
            let reason = "must be a destination of the registry's replication configuration";
            let error = InvalidParameter::new("destination", reason);
            ("InvalidParameterException", error.to_string())
        }
        BackfillError::InProgress(ReplicationDestination { region, .. }) => (
            "ReplicationBackfillInProgressException",
            format!(
                "A replication backfill to the region '{region}' is in progress in the registry with id '{registry_id}'"
            ),
        ),
        BackfillError::TooMany(count) => (
            "LimitExceededException",
            format!(
                "The registry with id '{registry_id}' has {count} replication backfills in progress, wait until one of them ended"
            ),
        ),
        BackfillError::Unknown(id) => (
            "ReplicationBackfillNotFoundException",
            format!(
                "The replication backfill with id '{id}' does not exist in the registry with id '{registry_id}'"
            ),
        ),
        BackfillError::Ended(id) => (
            "ReplicationBackfillInvalidStatusException",
            format!("The replication backfill with id '{id}' is not in progress"),
        ),
    }
}

/// Says that a rule of pull-through caches names a secret that is not there.
pub(crate) const SECRET_UNKNOWN: &str = "The ARN of the secret specified in the pull through cache \
    rule was not found. Update the pull through cache rule with a valid secret ARN and try again.";

/// Returns the exception and the message of a prefix that has such a setting already.
pub(crate) fn prefix_taken(
    kind: PrefixedKind,
    prefix: &RepositoryPrefix,
    registry_id: &RegistryId,
) -> (&'static str, String) {
    let code = match kind {
        PrefixedKind::CreationTemplate => "TemplateAlreadyExistsException",
        PrefixedKind::CacheRule => "PullThroughCacheRuleAlreadyExistsException",
    };
    let message = format!(
        "The {kind} with prefix '{prefix}' already exists in the registry with id '{registry_id}'"
    );
    (code, message)
}

/// Returns the exception and the message of a prefix that has no such setting.
pub(crate) fn prefix_unknown(
    kind: PrefixedKind,
    prefix: &RepositoryPrefix,
    registry_id: &RegistryId,
) -> (&'static str, String) {
    let code = match kind {
        PrefixedKind::CreationTemplate => "TemplateNotFoundException",
        PrefixedKind::CacheRule => "PullThroughCacheRuleNotFoundException",
    };
    let message = format!(
        "The {kind} with prefix '{prefix}' does not exist in the registry with id '{registry_id}'"
    );
    (code, message)
}

/// Returns the exception and the message of a manifest that refers to what is not there.
pub(crate) fn content_missing(
    repository: &RepositoryName,
    content: MissingContent,
    missing: &[Digest],
    registry_id: &RegistryId,
) -> (&'static str, String) {
    let (code, what) = match content {
        MissingContent::Layers => ("LayersNotFoundException", "Layers"),
        MissingContent::Images => ("ReferencedImagesNotFoundException", "Images"),
    };
    let digests: Vec<_> = missing.iter().map(Digest::as_str).collect();
    let digests = digests.join(", ");
    let message = format!(
        "{what} with digests '[{digests}]' required for pushing image into repository with name '{repository}' in the registry with id '{registry_id}' do not exist"
    );
    (code, message)
}

/// Says that an image is there already.
pub(crate) fn image_exists(
    repository: &RepositoryName,
    id: &ImageIdentifier,
    registry_id: &RegistryId,
) -> String {
    let digest = id.image_digest.as_deref().unwrap_or("null");
    let tag = id.image_tag.as_deref().unwrap_or("null");
    format!(
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{repository}' in registry with id '{registry_id}'"
    )
}

/// Returns an image's id as messages name it.
pub(crate) fn image_id(digest: Option<&Digest>, tag: Option<&Tag>) -> ImageIdentifier {
    ImageIdentifier {
        image_digest: digest.map(Digest::to_string),
        image_tag: tag.map(Tag::to_string),
    }
}

/// Says that there is no such image.
pub(crate) fn image_unknown(
    repository: &RepositoryName,
    id: &ImageIdentifier,
    registry_id: &RegistryId,
) -> String {
    let digest = id.image_digest.as_deref().unwrap_or("null");
    let tag = id.image_tag.as_deref().unwrap_or("null");
    format!(
        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository with name '{repository}' in the registry with id '{registry_id}'"
    )
}

/// Says that a quota is used up.
pub(crate) fn quota_exceeded(error: &QuotaExceeded, registry_id: &RegistryId) -> String {
    match error {
        QuotaExceeded::Repositories { most } => format!(
            "The registry with id '{registry_id}' already has the maximum allowed number of repositories which is '{most}'"
        ),
        QuotaExceeded::Images { repository, most } => format!(
            "The repository with name '{repository}' in registry with id '{registry_id}' already has the maximum allowed number of images which is '{most}'"
        ),
        QuotaExceeded::Tags { repository, tag, most } => format!(
            "Adding tag '{tag}' to an image in the repository with name '{repository}' in registry with id '{registry_id}' exceeds the maximum allowed number of tags per image which is '{most}'"
        ),
    }
}

/// Returns the exception and the message of an image that can't be kept elsewhere.
pub(crate) fn storage_refused(digest: &Digest, reason: StorageRefusal) -> (&'static str, String) {
    let message = format!("The storage class of image '{digest}' can't be updated: {reason}");
    ("ImageStorageClassUpdateNotSupportedException", message)
}
