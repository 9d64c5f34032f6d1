//! What the registries hold: the same content for the same numbers, so that whoever asks knows it.

use berth_types::{Algorithm, Digest, media_types};
use bytes::Bytes;
use serde_json::json;

/// Images in each repository that has any.
pub(crate) const IMAGES_EACH: usize = 100;

/// Repositories that every registry holds, so that a page of them is as long in each; the first
/// has images.
pub(crate) const PROBES: usize = 100;

/// Layers of an image: as many as a common application has.
const LAYERS: usize = 6;

/// Media type of a config.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Media type of a layer.
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Returns the name of a repository that every registry holds.
pub(crate) fn probe(number: usize) -> String {
    format!("probe/{number:03}")
}

/// Returns the name of a repository that fills a registry: half of them come before the probes.
pub(crate) fn filler(number: usize) -> String {
    match number % 2 {
        0 => format!("first/{number:05}"),
        _ => format!("second/{number:05}"),
    }
}

/// Returns the blobs of which all images are made: the config, and the layers.
pub(crate) fn blobs() -> Vec<Bytes> {
    let layers = (0..LAYERS).map(|number| Bytes::from(format!("layer {number}")));
    let diff_ids: Vec<_> = layers.clone().map(|layer| digest(&layer)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    std::iter::once(Bytes::from(config.to_string())).chain(layers).collect()
}

/// Returns the digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// Returns the tag of an image of a repository.
pub(crate) fn tag(image: usize) -> String {
    format!("v1.{image}")
}

/// Returns the manifest of an image of a repository.
pub(crate) fn manifest(repository: &str, image: usize) -> Bytes {
    let blobs = blobs();
    let describe = |(media_type, blob): (&str, &Bytes)| json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_types::OCI_MANIFEST,
        "config": describe((CONFIG, &blobs[0])),
        "layers": blobs[1..].iter().map(|blob| describe((LAYER, blob))).collect::<Vec<_>>(),
        "annotations": {
            "org.opencontainers.image.source": format!("https://git.example.com/{repository}"),
            "org.opencontainers.image.revision": format!("{image:040}"),
        },
    });
    Bytes::from(manifest.to_string())
}
