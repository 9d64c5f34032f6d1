//! Objects that are stored whole.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::{BodyError, NewObject, PutError};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all, stream};

use super::{Fixture, body, content, endless_body, failing_body};

pub(super) async fn put_stores(f: &Fixture) {
    for length in [1, 4096, 1_000_000, 5_000_001] {
        let content = content(1, length);
        let name = length.to_string();
        f.put(&name, &content).await;
        f.assert_is(&name, &content).await;
    }
}

pub(super) async fn put_of_nothing(f: &Fixture) {
    f.put("empty", &Bytes::new()).await;
    assert_eq!(f.read("empty", 0..0).await, Bytes::new());
    f.assert_downloads("empty", 0..0, b"").await;

    let pieces = stream::iter([Ok(Bytes::new()), Ok(Bytes::new())]).boxed();
    let size =
        f.objects.put(NewObject::new(&f.key("pieces")), pieces).await.expect("a put succeeds");
    assert_eq!(size, 0);
    f.assert_is("pieces", &Bytes::new()).await;
}

pub(super) async fn put_of_many_pieces(f: &Fixture) {
    let content = content(2, 20_000);
    let bytes = content.clone();
    let pieces = stream::iter(0..bytes.len()).map(move |n| Ok(bytes.slice(n..=n))).boxed();
    let size = f.objects.put(NewObject::new(&f.key("a")), pieces).await.expect("a put succeeds");
    assert_eq!(size, 20_000);
    f.assert_is("a", &content).await;
}

pub(super) async fn put_of_a_long_body(f: &Fixture) {
    let content = content(13, 22 * 1024 * 1024 + 5);
    f.put("a", &content).await;
    f.assert_is("a", &content).await;
}

pub(super) async fn put_replaces(f: &Fixture) {
    f.put("a", &content(3, 2_000_000)).await;
    let shorter = content(4, 100_000);
    f.put("a", &shorter).await;
    f.assert_is("a", &shorter).await;
    let pieces = f.objects.read(&f.key("a"), 0..100_001).await;
    let is_failure = match pieces {
        Err(_) => true,
        Ok(pieces) => super::concat(pieces).await.is_err(),
    };
    assert!(is_failure, "nothing of the longer one is left");
}

/// Puts a body that fails, and checks that its error comes back.
async fn fail_to_put(f: &Fixture, name: &str, length: usize) {
    let result =
        f.objects.put(NewObject::new(&f.key(name)), failing_body(&content(5, length))).await;
    let Err(PutError::Body(BodyError::CutOff(reason))) = result else {
        panic!("expected the body's error, found {result:?}");
    };
    assert_eq!(reason, "in a test");
}

pub(super) async fn a_body_that_fails_stores_nothing(f: &Fixture) {
    for length in [0, 1, 3_000_000] {
        fail_to_put(f, "a", length).await;
        f.assert_is_absent("a").await;
    }
    let refused = stream::iter([Ok(content(6, 10)), Err(BodyError::Refused)]).boxed();
    let result = f.objects.put(NewObject::new(&f.key("a")), refused).await;
    assert!(matches!(result, Err(PutError::Body(BodyError::Refused))), "{result:?}");
    f.assert_is_absent("a").await;
}

pub(super) async fn a_body_that_fails_replaces_nothing(f: &Fixture) {
    let before = content(7, 500_000);
    f.put("a", &before).await;
    fail_to_put(f, "a", 1_000_000).await;
    f.assert_is("a", &before).await;
}

pub(super) async fn a_put_that_is_dropped_stores_nothing(f: &Fixture) {
    let key = f.key("a");
    let put = f.objects.put(NewObject::new(&key), endless_body(&content(8, 3_000_000)));
    let result = tokio::time::timeout(Duration::from_millis(100), put).await;
    assert!(result.is_err(), "{result:?}");
    f.assert_is_absent("a").await;
    let after = content(9, 1000);
    f.put("a", &after).await;
    f.assert_is("a", &after).await;
}

pub(super) async fn many_at_a_time(f: &Fixture) {
    let put = |n: u64| {
        let (objects, key) = (Arc::clone(&f.objects), f.key(&n.to_string()));
        tokio::spawn(async move {
            objects.put(NewObject::new(&key), body(&content(100 + n, 900_000))).await
        })
    };
    for result in join_all((0..16).map(put)).await {
        assert_eq!(result.expect("no task panics").expect("a put succeeds"), 900_000);
    }
    for n in 0..16 {
        f.assert_is(&n.to_string(), &content(100 + n, 900_000)).await;
    }
}

pub(super) async fn delete_removes_and_repeats(f: &Fixture) {
    f.put("a", &content(10, 1000)).await;
    f.put("b", &content(11, 1000)).await;
    for _ in 0..2 {
        f.objects.delete(&f.key("a")).await.expect("a delete succeeds");
        f.assert_is_absent("a").await;
    }
    f.objects.delete(&f.key("never")).await.expect("a delete of nothing succeeds");
    f.assert_is("b", &content(11, 1000)).await;
    f.put("a", &content(12, 10)).await;
    f.assert_is("a", &content(12, 10)).await;
}
