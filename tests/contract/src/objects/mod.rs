//! The contract of `ReadObjects` and `WriteObjects`.

mod classes;
mod copies;
mod listing;
mod multiparts;
mod puts;
mod reads;
mod urls;

use std::sync::Arc;

use berth_registry::ports::{
    BodyError, ByteRange, ByteStream, Download, NewObject, ObjectKey, StoreErrorKind, WriteObjects,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

pub use listing::listing_suite;

use crate::run_checks;

/// Checks that `objects`, which has none yet, does what the port says.
///
/// # Panics
///
/// At the first check that fails.
pub async fn objects_suite(objects: Arc<dyn WriteObjects>) {
    let fixture = |name: &'static str| Fixture { objects: Arc::clone(&objects), name };
    run_checks!(fixture;
        puts::put_stores,
        puts::put_of_nothing,
        puts::put_of_many_pieces,
        puts::put_of_a_long_body,
        puts::put_replaces,
        puts::a_body_that_fails_stores_nothing,
        puts::a_body_that_fails_replaces_nothing,
        puts::a_put_that_is_dropped_stores_nothing,
        puts::many_at_a_time,
        puts::delete_removes_and_repeats,
        reads::of_ranges,
        reads::in_pieces,
        reads::of_what_is_not_there,
        reads::go_on_after_delete,
        urls::are_for_one_method,
        copies::copies_are_objects,
        copies::a_copy_outlives_its_original,
        copies::a_copy_replaces,
        copies::there_is_no_copy_of_nothing,
        multiparts::parts_make_an_object,
        multiparts::a_long_body_makes_an_object,
        multiparts::is_invisible_until_completed,
        multiparts::a_failed_part_is_replaced,
        multiparts::a_part_is_replaced,
        multiparts::a_failed_part_does_not_count,
        multiparts::a_dropped_part_is_replaced,
        multiparts::completes_twice,
        multiparts::replaces_an_object,
        multiparts::aborts_twice,
        multiparts::two_of_one_key_are_apart,
        classes::objects_stay_whole,
        classes::empty_objects_are_moved,
        classes::of_what_is_not_there,
    );
}

/// Objects, and a prefix that one check has for itself.
struct Fixture {
    objects: Arc<dyn WriteObjects>,
    name: &'static str,
}

impl Fixture {
    fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(format!("blobs/{}-{name}", self.name.replace('_', "-")))
    }

    /// Stores `content`, cut into pieces.
    async fn put(&self, name: &str, content: &Bytes) {
        let size = self
            .objects
            .put(NewObject::new(&self.key(name)), body(content))
            .await
            .expect("a put succeeds");
        assert_eq!(size, content.len() as u64);
    }

    async fn read(&self, name: &str, range: ByteRange) -> Bytes {
        let pieces = self.objects.read(&self.key(name), range).await.expect("a read succeeds");
        concat(pieces).await.expect("the bytes arrive")
    }

    /// Asserts that the object is `content`, by reading and by downloading it.
    async fn assert_is(&self, name: &str, content: &Bytes) {
        let all = 0..content.len() as u64;
        assert!(self.read(name, all.clone()).await == content, "`{name}` has other bytes");
        self.assert_downloads(name, all, content).await;
    }

    /// Asserts that a download gives `expected`.
    async fn assert_downloads(&self, name: &str, range: ByteRange, expected: &[u8]) {
        let download = self.objects.download(&self.key(name), range.clone()).await;
        let bytes = match download.expect("a download succeeds") {
            Download::File(region) => {
                use std::os::unix::fs::FileExt as _;
                assert_eq!(region.length, expected.len() as u64);
                let mut bytes = vec![0; expected.len()];
                region.file.read_exact_at(&mut bytes, region.offset).expect("the file can be read");
                bytes
            }
            // A client has no way to ask for nothing.
            Download::Redirect(_) if range.is_empty() => return,
            Download::Redirect(url) => urls::follow(&url, range).await,
        };
        assert!(bytes == expected, "`{name}` downloads other bytes");
    }

    async fn assert_is_absent(&self, name: &str) {
        let error = match self.objects.read(&self.key(name), 0..1).await {
            Err(error) => error,
            Ok(pieces) => match concat(pieces).await {
                Err(BodyError::Store(error)) => error,
                result => panic!("expected `{name}` to be absent, found {result:?}"),
            },
        };
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
}

async fn concat(pieces: ByteStream) -> Result<Bytes, BodyError> {
    let pieces: Vec<_> = pieces.try_collect().await?;
    Ok(pieces.concat().into())
}

/// Returns `length` bytes that tell where they are from: two places never hold the same.
fn content(seed: u64, length: usize) -> Bytes {
    let words = (0..=length as u64 / 8)
        .flat_map(|n| ((seed << 32) + n).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    words.take(length).collect()
}

/// Returns a body of uneven pieces, some of them empty.
fn body(content: &Bytes) -> ByteStream {
    let mut rest = content.clone();
    let sizes = [1, 0, 70_000, 400_000, 5, 16_384].into_iter().cycle();
    let pieces = sizes.map_while(move |size| {
        let size = size.min(rest.len());
        let is_left = !rest.is_empty();
        is_left.then(|| Ok(rest.split_to(size)))
    });
    stream::iter(pieces).boxed()
}

/// Returns a body that fails behind `content`.
fn failing_body(content: &Bytes) -> ByteStream {
    let failure = stream::once(async { Err(BodyError::CutOff("in a test".to_owned())) });
    body(content).chain(failure).boxed()
}

/// Returns a body that never ends behind `content`.
fn endless_body(content: &Bytes) -> ByteStream {
    body(content).chain(stream::pending()).boxed()
}
