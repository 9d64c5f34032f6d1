//! Uploads of blobs, one at a time.

use std::sync::Arc;

use berth_contract::CountingObjects;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use futures_util::stream;

use crate::harness::{Call, Store, TestRegistry, bytes, digest, digest512};

const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

/// Begins to send a chunk that says where it lies.
fn chunk<'a>(registry: &'a TestRegistry, path: &str, start: usize, bytes: &Bytes) -> Call<'a> {
    let range = format!("{start}-{}", start + bytes.len() - 1);
    registry.request("PATCH", path).header("content-range", range).bytes(bytes.clone())
}

fn put<'a>(registry: &'a TestRegistry, path: &str, digest: &str, rest: &Bytes) -> Call<'a> {
    registry.request("PUT", format!("{path}?digest={digest}")).bytes(rest.clone())
}

async fn is_stored(registry: &TestRegistry, digest: &str, blob: &Bytes) {
    let answer = registry.get(format!("/v2/team/app/blobs/{digest}"), 200).await;
    assert_eq!(answer.body, blob);
    assert_eq!(answer.header("docker-content-digest"), digest);
    registry.store.check().await;
}

/// Nothing is stored, nor left over.
async fn is_clean(registry: &TestRegistry, digest: &str) {
    let answer = registry.get(format!("/v2/team/app/blobs/{digest}"), 404).await;
    answer.has_code("BLOB_UNKNOWN");
    assert!(registry.store.files("objects").is_empty());
    registry.store.check().await;
}

#[tokio::test]
async fn at_once() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 3_000_000);
    let call = registry.request("POST", format!("{UPLOADS}?digest={}", digest(&blob)));
    let answer = call.bytes(blob.clone()).expect(201).await;
    assert_eq!(answer.header("location"), format!("/v2/team/app/blobs/{}", digest(&blob)));
    assert_eq!(answer.header("docker-content-digest"), digest(&blob));
    is_stored(&registry, &digest(&blob), &blob).await;
}

#[tokio::test]
async fn begun_and_put() {
    let registry = TestRegistry::new();
    let begun = registry.request("POST", UPLOADS).expect(202).await;
    let path = begun.header("location");
    assert_eq!(path, format!("{UPLOADS}{}", begun.header("docker-upload-uuid")));
    assert_eq!(begun.header("range"), "0-0");
    assert_eq!(begun.header("oci-chunk-min-length"), "1048576");
    let blob = bytes(1, 1000);
    let answer = put(&registry, path, &digest(&blob), &blob).expect(201).await;
    assert_eq!(answer.header("location"), format!("/v2/team/app/blobs/{}", digest(&blob)));
    is_stored(&registry, &digest(&blob), &blob).await;
    registry.get(path, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn in_chunks() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 2_500_000);
    for last_in_put in [0, 300_000] {
        let path = registry.begin("team/app").await;
        let end = blob.len() - last_in_put;
        let mut start = 0;
        while start < end {
            let part = blob.slice(start..end.min(start + 1_000_000));
            let answer = chunk(&registry, &path, start, &part).expect(202).await;
            start += part.len();
            assert_eq!(answer.header("range"), format!("0-{}", start - 1));
            assert_eq!(answer.header("location"), path);
            let status = registry.get(&path, 204).await;
            assert_eq!(status.header("range"), format!("0-{}", start - 1));
            assert_eq!(status.header("location"), path);
        }
        put(&registry, &path, &digest(&blob), &blob.slice(end..)).expect(201).await;
        is_stored(&registry, &digest(&blob), &blob).await;
        registry.remove(format!("/v2/team/app/blobs/{}", digest(&blob)), 202).await;
    }
}

#[tokio::test]
async fn streamed() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1_500_000);
    let pieces = |blob: &Bytes| {
        let pieces: Vec<_> = blob.chunks(10_000).map(|p| Ok(Bytes::copy_from_slice(p))).collect();
        stream::iter(pieces)
    };
    let path = registry.begin("team/app").await;
    for half in [blob.slice(..700_000), blob.slice(700_000..)] {
        registry.request("PATCH", &path).pieces(pieces(&half)).expect(202).await;
    }
    put(&registry, &path, &digest(&blob), &Bytes::new()).expect(201).await;
    is_stored(&registry, &digest(&blob), &blob).await;

    let other = bytes(2, 1_500_000);
    let path = format!("{}?digest={}", registry.begin("team/app").await, digest(&other));
    registry.request("PUT", path).pieces(pieces(&other)).expect(201).await;
    is_stored(&registry, &digest(&other), &other).await;
}

#[tokio::test]
async fn empty() {
    let registry = TestRegistry::new();
    let (blob, name) = (Bytes::new(), digest(b""));
    registry.push_blob("team/one", &blob).await;
    let path = registry.begin("team/app").await;
    put(&registry, &path, &name, &blob).expect(201).await;
    is_stored(&registry, &name, &blob).await;
    registry.remove(format!("/v2/team/app/blobs/{name}"), 202).await;
    let path = registry.begin("team/app").await;
    registry.request("PATCH", &path).bytes(blob.clone()).expect(202).await;
    put(&registry, &path, &name, &blob).expect(201).await;
    is_stored(&registry, &name, &blob).await;
    let head = registry.head(format!("/v2/team/app/blobs/{name}"), 200).await;
    assert_eq!(head.header("content-length"), "0");
}

#[tokio::test]
async fn cancelled() {
    let registry = TestRegistry::new();
    let path = registry.begin("team/app").await;
    chunk(&registry, &path, 0, &bytes(1, 100)).expect(202).await;
    registry.remove(&path, 204).await;
    registry.get(&path, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
    chunk(&registry, &path, 100, &bytes(1, 100)).expect(404).await;
    put(&registry, &path, &digest(b"x"), &Bytes::from("x")).expect(404).await;
    registry.remove(&path, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
    is_clean(&registry, &digest(b"x")).await;
}

#[tokio::test]
async fn out_of_order() {
    let registry = TestRegistry::new();
    let path = registry.begin("team/app").await;
    let early = chunk(&registry, &path, 10, &bytes(1, 10)).expect(416).await;
    assert_eq!((early.header("range"), early.header("location")), ("0-0", path.as_str()));
    chunk(&registry, &path, 0, &bytes(1, 10)).expect(202).await;
    for start in [0, 5, 11, 100] {
        let answer = chunk(&registry, &path, start, &bytes(1, 10)).expect(416).await;
        answer.has_code("BLOB_UPLOAD_INVALID");
        assert_eq!((answer.header("range"), answer.header("location")), ("0-9", path.as_str()));
    }
    let call = put(&registry, &path, &digest(b"x"), &Bytes::from("x"));
    call.header("content-range", "11-11").expect(416).await;
    put(&registry, &path, &digest(&bytes(1, 10)), &Bytes::new()).expect(201).await;
    is_stored(&registry, &digest(&bytes(1, 10)), &bytes(1, 10)).await;
}

#[tokio::test]
async fn of_another_length_than_announced() {
    let registry = TestRegistry::new();
    let path = registry.begin("team/app").await;
    chunk(&registry, &path, 0, &bytes(1, 10)).expect(202).await;
    let one = || stream::iter([Ok::<_, BodyError>(Bytes::from("x"))]);
    for (header, value) in [("content-range", "10-11"), ("content-length", "2")] {
        let call = registry.request("PATCH", &path).header(header, value).pieces(one());
        call.expect(400).await.has_code("SIZE_INVALID");
    }
    let call = registry.request("PATCH", &path).header("content-range", "10-12").bytes("x");
    call.expect(400).await.has_code("SIZE_INVALID");
    for range in ["", "x", "10", "12-10", "-5", "10-", "10-99999999999999999999"] {
        let call = registry.request("PATCH", &path).header("content-range", range).bytes("x");
        call.expect(400).await.has_code("BLOB_UPLOAD_INVALID");
    }
    let call = registry.request("PATCH", &path).header("content-length", "x").pieces(one());
    call.expect(400).await.has_code("BLOB_UPLOAD_INVALID");
    assert_eq!(registry.get(&path, 204).await.header("range"), "0-9");
    put(&registry, &path, &digest(&bytes(1, 10)), &Bytes::new()).expect(201).await;
    is_stored(&registry, &digest(&bytes(1, 10)), &bytes(1, 10)).await;
    let call = registry.request("POST", format!("{UPLOADS}?digest={}", digest(b"x")));
    let call = call.header("content-length", "2").pieces(one());
    call.expect(400).await.has_code("SIZE_INVALID");
}

#[tokio::test]
async fn of_another_digest_than_announced() {
    let registry = TestRegistry::new();
    let (wrong, blob) = (bytes(1, 2000), bytes(2, 2000));
    let name = digest(&blob);
    let post = registry.request("POST", format!("{UPLOADS}?digest={name}"));
    let answer = post.bytes(wrong.clone()).expect(400).await;
    answer.has_code("DIGEST_INVALID");
    assert_eq!(answer.error_digests(), [name.as_str()]);
    is_clean(&registry, &name).await;

    let path = registry.begin("team/app").await;
    put(&registry, &path, &name, &wrong).expect(400).await.has_code("DIGEST_INVALID");
    is_clean(&registry, &name).await;

    let path = registry.begin("team/app").await;
    chunk(&registry, &path, 0, &wrong).expect(202).await;
    put(&registry, &path, &name, &Bytes::new()).expect(400).await.has_code("DIGEST_INVALID");
    is_clean(&registry, &name).await;
    registry.get(&path, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");

    registry.push_blob("team/app", &blob).await;
    is_stored(&registry, &name, &blob).await;
}

#[tokio::test]
async fn by_sha512_announced() {
    let store = Store::new();
    let objects = Arc::new(CountingObjects::new(Arc::clone(&store.objects)));
    let registry = TestRegistry::on(&store).objects(objects.clone()).build();
    let blob = bytes(1, 2000);
    let begun = registry.request("POST", format!("{UPLOADS}?digest-algorithm=sha512"));
    let path = begun.expect(202).await.header("location").to_owned();
    chunk(&registry, &path, 0, &blob.slice(..1000)).expect(202).await;
    put(&registry, &path, &digest512(&blob), &blob.slice(1000..)).expect(201).await;
    assert_eq!(objects.take().of("read"), 0, "it was hashed while it passed");
    is_stored(&registry, &digest512(&blob), &blob).await;
    let at_once = bytes(2, 2000);
    let post = registry.request("POST", format!("{UPLOADS}?digest={}", digest512(&at_once)));
    post.bytes(at_once.clone()).expect(201).await;
    is_stored(&registry, &digest512(&at_once), &at_once).await;
    let odd = registry.request("POST", format!("{UPLOADS}?digest-algorithm=md5"));
    odd.expect(400).await.has_code("DIGEST_INVALID");
}

#[tokio::test]
async fn by_sha512_named_at_the_end() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 1_500_000);
    for (named, status) in [(digest512(b"other"), 400), (digest512(&blob), 201)] {
        let path = registry.begin("team/app").await;
        chunk(&registry, &path, 0, &blob.slice(..700_000)).expect(202).await;
        chunk(&registry, &path, 700_000, &blob.slice(700_000..1_400_000)).expect(202).await;
        put(&registry, &path, &named, &blob.slice(1_400_000..)).expect(status).await;
        match status {
            201 => is_stored(&registry, &named, &blob).await,
            _ => is_clean(&registry, &named).await,
        }
    }
}

#[tokio::test]
async fn cut_off() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 900_000);
    let path = registry.begin("team/app").await;
    chunk(&registry, &path, 0, &blob.slice(..300_000)).expect(202).await;
    for method in ["PATCH", "PUT"] {
        let gone = || Err(BodyError::CutOff("gone".to_owned()));
        let body = stream::iter([Ok(blob.slice(300_000..900_000)), gone()]);
        let call = registry.request(method, format!("{path}?digest={}", digest(&blob)));
        call.pieces(body).expect(400).await.has_code("BLOB_UPLOAD_INVALID");
        assert_eq!(registry.get(&path, 204).await.header("range"), "0-299999");
    }
    chunk(&registry, &path, 300_000, &blob.slice(300_000..)).expect(202).await;
    put(&registry, &path, &digest(&blob), &Bytes::new()).expect(201).await;
    is_stored(&registry, &digest(&blob), &blob).await;
}

#[tokio::test]
async fn without_a_digest() {
    let registry = TestRegistry::new();
    let path = registry.begin("team/app").await;
    registry.request("PUT", &path).bytes("x").expect(400).await.has_code("DIGEST_INVALID");
    for odd in ["", "x", "sha256:0", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let call = put(&registry, &path, odd, &Bytes::from("x"));
        call.expect(400).await.has_code("DIGEST_INVALID");
    }
    put(&registry, &path, &digest(b"x"), &Bytes::from("x")).expect(201).await;
}

#[tokio::test]
async fn into_repositories_that_are_not_there() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).without_create_on_push().build();
    registry.request("POST", UPLOADS).expect(404).await.has_code("NAME_UNKNOWN");
    registry.create("team/app").await.unwrap();
    let path = registry.begin("team/app").await;
    registry.create("team/other").await.unwrap();
    let elsewhere = path.replace("team/app", "team/other");
    registry.get(&elsewhere, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
    registry.get(path.replace("team/app", "team/none"), 404).await.has_code("NAME_UNKNOWN");
}
