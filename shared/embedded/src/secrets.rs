use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::folder::{OpenError, make_folder, write_whole};

/// The secrets of a data folder: one file each, mode 0600.
#[derive(Clone, Debug)]
pub struct Secrets {
    path: PathBuf,
}

/// Whether a secret was made by this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made now.
    Now,
    /// It was there before.
    Before,
}

impl Secrets {
    /// Opens the secrets of the data folder at `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("secrets");
        make_folder(&path)?;
        Ok(Self { path })
    }

    /// Returns the file of the secret `name`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the secret `name`; if it is not there, stores what `make` returns. It survives a
    /// crash once this returned.
    ///
    /// # Errors
    ///
    /// [`OpenError::SecretName`] if the name is not made of lower-case letters, digits and `-`.
    pub fn read_or_create(
        &self,
        name: &str,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Result<(Vec<u8>, Created), OpenError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(OpenError::SecretName(name.to_owned()));
        }
        let file = self.file(name);
        match fs::read(&file) {
            Ok(secret) => Ok((secret, Created::Before)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = make();
                write_whole(&file, &secret)?;
                Ok((secret, Created::Now))
            }
            Err(error) => Err(OpenError::file(&file)(error)),
        }
    }
}
