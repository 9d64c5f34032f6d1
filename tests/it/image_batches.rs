//! Images named by digest, tag or both, as ECR's API does.

use berth_registry::access::{Action, GateError};
use berth_registry::{ImageId, ImageSelector, RegistryError};
use futures_util::future::join_all;

use crate::harness::{Manifest, TestRegistry, image, images_permit, index_of};

fn by_tag(tag: &str) -> ImageSelector {
    ImageSelector::Tag(tag.parse().unwrap())
}

fn by_digest(manifest: &Manifest) -> ImageSelector {
    ImageSelector::Digest(manifest.digest().parse().unwrap())
}

async fn delete(
    registry: &TestRegistry,
    selector: ImageSelector,
) -> Result<Vec<ImageId>, RegistryError> {
    let permit = images_permit(Action::BatchDeleteImage, "team/app");
    let deleted = registry.registry.removal.delete_selected(&permit, &selector).await;
    deleted.map_err(|error| match error {
        GateError::Registry(error) => error,
        GateError::Denied(denied) => panic!("the root was denied: {denied}"),
    })
}

async fn is_there(registry: &TestRegistry, manifest: &Manifest) -> bool {
    let path = format!("/v2/team/app/manifests/{}", manifest.digest());
    registry.request("GET", path).send().await.status == 200
}

#[tokio::test]
async fn tags_that_go_at_once_take_their_image_along() {
    let registry = TestRegistry::new();
    for round in 0..20 {
        let image = image(round);
        for tag in ["v1", "v2", "v3"] {
            registry.push("team/app", tag, &image).await;
        }
        let deletions = ["v1", "v2", "v3"].map(|tag| delete(&registry, by_tag(tag)));
        let deleted = join_all(deletions).await;
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
        assert!(!is_there(&registry, &image).await);
    }
    registry.store.check().await;
}

#[tokio::test]
async fn a_tag_that_comes_beside_a_deletion_keeps_its_image() {
    let registry = TestRegistry::new();
    for round in 0..20 {
        let image = image(round);
        registry.push("team/app", "old", &image).await;
        let (deleted, put) =
            tokio::join!(delete(&registry, by_tag("old")), registry.put("team/app", "new", &image));
        assert!(deleted.is_ok(), "{deleted:?}");
        assert_eq!(put.status, 201);
        assert!(is_there(&registry, &image).await);
        delete(&registry, by_tag("new")).await.unwrap();
        registry.store.check().await;
    }
}

#[tokio::test]
async fn a_tag_that_moves_is_not_another_images() {
    let registry = TestRegistry::new();
    let (first, second) = (image("first"), image("second"));
    registry.push("team/app", "v1", &first).await;
    registry.push("team/app", "v1", &second).await;
    let digest = first.digest().parse().unwrap();
    let selector = ImageSelector::TagOfDigest("v1".parse().unwrap(), digest);
    let refused = delete(&registry, selector).await;
    assert!(matches!(refused, Err(RegistryError::TagElsewhere { .. })), "{refused:?}");
    assert!(is_there(&registry, &second).await);
    registry.store.check().await;
}

#[tokio::test]
async fn the_indexes_of_an_image_are_named() {
    let registry = TestRegistry::new();
    let (child, other) = (image("child"), image("other"));
    registry.push_untagged("team/app", &child).await;
    registry.push_untagged("team/app", &other).await;
    let (one, both) = (index_of([&child]), index_of([&child, &other]));
    registry.push("team/app", "one", &one).await;
    registry.push("team/app", "both", &both).await;
    let Err(RegistryError::ImageReferenced { parents, .. }) =
        delete(&registry, by_digest(&child)).await
    else {
        panic!("a child was deleted");
    };
    let mut expected = [one.digest(), both.digest()];
    expected.sort();
    assert_eq!(parents.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    delete(&registry, by_tag("both")).await.unwrap();
    let gone = delete(&registry, by_digest(&other)).await.unwrap();
    assert_eq!(gone, [ImageId { digest: other.digest().parse().unwrap(), tag: None }]);
    registry.store.check().await;
}
