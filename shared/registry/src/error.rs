use berth_policy::InvalidPolicy;
use berth_types::{
    Digest, MediaType, ParseManifestError, PrincipalArn, Reference, RepositoryName,
    RepositoryPrefix, Tag, TagMutabilityError, UploadId,
};

use crate::archive::StorageRefusal;
use crate::lifecycle::LifecyclePreviewError;
use crate::ports::{PutError, StoreError, StoreErrorKind};
use crate::replication::BackfillError;
use crate::settings::PrefixedKind;

/// Why a use case refused or failed. Each protocol has one table that renders every variant.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such repository.
    #[error("repository `{0}` does not exist")]
    RepositoryUnknown(RepositoryName),
    /// There is such a repository already.
    #[error("repository `{0}` already exists")]
    RepositoryExists(RepositoryName),
    /// The repository has images, and its deletion was not forced.
    #[error("repository `{0}` still contains images")]
    RepositoryNotEmpty(RepositoryName),
    /// The repository has no lifecycle policy.
    #[error("repository `{0}` has no lifecycle policy")]
    LifecyclePolicyUnknown(RepositoryName),
    /// There is no preview of a lifecycle policy, or there is one already.
    #[error(transparent)]
    LifecyclePreview(#[from] LifecyclePreviewError),
    /// A backfill was not begun, stopped or read.
    #[error(transparent)]
    Backfill(#[from] BackfillError),
    /// Nothing says which images are signed.
    #[error("the registry has no signing configuration")]
    SigningConfigurationUnknown,
    /// A setting of the registry is longer than the table can keep.
    #[error("the setting is too large, at most {most} bytes are supported")]
    SettingTooLarge {
        /// The most bytes.
        most: usize,
    },
    /// The registry has no policy.
    #[error("the registry has no policy")]
    RegistryPolicyUnknown,
    /// A policy is not valid.
    #[error(transparent)]
    PolicyInvalid(#[from] InvalidPolicy),
    /// The repository has no policy.
    #[error("repository `{0}` has no policy")]
    RepositoryPolicyUnknown(RepositoryName),
    /// There is no such manifest.
    #[error("manifest `{reference}` of `{repository}` not found")]
    ManifestUnknown {
        /// Repository.
        repository: RepositoryName,
        /// What was asked for.
        reference: Reference,
    },
    /// There is such a manifest, of a type that the client does not accept.
    #[error(
        "manifest `{reference}` of `{repository}` is of type `{media_type}`, which the request does not accept"
    )]
    ManifestNotAccepted {
        /// Repository.
        repository: RepositoryName,
        /// What was asked for.
        reference: Reference,
        /// Type of the manifest.
        media_type: MediaType,
    },
    /// The manifest can't be parsed, or is of a kind that is not supported.
    #[error(transparent)]
    ManifestInvalid(#[from] ParseManifestError),
    /// The manifest has more children, or annotations, than the registry can record.
    #[error("manifest has too many {what}: {count}, at most {most} are supported")]
    ManifestTooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        count: usize,
        /// How much is supported.
        most: usize,
    },
    /// The manifest refers to content that the repository does not hold.
    #[error("manifest refers to content that `{repository}` does not hold: {}", list(missing))]
    ContentMissing {
        /// Repository.
        repository: RepositoryName,
        /// What it is.
        content: MissingContent,
        /// Digests of the blobs and manifests, in the manifest's order.
        missing: Vec<Digest>,
    },
    /// The content does not have the digest that the client named.
    #[error("content has digest `{actual}`, not `{expected}`")]
    DigestMismatch {
        /// What the client named.
        expected: Digest,
        /// What was sent.
        actual: Digest,
    },
    /// The tag is another image's already, and may not move.
    #[error(
        "tag `{tag}` already exists in `{repository}` and cannot be overwritten because the repository is immutable"
    )]
    TagImmutable {
        /// Repository.
        repository: RepositoryName,
        /// Tag.
        tag: Tag,
    },
    /// There is such a tag, of another image.
    #[error("tag `{tag}` of `{repository}` does not point to `{digest}`")]
    TagElsewhere {
        /// Repository.
        repository: RepositoryName,
        /// Tag.
        tag: Tag,
        /// Image that it was asked for with.
        digest: Digest,
    },
    /// The image is listed by an index, and can't be deleted before it.
    #[error("image `{digest}` of `{repository}` is referenced by manifest list: {}", list(parents))]
    ImageReferenced {
        /// Repository.
        repository: RepositoryName,
        /// Image.
        digest: Digest,
        /// Indexes that list it; some or none of them in a repository of very many images.
        parents: Vec<Digest>,
    },
    /// The image is in the archive, or on its way back, and can't be pulled.
    #[error("image `{reference}` of `{repository}` is archived")]
    ImageArchived {
        /// Repository.
        repository: RepositoryName,
        /// What was asked for.
        reference: Reference,
    },
    /// The image can't go to the archive.
    #[error("image `{digest}` of `{repository}` can't be archived: {reason}")]
    StorageUpdateRefused {
        /// Repository.
        repository: RepositoryName,
        /// Image.
        digest: Digest,
        /// Why.
        reason: StorageRefusal,
    },
    /// There is no such blob.
    #[error("blob `{digest}` of `{repository}` not found")]
    BlobUnknown {
        /// Repository.
        repository: RepositoryName,
        /// Blob.
        digest: Digest,
    },
    /// Only images in the archive have the blob.
    #[error("blob `{digest}` of `{repository}` is archived")]
    BlobArchived {
        /// Repository.
        repository: RepositoryName,
        /// Blob.
        digest: Digest,
    },
    /// No image uses the blob.
    #[error("blob `{digest}` of `{repository}` is in no image")]
    BlobUnused {
        /// Repository.
        repository: RepositoryName,
        /// Blob.
        digest: Digest,
    },
    /// The blob is a layer or config of an image, and can't be deleted before it.
    #[error("blob `{digest}` of `{repository}` is in use by an image")]
    BlobInUse {
        /// Repository.
        repository: RepositoryName,
        /// Blob.
        digest: Digest,
    },
    /// There is no such upload; it was finished, cancelled or never begun.
    #[error("upload `{0}` not found")]
    UploadUnknown(UploadId),
    /// The upload ends without a byte.
    #[error("upload `{0}` has no bytes")]
    UploadEmpty(UploadId),
    /// Another request writes to the upload.
    #[error("upload `{0}` is being written by another request")]
    UploadBusy(UploadId),
    /// A chunk does not begin where the upload ends.
    #[error("upload `{upload}` has {offset} bytes, and the next chunk must begin there")]
    UploadOutOfOrder {
        /// Upload.
        upload: UploadId,
        /// Bytes it has.
        offset: u64,
    },
    /// A chunk is longer or shorter than its headers say.
    #[error("body has {actual} bytes, but its headers say {expected}")]
    SizeMismatch {
        /// What the headers say.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// The upload has more parts than an object can have.
    #[error("upload `{0}` has too many chunks, send larger ones")]
    TooManyChunks(UploadId),
    /// The body ended early.
    #[error("body was cut off: {0}")]
    BodyCutOff(String),
    /// Other requests change the same thing again and again.
    #[error("too many requests change `{0}` at once, try again")]
    Contended(String),
    /// The repository would have more resource tags than one may have.
    #[error("repository would have {count} tags, at most {most} are allowed")]
    TooManyResourceTags {
        /// How many it would have.
        count: usize,
        /// How many it may have.
        most: usize,
    },
    /// There is a setting of this kind for the prefix already.
    #[error("there is a {kind} for `{prefix}` already")]
    PrefixTaken {
        /// What it is.
        kind: PrefixedKind,
        /// Prefix.
        prefix: RepositoryPrefix,
    },
    /// There is no setting of this kind for the prefix.
    #[error("there is no {kind} for `{prefix}`")]
    PrefixUnknown {
        /// What was asked for.
        kind: PrefixedKind,
        /// Prefix.
        prefix: RepositoryPrefix,
    },
    /// There are as many settings of this kind as a registry may have.
    #[error("the registry has {most} of the kind {kind}, the most there may be")]
    TooManyPrefixes {
        /// What they are.
        kind: PrefixedKind,
        /// How many there may be.
        most: usize,
    },
    /// Filters do not fit the setting of whether tags may move.
    #[error(transparent)]
    TagMutability(#[from] TagMutabilityError),
    /// There would be more of something than there may be.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// The principal's pulls are excluded already.
    #[error("pulls of `{0}` are excluded already")]
    ExclusionExists(PrincipalArn),
    /// The principal's pulls are not excluded.
    #[error("pulls of `{0}` are not excluded")]
    ExclusionUnknown(PrincipalArn),
    /// There are as many exclusions as a registry may have.
    #[error("the registry excludes the pulls of {most} principals already, the most there may be")]
    TooManyExclusions {
        /// How many there may be.
        most: usize,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A quota that is used up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaExceeded {
    /// That of the registry's repositories.
    #[error("the registry already has the maximum allowed number of repositories, which is {most}")]
    Repositories {
        /// How many there may be.
        most: usize,
    },
    /// That of a repository's images.
    #[error(
        "repository `{repository}` already has the maximum allowed number of images, which is {most}"
    )]
    Images {
        /// Repository.
        repository: RepositoryName,
        /// How many there may be.
        most: usize,
    },
    /// That of an image's tags.
    #[error(
        "adding tag `{tag}` to an image of `{repository}` exceeds the maximum allowed number of tags per image, which is {most}"
    )]
    Tags {
        /// Repository.
        repository: RepositoryName,
        /// Tag that there is no room for.
        tag: Tag,
        /// How many there may be.
        most: usize,
    },
}

/// What a manifest refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingContent {
    /// The config and layers of an image.
    Layers,
    /// The images of an index.
    Images,
}

impl RegistryError {
    /// Whether what is stored is damaged, or is not there, so that it is of no use to try again.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::ManifestInvalid(_) => true,
            Self::Store(error) => {
                matches!(error.kind(), StoreErrorKind::Damaged | StoreErrorKind::NotFound)
            }
            _ => false,
        }
    }
}

fn list(digests: &[Digest]) -> String {
    let texts: Vec<_> = digests.iter().map(Digest::as_str).collect();
    texts.join(", ")
}

impl From<PutError> for RegistryError {
    fn from(error: PutError) -> Self {
        use crate::ports::BodyError;
        match error {
            PutError::Store(error) | PutError::Body(BodyError::Store(error)) => Self::Store(error),
            PutError::Body(error) => Self::BodyCutOff(error.to_string()),
        }
    }
}
