use berth_types::Encryption;

use super::Repositories;
use crate::error::RegistryError;

impl Repositories {
    /// Checks the key that is to encrypt a repository, and names it by its ARN: what an alias
    /// stands for may change, and the objects of two repositories are encrypted alike only if
    /// their keys are the same.
    pub(super) async fn settle_encryption(
        &self,
        wanted: Encryption,
    ) -> Result<Encryption, RegistryError> {
        match wanted {
            Encryption::Aes256 => Ok(Encryption::Aes256),
            Encryption::Kms(named) => {
                Ok(Encryption::Kms(Some(self.keys.check_key(named.as_ref()).await?)))
            }
            Encryption::KmsDsse(named) => {
                Ok(Encryption::KmsDsse(Some(self.keys.check_key(named.as_ref()).await?)))
            }
        }
    }
}
