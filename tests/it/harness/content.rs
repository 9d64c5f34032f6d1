//! Blobs, images and indexes, and pushing them.

use std::fmt::Display;

use berth_types::{Algorithm, Digest, media_types};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Answer, TestRegistry};

/// A manifest, and the blobs that it is made of.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub media_type: String,
    pub bytes: Bytes,
    pub blobs: Vec<Bytes>,
    value: Value,
}

impl Manifest {
    fn new(media_type: &str, value: Value, blobs: Vec<Bytes>) -> Self {
        let bytes = value.to_string().into();
        Self { media_type: media_type.to_owned(), bytes, blobs, value }
    }

    /// Returns the manifest with a member set.
    pub fn with(&self, member: &str, value: impl Into<Value>) -> Self {
        let mut changed = self.value.clone();
        changed[member] = value.into();
        Self::new(&self.media_type, changed, self.blobs.clone())
    }

    /// Returns the manifest without a member.
    pub fn without(&self, member: &str) -> Self {
        let mut changed = self.value.clone();
        changed.as_object_mut().unwrap().remove(member);
        Self::new(&self.media_type, changed, self.blobs.clone())
    }

    /// Returns the manifest as one of another media type.
    pub fn typed(&self, media_type: &str) -> Self {
        let changed = self.with("mediaType", media_type);
        Self { media_type: media_type.to_owned(), ..changed }
    }

    /// Returns the manifest as one that refers to another.
    pub fn about(&self, subject: &Self) -> Self {
        self.with("subject", subject.descriptor())
    }

    pub fn digest(&self) -> String {
        digest(&self.bytes)
    }

    /// Returns how an index lists the manifest.
    pub fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest(),
            "size": self.bytes.len(),
        })
    }
}

/// Returns the SHA-256 digest.
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

/// Returns the SHA-512 digest.
pub fn digest512(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha512, bytes).to_string()
}

/// Returns `length` bytes that look random and are the same for the same seed.
pub fn bytes(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(length);
    bytes.into()
}

/// Returns an image with a config and a layer of its own.
pub fn image(seed: impl Display) -> Manifest {
    let layer = Bytes::from(format!("layer of {seed}"));
    image_of(seed, &[layer])
}

/// Returns an image with a config of its own and these layers.
pub fn image_of(seed: impl Display, layers: &[Bytes]) -> Manifest {
    let config = Bytes::from(json!({ "created by": format!("image {seed}") }).to_string());
    let descriptor = |kind: &str, blob: &Bytes| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() })
    };
    let described: Vec<_> = layers.iter().map(|layer| descriptor("layer.v1.tar", layer)).collect();
    let value = json!({
        "schemaVersion": 2,
        "mediaType": media_types::OCI_MANIFEST,
        "config": descriptor("config.v1+json", &config),
        "layers": described,
    });
    let blobs = [&[config], layers].concat();
    Manifest::new(media_types::OCI_MANIFEST, value, blobs)
}

/// Returns an index of these manifests.
pub fn index_of<'a>(children: impl IntoIterator<Item = &'a Manifest>) -> Manifest {
    let children: Vec<_> = children.into_iter().map(Manifest::descriptor).collect();
    let value = json!({
        "schemaVersion": 2,
        "mediaType": media_types::OCI_INDEX,
        "manifests": children,
    });
    Manifest::new(media_types::OCI_INDEX, value, Vec::new())
}

impl TestRegistry {
    /// Pushes a blob in one request, and returns its digest.
    pub async fn push_blob(&self, repository: &str, blob: &Bytes) -> String {
        let digest = digest(blob);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.request("POST", path).bytes(blob.clone()).expect(201).await;
        digest
    }

    /// Sends a manifest.
    pub async fn put(&self, repository: &str, reference: &str, manifest: &Manifest) -> Answer {
        self.request("PUT", format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", &manifest.media_type)
            .bytes(manifest.bytes.clone())
            .send()
            .await
    }

    /// Pushes what a manifest is made of, and then the manifest.
    pub async fn push(&self, repository: &str, reference: &str, manifest: &Manifest) -> String {
        self.push_blobs(repository, manifest).await;
        let answer = self.put(repository, reference, manifest).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        manifest.digest()
    }

    /// Pushes what a manifest is made of.
    pub async fn push_blobs(&self, repository: &str, manifest: &Manifest) {
        join_all(manifest.blobs.iter().map(|blob| self.push_blob(repository, blob))).await;
    }

    /// Begins an upload, and returns its path.
    pub async fn begin(&self, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        self.request("POST", path).expect(202).await.header("location").to_owned()
    }

    /// Sends a manifest by digest, and expects it to be taken.
    pub async fn push_untagged(&self, repository: &str, manifest: &Manifest) -> String {
        self.push(repository, &manifest.digest(), manifest).await
    }

    /// Returns all tags of a repository.
    pub async fn tags(&self, repository: &str) -> Vec<String> {
        let list = self.get(format!("/v2/{repository}/tags/list"), 200).await.json();
        let tags = list["tags"].as_array().unwrap().iter();
        tags.map(|tag| tag.as_str().unwrap().to_owned()).collect()
    }

    /// Pulls a manifest and all that it is made of, and compares digests.
    pub async fn pull(&self, repository: &str, manifest: &Manifest) {
        let path = format!("/v2/{repository}/manifests/{}", manifest.digest());
        assert_eq!(self.get(path, 200).await.body, manifest.bytes);
        for blob in &manifest.blobs {
            let path = format!("/v2/{repository}/blobs/{}", digest(blob));
            assert_eq!(self.get(path, 200).await.body, blob);
        }
    }
}
