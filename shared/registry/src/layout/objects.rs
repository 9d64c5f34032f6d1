//! Keys of objects.

use berth_types::{Digest, UploadId};
use uuid::Uuid;

use super::RepositoryId;
use crate::ports::ObjectKey;

/// Returns the key of an object for bytes that an upload sends to a repository; the nonce tells
/// attempts at one upload apart.
pub(crate) fn blob_object(id: &RepositoryId, upload: &UploadId, nonce: Uuid) -> ObjectKey {
    ObjectKey::new(format!("{BLOB_OBJECTS}{}/{upload}-{}", id.0, nonce.simple()))
}

/// Returns the key of a large manifest's object; the nonce tells pushes of one manifest apart.
pub(crate) fn manifest_object(id: &RepositoryId, digest: &Digest, nonce: Uuid) -> ObjectKey {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    // Half of a UUID's bits: the key of a SHA-512 digest is as long as a key may be.
    let nonce = nonce.as_u64_pair().0;
    ObjectKey::new(format!("{MANIFEST_OBJECTS}{}/{algorithm}-{hex}-{nonce:016x}", id.0))
}

/// Begin of the keys of blobs' objects.
const BLOB_OBJECTS: &str = "blobs/";

/// Begin of the keys of manifests' objects.
const MANIFEST_OBJECTS: &str = "manifests/";

/// Who may name an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObjectOwner {
    /// An upload's session and, once the upload has ended, layers of any repository.
    Upload(RepositoryId, UploadId),
    /// A manifest.
    Manifest(RepositoryId, Digest),
}

/// Parses the key of an object; `None` if it has a form that is not made any more, or never was.
pub(crate) fn parse_object_key(key: &ObjectKey) -> Option<ObjectOwner> {
    if let Some(rest) = key.as_str().strip_prefix(BLOB_OBJECTS) {
        let (repository, rest) = rest.split_once('/')?;
        let (upload, _) = rest.rsplit_once('-')?;
        return Some(ObjectOwner::Upload(RepositoryId::parse(repository)?, upload.parse().ok()?));
    }
    let (repository, rest) = key.as_str().strip_prefix(MANIFEST_OBJECTS)?.split_once('/')?;
    let (digest, _) = rest.rsplit_once('-')?;
    let digest = digest.replacen('-', ":", 1).parse().ok()?;
    Some(ObjectOwner::Manifest(RepositoryId::parse(repository)?, digest))
}

#[cfg(test)]
mod tests {
    use berth_types::Algorithm;

    use super::*;

    #[test]
    fn keys_of_objects_say_who_may_name_them() {
        let id = RepositoryId::new(Uuid::from_u128(7));
        let upload: UploadId = Uuid::from_u128(8).to_string().parse().unwrap();
        let key = blob_object(&id, &upload, Uuid::from_u128(9));
        let owner = ObjectOwner::Upload(id.clone(), upload);
        assert_eq!(parse_object_key(&key), Some(owner));
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"a manifest");
            let key = manifest_object(&id, &digest, Uuid::from_u128(u128::MAX));
            assert!(key.as_str().len() <= 200, "a file's name has room for 200 bytes");
            assert_eq!(parse_object_key(&key), Some(ObjectOwner::Manifest(id.clone(), digest)));
        }
        for other in ["", "blobs/x", "blobs/x/y", "blobs/x/y-z", "manifests/x", "manifests/a/b-c"] {
            assert_eq!(parse_object_key(&ObjectKey::new(other.to_owned())), None, "{other}");
        }
    }
}
