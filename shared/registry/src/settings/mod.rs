//! Settings of the registry as a whole: its policy, replication, scanning, signing, templates
//! of repositories, rules of caches, account settings.
//!
//! Each is one document, replaced as a whole; of templates and rules there is one for each prefix.
//! What replicates, scans, signs and caches reads them.

mod account;
mod cache_rule;
mod creation_template;
mod filter;
mod prefixed;
mod registry_policy;
mod replication;
mod replication_refinements;
mod scanning;
mod signing;

pub(crate) use account::BLOB_MOUNTING;
pub use account::{AccountSetting, BlobMounting, RegistryPolicyScope};
pub use cache_rule::{CacheRule, Upstream, UpstreamAccess};
pub use creation_template::{CreationReason, CreationTemplate, TemplateChange};
pub use filter::{FilterType, RepositoryFilter};
pub use prefixed::{PrefixedKind, PrefixedPage};
pub(crate) use registry_policy::RegistryPolicy;
pub(crate) use replication::NAME as REPLICATION;
pub use replication::{
    DeleteReplication, ReplicationConfiguration, ReplicationDestination, ReplicationRule,
};
pub(crate) use replication_refinements::NAME as REPLICATION_REFINEMENTS;
pub use replication_refinements::{ReplicationRefinement, ReplicationRefinements};
pub use scanning::{
    RepositoryScanning, ScanFrequency, ScanType, ScanningConfiguration, ScanningRule,
};
pub use signing::{SigningConfiguration, SigningRule};

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Clock, Condition, Consistency, LARGEST_DOCUMENT, WriteTable};
use crate::quotas::Quotas;
use crate::repositories::Directory;

/// The use cases of the registry's settings, which `ecr-api` calls.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) quotas: Quotas,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Settings {
    /// Returns the setting `name` and its version; `None` if it was never made.
    async fn find<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<(T, u64)>, RegistryError> {
        let item = self.table.get(&Place::Setting(name).key(), Consistency::Strong).await?;
        match item {
            Some(item) => Ok(Some((decode(&item)?, item.version))),
            None => Ok(None),
        }
    }

    /// Puts the setting `name` in place of the one that is there.
    async fn replace<T: Serialize>(&self, name: &str, setting: &T) -> Result<(), RegistryError> {
        let document = document_of(setting)?;
        let mut attempts = Attempts::at(&name);
        loop {
            let first_version = self.clock.now().millis();
            let key = Place::Setting(name).key();
            let operation = put(key, document.clone(), first_version, Condition::Any);
            if won(self.table.transact(vec![operation]).await)? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}

/// Writes the document of a setting, if the table can keep it.
fn document_of<T: Serialize>(setting: &T) -> Result<Bytes, RegistryError> {
    let document = encode(setting)?;
    match document.len() {
        ..=LARGEST_DOCUMENT => Ok(document),
        _ => Err(RegistryError::SettingTooLarge { most: LARGEST_DOCUMENT }),
    }
}
