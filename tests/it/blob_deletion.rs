//! Deletion of blobs, and how it meets pushes of what uses them.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::ConflictingTable;
use berth_registry::ports::StoreErrorKind;
use futures_util::future::{join, join_all};

use crate::harness::{
    Answer, Fails, FaultyTable, Manifest, Plan, Store, TestRegistry, WanderingTable, digest, image,
    image_of,
};

/// Returns the path of the image's only layer.
fn layer(image: &Manifest) -> String {
    format!("/v2/team/app/blobs/{}", digest(&image.blobs[1]))
}

#[tokio::test]
async fn a_blob_goes_and_comes_back() {
    let registry = TestRegistry::new();
    let image = image(1);
    registry.push_blobs("team/app", &image).await;
    for _ in 0..2 {
        registry.remove(layer(&image), 202).await;
        registry.head(layer(&image), 404).await;
        registry.get(layer(&image), 404).await.has_code("BLOB_UNKNOWN");
        registry.remove(layer(&image), 404).await.has_code("BLOB_UNKNOWN");
        let refused = registry.put("team/app", "v1", &image).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.error_digests(), [digest(&image.blobs[1])]);
        registry.push_blob("team/app", &image.blobs[1]).await;
        registry.get(layer(&image), 200).await;
        registry.store.check().await;
    }
    registry.push("team/app", "v1", &image).await;
}

#[tokio::test]
async fn a_blob_in_use_stays() {
    let registry = TestRegistry::new();
    let shared = bytes::Bytes::from("shared");
    let images = [image_of(1, std::slice::from_ref(&shared)), image_of(2, &[shared])];
    for image in &images {
        registry.push("team/app", "latest", image).await;
    }
    for image in &images {
        let answer = registry.remove(layer(image), 405).await;
        answer.has_code("UNSUPPORTED");
        assert_eq!(answer.error_digests(), [digest(&image.blobs[1])]);
        let config = format!("/v2/team/app/blobs/{}", digest(&image.blobs[0]));
        registry.remove(&config, 405).await;
        registry.pull("team/app", image).await;
        registry.remove(format!("/v2/team/app/manifests/{}", image.digest()), 202).await;
        registry.remove(&config, 202).await;
    }
    registry.remove(layer(&images[0]), 202).await;
    registry.store.check().await;
}

/// Checks what a deletion and a push answered, and that an image that was taken is whole.
async fn check(registry: &TestRegistry, image: &Manifest, pushed: &Answer, deleted: &Answer) {
    match (pushed.status, deleted.status) {
        (201, 202 | 405) => registry.pull("team/app", image).await,
        (400, 202) => pushed.has_code("MANIFEST_BLOB_UNKNOWN"),
        _ => panic!("{pushed:?} {deleted:?}"),
    }
    registry.store.check().await;
}

/// From the moment when a push is answered, its layers are there: whoever looks between the steps
/// of the deletion finds them too.
#[tokio::test(start_paused = true)]
async fn deletion_meets_a_push_of_a_manifest() {
    let mut taken = 0;
    for seed in 0..200 {
        let store = Store::new();
        let observer = TestRegistry::on(&store).build();
        let image = image(1);
        observer.push_blobs("team/app", &image).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        let push = async {
            tokio::time::sleep(Duration::from_millis(seed % 20 * 10)).await;
            let answer = registry.put("team/app", "v1", &image).await;
            for _ in 0..if answer.status == 201 { 20 } else { 0 } {
                observer.get(layer(&image), 200).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            answer
        };
        let delete = registry.request("DELETE", layer(&image)).send();
        let (pushed, deleted) = join(push, delete).await;
        taken += u32::from(pushed.status == 201);
        check(&observer, &image, &pushed, &deleted).await;
    }
    assert!((1..200).contains(&taken), "all rounds ended alike");
}

#[tokio::test(start_paused = true)]
async fn deletion_meets_pushes_on_a_table_with_conflicts() {
    for round in 0..20 {
        let store = Store::new();
        let hold = Duration::from_millis(round);
        let table = std::sync::Arc::new(ConflictingTable::new(store.table.clone(), hold));
        let registry = TestRegistry::on(&store).table(table).build();
        let shared = bytes::Bytes::from("shared");
        let images: Vec<_> = (0..4).map(|n| image_of(n, std::slice::from_ref(&shared))).collect();
        registry.create("team/app").await.unwrap();
        for image in &images {
            registry.push_blobs("team/app", image).await;
        }
        let pushes = images.iter().enumerate().map(async |(n, image)| {
            tokio::time::sleep(Duration::from_millis(n as u64 * 2)).await;
            registry.put("team/app", &format!("v{n}"), image).await
        });
        let delete = registry.request("DELETE", layer(&images[0])).send();
        let (answers, deleted) = join(join_all(pushes), delete).await;
        for (image, answer) in images.iter().zip(&answers) {
            check(&registry, image, answer, &deleted).await;
        }
    }
}

/// A blob is deleted, uploaded and mounted at once: what was answered last holds.
#[tokio::test(start_paused = true)]
async fn deletion_meets_an_upload() {
    for seed in 0..60 {
        let store = Store::new();
        let image = image(1);
        let observer = TestRegistry::on(&store).build();
        observer.push_blobs("team/app", &image).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        let upload = async {
            registry.push_blob("team/app", &image.blobs[1]).await;
            registry.put("team/app", "v1", &image).await
        };
        let delete = registry.request("DELETE", layer(&image)).send();
        let (pushed, deleted) = join(upload, delete).await;
        check(&observer, &image, &pushed, &deleted).await;
    }
}

/// A deletion that stops half-way, for any reason, takes nothing away from an image.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_half_way_hides_nothing_in_use() {
    let mut cut_short = 0;
    for (calls, delay) in (0..6).flat_map(|calls| (0..20).map(move |delay| (calls, delay * 10))) {
        let store = Store::new();
        let image = image(1);
        let registry = TestRegistry::on(&store).build();
        registry.push_blobs("team/app", &image).await;
        let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
        let wandering = WanderingTable::new(table.clone(), delay);
        let failing = TestRegistry::on(&store).table(wandering).build();
        table.fail_after(calls, Fails::Before, StoreErrorKind::Unavailable);
        let push = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            registry.put("team/app", "v1", &image).await
        };
        let delete = failing.request("DELETE", layer(&image)).send();
        let (pushed, deleted) = join(push, delete).await;
        if pushed.status == 201 {
            cut_short += u32::from(deleted.status == 503);
            registry.pull("team/app", &image).await;
        }
        store.check().await;
    }
    assert!(cut_short > 50, "few deletions failed beside a push: {cut_short}");
}
