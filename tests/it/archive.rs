//! Images in the archive.

use berth_registry::access::Action;
use berth_registry::ports::StorageClass;
use berth_registry::{
    ImageDetail, ImageQuery, ImageSelector, ImageStatus, Job, ReferrersQuery, RegistryError,
    StatusFilter, StorageRefusal, StorageUpdate, TagStatus,
};
use futures_util::future::join_all;

use crate::harness::{Manifest, TestRegistry, image, images_permit, index_of, permit};

const NAME: &str = "team/app";

fn by_digest(manifest: &Manifest) -> ImageSelector {
    ImageSelector::Digest(manifest.digest().parse().unwrap())
}

fn path(reference: &str) -> String {
    format!("/v2/{NAME}/manifests/{reference}")
}

async fn update(
    registry: &TestRegistry,
    image: &Manifest,
    class: StorageClass,
) -> Result<ImageStatus, RegistryError> {
    let permit = permit(Action::UpdateImageStorageClass, NAME);
    let selector = by_digest(image);
    let archive = &registry.registry.archive;
    let updated = archive.update_storage_class(&permit, &selector, class).await?;
    let StorageUpdate { digest, status } = updated;
    assert_eq!(digest.to_string(), image.digest());
    Ok(status)
}

async fn archive(registry: &TestRegistry, image: &Manifest) {
    let status = update(registry, image, StorageClass::Archive).await.unwrap();
    assert_eq!(status, ImageStatus::Archived);
}

async fn describe(registry: &TestRegistry, image: &Manifest) -> ImageDetail {
    let permit = permit(Action::DescribeImages, NAME);
    registry.registry.pull.describe_image(&permit, &by_digest(image)).await.unwrap()
}

/// Returns the ids of the listed images, as `DIGEST` or `DIGEST:TAG`, a few at a time.
async fn listed(registry: &TestRegistry, filter: StatusFilter) -> Vec<String> {
    let permit = permit(Action::ListImages, NAME);
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let query = ImageQuery { tag_status: TagStatus::Any, after, limit: 2 };
        let page = registry.registry.pull.list_images(&permit, query, filter).await.unwrap();
        ids.extend(page.images.into_iter().map(|id| match id.tag {
            Some(tag) => format!("{}:{tag}", id.digest),
            None => id.digest.to_string(),
        }));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[track_caller]
fn is_refused(result: Result<ImageStatus, RegistryError>, expected: StorageRefusal) {
    match result {
        Err(RegistryError::StorageUpdateRefused { reason, .. }) => assert_eq!(reason, expected),
        other => panic!("{other:?}"),
    }
}

/// Whether pulls by tag and by digest, whole and head alone, answer with this status.
async fn answers(registry: &TestRegistry, image: &Manifest, tag: &str, status: u16) {
    for reference in [tag, &image.digest()] {
        let answer = registry.get(path(reference), status).await;
        registry.head(path(reference), status).await;
        if status == 404 {
            answer.has_code("MANIFEST_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn what_is_archived_is_not_pulled() {
    let registry = TestRegistry::new();
    let (archived, other) = (image(1), image(2));
    registry.push(NAME, "old", &archived).await;
    registry.push(NAME, "new", &other).await;
    // So that its manifest is remembered.
    registry.pull(NAME, &archived).await;
    answers(&registry, &archived, "old", 200).await;
    let before = describe(&registry, &archived).await;
    assert_eq!((before.status, before.archived_at), (ImageStatus::Active, None));
    archive(&registry, &archived).await;
    answers(&registry, &archived, "old", 404).await;
    answers(&registry, &other, "new", 200).await;
    let permit = images_permit(Action::BatchGetImage, NAME);
    let pull = &registry.registry.pull;
    let permit = pull.permit_for(&permit, &by_digest(&archived)).await.unwrap();
    for selector in [by_digest(&archived), ImageSelector::Tag("old".parse().unwrap())] {
        let refused = pull.get_image(&permit, &selector).await.unwrap_err();
        assert!(matches!(refused, RegistryError::ImageArchived { .. }), "{refused}");
    }
    let after = describe(&registry, &archived).await;
    assert_eq!(after.status, ImageStatus::Archived);
    assert!(after.archived_at.is_some() && after.activated_at.is_none());
    archive(&registry, &archived).await;
    assert_eq!(describe(&registry, &archived).await, after, "once more changes nothing");
    registry.store.check().await;
}

#[tokio::test]
async fn lists_are_of_a_status() {
    let registry = TestRegistry::new();
    let (archived, other) = (image(1), image(2));
    for tag in ["a", "b", "c", "d", "e"] {
        registry.push(NAME, tag, &archived).await;
    }
    registry.push_untagged(NAME, &other).await;
    let of = StatusFilter::Only;
    assert_eq!(listed(&registry, StatusFilter::Any).await.len(), 6);
    assert_eq!(listed(&registry, of(ImageStatus::Archived)).await.len(), 0);
    archive(&registry, &archived).await;
    assert_eq!(listed(&registry, StatusFilter::Any).await.len(), 6);
    assert_eq!(listed(&registry, StatusFilter::default()).await, [other.digest()]);
    let tagged = ["a", "b", "c", "d", "e"].map(|tag| format!("{}:{tag}", archived.digest()));
    assert_eq!(listed(&registry, of(ImageStatus::Archived)).await, tagged);
    assert_eq!(listed(&registry, of(ImageStatus::Activating)).await.len(), 0);
    assert_eq!(registry.tags(NAME).await.len(), 0);
    let permit = permit(Action::DescribeImages, NAME);
    for (filter, count) in [(StatusFilter::Any, 2), (of(ImageStatus::Archived), 1)] {
        let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 10 };
        let pull = &registry.registry.pull;
        let page = pull.describe_images(&permit, query, filter).await.unwrap();
        assert_eq!(page.images.len(), count);
    }
}

#[tokio::test]
async fn referrers_are_of_a_status() {
    let registry = TestRegistry::new();
    let subject = image(1);
    let signatures = [image(2).about(&subject), image(3).about(&subject)];
    for signature in &signatures {
        registry.push_untagged(NAME, signature).await;
    }
    archive(&registry, &signatures[0]).await;
    let listed = registry.get(format!("/v2/{NAME}/referrers/{}", subject.digest()), 200).await;
    let listed = listed.json();
    assert_eq!(listed["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(listed["manifests"][0]["digest"], signatures[1].digest());
    let subject = subject.digest().parse().unwrap();
    let status = StatusFilter::Only(ImageStatus::Archived);
    let query =
        ReferrersQuery { subject: &subject, artifact_types: &[], status, after: None, limit: 9 };
    let permit = permit(Action::ListImageReferrers, NAME);
    let page = registry.registry.pull.referrers(&permit, query).await.unwrap();
    assert_eq!(page.referrers.len(), 1);
    assert_eq!(page.referrers[0].descriptor.digest.to_string(), signatures[0].digest());
    assert_eq!(page.referrers[0].status, ImageStatus::Archived);
}

#[tokio::test]
async fn a_push_brings_an_image_back() {
    let registry = TestRegistry::new();
    let image = image(1);
    registry.push(NAME, "v1", &image).await;
    for tag in ["v1", "v2"] {
        archive(&registry, &image).await;
        registry.push(NAME, tag, &image).await;
        answers(&registry, &image, tag, 200).await;
        let described = describe(&registry, &image).await;
        assert_eq!(described.status, ImageStatus::Active);
        assert!(described.archived_at.is_some() && described.activated_at.is_some());
    }
    update(&registry, &image, StorageClass::Archive).await.unwrap();
    let status = update(&registry, &image, StorageClass::Standard).await.unwrap();
    assert_eq!(status, ImageStatus::Activating);
    answers(&registry, &image, "v1", 404).await;
    is_refused(update(&registry, &image, StorageClass::Archive).await, StorageRefusal::Activating);
    registry.push(NAME, "v1", &image).await;
    answers(&registry, &image, "v1", 200).await;
    registry.store.check().await;
}

#[tokio::test]
async fn an_image_is_brought_back_anew_when_it_is_asked_for() {
    let registry = TestRegistry::new();
    let image = image(1);
    registry.push(NAME, "v1", &image).await;
    archive(&registry, &image).await;
    registry.store.dispatch_all().await;
    registry.store.take_jobs().await;
    for _ in 0..2 {
        let status = update(&registry, &image, StorageClass::Standard).await.unwrap();
        assert_eq!(status, ImageStatus::Activating);
        registry.store.dispatch_all().await;
        // As if it was set aside.
        let jobs = registry.store.take_jobs().await;
        assert!(matches!(jobs[..], [Job::PlaceLayers(_)]), "{jobs:?}");
    }
    registry.store.check().await;
}

#[tokio::test]
async fn an_index_is_archived_before_its_children() {
    let registry = TestRegistry::new();
    let children = [image(1), image(2)];
    let index = index_of(&children);
    for child in &children {
        registry.push_untagged(NAME, child).await;
    }
    registry.push(NAME, "all", &index).await;
    is_refused(
        update(&registry, &children[0], StorageClass::Archive).await,
        StorageRefusal::Referenced,
    );
    archive(&registry, &index).await;
    registry.pull(NAME, &children[0]).await;
    archive(&registry, &children[0]).await;
    registry.store.check().await;
    // Another index can't have what can't be pulled.
    let other = index_of(&[children[0].clone(), children[1].clone(), image(3)]);
    registry.push_untagged(NAME, &image(3)).await;
    let refused = registry.put(NAME, "other", &other).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.error_digests(), [children[0].digest()]);
    // An archived index keeps its children, and goes with its counts.
    registry.remove(path(&children[0].digest()), 405).await;
    registry.remove(path(&index.digest()), 202).await;
    registry.store.check().await;
    registry.remove(path(&children[0].digest()), 202).await;
    registry.store.check().await;
}

#[tokio::test]
async fn what_is_archived_is_untagged_and_deleted_like_any_other() {
    let registry = TestRegistry::new();
    let image = image(1);
    for tag in ["v1", "v2"] {
        registry.push(NAME, tag, &image).await;
    }
    archive(&registry, &image).await;
    registry.remove(path("v1"), 202).await;
    assert_eq!(describe(&registry, &image).await.status, ImageStatus::Archived);
    registry.remove(path(&image.digest()), 202).await;
    assert!(listed(&registry, StatusFilter::Any).await.is_empty());
    registry.store.check().await;
}

#[tokio::test]
async fn a_push_that_succeeds_beside_the_archive_can_be_pulled_or_was_before_it() {
    let registry = TestRegistry::new();
    for round in 0..20 {
        let image = image(round);
        registry.push(NAME, "old", &image).await;
        let tag = format!("new-{round}");
        let (archived, put) = tokio::join!(
            update(&registry, &image, StorageClass::Archive),
            registry.put(NAME, &tag, &image),
        );
        assert_eq!(put.status, 201);
        archived.unwrap();
        let tags = describe(&registry, &image).await.tags.len();
        assert_eq!(tags, 2, "the tag is the image's, wherever it is");
        registry.store.check().await;
    }
}

#[tokio::test]
async fn an_index_that_is_pushed_beside_the_archive_misses_no_child() {
    let registry = TestRegistry::new();
    for round in 0..20 {
        let children = [image(2 * round), image(2 * round + 1)];
        for child in &children {
            registry.push_untagged(NAME, child).await;
        }
        let index = index_of(&children);
        let archive =
            join_all(children.iter().map(|child| update(&registry, child, StorageClass::Archive)));
        let (archived, put) = tokio::join!(archive, registry.put(NAME, "all", &index));
        for result in archived {
            if let Err(error) = result {
                assert!(matches!(error, RegistryError::StorageUpdateRefused { .. }), "{error}");
            }
        }
        if put.status == 201 {
            registry.pull(NAME, &index).await;
            join_all(children.iter().map(|child| registry.pull(NAME, child))).await;
        } else {
            assert_eq!(put.status, 400, "{put:?}");
        }
        registry.store.check().await;
    }
}
