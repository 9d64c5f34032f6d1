//! The JSON 1.1 APIs of Amazon ECR and Amazon ECR Public, with Signature Version 4 at the door, and
//! the sessions of AWS principals.
//!
//! A request comes in whole, is parsed, authenticated and authorized, calls one use case of
//! `berth-registry`, and goes out whole. Nothing here listens on a socket or knows a store.
//!
//! Follows the [API reference](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html)
//! of ECR and that of [ECR Public](https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/Welcome.html).
//! `docs/compatibility.md` says which operations are built.

mod account_setting;
mod administration;
mod api;
mod body_limits;
mod cache_rule;
mod creation_template;
mod custom_role;
mod encryption_configuration;
mod error;
mod failed_jobs;
mod federation;
mod figures;
mod image_description;
mod image_failure;
mod image_filter;
mod image_id;
mod messages;
mod operation;
mod page;
mod parameter;
mod preview_report;
mod registry_operations;
mod registry_policy;
mod replication_backfill;
mod replication_refinements;
mod repository_filter;
mod repository_prefix;
mod session;
mod signature;

mod batch_check_layer_availability;
mod batch_delete_image;
mod batch_get_image;
mod batch_get_repository_scanning_configuration;
mod complete_layer_upload;
mod create_pull_through_cache_rule;
mod create_repository;
mod create_repository_creation_template;
mod delete_lifecycle_policy;
mod delete_pull_through_cache_rule;
mod delete_registry_policy;
mod delete_repository;
mod delete_repository_creation_template;
mod delete_repository_policy;
mod delete_signing_configuration;
mod deregister_pull_time_update_exclusion;
mod describe_image_replication_status;
mod describe_images;
mod describe_pull_through_cache_rules;
mod describe_registry;
mod describe_replication_backfill_results;
mod describe_repositories;
mod describe_repository_creation_templates;
mod get_account_setting;
mod get_authorization_token;
mod get_download_url_for_layer;
mod get_lifecycle_policy;
mod get_lifecycle_policy_preview;
mod get_registry_policy;
mod get_registry_scanning_configuration;
mod get_repository_policy;
mod get_signing_configuration;
mod initiate_layer_upload;
mod lifecycle_policy;
mod lifecycle_preview;
mod list_image_referrers;
mod list_images;
mod list_pull_time_update_exclusions;
mod list_replication_backfills;
mod list_tags_for_resource;
mod put_account_setting;
mod put_image;
mod put_image_scanning_configuration;
mod put_image_tag_mutability;
mod put_lifecycle_policy;
mod put_registry_policy;
mod put_registry_scanning_configuration;
mod put_replication_configuration;
mod put_signing_configuration;
mod register_pull_time_update_exclusion;
mod repository_description;
mod repository_policy;
mod resource_tags;
mod set_repository_policy;
mod start_lifecycle_policy_preview;
mod start_replication_backfill;
mod stop_replication_backfill;
mod tag_mutability;
mod tag_resource;
mod template_encryption;
mod untag_resource;
mod update_image_storage_class;
mod update_pull_through_cache_rule;
mod update_repository_creation_template;
mod upload_layer_part;

pub use api::EcrApi;
pub use body_limits::BodyLimits;
pub use session::{HostKnownBy, MOST_SESSION_BYTES, SessionApi};
