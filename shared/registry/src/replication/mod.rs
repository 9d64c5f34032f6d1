//! Replication: images, and what becomes of them, go to other registries by rules.
//!
//! Dispatch asks the [`ReplicationRules`] which [`ReplicateJob`]s follow from a change; the
//! [`ReplicateWorker`] does them by the same use cases as a client's push, on the [`Peer`]'s ports,
//! after the peer's gate let the source's account in. A job says what changed; what it brings is
//! what stands in the source when it runs, so that jobs may come twice and in any order. What
//! came by replication carries its [`Origin`](crate::Origin) and goes no further.

mod backfill;
mod blobs;
mod course;
mod failure;
mod image;
mod job;
mod peers;
mod removal;
mod rules;
mod settings;
mod settle;
mod status;
mod tags;
mod worker;

pub use backfill::{
    Backfill, BackfillError, BackfillId, BackfillJob, BackfillPage, BackfillProgress,
    BackfillResult, BackfillResults, BackfillStatus, BackfilledImage, Backfills, ResultPlace,
    WhichResults,
};
pub use failure::ReplicationFailure;
pub use image::{ImageToReplicate, ReplicationOutcome};
pub use job::{ReplicateJob, Replicated};
pub use peers::{Peer, Peers};
pub use rules::{ReplicationPlan, ReplicationRules};
pub use status::{ImageReplicationStatus, ReplicationState};
pub use worker::{ReplicateWorker, ReplicationPorts};
