//! Objects that are stored in parts.
//!
//! Parts have 5 MiB, except for the last: S3 takes none that are smaller.

use std::time::Duration;

use berth_registry::ports::{ByteStream, MultipartId, NewObject, PartTag, PutError};
use bytes::Bytes;

use super::{Fixture, body, content, endless_body, failing_body};

const PART: usize = 5 * 1024 * 1024;

/// An upload that is under way.
struct Upload<'a> {
    f: &'a Fixture,
    name: &'static str,
    id: MultipartId,
    tags: Vec<PartTag>,
    size: u64,
}

impl<'a> Upload<'a> {
    async fn begin(f: &'a Fixture, name: &'static str) -> Self {
        let key = f.key(name);
        let id = f.objects.begin_multipart(NewObject::new(&key)).await.expect("an upload begins");
        Self { f, name, id, tags: Vec::new(), size: 0 }
    }

    async fn put(&mut self, content: &Bytes) {
        let tags = self.try_put(content).await.expect("a part is stored");
        self.tags.extend(tags);
        self.size += content.len() as u64;
    }

    async fn try_put(&self, content: &Bytes) -> Result<Vec<PartTag>, PutError> {
        self.try_put_body(body(content)).await
    }

    async fn try_put_body(&self, body: ByteStream) -> Result<Vec<PartTag>, PutError> {
        let number = u32::try_from(self.tags.len()).expect("few parts") + 1;
        let key = self.f.key(self.name);
        self.f.objects.put_parts(&key, &self.id, number, self.size, body).await
    }

    async fn complete(&self) {
        let key = self.f.key(self.name);
        let result = self.f.objects.complete_multipart(&key, &self.id, &self.tags, self.size).await;
        result.expect("an upload completes");
    }

    async fn abort(&self) {
        let result = self.f.objects.abort_multipart(&self.f.key(self.name), &self.id).await;
        result.expect("an upload is given up");
    }
}

fn join(contents: &[&Bytes]) -> Bytes {
    contents.iter().map(AsRef::as_ref).collect::<Vec<_>>().concat().into()
}

pub(super) async fn parts_make_an_object(f: &Fixture) {
    let parts = [content(30, PART), content(31, PART + 77), content(32, 1234)];
    let mut upload = Upload::begin(f, "a").await;
    for part in &parts {
        upload.put(part).await;
    }
    upload.complete().await;
    f.assert_is("a", &join(&parts.each_ref())).await;

    let mut upload = Upload::begin(f, "single").await;
    upload.put(&content(33, 5)).await;
    upload.complete().await;
    f.assert_is("single", &content(33, 5)).await;
}

/// A store may make several parts of one body.
pub(super) async fn a_long_body_makes_an_object(f: &Fixture) {
    let parts = [content(54, PART), content(55, 4 * PART + 2 * PART / 5), content(56, 1234)];
    let mut upload = Upload::begin(f, "a").await;
    for part in &parts {
        upload.put(part).await;
    }
    upload.complete().await;
    f.assert_is("a", &join(&parts.each_ref())).await;
}

pub(super) async fn is_invisible_until_completed(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    f.assert_is_absent("a").await;
    upload.put(&content(34, PART)).await;
    f.assert_is_absent("a").await;
    upload.complete().await;
    f.assert_is("a", &content(34, PART)).await;
}

pub(super) async fn a_failed_part_is_replaced(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(35, PART)).await;
    let result = upload.try_put_body(failing_body(&content(36, PART))).await;
    assert!(matches!(result, Err(PutError::Body(_))), "{result:?}");
    upload.put(&content(37, 1000)).await;
    upload.complete().await;
    f.assert_is("a", &join(&[&content(35, PART), &content(37, 1000)])).await;
}

pub(super) async fn a_part_is_replaced(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(38, PART)).await;
    // This one was stored, but whoever sent it never heard of it.
    upload.try_put(&content(39, PART + 9)).await.expect("a part is stored");
    upload.put(&content(40, PART)).await;
    upload.put(&content(41, 1)).await;
    upload.complete().await;
    let expected = join(&[&content(38, PART), &content(40, PART), &content(41, 1)]);
    f.assert_is("a", &expected).await;
}

pub(super) async fn a_failed_part_does_not_count(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(42, PART)).await;
    let result = upload.try_put_body(failing_body(&content(43, 300_000))).await;
    assert!(matches!(result, Err(PutError::Body(_))), "{result:?}");
    upload.complete().await;
    f.assert_is("a", &content(42, PART)).await;
}

pub(super) async fn a_dropped_part_is_replaced(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(44, PART)).await;
    let part = upload.try_put_body(endless_body(&content(45, PART)));
    let result = tokio::time::timeout(Duration::from_millis(50), part).await;
    assert!(result.is_err(), "{result:?}");
    upload.put(&content(46, 2 * PART)).await;
    upload.complete().await;
    f.assert_is("a", &join(&[&content(44, PART), &content(46, 2 * PART)])).await;
}

pub(super) async fn completes_twice(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(47, 1000)).await;
    upload.complete().await;
    upload.complete().await;
    f.assert_is("a", &content(47, 1000)).await;
}

pub(super) async fn replaces_an_object(f: &Fixture) {
    f.put("a", &content(48, 1000)).await;
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(49, 10)).await;
    f.assert_is("a", &content(48, 1000)).await;
    upload.complete().await;
    f.assert_is("a", &content(49, 10)).await;
}

pub(super) async fn aborts_twice(f: &Fixture) {
    let mut upload = Upload::begin(f, "a").await;
    upload.put(&content(50, 1000)).await;
    upload.abort().await;
    upload.abort().await;
    f.assert_is_absent("a").await;
    let result = upload.try_put(&content(51, 10)).await;
    assert!(matches!(result, Err(PutError::Store(_))), "{result:?}");
    let key = f.key("a");
    let result = f.objects.complete_multipart(&key, &upload.id, &upload.tags, upload.size).await;
    assert!(result.is_err(), "an upload that was given up can't complete");
    f.assert_is_absent("a").await;
    Upload::begin(f, "none").await.abort().await;
}

pub(super) async fn two_of_one_key_are_apart(f: &Fixture) {
    let mut first = Upload::begin(f, "a").await;
    let mut second = Upload::begin(f, "a").await;
    first.put(&content(52, 1000)).await;
    second.put(&content(53, 2000)).await;
    first.abort().await;
    second.complete().await;
    f.assert_is("a", &content(53, 2000)).await;
}
