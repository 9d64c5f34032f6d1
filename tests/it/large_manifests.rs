//! Manifests of many bytes, many layers and many children.

use berth_types::media_types::OCI_MANIFEST;
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Manifest, TestRegistry, image, image_of, index_of};

const MEBIBYTE: usize = 1024 * 1024;

/// Returns an image whose manifest has `length` bytes.
fn image_of_length(seed: u32, length: usize) -> Manifest {
    let annotated =
        |filler: usize| image(seed).with("annotations", json!({ "filler": "x".repeat(filler) }));
    let image = annotated(length - annotated(0).bytes.len());
    assert_eq!(image.bytes.len(), length);
    image
}

#[tokio::test]
async fn to_four_mebibytes_are_taken() {
    let registry = TestRegistry::new();
    for (seed, length) in [(1, 256 * 1024), (2, 256 * 1024 + 1), (3, 4 * MEBIBYTE)] {
        let image = image_of_length(seed, length);
        registry.push("team/app", "v1", &image).await;
        let head = registry.head("/v2/team/app/manifests/v1", 200).await;
        assert_eq!(head.header("content-length"), length.to_string());
        assert_eq!(registry.get("/v2/team/app/manifests/v1", 200).await.body, image.bytes);
        // Once from the store, once from memory.
        registry.pull("team/app", &image).await;
        registry.pull("team/app", &image).await;
    }
    registry.store.check().await;
}

#[tokio::test]
async fn beyond_four_mebibytes_are_refused() {
    let registry = TestRegistry::new();
    registry.push_blobs("team/app", &image(1)).await;
    let image = image_of_length(1, 4 * MEBIBYTE + 1);
    let answer = registry.put("team/app", "v1", &image).await;
    assert_eq!(answer.status, 413);
    answer.has_code("SIZE_INVALID");
    let pieces: Vec<_> = image.bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok));
    let put = registry.request("PUT", "/v2/team/app/manifests/v1");
    put.header("content-type", OCI_MANIFEST).pieces(pieces).expect(413).await;
    registry.store.check().await;
}

#[tokio::test]
async fn that_are_pushed_again_or_refused_leave_no_object() {
    let registry = TestRegistry::new();
    let image = image_of_length(1, MEBIBYTE);
    for tag in ["v1", "v1", "v2"] {
        registry.push("team/app", tag, &image).await;
        registry.store.check().await;
    }
    assert_eq!(registry.put("team/app", "v3", &image_of_length(2, MEBIBYTE)).await.status, 400);
    registry.store.check().await;
    registry.remove(format!("/v2/team/app/manifests/{}", image.digest()), 202).await;
    registry.store.check().await;
}

#[tokio::test]
async fn with_many_layers() {
    let registry = TestRegistry::new();
    let layers: Vec<Bytes> = (0..250).map(|n| format!("layer {n}").into()).collect();
    let image = image_of("large", &layers);
    registry.create("team/app").await.unwrap();
    join_all(image.blobs.iter().map(|blob| registry.push_blob("team/app", blob))).await;
    registry.push("team/app", "v1", &image).await;
    registry.push("team/app", "v2", &image).await;
    registry.pull("team/app", &image).await;
    let layer = crate::harness::digest(&layers[249]);
    registry.remove(format!("/v2/team/app/blobs/{layer}"), 405).await;
    registry.store.check().await;
}

/// The transaction holds 100 operations: the limits of one that has a use item each, and of one
/// whose use items come first.
#[tokio::test]
async fn with_about_as_many_layers_as_a_transaction_holds() {
    let registry = TestRegistry::new();
    for count in 93..100_u32 {
        let layers: Vec<Bytes> = (0..count).map(|n| format!("layer {n}").into()).collect();
        let image = image_of(count, &layers);
        registry.push("team/app", "latest", &image).await;
        registry.store.check().await;
    }
}

#[tokio::test]
async fn with_many_children() {
    let registry = TestRegistry::new();
    let children: Vec<_> = (0..60).map(image).collect();
    for child in &children {
        registry.push_untagged("team/app", child).await;
    }
    let index = index_of(&children);
    registry.push("team/app", "v1", &index).await;
    registry.pull("team/app", &index).await;
    registry.remove(format!("/v2/team/app/manifests/{}", children[59].digest()), 405).await;
    registry.store.check().await;
    registry.remove(format!("/v2/team/app/manifests/{}", index.digest()), 202).await;
    registry.remove(format!("/v2/team/app/manifests/{}", children[59].digest()), 202).await;
    registry.store.check().await;
}

#[tokio::test]
async fn with_too_many_children_are_refused_clearly() {
    let registry = TestRegistry::new();
    let children: Vec<_> = (0..100).map(image).collect();
    for child in &children {
        registry.push_untagged("team/app", child).await;
    }
    let answer = registry.put("team/app", "v1", &index_of(&children)).await;
    assert_eq!(answer.status, 400);
    answer.has_code("MANIFEST_INVALID");
    let message = answer.json()["errors"][0]["message"].to_string();
    assert!(message.contains("at most 100"), "{message}");
    registry.store.check().await;
}

/// What the summary of an image keeps must fit its item.
#[tokio::test]
async fn with_a_huge_artifact_type_are_refused_clearly() {
    let registry = TestRegistry::new();
    let image = image(1).with("artifactType", "x".repeat(400 * 1024));
    registry.push_blobs("team/app", &image).await;
    let answer = registry.put("team/app", "v1", &image).await;
    assert_eq!(answer.status, 400, "{}", answer.status);
    answer.has_code("MANIFEST_INVALID");
    registry.store.check().await;
}
