use std::sync::Arc;

use berth_types::{Region, RegistryId};
use uuid::Uuid;

use crate::archive::Archive;
use crate::counts::Counts;
use crate::figures::Figures;
use crate::lifecycle::LifecyclePreviews;
use crate::manifests::{Excluded, ManifestCache, PullRecorder, PullTimeExclusions};
use crate::ports::{
    CheckKeys, Clock, DeleteObjects, ReadObjects, ReadTable, WriteObjects, WriteTable,
};
use crate::quotas::Quotas;
use crate::replication::Backfills;
use crate::repositories::{Directory, Repositories};
use crate::settings::Settings;

/// Which registry this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Account that owns it.
    pub registry_id: RegistryId,
    /// Region that it stands in.
    pub region: Region,
}

/// What all use cases together, or those that write, stand on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects.
    pub objects: Arc<dyn WriteObjects>,
    /// The KMS keys that encrypt the objects.
    pub keys: Arc<dyn CheckKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the use cases that read stand on.
#[derive(Clone, Debug)]
pub struct ReadPorts {
    /// The table.
    pub table: Arc<dyn ReadTable>,
    /// The objects.
    pub objects: Arc<dyn ReadObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the use cases that delete stand on.
#[derive(Clone, Debug)]
pub struct RemovalPorts {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects, to read.
    pub objects: Arc<dyn ReadObjects>,
    /// The same objects, to delete.
    pub doomed: Arc<dyn DeleteObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a registry's owner decides about pushes, and how much there may be.
#[derive(Clone, Copy, Debug)]
pub struct PushRules {
    /// Whether a push to a repository that is not there makes it.
    pub create_on_push: CreateOnPush,
    /// Whether a manifest may refer to content that is not there.
    pub sparse_manifests: SparseManifests,
    /// Who else writes to the ports.
    pub tenancy: Tenancy,
    /// How much there may be of each thing.
    pub quotas: Quotas,
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
    /// Settings of the registry as a whole.
    pub settings: Settings,
    /// Repositories as a whole.
    pub repositories: Repositories,
    /// Reading images.
    pub pull: Pull,
    /// Writing images.
    pub push: Push,
    /// Deleting images, tags, blobs and uploads.
    pub removal: Removal,
    /// Principals whose pulls are not recorded.
    pub pull_time_exclusions: PullTimeExclusions,
    /// What lifecycle policies would do.
    pub lifecycle_previews: LifecyclePreviews,
    /// Replication of what stood before a rule.
    pub backfills: Backfills,
    /// Moving images to the archive and back.
    pub archive: Archive,
    /// How many images there are, and how large they are.
    pub figures: Figures,
    /// How much there may be of each thing.
    pub quotas: Quotas,
}

/// The use cases that read: manifests, blobs, uploads, lists of tags, referrers and repositories.
#[derive(Clone, Debug)]
pub struct Pull {
    pub(crate) table: Arc<dyn ReadTable>,
    pub(crate) objects: Arc<dyn ReadObjects>,
    clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) cache: Arc<ManifestCache>,
    /// What records pulls, if they are recorded.
    pub(crate) recorder: Option<PullRecorder>,
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
    pub(crate) counts: Arc<Counts>,
    /// Names this process as the holder of its leases.
    pub(crate) instance: Uuid,
}

/// The use cases that delete.
#[derive(Clone, Debug)]
pub struct Removal {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) objects: Arc<dyn ReadObjects>,
    pub(crate) doomed: Arc<dyn DeleteObjects>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) directory: Arc<Directory>,
}

impl Registry {
    /// Puts all use cases on `ports`.
    #[must_use]
    pub fn new(ports: &Ports, rules: PushRules) -> Self {
        let Ports { table, objects, keys: _, clock } = ports.clone();
        let directory = directory(table.clone(), &clock);
        let read =
            ReadPorts { table: table.clone(), objects: objects.clone(), clock: clock.clone() };
        let removal = RemovalPorts { table, objects: objects.clone(), doomed: objects, clock };
        let push = Push::sharing(ports, rules, directory.clone());
        let excluded = Arc::new(Excluded::new(ports.table.clone(), ports.clock.clone()));
        let settings = Settings {
            table: ports.table.clone(),
            directory: directory.clone(),
            quotas: rules.quotas,
            clock: ports.clock.clone(),
        };
        let lifecycle_previews = LifecyclePreviews {
            table: ports.table.clone(),
            objects: ports.objects.clone(),
            directory: directory.clone(),
            clock: ports.clock.clone(),
        };
        let archive = Archive::new(
            ports.table.clone(),
            ports.objects.clone(),
            ports.clock.clone(),
            directory.clone(),
        );
        Self {
            settings,
            archive,
            repositories: push.repositories.clone(),
            quotas: rules.quotas,
            pull: Pull::sharing(&read, directory.clone())
                .recording_except(ports.table.clone(), excluded.clone()),
            push,
            pull_time_exclusions: PullTimeExclusions {
                table: ports.table.clone(),
                clock: ports.clock.clone(),
                excluded,
                most: rules.quotas.pull_time_exclusions,
            },
            figures: Figures { table: ports.table.clone(), directory: directory.clone() },
            lifecycle_previews,
            backfills: Backfills { table: ports.table.clone(), clock: ports.clock.clone() },
            removal: Removal::sharing(&removal, directory),
        }
    }
}

impl Registry {
    /// Returns what finds repositories, to share it with the gate.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.push.directory()
    }
}

impl Pull {
    /// Returns what finds repositories, to share it with the gate.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.clone()
    }

    /// Puts the use cases on `ports`.
    #[must_use]
    pub fn new(ports: &ReadPorts) -> Self {
        Self::sharing(ports, directory(ports.table.clone(), &ports.clock))
    }

    fn sharing(ports: &ReadPorts, directory: Arc<Directory>) -> Self {
        let ReadPorts { table, objects, clock } = ports.clone();
        Self { table, objects, clock, directory, cache: Arc::default(), recorder: None }
    }

    /// Records when images are pulled, the first time on a day, in `table`.
    #[must_use]
    pub fn recording(self, table: Arc<dyn WriteTable>) -> Self {
        let excluded = Arc::new(Excluded::new(table.clone(), self.clock.clone()));
        self.recording_except(table, excluded)
    }

    fn recording_except(self, table: Arc<dyn WriteTable>, excluded: Arc<Excluded>) -> Self {
        let recorder = PullRecorder::new(table, self.clock.clone(), excluded);
        Self { recorder: Some(recorder), ..self }
    }

    /// Records pulls, if they are recorded, beside their answers instead of before them. Only for a
    /// process that goes on when it has answered.
    ///
    /// # Panics
    ///
    /// Panics outside Tokio's runtime, in which it starts a task.
    #[must_use]
    pub fn recording_beside(self) -> Self {
        Self { recorder: self.recorder.map(PullRecorder::beside), ..self }
    }
}

impl Push {
    /// Returns what finds repositories, to share it with the gate.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.clone()
    }

    /// Puts the use cases on `ports`.
    #[must_use]
    pub fn new(ports: &Ports, rules: PushRules) -> Self {
        Self::sharing(ports, rules, directory(ports.table.clone(), &ports.clock))
    }

    fn sharing(ports: &Ports, rules: PushRules, directory: Arc<Directory>) -> Self {
        let Ports { table, objects, keys, clock } = ports.clone();
        let counts = Arc::new(Counts::new(table.clone(), clock.clone()));
        let repositories = Repositories {
            table: table.clone(),
            directory: directory.clone(),
            keys,
            clock: clock.clone(),
            counts: counts.clone(),
            quotas: rules.quotas,
        };
        let instance = Uuid::new_v4();
        Self { table, objects, clock, directory, repositories, rules, counts, instance }
    }
}

impl Removal {
    /// Returns what finds repositories, to share it with the gate.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.clone()
    }

    /// Puts the use cases on `ports`.
    #[must_use]
    pub fn new(ports: &RemovalPorts) -> Self {
        Self::sharing(ports, directory(ports.table.clone(), &ports.clock))
    }

    fn sharing(ports: &RemovalPorts, directory: Arc<Directory>) -> Self {
        let RemovalPorts { table, objects, doomed, clock } = ports.clone();
        Self { table, objects, doomed, clock, directory }
    }
}

/// Makes what finds repositories in `table`.
pub(crate) fn directory(table: Arc<dyn ReadTable>, clock: &Arc<dyn Clock>) -> Arc<Directory> {
    Arc::new(Directory::new(table, clock.clone()))
}
