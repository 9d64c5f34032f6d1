use berth_types::{Digest, MediaType};
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Most bytes of manifests that are remembered.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// How many manifests are expected to be remembered.
const EXPECTED: usize = 4096;

/// Remembers manifests by digest, which never change. That a repository (still) has a manifest is
/// never told from here: a tag or the manifest's own item proves it.
#[derive(Debug)]
pub(crate) struct ManifestCache(Cache<Digest, (MediaType, Bytes), BySize>);

#[derive(Clone, Debug)]
struct BySize;

impl Weighter<Digest, (MediaType, Bytes)> for BySize {
    fn weight(&self, digest: &Digest, (media_type, bytes): &(MediaType, Bytes)) -> u64 {
        (digest.as_str().len() + media_type.as_str().len() + bytes.len()) as u64
    }
}

impl Default for ManifestCache {
    fn default() -> Self {
        Self(Cache::with_weighter(EXPECTED, MOST_BYTES, BySize))
    }
}

impl ManifestCache {
    pub(crate) fn get(&self, digest: &Digest, media_type: &MediaType) -> Option<Bytes> {
        let (remembered, bytes) = self.0.get(digest)?;
        (remembered == *media_type).then_some(bytes)
    }

    pub(crate) fn remember(&self, digest: &Digest, media_type: &MediaType, bytes: &Bytes) {
        self.0.insert(digest.clone(), (media_type.clone(), bytes.clone()));
    }
}
