//! Deletion of tags and of images.

use futures_util::future::{join, join_all};

use crate::harness::{Manifest, Store, TestRegistry, WanderingTable, image, image_of, index_of};

fn path(image: &Manifest) -> String {
    format!("/v2/team/app/manifests/{}", image.digest())
}

#[tokio::test]
async fn a_tag_goes_and_its_image_stays() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1?tag=v2", &image(1)).await;
    registry.remove("/v2/team/app/manifests/v1", 202).await;
    registry.get("/v2/team/app/manifests/v1", 404).await.has_code("MANIFEST_UNKNOWN");
    assert_eq!(registry.tags("team/app").await, ["v2"]);
    registry.pull("team/app", &image(1)).await;
    registry.remove("/v2/team/app/manifests/v1", 404).await.has_code("MANIFEST_UNKNOWN");
    registry.store.check().await;
}

#[tokio::test]
async fn an_image_goes_with_its_tags_referrers_and_uses() {
    let registry = TestRegistry::new();
    let (app, signature) = (image("app"), image("signature").about(&image("app")));
    registry.push("team/app", "v1?tag=v2", &app).await;
    registry.push("team/app", "v1.sig", &signature).await;
    registry.remove(path(&signature), 202).await;
    let referrers = registry.get(format!("/v2/team/app/referrers/{}", app.digest()), 200).await;
    assert_eq!(referrers.json()["manifests"], serde_json::json!([]));
    registry.remove(path(&app), 202).await;
    assert!(registry.tags("team/app").await.is_empty());
    registry.head(path(&app), 404).await;
    registry.remove(path(&app), 404).await.has_code("MANIFEST_UNKNOWN");
    for blob in &app.blobs {
        let blob = crate::harness::digest(blob);
        registry.remove(format!("/v2/team/app/blobs/{blob}"), 202).await;
    }
    registry.store.check().await;
}

#[tokio::test]
async fn a_deleted_image_can_be_pushed_again() {
    let registry = TestRegistry::new();
    for _ in 0..3 {
        registry.push("team/app", "v1", &image(1)).await;
        registry.remove(path(&image(1)), 202).await;
    }
    assert_eq!(registry.put("team/app", "v1", &image(1)).await.status, 201);
    registry.store.check().await;
}

#[tokio::test]
async fn a_child_goes_after_its_indexes() {
    let registry = TestRegistry::new();
    let (amd, arm) = (image("amd64"), image("arm64"));
    let (both, one) = (index_of([&amd, &arm, &amd]), index_of([&amd]));
    registry.push_untagged("team/app", &amd).await;
    registry.push_untagged("team/app", &arm).await;
    registry.push("team/app", "both", &both).await;
    registry.push("team/app", "one", &one).await;
    for child in [&amd, &arm] {
        let answer = registry.remove(path(child), 405).await;
        answer.has_code("UNSUPPORTED");
        assert_eq!(answer.error_digests(), [child.digest()]);
    }
    registry.remove(path(&both), 202).await;
    registry.remove(path(&arm), 202).await;
    registry.remove(path(&amd), 405).await;
    registry.remove(path(&one), 202).await;
    registry.remove(path(&amd), 202).await;
    registry.store.check().await;
}

#[tokio::test]
async fn a_refused_deletion_takes_no_tag() {
    let registry = TestRegistry::new();
    let child = image("child");
    registry.push("team/app", &many_tags(0..15), &child).await;
    registry.push("team/app", &many_tags(15..30), &child).await;
    registry.push_untagged("team/app", &index_of([&child])).await;
    registry.remove(path(&child), 405).await;
    assert_eq!(registry.tags("team/app").await.len(), 30);
    registry.store.check().await;
}

#[tokio::test]
async fn an_image_goes_with_a_hundred_tags() {
    let registry = TestRegistry::new();
    for begin in (0..100).step_by(10) {
        registry.push("team/app", &many_tags(begin..begin + 10), &image(1)).await;
    }
    registry.push("team/app", "other", &image(2)).await;
    registry.remove(path(&image(1)), 202).await;
    assert_eq!(registry.tags("team/app").await, ["other"]);
    registry.store.check().await;
}

#[tokio::test]
async fn a_large_index_goes_with_its_tags() {
    let registry = TestRegistry::new();
    let children: Vec<_> = (0..97).map(image).collect();
    join_all(children.iter().map(|child| registry.push_untagged("team/app", child))).await;
    let index = index_of(&children);
    registry.push_untagged("team/app", &index).await;
    registry.push("team/app", &many_tags(0..10), &index).await;
    registry.push("team/app", &many_tags(10..20), &index).await;
    registry.remove(path(&index), 202).await;
    registry.remove(path(&children[96]), 202).await;
    assert!(registry.tags("team/app").await.is_empty());
    registry.store.check().await;
}

#[tokio::test]
async fn an_image_of_many_layers_goes_with_its_uses() {
    let registry = TestRegistry::new();
    let layers: Vec<_> = (0..120).map(|n| format!("layer {n}").into()).collect();
    let image = image_of(1, &layers);
    registry.push("team/app", "v1", &image).await;
    registry.remove(path(&image), 202).await;
    let layer = crate::harness::digest(&layers[119]);
    registry.remove(format!("/v2/team/app/blobs/{layer}"), 202).await;
    registry.store.check().await;
}

/// A tag that is pushed while its image is deleted either goes with it, or brings it back.
#[tokio::test(start_paused = true)]
async fn tags_meet_the_deletion_of_their_image() {
    for seed in 0..60 {
        let store = Store::new();
        let registry = TestRegistry::on(&store).build();
        registry.push("team/app", "v1", &image(1)).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        let image = image(1);
        let tags = ["v2", "v3", "v1"].map(|tag| registry.put("team/app", tag, &image));
        let (answers, deleted) =
            join(join_all(tags), registry.request("DELETE", path(&image)).send()).await;
        assert_eq!(deleted.status, 202, "{deleted:?}");
        assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
        store.check().await;
    }
}

/// An index that is pushed while its child is deleted keeps it, or is refused.
#[tokio::test(start_paused = true)]
async fn an_index_meets_the_deletion_of_its_child() {
    let mut kept = 0;
    for seed in 0..60 {
        let store = Store::new();
        let registry = TestRegistry::on(&store).build();
        let child = image(1);
        registry.push_untagged("team/app", &child).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        let index = index_of([&child]);
        let delete = registry.request("DELETE", path(&child)).send();
        let (pushed, deleted) = join(registry.put("team/app", "v1", &index), delete).await;
        match (pushed.status, deleted.status) {
            (201, 405) => kept += 1,
            (400, 202) => pushed.has_code("MANIFEST_BLOB_UNKNOWN"),
            _ => panic!("{pushed:?} {deleted:?}"),
        }
        store.check().await;
    }
    assert!((1..60).contains(&kept), "all rounds ended alike");
}

fn many_tags(numbers: std::ops::Range<u32>) -> String {
    let tags: Vec<_> = numbers.map(|n| format!("v{n}")).collect();
    format!("{}?tag={}", tags[0], tags[1..].join("&tag="))
}
