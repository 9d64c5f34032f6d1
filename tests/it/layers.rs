//! Layers as ECR's API asks for them and uploads them.

use std::sync::Arc;

use berth_contract::CountingObjects;
use berth_registry::access::Action;
use berth_registry::{Chunk, FinishedUpload, LayerSummary, RegistryError};
use berth_types::{Algorithm, Digest, UploadId};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::harness::{Store, TestRegistry, bytes, digest, image, permit};

async fn begin(registry: &TestRegistry) -> UploadId {
    let permit = permit(Action::InitiateLayerUpload, "team/app");
    registry.registry.push.begin_upload(&permit, None, Algorithm::Sha256).await.unwrap()
}

async fn append(registry: &TestRegistry, upload: &UploadId, start: usize, data: Bytes) -> u64 {
    let permit = permit(Action::UploadLayerPart, "team/app");
    let (start, length) = (Some(start as u64), Some(data.len() as u64));
    let chunk = Chunk { start, length, body: stream::iter([Ok(data)]).boxed() };
    registry.registry.push.append(&permit, upload, chunk).await.unwrap()
}

async fn complete(
    registry: &TestRegistry,
    upload: &UploadId,
    digest: &str,
) -> Result<FinishedUpload, RegistryError> {
    let permit = permit(Action::CompleteLayerUpload, "team/app");
    registry.registry.push.complete_upload(&permit, upload, &digest.parse().unwrap()).await
}

/// Uploads a layer in parts, and ends the upload.
async fn upload(registry: &TestRegistry, data: &Bytes, part: usize) -> FinishedUpload {
    let upload = begin(registry).await;
    for start in (0..data.len()).step_by(part) {
        let end = (start + part).min(data.len());
        assert_eq!(append(registry, &upload, start, data.slice(start..end)).await, end as u64);
    }
    complete(registry, &upload, &digest(data)).await.unwrap()
}

#[tokio::test]
async fn parts_of_any_length_make_layers() {
    for smallest in [0, 1000] {
        let store = Store::new();
        let objects = CountingObjects::with_smallest_part(store.objects.clone(), smallest);
        let registry = TestRegistry::on(&store).objects(Arc::new(objects)).build();
        registry.create("team/app").await.unwrap();
        for (seed, part) in [(1, 300), (2, 1000), (3, 1700), (4, 5000)] {
            let data = bytes(seed, 4321);
            assert_eq!(upload(&registry, &data, part).await, FinishedUpload::Made);
            assert_eq!(upload(&registry, &data, part).await, FinishedUpload::Known);
            let path = format!("/v2/team/app/blobs/{}", digest(&data));
            assert_eq!(registry.get(path, 200).await.body, data);
        }
        store.check().await;
    }
}

#[tokio::test]
async fn an_upload_without_bytes_is_no_layer() {
    let registry = TestRegistry::new();
    registry.create("team/app").await.unwrap();
    let upload = begin(&registry).await;
    let refused = complete(&registry, &upload, &digest(b"")).await;
    assert!(matches!(refused, Err(RegistryError::UploadEmpty(_))), "{refused:?}");
    append(&registry, &upload, 0, Bytes::from_static(b"more")).await;
    assert_eq!(complete(&registry, &upload, &digest(b"more")).await.unwrap(), FinishedUpload::Made);
    registry.store.check().await;
}

#[tokio::test]
async fn layers_are_known_by_what_their_images_say() {
    let registry = TestRegistry::new();
    let image = image("known");
    registry.push_blobs("team/app", &image).await;
    let mut digests: Vec<Digest> =
        image.blobs.iter().map(|blob| digest(blob).parse().unwrap()).collect();
    digests.push(digest(b"unknown").parse().unwrap());
    let find = async || {
        let permit = permit(Action::BatchCheckLayerAvailability, "team/app");
        registry.registry.pull.layers(&permit, &digests).await.unwrap()
    };
    let summary = |blob: &Bytes, kind: Option<&str>| {
        let media_type = kind.map(|kind| kind.parse().unwrap());
        Some(LayerSummary { size: blob.len() as u64, is_at_hand: true, media_type })
    };
    let [config, layer] = image.blobs.as_slice() else { panic!("an image of two blobs") };
    assert_eq!(find().await, [summary(config, None), summary(layer, None), None]);
    registry.put("team/app", "v1", &image).await;
    let kinds =
        ["application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar"];
    let [config, layer] = [summary(config, Some(kinds[0])), summary(layer, Some(kinds[1]))];
    assert_eq!(find().await, [config, layer, None]);
    let path = format!("/v2/team/app/manifests/{}", image.digest());
    registry.request("DELETE", path).expect(202).await;
    assert!(find().await[1].as_ref().is_some_and(|layer| layer.media_type.is_none()));
}
