//! Tests of the registry's features.
//!
//! They speak HTTP, as requests and responses without sockets, to the registry on an embedded
//! store, one module a feature. `harness` builds registries and content, and checks after races
//! and failures that the store is whole.

mod harness;

mod abuse;
mod archive;
mod archive_policies;
mod auth;
mod backfills;
mod bad_input;
mod blob_deletion;
mod body_limit;
mod collection;
mod conflicts;
mod creation_templates;
mod dispatch;
mod encryption;
mod faults;
mod figures;
mod gate_properties;
mod idempotency;
mod image_batches;
mod image_deletion;
mod image_lists;
mod image_tags;
mod immutability;
mod large_manifests;
mod layers;
mod lifecycle_previews;
mod lifecycle_referrers;
mod lifecycle_rehearsals;
mod lifecycle_runs;
mod lists;
mod manifests;
mod mounts;
mod parts;
mod placement;
mod policies;
mod pull_times;
mod quotas;
mod redirects;
mod registry_policy;
mod replication;
mod repository_deletion;
mod round_trips;
mod schedule;
mod sealing_keys;
mod sessions;
mod staged_uploads;
mod trusts;
mod upload_host;
mod upload_races;
mod uploads;
mod user_round_trips;
mod users;
mod verify;
