//! How many calls of the table and the objects each operation costs: the table of DESIGN.md,
//! with the repository's record in the cache. The first push of a new image to a repository in five
//! minutes, through a process, costs a query more, which counts the repository's images, and so does
//! the first push that tags an image which another process made. The first pull of an image in a day, through a
//! process, costs a read and a write more, which record its time.

use std::sync::Arc;

use berth_contract::{CountingObjects, CountingTable};
use bytes::Bytes;

use crate::harness::{Call, Store, TestRegistry, digest, image};

/// A registry that counts.
struct Counted {
    registry: TestRegistry,
    table: Arc<CountingTable>,
    objects: Arc<CountingObjects>,
}

impl Counted {
    /// Starts a registry, and pushes an image.
    async fn new() -> Self {
        let store = Store::new();
        let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
        let objects = Arc::new(CountingObjects::new(Arc::clone(&store.objects)));
        let registry =
            TestRegistry::on(&store).table(table.clone()).objects(objects.clone()).build();
        registry.push("team/app", "v1", &image("first")).await;
        table.take();
        objects.take();
        Self { registry, table, objects }
    }

    fn request(&self, method: &str, path: impl AsRef<str>) -> Call<'_> {
        self.registry.request(method, path)
    }

    /// Expects these calls since the last time.
    #[track_caller]
    fn has_called(&self, table: &[&str], objects: &[&str]) {
        assert_eq!((self.table.take().names(), self.objects.take().names()), (table, objects));
    }
}

#[tokio::test]
async fn head_manifest_by_tag() {
    let counted = Counted::new().await;
    counted.request("HEAD", "/v2/team/app/manifests/v1").expect(200).await;
    counted.has_called(&["get"], &[]);
}

#[tokio::test]
async fn head_and_get_manifest_by_digest() {
    let counted = Counted::new().await;
    let path = format!("/v2/team/app/manifests/{}", image("first").digest());
    counted.request("GET", &path).expect(200).await;
    counted.has_called(&["get", "get", "transact"], &[]);
    for method in ["HEAD", "GET", "GET"] {
        counted.request(method, &path).expect(200).await;
        counted.has_called(&["get"], &[]);
    }
}

#[tokio::test]
async fn get_manifest_by_tag() {
    let counted = Counted::new().await;
    counted.request("GET", "/v2/team/app/manifests/v1").expect(200).await;
    counted.has_called(&["get", "get", "get", "transact"], &[]);
    counted.request("GET", "/v2/team/app/manifests/v1").expect(200).await;
    counted.has_called(&["get"], &[]);
}

#[tokio::test]
async fn head_and_get_blob() {
    let counted = Counted::new().await;
    let path = format!("/v2/team/app/blobs/{}", digest(&image("first").blobs[1]));
    counted.request("HEAD", &path).expect(200).await;
    counted.has_called(&["get"], &["head_url"]);
    counted.request("GET", &path).expect(200).await;
    counted.has_called(&["get"], &["download"]);
}

#[tokio::test]
async fn post_and_put_blob() {
    let counted = Counted::new().await;
    let blob = Bytes::from_static(b"a blob");
    let posted = counted.request("POST", "/v2/team/app/blobs/uploads/").expect(202).await;
    counted.has_called(&["transact"], &[]);
    let path = format!("{}?digest={}", posted.header("location"), digest(&blob));
    counted.request("PUT", path).bytes(blob).expect(201).await;
    counted.has_called(&["batch_get", "transact"], &["put"]);
}

#[tokio::test]
async fn post_blob_at_once() {
    let counted = Counted::new().await;
    counted.registry.push_blob("team/app", &Bytes::from_static(b"a blob")).await;
    counted.has_called(&["batch_get", "transact"], &["put"]);
}

#[tokio::test]
async fn put_manifest() {
    let counted = Counted::new().await;
    let second = image("second");
    counted.registry.push_blobs("team/app", &second).await;
    counted.table.take();
    counted.objects.take();
    for reference in ["v2", "v1"] {
        assert_eq!(counted.registry.put("team/app", reference, &second).await.status, 201);
        counted.has_called(&["batch_get", "transact", "batch_get"], &[]);
    }
    // Another process knows no counts.
    let other = TestRegistry::on(&counted.registry.store).shared().table(counted.table.clone());
    let (other, third) = (other.build(), image("third"));
    other.push_blobs("team/app", &third).await;
    counted.table.take();
    counted.objects.take();
    for (reference, image) in [("v3", &third), ("v4", &second)] {
        assert_eq!(other.put("team/app", reference, image).await.status, 201);
        counted.has_called(&["batch_get", "query", "transact", "batch_get"], &[]);
        assert_eq!(other.put("team/app", "again", image).await.status, 201);
        counted.has_called(&["batch_get", "transact", "batch_get"], &[]);
    }
}
