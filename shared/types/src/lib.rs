//! Names and documents of a container registry.
//!
//! Everything that crosses the registry's border is parsed into one of these types, and is
//! trusted from then on. This crate does no I/O, knows no clock and no protocol.

mod access_key_id;
mod arn;
mod credential_arn;
mod digest;
mod encryption;
mod manifest;
mod media_type;
mod parsed_string;
mod principal_arn;
mod reference;
mod registry_id;
mod repository_name;
mod repository_prefix;
mod tag;
mod tag_mutability;
mod upload_id;
mod upstream_registry;
mod user_name;

pub use access_key_id::{AccessKeyId, ParseAccessKeyIdError};
pub use arn::{ParseRepositoryArnError, RepositoryArn};
pub use credential_arn::{CredentialArn, ParseCredentialArnError};
pub use digest::{Algorithm, Digest, Hasher, ParseDigestError, RestoreHasherError};
pub use encryption::{Encryption, KmsKey, ParseKmsKeyError};
pub use manifest::{
    Annotations, Descriptor, Manifest, ManifestContent, ManifestKind, ParseManifestError,
};
pub use media_type::{MediaType, ParseMediaTypeError, media_types};
pub use principal_arn::{ParsePrincipalArnError, PrincipalArn};
pub use reference::{ParseReferenceError, Reference};
pub use registry_id::{ParseRegionError, ParseRegistryIdError, Region, RegistryId};
pub use repository_name::{ParseRepositoryNameError, RepositoryName};
pub use repository_prefix::{ParseRepositoryPrefixError, RepositoryPrefix};
pub use tag::{ParseTagError, Tag};
pub use tag_mutability::{
    ExclusionFilter, ParseExclusionFilterError, TagMutability, TagMutabilityError,
    TagMutabilitySetting,
};
pub use upload_id::{ParseUploadIdError, UploadId};
pub use upstream_registry::{UpstreamRegistry, account_of};
pub use user_name::{
    ParsePolicyNameError, ParseTrustNameError, ParseUserNameError, PolicyName, TrustName, UserName,
};
