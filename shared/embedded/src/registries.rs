use std::path::{Path, PathBuf};

use berth_types::{Region, RegistryId};

use crate::DataFolder;
use crate::folder::{
    FolderLock, OpenError, SEVERAL_FORMAT, check_format, lock, make_folder, sync_folder,
};
use crate::secrets::Secrets;

/// The folder in which one process keeps several registries:
///
/// ```text
/// berth-data/                      mode 0700
/// ├── berth.lock                   locked by the process that uses the folder
/// ├── format                       the version of this layout
/// ├── registries/ACCOUNT/REGION/   a registry, see [`DataFolder`]
/// └── secrets/                     what registries share: one file per secret, mode 0600
/// ```
///
/// It stays locked as long as this value or one of its registries' folders lives.
#[derive(Debug)]
pub struct RegistriesFolder {
    path: PathBuf,
    secrets: Secrets,
    lock: FolderLock,
}

impl RegistriesFolder {
    /// Opens the folder at `path`, which is made if it is not there, and locks it.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if another process, or another value in this one, has it open;
    /// [`OpenError::Single`] if it is the folder of one registry.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make_folder(path)?;
        let lock = lock(path, None)?;
        check_format(path, SEVERAL_FORMAT)?;
        let secrets = Secrets::open(path)?;
        sync_folder(path).map_err(OpenError::file(path))?;
        Ok(Self { path: path.to_owned(), secrets, lock })
    }

    /// Opens the folder of a registry, which is made if it is not there.
    pub fn registry(&self, account: &RegistryId, region: &Region) -> Result<DataFolder, OpenError> {
        let registries = self.path.join("registries");
        let of_account = registries.join(account.as_str());
        // One after the other, so that each survives a crash before something lies in it.
        make_folder(&registries)?;
        make_folder(&of_account)?;
        DataFolder::open_below(&of_account.join(region.as_str()), Some(self.lock.clone()))
    }

    /// Returns the secrets that registries share.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}
