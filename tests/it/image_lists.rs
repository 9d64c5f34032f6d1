//! Lists of images, by their summaries alone.

use std::sync::Arc;

use berth_contract::{CountingObjects, CountingTable};
use berth_registry::access::Action;
use berth_registry::ports::{Attributes, Condition, Key, MOST_OPERATIONS, Operation};
use berth_registry::{ImageDetail, ImageId, ImageQuery, StatusFilter, TagStatus};
use berth_types::Digest;
use bytes::Bytes;

use crate::harness::{Store, TestRegistry, bytes, image, image_of, index_of, permit};

async fn list(registry: &TestRegistry, tag_status: TagStatus, limit: usize) -> Vec<Vec<ImageId>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let permit = permit(Action::ListImages, "team/app");
        let query = ImageQuery { tag_status, after, limit };
        let filter = StatusFilter::default();
        let page = registry.registry.pull.list_images(&permit, query, filter).await.unwrap();
        pages.push(page.images);
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

async fn describe(
    registry: &TestRegistry,
    tag_status: TagStatus,
    limit: usize,
) -> Vec<Vec<ImageDetail>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let permit = permit(Action::DescribeImages, "team/app");
        let query = ImageQuery { tag_status, after, limit };
        let filter = StatusFilter::default();
        let page = registry.registry.pull.describe_images(&permit, query, filter).await.unwrap();
        pages.push(page.images);
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

/// Writes tags of an image straight into the table.
async fn write_tags(registry: &TestRegistry, digest: &str, count: usize) {
    let partition = format!("repository/{}", registry.id("team/app").await.unwrap());
    let put = |n: usize| Operation::Put {
        key: Key { partition: partition.clone(), sort: format!("image/{digest}/tag/t{n:05}") },
        document: Bytes::new(),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    };
    let operations: Vec<_> = (0..count).map(put).collect();
    for operations in operations.chunks(MOST_OPERATIONS) {
        registry.store.table.transact(operations.to_vec()).await.unwrap();
    }
}

#[tokio::test]
async fn lists_read_summaries_alone() {
    let store = Store::new();
    let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
    let objects = Arc::new(CountingObjects::new(Arc::clone(&store.objects)));
    let registry = TestRegistry::on(&store).table(table.clone()).objects(objects.clone()).build();
    for n in 0..20 {
        registry.push("team/app", &format!("v{n}"), &image(n)).await;
    }
    table.take();
    objects.take();
    assert_eq!(list(&registry, TagStatus::Any, 1000).await.concat().len(), 20);
    assert_eq!(table.take().names(), ["query"]);
    assert_eq!(describe(&registry, TagStatus::Any, 1000).await.concat().len(), 20);
    assert_eq!(table.take().names(), ["query"]);
    assert!(objects.take().names().is_empty());
}

#[tokio::test]
async fn a_page_of_few_among_many_ends() {
    let registry = TestRegistry::new();
    let mut images = [image("first"), image("second")];
    images.sort_by_key(crate::harness::Manifest::digest);
    let [tagged, untagged] = &images;
    registry.push_untagged("team/app", tagged).await;
    registry.push_untagged("team/app", untagged).await;
    write_tags(&registry, &tagged.digest(), 12_000).await;
    let digest: Digest = untagged.digest().parse().unwrap();
    let pages = list(&registry, TagStatus::Untagged, 5).await;
    assert_eq!(pages, [vec![], vec![ImageId { digest, tag: None }]]);
    let pages = list(&registry, TagStatus::Tagged, 7000).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [7000, 5000]);
    let described = describe(&registry, TagStatus::Any, 1).await;
    let tags: Vec<_> = described.concat().iter().map(|image| image.tags.len()).collect();
    assert_eq!(tags, [12_000, 0]);
}

#[tokio::test]
async fn sizes_are_counted_as_ecr_counts_them() {
    let registry = TestRegistry::new();
    let layer = |seed, length| bytes(seed, length);
    let small = image_of("small", &[layer(1, 10)]);
    let large = image_of("large", &[layer(2, 1000), layer(3, 500)]);
    for image in [&small, &large] {
        registry.push_untagged("team/app", image).await;
    }
    let index = index_of([&small, &large]);
    registry.push_untagged("team/app", &index).await;
    let outer = index_of([&index, &small]);
    registry.push_untagged("team/app", &outer).await;
    let described = describe(&registry, TagStatus::Any, 10).await.concat();
    let size = |digest: String| {
        described.iter().find(|image| image.digest.to_string() == digest).unwrap().size
    };
    let bytes: usize = large.blobs.iter().map(Bytes::len).sum();
    for manifest in [&large, &index, &outer] {
        assert_eq!(size(manifest.digest()), bytes as u64);
    }
    let bytes: usize = small.blobs.iter().map(Bytes::len).sum();
    assert_eq!(size(small.digest()), bytes as u64);
}
