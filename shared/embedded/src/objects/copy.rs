//! Copies of objects, which cost no bytes where the file system can share them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::layout::{Place, TEMPORARY};
use crate::folder::sync_folder;

/// Makes the object at `place` of the file `from`; `false` if that has another size. Objects never
/// change, so that two data folders may share one file by links: each deletes its own. Where they
/// are on two file systems, or links are not allowed, the system copies the bytes.
pub(super) fn copy(from: &Path, place: &Place, uploads: &Path, size: u64) -> io::Result<bool> {
    if fs::metadata(from)?.len() != size {
        return Ok(false);
    }
    match link(from, &place.file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => copy_bytes(from, &place.file, uploads)?,
        Ok(()) => {}
    }
    sync_folder(&place.folder)?;
    Ok(true)
}

/// Links a file, in place of the one that may be there.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(to)?;
            fs::hard_link(from, to)
        }
        linked => linked,
    }
}

/// Copies a file, by the system's own means where it has some, and syncs it.
fn copy_bytes(from: &Path, to: &Path, uploads: &Path) -> io::Result<()> {
    let temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(uploads)?;
    let (mut file, path) = temporary.into_parts();
    io::copy(&mut File::open(from)?, &mut file)?;
    file.sync_data()?;
    path.persist(to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn bytes_are_shared_or_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("from"), b"bytes").unwrap();
        let place = || Place { folder: folder.path().to_owned(), file: path("to") };
        assert!(copy(&path("from"), &place(), folder.path(), 5).unwrap());
        assert_eq!(
            fs::metadata(path("to")).unwrap().ino(),
            fs::metadata(path("from")).unwrap().ino()
        );
        assert!(!copy(&path("from"), &place(), folder.path(), 6).unwrap());

        copy_bytes(&path("from"), &path("to"), folder.path()).unwrap();
        assert_eq!(fs::read(path("to")).unwrap(), b"bytes");
        assert_eq!(fs::metadata(path("to")).unwrap().nlink(), 1);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "nothing else is left");
    }
}
