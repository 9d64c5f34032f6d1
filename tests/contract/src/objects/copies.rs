//! Objects that the store copies by itself.

use berth_registry::ports::{NewObject, StoreErrorKind};
use bytes::Bytes;

use super::{Fixture, content};

async fn copy(f: &Fixture, from: &str, to: &str, size: usize) -> Result<(), StoreErrorKind> {
    let from = f.objects.copy_source(&f.key(from));
    let key = f.key(to);
    let copied = f.objects.copy(NewObject::new(&key), &from, size as u64).await;
    copied.map_err(|error| error.kind())
}

pub(super) async fn copies_are_objects(f: &Fixture) {
    for (name, length) in [("none", 0), ("few", 5), ("some", 70_000), ("many", 17 << 20)] {
        let original = content(90, length);
        f.put(name, &original).await;
        let to = format!("{name}-copy");
        copy(f, name, &to, length).await.expect("a copy succeeds");
        f.assert_is(&to, &original).await;
        f.assert_is(name, &original).await;
    }
}

pub(super) async fn a_copy_outlives_its_original(f: &Fixture) {
    let original = content(91, 100_000);
    f.put("a", &original).await;
    copy(f, "a", "b", original.len()).await.expect("a copy succeeds");
    f.objects.delete(&f.key("a")).await.expect("a deletion succeeds");
    f.assert_is("b", &original).await;

    f.put("a", &content(92, 10)).await;
    f.assert_is("b", &original).await;
}

pub(super) async fn a_copy_replaces(f: &Fixture) {
    let (one, other): (Bytes, Bytes) = (content(93, 1000), content(94, 2000));
    f.put("a", &one).await;
    f.put("b", &other).await;
    copy(f, "a", "c", one.len()).await.expect("a copy succeeds");
    copy(f, "b", "c", other.len()).await.expect("a copy succeeds");
    copy(f, "b", "c", other.len()).await.expect("a copy succeeds again");
    f.assert_is("c", &other).await;
}

pub(super) async fn there_is_no_copy_of_nothing(f: &Fixture) {
    assert_eq!(copy(f, "absent", "b", 10).await, Err(StoreErrorKind::NotFound));
    f.assert_is_absent("b").await;
}
