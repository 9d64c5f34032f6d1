//! Bodies that are longer than one request carries.

use bytes::Bytes;
use futures_util::stream;

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
fn pieces(
    blob: &Bytes,
) -> impl futures_util::Stream<Item = Result<Bytes, berth_registry::ports::BodyError>> + Send + 'static
{
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
async fn strangers_are_not_told() {
    let registry = TestRegistry::on(&Store::new()).largest_body(MOST as u64).with_login().build();
    let post = format!("{UPLOADS}?digest={}", digest(b"x"));
    registry.request("POST", post).bytes(bytes(1, MOST + 1)).expect(401).await;
}
