use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, MediaType, media_types};

/// Annotations of a manifest or a descriptor.
pub type Annotations = BTreeMap<String, String>;

/// The four kinds of manifest that the registry stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// OCI image manifest.
    OciImage,
    /// OCI image index.
    OciIndex,
    /// Docker image manifest, schema 2.
    DockerImage,
    /// Docker manifest list.
    DockerList,
}

impl ManifestKind {
    /// Returns the media type under which manifests of this kind are pushed and pulled.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::OciImage => media_types::OCI_MANIFEST,
            Self::OciIndex => media_types::OCI_INDEX,
            Self::DockerImage => media_types::DOCKER_MANIFEST,
            Self::DockerList => media_types::DOCKER_LIST,
        }
    }

    fn from_media_type(media_type: &str) -> Result<Self, ParseManifestError> {
        match media_type {
            media_types::OCI_MANIFEST => Ok(Self::OciImage),
            media_types::OCI_INDEX => Ok(Self::OciIndex),
            media_types::DOCKER_MANIFEST => Ok(Self::DockerImage),
            media_types::DOCKER_LIST => Ok(Self::DockerList),
            media_types::DOCKER_SCHEMA1 | media_types::DOCKER_SCHEMA1_SIGNED => {
                Err(ParseManifestError::Schema1)
            }
            other => Err(ParseManifestError::UnsupportedMediaType(other.to_owned())),
        }
    }

    fn is_index(self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }
}

/// What a registry has to know of a manifest; its bytes are kept beside it, untouched.
///
/// Follows the OCI image specification's [manifest](https://github.com/opencontainers/image-spec/blob/main/manifest.md)
/// and [index](https://github.com/opencontainers/image-spec/blob/main/image-index.md), and Docker's
/// [schema 2](https://distribution.github.io/distribution/spec/manifest-v2-2/).
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Kind, by the `Content-Type` of the push or the document's own `mediaType`.
    pub kind: ManifestKind,
    /// What the manifest is made of.
    pub content: ManifestContent,
    /// Manifest that this one refers to, such as a signature's image.
    pub subject: Option<Descriptor>,
    /// Type of an artifact: `artifactType`, or else the media type of an image's config.
    pub artifact_type: Option<String>,
    /// Annotations.
    pub annotations: Annotations,
}

/// What a manifest is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum ManifestContent {
    /// An image or artifact: a config and layers.
    Image {
        /// Config blob.
        config: Box<Descriptor>,
        /// Layers, lowest first.
        layers: Vec<Descriptor>,
    },
    /// An index or list of manifests.
    Index {
        /// The manifests listed.
        manifests: Vec<Descriptor>,
    },
}

/// Reference to content by digest.
///
/// Follows the [OCI descriptor](https://github.com/opencontainers/image-spec/blob/main/descriptor.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content, in bytes.
    pub size: u64,
    /// Type of the artifact that the content is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}

impl Descriptor {
    /// Whether the registry need not hold the bytes: a foreign or non-distributable layer.
    #[must_use]
    pub fn is_nondistributable(&self) -> bool {
        self.media_type.starts_with(media_types::OCI_NONDISTRIBUTABLE)
            || self.media_type.starts_with(media_types::DOCKER_FOREIGN)
    }
}

/// Error of [`Manifest::parse`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseManifestError {
    /// Docker's image manifest version 2, schema 1.
    #[error("docker schema 1 manifests are not supported, push the image as schema 2 or OCI")]
    Schema1,
    /// A media type that is no manifest's.
    #[error("manifest media type `{0}` is not supported")]
    UnsupportedMediaType(String),
    /// Neither `Content-Type` nor `mediaType` says what the document is.
    #[error("manifest has neither a `Content-Type` nor a `mediaType`")]
    MediaTypeMissing,
    /// `Content-Type` and `mediaType` differ.
    #[error("manifest's `mediaType` is `{document}`, but its `Content-Type` is `{header}`")]
    MediaTypeMismatch {
        /// The header's.
        header: String,
        /// The document's.
        document: String,
    },
    /// The document is not JSON of the kind's shape.
    #[error("manifest is not valid: {0}")]
    Json(String),
    /// A member that the kind does not have, which makes it mean two things at once.
    #[error("manifest of type `{0}` must not have the member `{1}`")]
    UnexpectedMember(&'static str, &'static str),
    /// A member that the kind must have.
    #[error("manifest of type `{0}` has no member `{1}`")]
    MissingMember(&'static str, &'static str),
    /// `schemaVersion` is not 2.
    #[error("manifest's `schemaVersion` must be 2")]
    SchemaVersion,
    /// The type of the artifact is longer than a media type can be.
    #[error("manifest's artifact type has {0} characters, at most {LONGEST_ARTIFACT_TYPE} can be")]
    ArtifactType(usize),
}

/// The most characters of an artifact's type: as many as a media type has, by
/// [RFC 6838, section 4.2](https://www.rfc-editor.org/rfc/rfc6838#section-4.2).
const LONGEST_ARTIFACT_TYPE: usize = 255;

/// The members that decide something, of all kinds at once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<serde::de::IgnoredAny>,
    subject: Option<Descriptor>,
    annotations: Option<Annotations>,
}

impl Manifest {
    /// Parses a pushed manifest; `content_type` is the push's header, if it had one.
    pub fn parse(
        content_type: Option<&MediaType>,
        bytes: &[u8],
    ) -> Result<Self, ParseManifestError> {
        if let Some(header) = content_type {
            ManifestKind::from_media_type(header.as_str())?;
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| ParseManifestError::Json(error.to_string()))?;
        let kind = document.kind(content_type)?;
        if document.schema_version != Some(2) {
            return Err(ParseManifestError::SchemaVersion);
        }
        document.into_manifest(kind)
    }

    /// Returns the blobs that this manifest names, config first. The registry need not hold all of
    /// them: see [`requires`](Self::requires).
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers) = match &self.content {
            ManifestContent::Image { config, layers } => (Some(config.as_ref()), layers.as_slice()),
            ManifestContent::Index { .. } => (None, [].as_slice()),
        };
        config.into_iter().chain(layers)
    }

    /// Whether the registry must hold the blob for this manifest: one that only non-distributable
    /// layers name may be elsewhere.
    #[must_use]
    pub fn requires(&self, blob: &Digest) -> bool {
        self.blobs().any(|named| named.digest == *blob && !named.is_nondistributable())
    }

    /// Returns the manifests that an index lists; none for an image.
    #[must_use]
    pub fn children(&self) -> &[Descriptor] {
        match &self.content {
            ManifestContent::Image { .. } => &[],
            ManifestContent::Index { manifests } => manifests,
        }
    }
}

impl Document {
    fn kind(&self, content_type: Option<&MediaType>) -> Result<ManifestKind, ParseManifestError> {
        if self.schema_version == Some(1) || self.fs_layers.is_some() {
            return Err(ParseManifestError::Schema1);
        }
        match (content_type, self.media_type.as_deref()) {
            (Some(header), Some(document)) if header.as_str() != document => {
                Err(ParseManifestError::MediaTypeMismatch {
                    header: header.to_string(),
                    document: document.to_owned(),
                })
            }
            (Some(header), _) => ManifestKind::from_media_type(header.as_str()),
            (None, Some(document)) => ManifestKind::from_media_type(document),
            (None, None) => Err(ParseManifestError::MediaTypeMissing),
        }
    }

    fn into_manifest(self, kind: ManifestKind) -> Result<Manifest, ParseManifestError> {
        let name = kind.media_type();
        let missing = |member| ParseManifestError::MissingMember(name, member);
        let absent = |member, present| match present {
            true => Err(ParseManifestError::UnexpectedMember(name, member)),
            false => Ok(()),
        };
        let declared = self.artifact_type.filter(|text| !text.is_empty());
        let (content, artifact_type) = if kind.is_index() {
            absent("config", self.config.is_some())?;
            absent("layers", self.layers.is_some())?;
            let manifests = self.manifests.ok_or_else(|| missing("manifests"))?;
            (ManifestContent::Index { manifests }, declared)
        } else {
            absent("manifests", self.manifests.is_some())?;
            let config = Box::new(self.config.ok_or_else(|| missing("config"))?);
            let layers = self.layers.ok_or_else(|| missing("layers"))?;
            let artifact_type = declared.unwrap_or_else(|| config.media_type.clone());
            (ManifestContent::Image { config, layers }, Some(artifact_type))
        };
        match artifact_type.as_ref().map(String::len) {
            Some(length) if length > LONGEST_ARTIFACT_TYPE => {
                return Err(ParseManifestError::ArtifactType(length));
            }
            _ => {}
        }
        Ok(Manifest {
            kind,
            content,
            subject: self.subject,
            artifact_type,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
