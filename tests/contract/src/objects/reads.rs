//! Parts of objects.

use berth_registry::ports::StoreErrorKind;
use futures_util::TryStreamExt as _;

use super::{Fixture, concat, content};

const LENGTH: u64 = 3_000_001;

pub(super) async fn of_ranges(f: &Fixture) {
    let content = content(20, 3_000_001);
    f.put("a", &content).await;
    let middle = 1_048_576;
    for range in [
        0..1,
        0..0,
        LENGTH..LENGTH,
        LENGTH - 1..LENGTH,
        1..LENGTH - 1,
        middle - 1..middle + 1,
        middle..2 * middle,
        17..1_500_000,
    ] {
        let at = |offset: u64| usize::try_from(offset).expect("an offset fits");
        let expected = content.slice(at(range.start)..at(range.end));
        assert!(f.read("a", range.clone()).await == expected, "{range:?} has other bytes");
        f.assert_downloads("a", range, &expected).await;
    }
}

pub(super) async fn in_pieces(f: &Fixture) {
    f.put("a", &content(21, 3_000_001)).await;
    let pieces = f.objects.read(&f.key("a"), 0..LENGTH).await.expect("a read succeeds");
    let pieces: Vec<_> = pieces.try_collect().await.expect("the bytes arrive");
    assert!(pieces.iter().all(|piece| piece.len() <= 1024 * 1024));
}

pub(super) async fn of_what_is_not_there(f: &Fixture) {
    f.assert_is_absent("a").await;
    // A signed URL may lead nowhere; a file may not.
    if let Err(error) = f.objects.download(&f.key("a"), 0..1).await {
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
}

pub(super) async fn go_on_after_delete(f: &Fixture) {
    let content = content(22, 3_000_001);
    f.put("a", &content).await;
    let pieces = f.objects.read(&f.key("a"), 0..LENGTH).await.expect("a read succeeds");
    f.objects.delete(&f.key("a")).await.expect("a delete succeeds");
    let read = concat(pieces).await.expect("what was begun goes on");
    assert!(read == content);
}
