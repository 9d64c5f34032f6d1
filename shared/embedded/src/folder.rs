use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::secrets::Secrets;
use crate::{FileObjects, SqliteTable};

/// What the file `format` says; a folder that says something else is not opened.
const FORMAT: &str = "berth data folder, format 1\n";

/// What it says in the folder of several registries.
pub(crate) const SEVERAL_FORMAT: &str = "berth data folder of several registries, format 1\n";

/// The folder in which one process keeps all that a registry stores:
///
/// ```text
/// berth-data/          mode 0700
/// ├── berth.lock       locked by the process that uses the folder
/// ├── format           the version of this layout
/// ├── table.sqlite     the table, with its log (table.sqlite-wal)
/// ├── objects/         whole objects, see `objects::layout`
/// ├── uploads/         bodies that are being written
/// └── secrets/         one file per secret, mode 0600
/// ```
///
/// It stays locked as long as this value, its table or its objects live.
#[derive(Debug)]
pub struct DataFolder {
    secrets: Secrets,
    table: Arc<SqliteTable>,
    objects: Arc<FileObjects>,
}

/// The lock on a data folder; dropping the last one frees it.
#[derive(Clone, Debug)]
pub(crate) struct FolderLock {
    _file: Arc<File>,
    /// The lock on the folder of several registries in which the folder lies.
    _above: Option<Arc<FolderLock>>,
}

/// Error of opening a [`DataFolder`] or a [`RegistriesFolder`](crate::RegistriesFolder), or of
/// reading secrets.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder open.
    #[error("another process uses the data folder `{}`; stop it first, or choose another folder", .0.display())]
    InUse(PathBuf),
    /// The folder was written by another version of Berth.
    #[error("the data folder `{}` has the unknown format `{found}`; it may belong to a newer Berth", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// What its file `format` says.
        found: String,
    },
    /// The folder holds several registries, and was opened as that of one.
    #[error("the data folder `{}` holds several registries, each in `registries/ACCOUNT/REGION`", .0.display())]
    Several(PathBuf),
    /// The folder holds one registry, and was opened as that of several.
    #[error("the data folder `{}` holds a single registry; to keep it among several, move it to `registries/ACCOUNT/REGION` of another folder", .0.display())]
    Single(PathBuf),
    /// A file or folder can't be used.
    #[error("can't use `{}`: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The table can't be opened.
    #[error("can't open the table `{}`: {source}", path.display())]
    Table {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A secret's name is not made of lower-case letters, digits and `-`.
    #[error("`{0}` can't be the name of a secret")]
    SecretName(String),
}

impl OpenError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl DataFolder {
    /// Opens the folder at `path`, which is made if it is not there, and locks it.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if another process, or another value in this one, has it open.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_below(path, None)
    }

    /// Opens the folder; the lock on the folder `above` it is held as long as its own.
    pub(crate) fn open_below(path: &Path, above: Option<FolderLock>) -> Result<Self, OpenError> {
        make_folder(path)?;
        let lock = lock(path, above)?;
        check_format(path, FORMAT)?;
        let objects = FileObjects::open(path, lock.clone())?;
        let secrets = Secrets::open(path)?;
        let table = SqliteTable::open(&path.join("table.sqlite"), lock)?;
        sync_folder(path).map_err(OpenError::file(path))?;
        Ok(Self { secrets, table: Arc::new(table), objects: Arc::new(objects) })
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> Arc<SqliteTable> {
        Arc::clone(&self.table)
    }

    /// Returns the objects.
    #[must_use]
    pub fn objects(&self) -> Arc<FileObjects> {
        Arc::clone(&self.objects)
    }

    /// Returns the secrets.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

/// Makes `path` and what is missing above it; survives a crash once it returned.
pub(crate) fn make_folder(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(OpenError::file(path))?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    sync_folder(above).map_err(OpenError::file(above))
}

/// Makes what was made, renamed or deleted in the folder at `path` survive a crash.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Locks a folder for this process, as long as the returned value or a clone of it lives.
pub(crate) fn lock(folder: &Path, above: Option<FolderLock>) -> Result<FolderLock, OpenError> {
    let path = folder.join("berth.lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(OpenError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(FolderLock { _file: Arc::new(file), _above: above.map(Arc::new) }),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::file(&path)(error)),
    }
}

/// Makes sure that a folder has the format `expected`, which it gets if it has none.
pub(crate) fn check_format(folder: &Path, expected: &str) -> Result<(), OpenError> {
    let path = folder.join("format");
    match fs::read_to_string(&path) {
        Ok(found) if found == expected => Ok(()),
        Ok(found) if found == SEVERAL_FORMAT => Err(OpenError::Several(folder.to_owned())),
        Ok(found) if found == FORMAT => Err(OpenError::Single(folder.to_owned())),
        Ok(found) => {
            let found = found.trim_end().to_owned();
            Err(OpenError::Format { path: folder.to_owned(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_whole(&path, expected.as_bytes())
        }
        Err(error) => Err(OpenError::file(&path)(error)),
    }
}

/// Writes a file that is whole or absent, whatever happens, and readable by its owner alone.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), OpenError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        // Has mode 0600 from the start, and is removed on failure.
        let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        sync_folder(folder)
    };
    write().map_err(OpenError::file(path))
}
