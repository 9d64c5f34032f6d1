//! Pushes that meet each other, on a table that refuses as DynamoDB does any transaction with an
//! operation on a key of another one in flight.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::ConflictingTable;
use bytes::Bytes;
use futures_util::future::join_all;

use crate::harness::{
    Manifest, Store, TestRegistry, WanderingTable, bytes, image, image_of, index_of,
};

fn conflicting(store: &Arc<Store>) -> (TestRegistry, Arc<ConflictingTable>) {
    let hold = Duration::from_millis(5);
    let table = Arc::new(ConflictingTable::new(Arc::clone(&store.table), hold));
    (TestRegistry::on(store).table(table.clone()).build(), table)
}

/// Sends manifests at once, and expects all to be taken.
async fn put_all(registry: &TestRegistry, pushes: impl Iterator<Item = (String, Manifest)>) {
    let pushes: Vec<_> = pushes.collect();
    let puts = pushes.iter().map(|(tag, image)| registry.put("team/app", tag, image));
    for answer in join_all(puts).await {
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[tokio::test]
async fn pushes_of_different_images_never_conflict() {
    let store = Store::new();
    let (registry, table) = conflicting(&store);
    let shared: Vec<Bytes> = (0..4).map(|n| bytes(n, 100)).collect();
    let images: Vec<_> =
        (0..100).map(|n| image_of(n, &[&shared[..], &[bytes(100 + n, 100)]].concat())).collect();
    for blob in &shared {
        registry.push_blob("team/app", blob).await;
    }
    let pushes = images.iter().enumerate().map(async |(n, image)| {
        registry.push_blob("team/app", &image.blobs[0]).await;
        registry.push_blob("team/app", image.blobs.last().unwrap()).await;
        let answer = registry.put("team/app", &format!("v{n}"), image).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    });
    join_all(pushes).await;
    assert_eq!(table.conflicts(), 0);
    assert_eq!(registry.tags("team/app").await.len(), 100);
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn pushes_to_one_tag_take_turns() {
    let store = Store::new();
    let (registry, table) = conflicting(&store);
    let images: Vec<_> = (0..20).map(image).collect();
    for image in &images {
        registry.push_blobs("team/app", image).await;
    }
    put_all(&registry, images.iter().map(|image| ("latest".to_owned(), image.clone()))).await;
    assert!(table.conflicts() > 0, "the pushes did not meet");
    let tagged = registry.get("/v2/team/app/manifests/latest", 200).await;
    let tagged = tagged.header("docker-content-digest").to_owned();
    assert!(images.iter().any(|image| image.digest() == tagged));
    assert_eq!(registry.tags("team/app").await, ["latest"]);
    store.check().await;

    // The others have lost the tag: deleting them leaves it.
    for image in images.iter().filter(|image| image.digest() != tagged) {
        registry.remove(format!("/v2/team/app/manifests/{}", image.digest()), 202).await;
    }
    assert_eq!(registry.tags("team/app").await, ["latest"]);
    registry.remove(format!("/v2/team/app/manifests/{tagged}"), 202).await;
    assert!(registry.tags("team/app").await.is_empty());
    store.check().await;
}

/// A tag that moved since it was looked at does not move again unseen: the image that it left
/// would keep it.
#[tokio::test(start_paused = true)]
async fn pushes_to_one_tag_meet_in_many_orders() {
    for seed in 0..30 {
        let store = Store::new();
        let images: Vec<_> = (0..5).map(image).collect();
        let registry = TestRegistry::on(&store).build();
        for image in &images {
            registry.push_blobs("team/app", image).await;
        }
        registry.push("team/app", "latest", &images[0]).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        put_all(&registry, images[1..].iter().map(|image| ("latest".to_owned(), image.clone())))
            .await;
        store.check().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pushes_of_one_image_under_many_tags_take_turns() {
    let store = Store::new();
    let (registry, _) = conflicting(&store);
    let image = image("one");
    registry.push_blobs("team/app", &image).await;
    put_all(&registry, (0..20).map(|n| (format!("v{n}"), image.clone()))).await;
    assert_eq!(registry.tags("team/app").await.len(), 20);
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn indexes_that_share_children_take_turns() {
    let store = Store::new();
    let (registry, _) = conflicting(&store);
    let children = [image("amd64"), image("arm64")];
    for child in &children {
        registry.push_untagged("team/app", child).await;
    }
    let index =
        |n: u32| index_of(&children).with("annotations", serde_json::json!({ "n": n.to_string() }));
    put_all(&registry, (0..10).map(|n| (format!("v{n}"), index(n)))).await;
    store.check().await;
}

/// Each transaction of a large image's use items may meet another push of the same image.
#[tokio::test(start_paused = true)]
async fn pushes_of_one_large_image_take_turns() {
    let store = Store::new();
    let (registry, table) = conflicting(&store);
    let layers: Vec<_> = (0..150).map(|n| bytes(n, 50)).collect();
    let image = image_of("large", &layers);
    registry.create("team/app").await.unwrap();
    join_all(image.blobs.iter().map(|blob| registry.push_blob("team/app", blob))).await;
    put_all(&registry, (0..5).map(|n| (format!("v{n}"), image.clone()))).await;
    assert!(table.conflicts() > 0, "the pushes did not meet");
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn first_pushes_to_a_repository_meet_its_creation() {
    let store = Store::new();
    let (registry, table) = conflicting(&store);
    join_all((0..10).map(|n| {
        let registry = &registry;
        async move { registry.push_blob("team/new", &bytes(n, 100)).await }
    }))
    .await;
    assert!(table.conflicts() > 0, "the pushes did not meet");
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn one_blob_is_pushed_by_many() {
    let store = Store::new();
    let (registry, table) = conflicting(&store);
    registry.create("team/app").await.unwrap();
    let blob = bytes(1, 1000);
    join_all((0..10).map(|_| registry.push_blob("team/app", &blob))).await;
    assert!(table.conflicts() > 0, "the pushes did not meet");
    assert_eq!(store.files("objects").len(), 1);
    store.check().await;
}
