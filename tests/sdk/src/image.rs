//! A small image: its blobs and its manifest.

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An image of one layer, which its seed decides.
pub(crate) struct Image {
    /// Config and layer.
    pub(crate) blobs: [Vec<u8>; 2],
    /// The manifest, as it is pushed.
    pub(crate) manifest: String,
}

impl Image {
    /// Makes an image.
    pub(crate) fn new(seed: &str) -> Self {
        let config = json!({ "architecture": "amd64", "os": "linux", "seed": seed }).to_string();
        let blobs = [config.into_bytes(), seed.repeat(1000).into_bytes()];
        let descriptor = |kind: &str, blob: &[u8]| json!({ "mediaType": kind, "digest": digest(blob), "size": blob.len() });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &blobs[0]),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &blobs[1])],
        });
        Self { blobs, manifest: manifest.to_string() }
    }
}

/// Returns the digest of bytes, as registries write it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
