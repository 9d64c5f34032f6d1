use std::sync::Arc;

use berth_types::{Region, RegistryId};
use uuid::Uuid;

use crate::manifests::ManifestCache;
use crate::ports::{Clock, ReadObjects, ReadTable, WriteObjects, WriteTable};
use crate::repositories::{Directory, Repositories};

/// Which registry this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Account that owns it.
    pub registry_id: RegistryId,
    /// Region that it stands in.
    pub region: Region,
}

/// What the use cases stand on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects.
    pub objects: Arc<dyn WriteObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a registry's owner decides about pushes.
#[derive(Clone, Copy, Debug)]
pub struct PushRules {
    /// Whether a push to a repository that is not there makes it.
    pub create_on_push: CreateOnPush,
    /// Whether a manifest may refer to content that is not there.
    pub sparse_manifests: SparseManifests,
    /// Who else writes to the ports.
    pub tenancy: Tenancy,
}

/// Whether a push to a repository that is not there makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOnPush {
    /// It does, if the caller may make it.
    Create,
    /// It is refused.
    Refuse,
}

/// Whether a manifest may refer to content that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparseManifests {
    /// It may.
    Allow,
    /// It is refused.
    Refuse,
}

/// Who else writes to the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// Nobody: leases of other processes are leases of dead ones.
    Alone,
    /// Other processes, whose leases hold until they end.
    Shared,
}

/// The use cases of one registry, which share what they remember.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Repositories as a whole.
    pub repositories: Repositories,
    /// Reading images.
    pub pull: Pull,
    /// Writing images.
    pub push: Push,
    /// Deleting images, tags and blobs.
    pub removal: Removal,
}

/// The use cases that read: manifests, blobs, lists of tags, referrers and repositories.
#[derive(Clone, Debug)]
pub struct Pull {
    pub(crate) table: Arc<dyn ReadTable>,
    pub(crate) objects: Arc<dyn ReadObjects>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) cache: Arc<ManifestCache>,
}

/// The use cases that write: uploads, mounts, manifests.
#[derive(Clone, Debug)]
pub struct Push {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) objects: Arc<dyn WriteObjects>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) repositories: Repositories,
    pub(crate) rules: PushRules,
    /// Names this process as the holder of its leases.
    pub(crate) instance: Uuid,
}

/// The use cases that delete.
#[derive(Clone, Debug)]
pub struct Removal {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) objects: Arc<dyn WriteObjects>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<Directory>,
}

impl Registry {
    /// Puts the use cases on `ports`.
    #[must_use]
    pub fn new(ports: &Ports, rules: PushRules) -> Self {
        let Ports { table, objects, clock } = ports.clone();
        let directory = Arc::new(Directory::new(table.clone(), clock.clone()));
        let repositories = Repositories {
            table: table.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
        };
        Self {
            pull: Pull {
                table: table.clone(),
                objects: objects.clone(),
                directory: directory.clone(),
                cache: Arc::default(),
            },
            push: Push {
                table: table.clone(),
                objects: objects.clone(),
                clock: clock.clone(),
                directory: directory.clone(),
                repositories: repositories.clone(),
                rules,
                instance: Uuid::new_v4(),
            },
            removal: Removal { table, objects, clock, directory },
            repositories,
        }
    }
}
