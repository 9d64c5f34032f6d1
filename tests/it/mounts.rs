//! Blobs linked from one repository into another.

use bytes::Bytes;

use crate::harness::{KEY_ID, SECRET, Store, TestRegistry, WanderingTable, bytes, digest};

fn mount(repository: &str, blob: &Bytes, from: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/?mount={}{from}", digest(blob))
}

/// Mounts, and expects the repository to have the blob then, in the same object.
async fn mounts(registry: &TestRegistry, repository: &str, blob: &Bytes, from: &str) {
    let answer = registry.request("POST", mount(repository, blob, from)).expect(201).await;
    let path = format!("/v2/{repository}/blobs/{}", digest(blob));
    assert_eq!(answer.header("location"), path);
    assert_eq!(answer.header("docker-content-digest"), digest(blob));
    assert_eq!(registry.get(path, 200).await.body, blob);
    assert_eq!(registry.store.files("objects").len(), 1, "a mounted blob has one object");
    registry.store.check().await;
}

/// Tries to mount, and expects an upload instead, which takes the blob.
async fn begins(registry: &TestRegistry, repository: &str, blob: &Bytes, from: &str) {
    let answer = registry.request("POST", mount(repository, blob, from)).expect(202).await;
    let path = format!("{}?digest={}", answer.header("location"), digest(blob));
    assert!(path.starts_with(&format!("/v2/{repository}/blobs/uploads/")), "{path}");
    registry.head(format!("/v2/{repository}/blobs/{}", digest(blob)), 404).await;
    registry.request("PUT", path).bytes(blob.clone()).expect(201).await;
    registry.store.check().await;
}

#[tokio::test]
async fn from_a_named_repository() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1000);
    registry.push_blob("team/base", &blob).await;
    mounts(&registry, "team/app", &blob, "&from=team/base").await;
    // The source may go.
    registry.remove(format!("/v2/team/base/blobs/{}", digest(&blob)), 202).await;
    registry.get(format!("/v2/team/app/blobs/{}", digest(&blob)), 200).await;
}

#[tokio::test]
async fn from_any_repository() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1000);
    registry.push_blob("team/base", &blob).await;
    mounts(&registry, "team/app", &blob, "").await;
    mounts(&registry, "team/other", &blob, "&from=").await;
}

#[tokio::test]
async fn from_the_repository_itself() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1000);
    registry.push_blob("team/app", &blob).await;
    mounts(&registry, "team/app", &blob, "&from=team/app").await;
    mounts(&registry, "team/app", &blob, "").await;
}

#[tokio::test]
async fn from_a_repository_that_lacks_it() {
    let registry = TestRegistry::new();
    registry.push_blob("team/base", &bytes(1, 1000)).await;
    for (seed, from) in [(2, "team/base"), (3, "team/none"), (4, "no/NAME"), (5, "team/app")] {
        begins(&registry, "team/app", &bytes(seed, 1000), &format!("&from={from}")).await;
    }
    begins(&registry, "team/app", &bytes(6, 1000), "").await;
}

#[tokio::test]
async fn a_deleted_blob_is_mounted_from_nowhere() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1000);
    registry.push_blob("team/base", &blob).await;
    registry.remove(format!("/v2/team/base/blobs/{}", digest(&blob)), 202).await;
    begins(&registry, "team/app", &blob, "&from=team/base").await;
    begins(&registry, "team/base", &blob, "&from=team/base").await;
}

#[tokio::test]
async fn a_deleted_blob_is_mounted_back() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1000);
    registry.push_blob("team/base", &blob).await;
    mounts(&registry, "team/app", &blob, "&from=team/base").await;
    registry.remove(format!("/v2/team/app/blobs/{}", digest(&blob)), 202).await;
    mounts(&registry, "team/app", &blob, "&from=team/base").await;
}

#[tokio::test]
async fn an_odd_digest_is_refused() {
    let registry = TestRegistry::new();
    let answer = registry.request("POST", "/v2/team/app/blobs/uploads/?mount=sha256:0&from=a/b");
    answer.expect(400).await.has_code("DIGEST_INVALID");
}

/// A client's token names the repository that it pushes to; what it may mount is what its owner
/// may read.
#[tokio::test]
async fn by_a_scoped_token() {
    let store = Store::new();
    let blob = bytes(1, 1000);
    TestRegistry::on(&store).build().push_blob("team/base", &blob).await;
    let registry = TestRegistry::on(&store).with_login().build();
    for (repository, from) in [("team/app", "&from=team/base"), ("team/other", "")] {
        let path = format!("/token?scope=repository:{repository}:pull,push");
        let answer = registry.request("GET", path).basic(KEY_ID, SECRET).expect(200).await.json();
        let token = answer["token"].as_str().unwrap();
        let post = registry.request("POST", mount(repository, &blob, from)).bearer(token);
        post.expect(201).await;
        let post = registry.request("POST", mount("team/third", &blob, from)).bearer(token);
        post.expect(401).await;
    }
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn mounts_meet_each_other_and_an_upload() {
    let blob = bytes(1, 1000);
    for seed in 0..30 {
        let store = Store::new();
        TestRegistry::on(&store).build().push_blob("team/base", &blob).await;
        let table = WanderingTable::new(store.table.clone(), seed);
        let registry = TestRegistry::on(&store).table(table).build();
        registry.create("team/app").await.unwrap();
        let mount = || registry.request("POST", mount("team/app", &blob, "")).send();
        let upload = registry.push_blob("team/app", &blob);
        let (first, second, _) = tokio::join!(mount(), mount(), upload);
        for answer in [first, second] {
            assert!([201, 202].contains(&answer.status), "{answer:?}");
        }
        assert!((1..=2).contains(&store.files("objects").len()));
        store.check().await;
    }
}
