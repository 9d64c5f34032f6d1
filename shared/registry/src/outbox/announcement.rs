//! What is told of an event, in ECR's format.

use berth_types::{MediaType, RepositoryArn, RepositoryName, Tag};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::{Change, ChangedImage, Event, Origin};
use crate::ports::{
    ActionResult, ActionType, EventDetail, ImageAction, RegistryEvent, ReplicationAction,
    StorageMove, Timestamp,
};
use crate::registry::Identity;

impl Event {
    /// Returns what is told of the event: of a push or a deletion by several tags, one event for
    /// each, as ECR does.
    pub(super) fn announcements(&self, registry: &Identity) -> Vec<RegistryEvent> {
        let details = match &self.change {
            Change::ImagePushed { image, tags, .. } => match &image.origin {
                Some(origin) => of_replication(image, origin, tags),
                None => of_image(image, ActionType::Push, tags),
            },
            Change::ImageDeleted { image, tags } => of_image(image, ActionType::Delete, tags),
            Change::TagsRemoved { repository, digest, media_type, tags, .. } => {
                let action = action(repository, digest, media_type, ActionType::Delete);
                for_each(tags, &action).map(EventDetail::Image).collect()
            }
            Change::ImageArchived { image } => vec![of_move(image, StorageMove::Archive)],
            Change::ImageActivated { image } => {
                let last_activated_at = rfc3339(self.id.at);
                vec![of_move(image, StorageMove::Standard { last_activated_at })]
            }
            Change::RepositoryChanged { .. }
            | Change::RepositoryDeleted { .. }
            | Change::Asked { .. }
            | Change::Due { .. } => Vec::new(),
        };
        let announce = |(index, detail)| RegistryEvent {
            id: numbered(self.id.uuid, index),
            registry: registry.clone(),
            at: self.id.at,
            resources: resources(&detail, registry),
            detail,
        };
        (0u64..).zip(details).map(announce).collect()
    }
}

/// Returns the repositories that ECR names beside what happened: that of a replication.
fn resources(detail: &EventDetail, registry: &Identity) -> Vec<RepositoryArn> {
    match detail {
        EventDetail::Image(_) | EventDetail::Referrer(_) => Vec::new(),
        EventDetail::Replication(action) => {
            let Identity { registry_id, region } = registry;
            let (region, registry) = (region.clone(), registry_id.clone());
            vec![RepositoryArn { region, registry, name: action.repository_name.clone() }]
        }
    }
}

fn of_replication(image: &ChangedImage, origin: &Origin, tags: &[Tag]) -> Vec<EventDetail> {
    let tell = |image_tag| {
        EventDetail::Replication(ReplicationAction {
            result: ActionResult::Success,
            repository_name: image.repository.clone(),
            image_digest: image.digest.clone(),
            source_account: origin.account.clone(),
            action_type: ActionType::Replicate,
            source_region: origin.region.clone(),
            image_tag,
        })
    };
    each_or_none(tags).map(tell).collect()
}

fn of_image(image: &ChangedImage, action_type: ActionType, tags: &[Tag]) -> Vec<EventDetail> {
    for_each(tags, &image_action(image, action_type)).map(detail_of(image)).collect()
}

fn of_move(image: &ChangedImage, storage: StorageMove) -> EventDetail {
    let action = image_action(image, ActionType::UpdateStorageClass);
    detail_of(image)(ImageAction { storage: Some(storage), ..action })
}

fn image_action(image: &ChangedImage, action_type: ActionType) -> ImageAction {
    ImageAction {
        artifact_media_type: image.artifact_type.clone(),
        ..action(&image.repository, &image.digest, &image.media_type, action_type)
    }
}

/// Returns what tells of an action on an image, or on one that refers to another.
fn detail_of(image: &ChangedImage) -> fn(ImageAction) -> EventDetail {
    match &image.subject {
        Some(_) => EventDetail::Referrer,
        None => EventDetail::Image,
    }
}

/// Writes a moment as RFC 3339 has it.
fn rfc3339(moment: Timestamp) -> String {
    let millis = i64::try_from(moment.millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn action(
    repository: &RepositoryName,
    digest: &berth_types::Digest,
    media_type: &MediaType,
    action_type: ActionType,
) -> ImageAction {
    ImageAction {
        result: ActionResult::Success,
        repository_name: repository.clone(),
        image_digest: digest.clone(),
        action_type,
        image_tag: None,
        manifest_media_type: media_type.clone(),
        artifact_media_type: None,
        storage: None,
    }
}

/// Returns the action for each of the tags, or once if there is none.
fn for_each(tags: &[Tag], action: &ImageAction) -> impl Iterator<Item = ImageAction> {
    each_or_none(tags).map(|image_tag| ImageAction { image_tag, ..action.clone() })
}

/// Returns each of the tags, or none once.
fn each_or_none(tags: &[Tag]) -> impl Iterator<Item = Option<Tag>> {
    let without = tags.is_empty().then_some(None);
    tags.iter().cloned().map(Some).chain(without)
}

/// Returns the id of one of the things that are told of an event: the same each time.
fn numbered(event: Uuid, index: u64) -> Uuid {
    let hash = Sha256::new().chain_update(event).chain_update(index.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::RepositoryId;
    use crate::outbox::EventId;
    use serde_json::json;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn identity() -> Identity {
        let registry_id = "123456789012".parse().unwrap();
        Identity { registry_id, region: "us-west-2".parse().unwrap() }
    }

    fn event(change: Change) -> Event {
        let id =
            EventId { at: Timestamp::from_millis(1_573_869_273_999), uuid: Uuid::from_u128(7) };
        Event { id, change }
    }

    fn image() -> ChangedImage {
        ChangedImage {
            repository: "team/app".parse().unwrap(),
            repository_id: RepositoryId::new(Uuid::from_u128(1)),
            digest: DIGEST.parse().unwrap(),
            media_type: "application/vnd.oci.image.manifest.v1+json".parse().unwrap(),
            artifact_type: Some("application/vnd.oci.image.config.v1+json".to_owned()),
            subject: None,
            size: 10,
            manifest_size: 20,
            origin: None,
        }
    }

    fn tags() -> Vec<Tag> {
        vec!["1".parse().unwrap(), "latest".parse().unwrap()]
    }

    #[test]
    fn a_push_is_told_of_for_each_tag() {
        let pushed = event(Change::ImagePushed { image: image(), tags: tags(), made: true });
        let told = pushed.announcements(&identity());
        assert_eq!(told.len(), 2);
        assert_ne!(told[0].id, told[1].id);
        assert_eq!(told, pushed.announcements(&identity()), "the same ids each time");
        let expected = json!({
            "version": "0",
            "id": told[1].id,
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2019-11-16T01:54:33Z",
            "region": "us-west-2",
            "resources": [],
            "detail": {
                "result": "SUCCESS",
                "repository-name": "team/app",
                "image-digest": DIGEST,
                "action-type": "PUSH",
                "image-tag": "latest",
                "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
                "artifact-media-type": "application/vnd.oci.image.config.v1+json",
            }
        });
        assert_eq!(told[1].to_json().unwrap(), expected);
    }

    #[test]
    fn moves_to_the_archive_and_back_name_the_class() {
        let detail = |change| event(change).announcements(&identity())[0].detail().unwrap();
        let archived = detail(Change::ImageArchived { image: image() });
        assert_eq!(archived["action-type"], "UPDATE_STORAGE_CLASS");
        assert_eq!(archived["target-storage-class"], "ARCHIVE");
        assert_eq!(archived.get("last-activated-at"), None);
        let activated = detail(Change::ImageActivated { image: image() });
        assert_eq!(activated["target-storage-class"], "STANDARD");
        assert_eq!(activated["last-activated-at"], "2019-11-16T01:54:33.999Z");
    }

    #[test]
    fn what_has_no_tag_is_told_of_once() {
        let deleted = event(Change::ImageDeleted { image: image(), tags: Vec::new() });
        let told = deleted.announcements(&identity());
        let detail = told[0].detail().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(detail["action-type"], "DELETE");
        assert_eq!(detail.get("image-tag"), None);
    }

    #[test]
    fn a_replication_is_told_of_with_its_source() {
        let origin = Origin {
            account: "210987654321".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let image = ChangedImage { origin: Some(origin), ..image() };
        let pushed = event(Change::ImagePushed { image, tags: tags(), made: true });
        let told = pushed.announcements(&identity());
        assert_eq!(told.len(), 2);
        let expected = json!({
            "version": "0",
            "id": told[0].id,
            "detail-type": "ECR Replication Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2019-11-16T01:54:33Z",
            "region": "us-west-2",
            "resources": ["arn:aws:ecr:us-west-2:123456789012:repository/team/app"],
            "detail": {
                "result": "SUCCESS",
                "repository-name": "team/app",
                "image-digest": DIGEST,
                "source-account": "210987654321",
                "action-type": "REPLICATE",
                "source-region": "eu-west-1",
                "image-tag": "1",
            }
        });
        assert_eq!(told[0].to_json().unwrap(), expected);
    }

    #[test]
    fn referrers_have_a_type_of_their_own() {
        let image = ChangedImage { subject: Some(DIGEST.parse().unwrap()), ..image() };
        let pushed = event(Change::ImagePushed { image, tags: Vec::new(), made: true });
        let told = pushed.announcements(&identity());
        assert_eq!(told[0].detail.detail_type(), "ECR Referrer Action");
    }
}
