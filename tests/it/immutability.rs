//! Tags that may not move.

use berth_types::TagMutabilitySetting::{
    Immutable, ImmutableWithExclusion, Mutable, MutableWithExclusion,
};
use futures_util::future::join_all;

use crate::harness::{Store, TestRegistry, WanderingTable, image, index_of};

/// Pushes two images to a tag, and expects the tag to move or not to.
async fn check(registry: &TestRegistry, repository: &str, tag: &str, moves: bool) {
    let (first, second) = (image(format!("{tag} 1")), image(format!("{tag} 2")));
    registry.push(repository, tag, &first).await;
    registry.push_blobs(repository, &second).await;
    let answer = registry.put(repository, tag, &second).await;
    if moves {
        assert_eq!(answer.status, 201, "{tag}: {answer:?}");
    } else {
        assert_eq!(answer.status, 400, "{tag}: {answer:?}");
        answer.has_code("TAG_INVALID");
    }
    let expected = if moves { second } else { first };
    let path = format!("/v2/{repository}/manifests/{tag}");
    let tagged = registry.get(path, 200).await;
    assert_eq!(tagged.header("docker-content-digest"), expected.digest());
    // The image that a tag has may be pushed to it again.
    registry.push(repository, tag, &expected).await;
    registry.store.check().await;
}

#[tokio::test]
async fn mutable_tags_move() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", Mutable, &[]).await;
    check(&registry, "team/app", "latest", true).await;
}

#[tokio::test]
async fn immutable_tags_stay() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", Immutable, &[]).await;
    check(&registry, "team/app", "latest", false).await;
}

#[tokio::test]
async fn exclusions_from_immutability() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", ImmutableWithExclusion, &["dev-*", "*-rc-*"]).await;
    check(&registry, "team/app", "dev-1", true).await;
    check(&registry, "team/app", "v1-rc-2", true).await;
    check(&registry, "team/app", "v1", false).await;
    check(&registry, "team/app", "my-dev-1", false).await;
}

#[tokio::test]
async fn exclusions_from_mutability() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", MutableWithExclusion, &["v*"]).await;
    check(&registry, "team/app", "v1", false).await;
    check(&registry, "team/app", "latest", true).await;
}

#[tokio::test]
async fn a_refused_push_gives_no_other_tag() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", Immutable, &[]).await;
    registry.push("team/app", "v1", &image(1)).await;
    registry.push_blobs("team/app", &image(2)).await;
    let answer = registry.put("team/app", "v2?tag=v3&tag=v1", &image(2)).await;
    assert_eq!(answer.status, 400);
    answer.has_code("TAG_INVALID");
    assert_eq!(registry.tags("team/app").await, ["v1"]);
    let path = format!("/v2/team/app/manifests/{}", image(2).digest());
    registry.get(path, 404).await;
    registry.store.check().await;
}

#[tokio::test]
async fn a_deleted_tag_can_be_given_anew() {
    let registry = TestRegistry::new();
    registry.create_mutable("team/app", Immutable, &[]).await;
    registry.push("team/app", "v1", &image(1)).await;
    registry.remove("/v2/team/app/manifests/v1", 202).await;
    registry.push("team/app", "v1", &image(2)).await;
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn one_of_a_hundred_pushes_to_an_immutable_tag_wins() {
    for seed in 0..3 {
        let store = Store::new();
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        registry.create_mutable("team/app", Immutable, &[]).await;
        let children = [image("amd64"), image("arm64")];
        for child in &children {
            registry.push_untagged("team/app", child).await;
        }
        let images: Vec<_> =
            (0..100).map(|n| index_of(&children).with("annotations", annotation(n))).collect();
        let pushes = images.iter().map(|image| registry.put("team/app", "v1", image));
        let answers = join_all(pushes).await;
        let winners: Vec<_> =
            images.iter().zip(&answers).filter(|(_, answer)| answer.status == 201).collect();
        let [(winner, _)] = winners.as_slice() else {
            panic!("{} pushes won", winners.len());
        };
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(answer.status, 400, "{answer:?}");
            answer.has_code("TAG_INVALID");
        }
        let tagged = registry.get("/v2/team/app/manifests/v1", 200).await;
        assert_eq!(tagged.body, winner.bytes);
        store.check().await;
    }
}

fn annotation(number: u32) -> serde_json::Value {
    serde_json::json!({ "number": number.to_string() })
}
