//! Uploads into a store that has a smallest part, as S3 has: what is shorter waits for more.

use std::sync::Arc;

use berth_contract::CountingObjects;
use bytes::Bytes;
use futures_util::stream;

use crate::harness::{Answer, Store, TestRegistry, bytes, digest, digest512};

const SMALLEST_PART: usize = 1000;

/// A registry whose store's parts have 1,000 bytes at least.
struct Staging {
    registry: TestRegistry,
    objects: Arc<CountingObjects>,
}

/// An upload that a test sends chunk by chunk.
struct Upload<'a> {
    staging: &'a Staging,
    path: String,
    blob: Bytes,
    sent: usize,
}

impl Staging {
    async fn new() -> Self {
        let store = Store::new();
        let smallest = SMALLEST_PART as u64;
        let objects =
            Arc::new(CountingObjects::with_smallest_part(store.objects.clone(), smallest));
        let registry = TestRegistry::on(&store).objects(objects.clone()).build();
        registry.create("team/app").await.unwrap();
        Self { registry, objects }
    }

    async fn begin(&self, blob: Bytes) -> Upload<'_> {
        let path = self.registry.begin("team/app").await;
        self.objects.take();
        Upload { staging: self, path, blob, sent: 0 }
    }

    #[track_caller]
    fn has_called(&self, calls: &[&str]) {
        assert_eq!(self.objects.take().names(), calls);
    }

    async fn is_stored(&self, blob: &Bytes) {
        let answer = self.registry.get(format!("/v2/team/app/blobs/{}", digest(blob)), 200).await;
        assert!(answer.body == blob, "the blob has other bytes");
        self.registry.store.check().await;
    }

    /// Nothing is stored, nor left over.
    async fn is_clean(&self) {
        assert!(self.registry.store.files("objects").is_empty());
        self.registry.store.check().await;
    }
}

impl Upload<'_> {
    /// Sends the next `length` bytes, whose length is announced.
    async fn chunk(&mut self, length: usize) {
        let chunk = self.next(length);
        let call = self.staging.registry.request("PATCH", &self.path).bytes(chunk);
        self.advanced(&call.expect(202).await);
    }

    /// Sends the next `length` bytes in pieces, whose length is not announced.
    async fn pieces(&mut self, length: usize) {
        let pieces: Vec<_> =
            self.next(length).chunks(300).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let call = self.staging.registry.request("PATCH", &self.path);
        self.advanced(&call.pieces(stream::iter(pieces)).expect(202).await);
    }

    /// Sends the rest, and ends the upload.
    async fn end(mut self, status: u16) {
        let path = format!("{}?digest={}", self.path, digest(&self.blob));
        let rest = self.next(self.blob.len() - self.sent);
        self.staging.registry.request("PUT", path).bytes(rest).expect(status).await;
    }

    fn next(&mut self, length: usize) -> Bytes {
        let chunk = self.blob.slice(self.sent..self.sent + length);
        self.sent += length;
        chunk
    }

    fn advanced(&self, answer: &Answer) {
        assert_eq!(answer.header("range"), format!("0-{}", self.sent.saturating_sub(1)));
    }
}

#[tokio::test]
async fn short_chunks_become_one_object() {
    let staging = Staging::new().await;
    let blob = bytes(1, 900);
    let mut upload = staging.begin(blob.clone()).await;
    upload.chunk(300).await;
    staging.has_called(&["put"]);
    upload.chunk(300).await;
    staging.has_called(&["read", "put", "delete"]);
    upload.end(201).await;
    staging.has_called(&["read", "put", "delete"]);
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn short_chunks_are_merged_into_parts() {
    let staging = Staging::new().await;
    let blob = bytes(1, 3100);
    let mut upload = staging.begin(blob.clone()).await;
    upload.chunk(800).await;
    staging.has_called(&["put"]);
    upload.chunk(800).await;
    staging.has_called(&["begin_multipart", "read", "put_parts", "delete"]);
    upload.chunk(800).await;
    staging.has_called(&["put"]);
    upload.end(201).await;
    staging.has_called(&["read", "put_parts", "delete", "complete_multipart"]);
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn long_chunks_are_parts_at_once() {
    let staging = Staging::new().await;
    let blob = bytes(1, 3000);
    let mut upload = staging.begin(blob.clone()).await;
    upload.chunk(1500).await;
    staging.has_called(&["begin_multipart", "put_parts"]);
    upload.pieces(1500).await;
    staging.has_called(&["put_parts"]);
    upload.end(201).await;
    staging.has_called(&["complete_multipart"]);
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn pieces_of_unknown_length() {
    let staging = Staging::new().await;
    let blob = bytes(1, 2500);
    let mut upload = staging.begin(blob.clone()).await;
    upload.pieces(700).await;
    staging.has_called(&["put"]);
    upload.pieces(1800).await;
    staging.has_called(&["read", "begin_multipart", "put_parts", "delete"]);
    upload.end(201).await;
    staging.has_called(&["complete_multipart"]);
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn empty_chunks_change_nothing() {
    let staging = Staging::new().await;
    let blob = bytes(1, 1300);
    let mut upload = staging.begin(blob.clone()).await;
    upload.chunk(0).await;
    staging.has_called(&[]);
    upload.chunk(300).await;
    upload.chunk(0).await;
    upload.pieces(0).await;
    upload.chunk(1000).await;
    upload.chunk(0).await;
    upload.end(201).await;
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn the_tail_is_the_last_part() {
    let staging = Staging::new().await;
    let blob = bytes(1, 1300);
    let mut upload = staging.begin(blob.clone()).await;
    upload.chunk(1000).await;
    upload.chunk(300).await;
    staging.objects.take();
    upload.end(201).await;
    staging.has_called(&["read", "put_parts", "delete", "complete_multipart"]);
    staging.is_stored(&blob).await;
}

#[tokio::test]
async fn cancelled() {
    let staging = Staging::new().await;
    for lengths in [&[300][..], &[1000, 300], &[1000]] {
        let mut upload = staging.begin(bytes(1, 5000)).await;
        for length in lengths {
            upload.chunk(*length).await;
        }
        staging.registry.remove(&upload.path, 204).await;
        staging.is_clean().await;
    }
}

#[tokio::test]
async fn a_chunk_that_fails_leaves_the_upload_as_it_was() {
    let staging = Staging::new().await;
    for before in [0, 300, 1000, 1300] {
        let blob = bytes(1, before + 900);
        let mut upload = staging.begin(blob.clone()).await;
        upload.chunk(before).await;
        for length in [100, 1200] {
            let range = format!("{before}-{}", before + length);
            let call = staging.registry.request("PATCH", &upload.path);
            let call = call.header("content-range", range);
            let short = stream::iter([Ok(bytes(9, length - 1))]);
            call.pieces(short).expect(400).await.has_code("SIZE_INVALID");
        }
        upload.chunk(400).await;
        upload.end(201).await;
        staging.is_stored(&blob).await;
        let path = format!("/v2/team/app/blobs/{}", digest(&blob));
        staging.registry.remove(path, 202).await;
    }
}

#[tokio::test]
async fn of_another_digest() {
    let staging = Staging::new().await;
    for lengths in [&[300][..], &[1000, 300]] {
        let mut upload = staging.begin(bytes(1, 5000)).await;
        for length in lengths {
            upload.chunk(*length).await;
        }
        let path = format!("{}?digest={}", upload.path, digest(b"another"));
        staging.registry.request("PUT", path).expect(400).await.has_code("DIGEST_INVALID");
        // One that has parts was given up; the other may still be ended rightly.
        staging.registry.request("DELETE", &upload.path).send().await;
        staging.is_clean().await;
    }
}

#[tokio::test]
async fn of_an_algorithm_named_at_the_end() {
    let staging = Staging::new().await;
    for lengths in [&[300][..], &[1000, 300], &[300, 300, 1500]] {
        let blob = bytes(lengths.len() as u64, 2100);
        let mut upload = staging.begin(blob.clone()).await;
        for length in lengths {
            upload.chunk(*length).await;
        }
        let path = format!("{}?digest={}", upload.path, digest512(&blob));
        let rest = upload.next(2100 - upload.sent);
        staging.registry.request("PUT", path).bytes(rest).expect(201).await;
        let path = format!("/v2/team/app/blobs/{}", digest512(&blob));
        assert!(staging.registry.get(path, 200).await.body == blob);
        staging.registry.store.check().await;
    }
}

/// Chunks of all sorts of lengths, in all sorts of orders.
#[tokio::test]
async fn of_many_lengths() {
    let staging = Staging::new().await;
    for seed in 0..40_u64 {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from((state >> 33) % below).unwrap()
        };
        let length = random(12_000);
        let blob = bytes(seed, length);
        let mut upload = staging.begin(blob.clone()).await;
        while upload.sent < length && random(8) > 0 {
            let chunk = random(2500).min(length - upload.sent);
            match random(2) {
                0 => upload.chunk(chunk).await,
                _ => upload.pieces(chunk).await,
            }
        }
        upload.end(201).await;
        staging.is_stored(&blob).await;
    }
}
