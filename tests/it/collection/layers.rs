//! Layers: those that images use stay, and all others go step by step.

use std::sync::Arc;

use berth_registry::WhenNotEmpty;
use serde_json::json;

use super::{ALMOST_A_DAY, DAYS, HOUR};
use crate::harness::{
    DAY, Manifest, MeddledTable, Meddler, TestRegistry, bytes, digest, image, image_of, index_of,
};

fn layer(image: &Manifest) -> String {
    format!("/v2/team/app/blobs/{}", digest(&image.blobs[1]))
}

#[tokio::test]
async fn a_layer_that_no_image_uses_goes_step_by_step() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    let image = image(1);
    registry.push_blobs("team/app", &image).await;

    // Seen to be unused, and for a day nothing else.
    store.collect().await;
    store.clock.advance(ALMOST_A_DAY);
    store.collect().await;
    registry.head(layer(&image), 200).await;

    // Condemned: it is not offered, but served.
    store.clock.advance(HOUR);
    store.collect().await;
    registry.head(layer(&image), 404).await;
    registry.get(layer(&image), 200).await;
    store.clock.advance(ALMOST_A_DAY);
    store.collect().await;
    registry.get(layer(&image), 200).await;

    // Taken away, and its object a day later.
    store.clock.advance(HOUR);
    store.collect().await;
    registry.get(layer(&image), 404).await.has_code("BLOB_UNKNOWN");
    assert_eq!(store.files("objects").len(), 2);
    store.clock.advance(DAY);
    store.collect().await;
    assert!(store.files("objects").is_empty());
    store.check().await;
}

#[tokio::test]
async fn what_images_use_stays() {
    let registry = TestRegistry::new();
    let (store, shared) = (&registry.store, bytes(1, 100));
    let images =
        [image_of(1, std::slice::from_ref(&shared)), image_of(2, &[shared.clone(), bytes(2, 100)])];
    let index = index_of(&images);
    for image in &images {
        registry.push_untagged("team/app", image).await;
    }
    registry.push("team/app", "latest", &index).await;
    store.collect_for_days(DAYS + 2).await;
    for image in &images {
        registry.pull("team/app", image).await;
    }
    registry.pull("team/app", &index).await;

    // The layer that both use outlives one of them.
    registry.remove(format!("/v2/team/app/manifests/{}", index.digest()), 202).await;
    registry.remove(format!("/v2/team/app/manifests/{}", images[1].digest()), 202).await;
    store.collect_for_days(DAYS).await;
    registry.pull("team/app", &images[0]).await;
    assert_eq!(store.files("objects").len(), 2);
    store.check().await;
}

#[tokio::test]
async fn whoever_needs_a_condemned_layer_takes_it_back() {
    for way in ["push", "upload", "chunks", "mount", "manifest of others"] {
        let registry = TestRegistry::new();
        let (store, image) = (&registry.store, image(1));
        registry.push_blobs("team/app", &image).await;
        registry.push_untagged("team/other", &image).await;
        store.collect_for_days(1).await;
        registry.head(layer(&image), 404).await;
        match way {
            "push" => {
                assert_eq!(registry.put("team/app", "v1", &image).await.status, 201);
            }
            "manifest of others" => {
                let other = image_of(2, &image.blobs[1..]);
                registry.push("team/app", "v2", &other).await;
            }
            "upload" => drop(registry.push_blob("team/app", &image.blobs[1]).await),
            "chunks" => {
                let upload = registry.begin("team/app").await;
                let upload = registry.request("PATCH", upload).bytes(image.blobs[1].clone());
                let upload = upload.expect(202).await.header("location").to_owned();
                let end = format!("{upload}?digest={}", digest(&image.blobs[1]));
                registry.request("PUT", end).expect(201).await;
            }
            _ => {
                let digest = digest(&image.blobs[1]);
                let mount = format!("mount={digest}&from=team/other");
                let path = format!("/v2/team/app/blobs/uploads/?{mount}");
                registry.request("POST", path).expect(201).await;
            }
        }
        registry.head(layer(&image), 200).await;
        store.clock.advance(DAY);
        store.collect().await;
        registry.head(layer(&image), 200).await;
        registry.get(layer(&image), 200).await;
        store.check_but_leftovers(false).await;
    }
}

#[tokio::test]
async fn a_condemned_layer_is_mounted_nowhere_else() {
    let registry = TestRegistry::new();
    let (store, image) = (&registry.store, image(1));
    registry.push_blobs("team/app", &image).await;
    let path =
        |more: &str| format!("/v2/team/new/blobs/uploads/?mount={}{more}", digest(&image.blobs[1]));
    store.collect_for_days(1).await;
    for from in ["", "&from=team/app"] {
        registry.request("POST", path(from)).expect(202).await;
    }
    // One who has it still lends it.
    registry.push_untagged("team/other", &image).await;
    registry.request("POST", path("")).expect(201).await;
    store.collect_for_days(DAYS).await;
    registry.pull("team/other", &image).await;
    store.check().await;
}

#[tokio::test]
async fn an_object_stays_as_long_as_any_repository_links_it() {
    let registry = TestRegistry::new();
    let (store, image) = (&registry.store, image(1));
    registry.push_untagged("team/app", &image).await;
    registry.create("team/fork").await.unwrap();
    for blob in &image.blobs {
        let mount = format!("mount={}&from=team/app", digest(blob));
        let path = format!("/v2/team/fork/blobs/uploads/?{mount}");
        registry.request("POST", path).expect(201).await;
    }
    assert_eq!(registry.put("team/fork", "v1", &image).await.status, 201);
    registry.delete("team/app", WhenNotEmpty::Force).await.unwrap();
    store.collect_for_days(DAYS).await;
    registry.pull("team/fork", &image).await;
    store.check().await;

    registry.remove(format!("/v2/team/fork/manifests/{}", image.digest()), 202).await;
    store.collect_for_days(DAYS).await;
    assert!(store.files("objects").is_empty());
    store.check().await;
}

#[tokio::test]
async fn what_a_client_deleted_goes() {
    let registry = TestRegistry::new();
    let (store, image) = (&registry.store, image(1));
    registry.push_blobs("team/app", &image).await;
    registry.remove(layer(&image), 202).await;
    store.collect_for_days(2).await;
    assert_eq!(store.files("objects").len(), 1, "the layer is gone, the config unused");
    store.collect_for_days(DAYS - 2).await;
    assert!(store.files("objects").is_empty());
    store.check().await;
}

/// Clients need not push a non-distributable layer; one that was pushed is part of its image.
#[tokio::test]
async fn a_nondistributable_layer_stays_where_it_is() {
    let registry = TestRegistry::new();
    let (store, layers) = (&registry.store, [bytes(1, 100), bytes(2, 100)]);
    let described = |kind: &str, layer: &_| {
        let media_type = format!("application/vnd.oci.image.layer.{kind}");
        json!({ "mediaType": media_type, "digest": digest(layer), "size": 100 })
    };
    let described =
        [described("v1.tar", &layers[0]), described("nondistributable.v1.tar", &layers[1])];
    let image = image_of(1, &layers).with("layers", described.to_vec());
    registry.push("team/app", "v1", &image).await;
    let mut lacking = image.clone();
    lacking.blobs.pop();
    registry.push("team/other", "v1", &lacking).await;
    store.collect_for_days(DAYS).await;
    registry.pull("team/app", &image).await;
    let layer = format!("blobs/{}", digest(&layers[1]));
    registry.get(format!("/v2/team/other/{layer}"), 404).await;
    registry.remove(format!("/v2/team/app/{layer}"), 405).await;
    store.check().await;

    registry.remove(format!("/v2/team/app/manifests/{}", image.digest()), 202).await;
    store.collect_for_days(DAYS).await;
    registry.get(format!("/v2/team/app/{layer}"), 404).await;
    store.check().await;
}

/// A push that takes longer than all grace periods is told that its layers are gone.
#[tokio::test]
async fn a_push_that_was_too_slow_is_refused() {
    let registry = TestRegistry::new();
    let (store, image) = (registry.store.clone(), image(1));
    registry.push_blobs("team/app", &image).await;
    // Collection is done by a task of its own, as it is not to be sent to others.
    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let meddler = Meddler::before("transact", 0, async move {
        ask.send(()).unwrap();
        told.await.unwrap();
    });
    let table = Arc::new(MeddledTable::wrap(store.table.clone(), meddler));
    let slow = TestRegistry::on(&store).table(table).build();
    let collect = async {
        asked.await.unwrap();
        store.collect_for_days(DAYS).await;
        tell.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(slow.put("team/app", "v1", &image), collect);
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.has_code("MANIFEST_BLOB_UNKNOWN");
    registry.push("team/app", "v1", &image).await;
    store.collect_for_days(DAYS).await;
    registry.pull("team/app", &image).await;
    store.check().await;
}
