//! Storage classes of objects.

use berth_registry::ports::{NewObject, StorageClass, StoreErrorKind};

use super::{Fixture, content};

/// An object is the same in every class, and may be moved to one again and again.
pub(super) async fn objects_stay_whole(f: &Fixture) {
    let bytes = content(1, 200_000);
    f.put("a", &bytes).await;
    let key = f.key("a");
    for class in [
        StorageClass::Standard,
        StorageClass::Archive,
        StorageClass::Archive,
        StorageClass::Standard,
    ] {
        let moved = f.objects.move_to(NewObject::new(&key), 200_000, class).await;
        moved.expect("an object is moved");
        assert_eq!(f.read("a", 0..200_000).await, bytes);
        assert_eq!(f.read("a", 99..100).await, bytes.slice(99..100));
    }
}

/// An object of no bytes can be moved as well.
pub(super) async fn empty_objects_are_moved(f: &Fixture) {
    f.put("a", &bytes::Bytes::new()).await;
    let key = f.key("a");
    for class in [StorageClass::Archive, StorageClass::Standard] {
        f.objects.move_to(NewObject::new(&key), 0, class).await.expect("it is moved");
        assert!(f.read("a", 0..0).await.is_empty());
    }
}

/// What is not there can't be moved.
pub(super) async fn of_what_is_not_there(f: &Fixture) {
    let key = f.key("absent");
    for class in [StorageClass::Archive, StorageClass::Standard] {
        let error = f.objects.move_to(NewObject::new(&key), 1, class).await;
        assert_eq!(error.expect_err("it is not there").kind(), StoreErrorKind::NotFound);
    }
}
