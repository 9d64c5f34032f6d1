use std::fmt;

use async_trait::async_trait;
use berth_types::{Digest, MediaType, Region, RegistryId, RepositoryArn, RepositoryName, Tag};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{StoreError, StoreErrorKind, Timestamp};
use crate::registry::Identity;

/// Tells the world what happened in the registry.
///
/// Permissions: `events:PutEvents`.
#[async_trait]
pub trait PublishEvents: fmt::Debug + Send + Sync {
    /// Publishes all of `events`, any number. When it returns `Ok`, they survive a crash. If it
    /// fails, some of them may have been published; an event may be published twice, under the
    /// same id.
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError>;
}

/// What is told of something that happened, as ECR tells EventBridge.
///
/// Follows [Amazon ECR events and EventBridge](https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEvent {
    /// Names the event, however often it is published.
    pub id: Uuid,
    /// The registry in which it happened.
    pub registry: Identity,
    /// When it happened.
    pub at: Timestamp,
    /// Repositories that it concerns, where ECR names them.
    pub resources: Vec<RepositoryArn>,
    /// What happened.
    pub detail: EventDetail,
}

/// What happened, by its `detail-type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventDetail {
    /// `ECR Image Action`: something was done to an image.
    Image(ImageAction),
    /// `ECR Referrer Action`: something was done to a manifest that refers to another one.
    Referrer(ImageAction),
    /// `ECR Replication Action`: an image came from another registry.
    Replication(ReplicationAction),
}

/// An image that came from another registry, by one of its tags if it came with any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplicationAction {
    /// Whether it came.
    pub result: ActionResult,
    /// Name of the repository.
    pub repository_name: RepositoryName,
    /// Digest of the manifest.
    pub image_digest: Digest,
    /// Account of the registry that it came from.
    pub source_account: RegistryId,
    /// What was done.
    pub action_type: ActionType,
    /// Region of the registry that it came from.
    pub source_region: Region,
    /// Tag that it came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<Tag>,
}

/// What was done to an image, or to one tag of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageAction {
    /// Whether it was done.
    pub result: ActionResult,
    /// Name of the repository.
    pub repository_name: RepositoryName,
    /// Digest of the manifest.
    pub image_digest: Digest,
    /// What was done.
    pub action_type: ActionType,
    /// Tag to which it was done, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<Tag>,
    /// Media type of the manifest.
    pub manifest_media_type: MediaType,
    /// Type of the artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
    /// Where it went, if it is that.
    #[serde(flatten)]
    pub storage: Option<StorageMove>,
}

/// Where an image went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "target-storage-class", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageMove {
    /// To the archive.
    Archive,
    /// Back from there.
    Standard {
        /// When that was, as RFC 3339 has it.
        #[serde(rename = "last-activated-at")]
        last_activated_at: String,
    },
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionType {
    /// It was pushed.
    Push,
    /// It was deleted.
    Delete,
    /// It went to the archive, or came back from there.
    UpdateStorageClass,
    /// It was replicated.
    Replicate,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionResult {
    /// It was done.
    Success,
}

impl EventDetail {
    /// Returns the `detail-type`.
    #[must_use]
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::Image(_) => "ECR Image Action",
            Self::Referrer(_) => "ECR Referrer Action",
            Self::Replication(_) => "ECR Replication Action",
        }
    }
}

impl RegistryEvent {
    /// The `source` of ECR's own events.
    pub const SOURCE: &str = "aws.ecr";

    /// Returns the `detail`.
    pub fn detail(&self) -> Result<Value, StoreError> {
        serde_json::to_value(&self.detail)
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
    }

    /// Returns the event as EventBridge sends it to a target.
    ///
    /// Follows [Structure of events](https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
    pub fn to_json(&self) -> Result<Value, StoreError> {
        let seconds = i64::try_from(self.at.seconds()).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        Ok(json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.detail.detail_type(),
            "source": Self::SOURCE,
            "account": self.registry.registry_id,
            "time": time.to_string(),
            "region": self.registry.region,
            "resources": self.resources.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "detail": self.detail()?,
        }))
    }
}
