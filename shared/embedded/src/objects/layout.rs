//! Where objects lie in the data folder:
//!
//! ```text
//! berth-data/
//! ├── objects/
//! │   ├── 0/ … f/                       by a hash of the key, so that no folder grows huge
//! │   │   └── blobs_3fa0…-x7            an object; its key, with `/` written as `_`
//! │   └── …
//! └── uploads/
//!     ├── tmp-Xk2f9a                    a body that is being put; removed when a process starts
//!     └── multipart-6ba7…-blobs_3fa0…   the parts of an upload, in one file at their offsets
//! ```
//!
//! All folders are made when the data folder is opened, so that storing an object syncs but one.

use std::path::{Path, PathBuf};

use berth_registry::ports::{MultipartId, ObjectKey, StoreError, StoreErrorKind};
use uuid::Uuid;

/// What the name of a body's file begins with while it is being put.
pub(super) const TEMPORARY: &str = "tmp-";

/// What the name of an upload's file begins with.
const MULTIPART: &str = "multipart-";

/// Leaves room for what is put before the key in a file's name of 255 bytes.
const LONGEST_KEY: usize = 200;

/// How many folders share the objects. A folder finds its file among 100,000 as quickly as among
/// ten; more folders would only make the first start slower.
const FANS: u8 = 16;

#[derive(Clone, Debug)]
pub(super) struct Layout {
    data: PathBuf,
    objects: PathBuf,
    uploads: PathBuf,
}

/// Where one object lies.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) file: PathBuf,
}

impl Layout {
    pub(super) fn new(data_folder: &Path) -> Self {
        let data = data_folder.to_owned();
        Self { objects: data.join("objects"), uploads: data.join("uploads"), data }
    }

    /// Returns the folder of everything.
    pub(super) fn data_folder(&self) -> &Path {
        &self.data
    }

    /// Returns the folder of all objects.
    pub(super) fn objects(&self) -> &Path {
        &self.objects
    }

    /// Returns the folder of what is being written.
    pub(super) fn uploads(&self) -> &Path {
        &self.uploads
    }

    /// Returns the folders that objects lie in.
    pub(super) fn fans(&self) -> impl Iterator<Item = PathBuf> {
        (0..FANS).map(|fan| self.fan(fan))
    }

    /// Returns the place of an object.
    pub(super) fn object(&self, key: &ObjectKey) -> Result<Place, StoreError> {
        let name = file_name(key)?;
        let folder = self.fan(hash(key));
        Ok(Place { file: folder.join(name), folder })
    }

    /// Returns the file of a multipart upload.
    pub(super) fn multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<PathBuf, StoreError> {
        let id = Uuid::try_parse(&multipart.0)
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        Ok(self.uploads.join(format!("{MULTIPART}{}-{}", id.simple(), file_name(key)?)))
    }

    fn fan(&self, number: u8) -> PathBuf {
        self.objects.join(format!("{number:x}"))
    }
}

/// Returns the key of the object whose file has this name; `None` if no object's has.
pub(super) fn key_of(name: &str) -> Option<ObjectKey> {
    let key = ObjectKey::new(name.replace('_', "/"));
    file_name(&key).ok().filter(|of_key| of_key == name).map(|_| key)
}

/// Returns the key and the id of the upload whose file has this name; `None` if no upload's has.
pub(super) fn multipart_of(name: &str) -> Option<(ObjectKey, MultipartId)> {
    let (id, name) = name.strip_prefix(MULTIPART)?.split_once('-')?;
    Some((key_of(name)?, MultipartId(id.to_owned())))
}

fn file_name(key: &ObjectKey) -> Result<String, StoreError> {
    let text = key.as_str();
    let is_allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'/')
    };
    let is_plain = text.bytes().all(is_allowed) && !text.starts_with('.') && !text.contains("..");
    if text.is_empty() || text.len() > LONGEST_KEY || !is_plain {
        let reason = format!("`{text}` can't be the key of an object");
        return Err(StoreError::new(StoreErrorKind::Internal, reason));
    }
    Ok(plain_name(key))
}

/// Returns the name of the file of an object whose key is well formed.
pub(super) fn plain_name(key: &ObjectKey) -> String {
    key.as_str().replace('/', "_")
}

/// FNV-1a, folded to a number below [`FANS`]: stable for ever, which std's hashes are not.
fn hash(key: &ObjectKey) -> u8 {
    let hash = key
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_le_bytes().into_iter().fold(0, |folded, byte| folded ^ byte) % FANS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, file: Option<&str>) {
        let layout = Layout::new(Path::new("/data"));
        let place = layout.object(&ObjectKey::new(key.to_owned())).ok();
        assert_eq!(place.map(|place| place.file), file.map(PathBuf::from));
    }

    #[test]
    fn places_objects() {
        check("blobs/3fa0-x7", Some("/data/objects/9/blobs_3fa0-x7"));
        check("manifests/a", Some("/data/objects/5/manifests_a"));
    }

    #[test]
    fn names_of_files_say_what_they_are() {
        let layout = Layout::new(Path::new("/data"));
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let key = ObjectKey::new("blobs/3fa0/7-x7".to_owned());
        assert_eq!(key_of(&name(layout.object(&key).unwrap().file)), Some(key.clone()));
        let id = MultipartId(Uuid::from_u128(5).simple().to_string());
        let upload = name(layout.multipart(&key, &id).unwrap());
        assert_eq!(multipart_of(&upload), Some((key, id)));
        for other in ["", ".hidden", "a\u{e9}", "A"] {
            assert_eq!(key_of(other), None, "{other}");
        }
        for other in ["tmp-x", "multipart-", "multipart-5"] {
            assert_eq!(multipart_of(other), None, "{other}");
        }
    }

    #[test]
    fn refuses_odd_keys() {
        check("", None);
        check("../../etc/passwd", None);
        check("blobs/..", None);
        check(".hidden", None);
        check("Blobs", None);
        check("blobs_a", None);
        check("blobs/a\0", None);
        check(&"a".repeat(201), None);
    }

    #[test]
    fn spreads_objects() {
        let keys = (0..2560).map(|n| ObjectKey::new(format!("blobs/{n:08}")));
        let mut counts = [0_u32; FANS as usize];
        keys.for_each(|key| counts[usize::from(hash(&key))] += 1);
        assert!(counts.iter().all(|count| *count < 240), "{counts:?}");
    }
}
