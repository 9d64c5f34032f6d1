//! The use cases of the registry, the layout of its table, and the ports they need.
//!
//! Nothing here names AWS, SQLite, HTTP or a file system: `oci-api` and `ecr-api` call the use
//! cases, `aws` and `embedded` implement the [`ports`]. Every use case asks for a permit, which
//! only the [gate](access::Gate) makes.

pub mod access;
mod archive;
mod blobs;
mod collection;
mod contention;
mod counts;
mod document;
mod error;
mod federation;
mod figures;
mod identity;
mod jobs;
mod layout;
mod lifecycle;
mod manifests;
mod outbox;
pub mod ports;
mod quotas;
mod registry;
mod replication;
mod repositories;
mod settings;
mod uploads;
mod verify;

pub use archive::{
    Archive, ImageStatus, Placed, Placement, PlacementJob, StatusFilter, StorageRefusal,
    StorageUpdate,
};
pub use blobs::{Blob, LayerSummary, MountFrom, MountSources};
pub use collection::{
    CollectPorts, CollectWorker, DeletedCollection, Garbage, GarbageContent, GarbageObject,
    GracePeriods, OfflineCollection, RegistryCollection, RehearsalTable, RepositoryCollection,
};
pub use error::{MissingContent, QuotaExceeded, RegistryError};
pub use federation::{
    NewTrust, Proof, SessionError, SessionWish, Sessions, Trust, TrustError, TrustPage, Trusts,
};
pub use figures::{
    CountingProgress, ExistingImages, Figures, FiguresExtent, FiguresPage, RepositoryFigures,
    StorageFigures,
};
pub use identity::{
    AccessKey, AccessKeyStatus, IdentityError, NewAccessKey, User, UserPage, Users,
};
pub use jobs::{
    Attempt, DeadLetter, DeadLetters, FailedInQueue, FailedJobs, Job, JobDoer, JobQueue, JobQueues,
    MOST_ATTEMPTS, MOST_RECEIPTS, Runner, Schedule, SetAside, WhichLetters, Work, WorkError,
};
pub use layout::RepositoryId;
pub use lifecycle::{
    LifecycleJob, LifecyclePreview, LifecyclePreviewError, LifecyclePreviews, LifecycleWorker,
    PlannedAction, PreviewFigures, PreviewJob, PreviewStatus, PreviewedImage, ReferrersJob,
    RuleFigures, StartedPreview,
};
pub use manifests::{
    ImageDetail, ImageId, ImagePage, ImageQuery, ImageSelector, ManifestHead, PrincipalPage,
    PullTimeExclusions, PushChange, PutManifest, PutManifestOutcome, Referrer, Referrers,
    ReferrersQuery, StoredImage, StoredManifest, TagPage, TagStatus,
};
pub use outbox::{
    Change, ChangedImage, Dispatch, Event, EventId, Origin, WatchedTable, Written, WrittenEvents,
};
pub use quotas::{ParseQuotasError, Quotas};
pub use registry::{
    CreateOnPush, Identity, Ports, Pull, Push, PushRules, ReadPorts, Registry, Removal,
    RemovalPorts, SparseManifests, Tenancy,
};
pub use replication::{
    Backfill, BackfillError, BackfillId, BackfillJob, BackfillPage, BackfillProgress,
    BackfillResult, BackfillResults, BackfillStatus, BackfilledImage, Backfills,
    ImageReplicationStatus, ImageToReplicate, Peer, Peers, ReplicateJob, ReplicateWorker,
    Replicated, ReplicationFailure, ReplicationOutcome, ReplicationPlan, ReplicationPorts,
    ReplicationRules, ReplicationState, ResultPlace, WhichResults,
};
pub use repositories::{
    CreateRepository, DeleteRepository, Directory, Repositories, Repository, RepositoryChange,
    RepositoryNames, RepositoryPage, StoredLifecyclePolicy, WhenNotEmpty,
};
pub use settings::{
    AccountSetting, BlobMounting, CacheRule, CreationReason, CreationTemplate, DeleteReplication,
    FilterType, PrefixedKind, PrefixedPage, RegistryPolicyScope, ReplicationConfiguration,
    ReplicationDestination, ReplicationRefinement, ReplicationRefinements, ReplicationRule,
    RepositoryFilter, RepositoryScanning, ScanFrequency, ScanType, ScanningConfiguration,
    ScanningRule, Settings, SigningConfiguration, SigningRule, TemplateChange, Upstream,
    UpstreamAccess,
};
pub use uploads::{Chunk, FinishedUpload};
pub use verify::{Damage, Finding, Leftover, Mend, Tally, Verify, Watch};
