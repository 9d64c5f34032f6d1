//! Bodies that are longer than one request carries.

use std::sync::Arc;

use berth_contract::CountingObjects;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use futures_util::{Stream, stream};

use crate::harness::{Answer, Store, TestRegistry, bytes, digest};

const UPLOADS: &str = "/v2/team/app/blobs/uploads/";
const MOST: usize = 100_000;

fn registry() -> TestRegistry {
    TestRegistry::on(&Store::new()).largest_body(MOST as u64).build()
}

/// Expects an answer that names the limit and the remedies.
#[track_caller]
fn tells_the_remedy(answer: &Answer) {
    answer.has_code("SIZE_INVALID");
    let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    for part in ["100000 bytes", "chunks", "upload host", "docs/deploying.md"] {
        assert!(message.contains(part), "`{message}` does not name `{part}`");
    }
}

/// Cuts bytes into pieces, and keeps quiet about how many there are.
fn pieces(blob: &Bytes) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    let blob = blob.clone();
    stream::iter((0..blob.len()).step_by(30_000).map(move |start| {
        let end = blob.len().min(start + 30_000);
        Ok(blob.slice(start..end))
    }))
}

#[tokio::test]
async fn an_upload_goes_on_in_smaller_chunks() {
    let registry = registry();
    let blob = bytes(1, 2 * MOST + 1);
    let path = registry.begin("team/app").await;
    let first = blob.slice(..MOST);
    registry.request("PATCH", &path).bytes(first).expect(202).await;
    let rest = blob.slice(MOST..);
    let end = format!("{path}?digest={}", digest(&blob));
    for (method, path) in [("PATCH", &path), ("PUT", &end)] {
        let announced = registry.request(method, path).bytes(rest.clone()).expect(413).await;
        tells_the_remedy(&announced);
        let streamed = registry.request(method, path).pieces(pieces(&rest)).expect(413).await;
        tells_the_remedy(&streamed);
        let status = registry.get(path.split('?').next().unwrap(), 204).await;
        assert_eq!(status.header("range"), "0-99999", "the upload is as it was");
    }
    registry.request("PATCH", &path).pieces(pieces(&rest.slice(..MOST))).expect(202).await;
    registry.request("PUT", &end).bytes(rest.slice(MOST..)).expect(201).await;
    let stored = registry.get(format!("/v2/team/app/blobs/{}", digest(&blob)), 200).await;
    assert_eq!(stored.body, blob);
    registry.store.check().await;
}

#[tokio::test]
async fn a_whole_blob_that_is_too_long_leaves_nothing() {
    let registry = registry();
    let blob = bytes(1, MOST + 1);
    let post = format!("{UPLOADS}?digest={}", digest(&blob));
    tells_the_remedy(&registry.request("POST", &post).bytes(blob.clone()).expect(413).await);
    tells_the_remedy(&registry.request("POST", &post).pieces(pieces(&blob)).expect(413).await);
    let put = format!("{}?digest={}", registry.begin("team/app").await, digest(&blob));
    tells_the_remedy(&registry.request("PUT", &put).pieces(pieces(&blob)).expect(413).await);
    assert!(registry.store.files("objects").is_empty());
    registry.get(format!("/v2/team/app/blobs/{}", digest(&blob)), 404).await;
    registry.store.check().await;

    let fits = blob.slice(..MOST);
    registry.push_blob("team/app", &fits).await;
    registry
        .request("PUT", put.replace(&digest(&blob), &digest(&fits)))
        .bytes(fits)
        .expect(201)
        .await;
    registry.store.check().await;
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_awaited() {
    let registry = registry();
    let path = registry.begin("team/app").await;
    let call = registry.request("PATCH", &path).header("content-length", (MOST + 1).to_string());
    let unread = stream::poll_fn(|_| panic!("the body is read"));
    tells_the_remedy(&call.pieces(unread).expect(413).await);
    assert_eq!(registry.get(&path, 204).await.header("range"), "0-0");
}

#[tokio::test]
async fn bytes_that_wait_for_a_part_go_on_waiting() {
    let store = Store::new();
    let smallest = MOST as u64 * 3 / 2;
    let objects = CountingObjects::with_smallest_part(store.objects.clone(), smallest);
    let registry = TestRegistry::on(&store).objects(Arc::new(objects)).largest_body(MOST as u64);
    let registry = registry.build();
    let blob = bytes(1, 3 * MOST);
    let path = registry.begin("team/app").await;
    let end = format!("{path}?digest={}", digest(&blob));
    for (n, start) in (0..blob.len()).step_by(MOST).enumerate() {
        let too_much = bytes(2, MOST + 1);
        for (method, path) in [("PATCH", &path), ("PUT", &end)] {
            let call = registry.request(method, path).pieces(pieces(&too_much));
            tells_the_remedy(&call.expect(413).await);
        }
        let chunk = blob.slice(start..start + MOST);
        let answer = registry.request("PATCH", &path).pieces(pieces(&chunk)).expect(202).await;
        assert_eq!(answer.header("range"), format!("0-{}", (n + 1) * MOST - 1));
    }
    registry.request("PUT", &end).expect(201).await;
    let stored = registry.get(format!("/v2/team/app/blobs/{}", digest(&blob)), 200).await;
    assert!(stored.body == blob, "the blob has other bytes");
    store.check().await;
}

#[tokio::test]
async fn strangers_are_not_told() {
    let registry = TestRegistry::on(&Store::new()).largest_body(MOST as u64).with_login().build();
    let post = format!("{UPLOADS}?digest={}", digest(b"x"));
    registry.request("POST", post).bytes(bytes(1, MOST + 1)).expect(401).await;
}
