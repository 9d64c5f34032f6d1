//! The contract of `ListObjects`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use berth_registry::ports::{
    ListObjects, ListedMultipart, ListedObject, MultipartId, NewObject, ObjectKey, PartTag,
    Timestamp, WriteObjects,
};
use bytes::Bytes;

use super::{body, content};
use crate::run_checks;

/// Checks that `listed` lists `objects`, which may have others, as the port says.
///
/// # Panics
///
/// At the first check that fails.
pub async fn listing_suite(objects: Arc<dyn WriteObjects>, listed: Arc<dyn ListObjects>) {
    let fixture = |name: &'static str| Fixture {
        objects: Arc::clone(&objects),
        listed: Arc::clone(&listed),
        name,
    };
    run_checks!(fixture;
        checks::objects_are_listed_page_by_page,
        checks::an_object_that_is_deleted_is_not_listed,
        checks::a_listing_goes_on_beside_deletions,
        checks::begun_objects_are_listed_apart,
    );
}

/// Objects, and a prefix that one check has for itself.
struct Fixture {
    objects: Arc<dyn WriteObjects>,
    listed: Arc<dyn ListObjects>,
    name: &'static str,
}

impl Fixture {
    fn key(&self, name: impl std::fmt::Display) -> ObjectKey {
        ObjectKey::new(format!("blobs/{}/{name}", self.name.replace('_', "-")))
    }

    async fn put(&self, key: &ObjectKey, content: &Bytes) {
        let put = self.objects.put(NewObject::new(key), body(content)).await;
        put.expect("a put succeeds");
    }

    fn is_own(&self, key: &ObjectKey) -> bool {
        key.as_str().starts_with(self.key("").as_str())
    }

    /// Lists all objects of the check, in pages of at most `limit`.
    async fn list(&self, limit: usize) -> Vec<ListedObject> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.listed.list(after.as_deref(), limit).await.expect("a list");
            assert!(page.entries.len() <= limit, "a page is too long");
            all.extend(page.entries.into_iter().filter(|object| self.is_own(&object.key)));
            let Some(next) = page.next else { return all };
            after = Some(next);
        }
    }

    async fn list_multiparts(&self, limit: usize) -> Vec<ListedMultipart> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.listed.list_multiparts(after.as_deref(), limit).await.expect("a list");
            assert!(page.entries.len() <= limit, "a page is too long");
            all.extend(page.entries.into_iter().filter(|object| self.is_own(&object.key)));
            let Some(next) = page.next else { return all };
            after = Some(next);
        }
    }
}

/// Asserts that a moment is about now: stores round it, and have clocks of their own.
#[track_caller]
fn assert_is_recent(moment: Timestamp) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
    let moment = Duration::from_millis(moment.millis());
    assert!(now.abs_diff(moment) < Duration::from_mins(5), "{moment:?} is not {now:?}");
}

mod checks {
    use super::{
        BTreeSet, Fixture, MultipartId, NewObject, ObjectKey, PartTag, assert_is_recent, body,
        content,
    };

    pub(super) async fn objects_are_listed_page_by_page(fixture: &Fixture) {
        let sizes = 0..25_usize;
        for size in sizes.clone() {
            fixture.put(&fixture.key(size), &content(1, size)).await;
        }
        let expected: BTreeSet<_> = sizes.map(|size| (fixture.key(size), size as u64)).collect();
        for limit in [1, 7, 1000] {
            let listed = fixture.list(limit).await;
            assert_eq!(listed.len(), expected.len(), "by {limit}");
            let found: BTreeSet<_> =
                listed.iter().map(|object| (object.key.clone(), object.size)).collect();
            assert_eq!(found, expected, "by {limit}");
            for object in &listed {
                assert_is_recent(object.modified_at);
            }
        }
    }

    pub(super) async fn an_object_that_is_deleted_is_not_listed(fixture: &Fixture) {
        let (stays, goes) = (fixture.key("stays"), fixture.key("goes"));
        for key in [&stays, &goes] {
            fixture.put(key, &content(2, 10)).await;
        }
        fixture.objects.delete(&goes).await.expect("a deletion");
        let listed: Vec<_> =
            fixture.list(1000).await.into_iter().map(|object| object.key).collect();
        assert_eq!(listed, [stays]);
    }

    /// As collection does: what was listed may be gone when the next page is asked for.
    pub(super) async fn a_listing_goes_on_beside_deletions(fixture: &Fixture) {
        for number in 0..10 {
            fixture.put(&fixture.key(number), &content(3, 10)).await;
        }
        let (mut after, mut seen): (Option<String>, BTreeSet<ObjectKey>) = Default::default();
        loop {
            let page = fixture.listed.list(after.as_deref(), 3).await.expect("a list");
            for object in page.entries.iter().filter(|object| fixture.is_own(&object.key)) {
                assert!(seen.insert(object.key.clone()), "{object:?} was listed before");
                fixture.objects.delete(&object.key).await.expect("a deletion");
            }
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(seen.len(), 10);
        assert_eq!(fixture.list(1000).await, []);
    }

    pub(super) async fn begun_objects_are_listed_apart(fixture: &Fixture) {
        let objects = &fixture.objects;
        let mut begun = BTreeSet::new();
        for name in ["one", "one", "two", "completed", "aborted"] {
            let key = fixture.key(name);
            let id = objects.begin_multipart(NewObject::new(&key)).await.expect("a begin");
            begun.insert((key, id.0));
        }
        let listed = async |limit| -> BTreeSet<_> {
            let listed = fixture.list_multiparts(limit).await;
            for begun in &listed {
                assert_is_recent(begun.modified_at);
            }
            listed.into_iter().map(|begun| (begun.key, begun.id.0)).collect()
        };
        for limit in [1, 2, 1000] {
            assert_eq!(listed(limit).await, begun, "by {limit}");
        }
        assert_eq!(fixture.list(1000).await, []);

        let (completed, aborted) = (fixture.key("completed"), fixture.key("aborted"));
        let of = |key| begun.iter().find(|(begun, _)| begun == key).expect("begun").1.clone();
        let multipart = MultipartId(of(&completed));
        let bytes = content(4, 1000);
        let tags: Vec<PartTag> =
            objects.put_parts(&completed, &multipart, 1, 0, body(&bytes)).await.expect("a part");
        objects.complete_multipart(&completed, &multipart, &tags, 1000).await.expect("an end");
        let multipart = MultipartId(of(&aborted));
        objects.abort_multipart(&aborted, &multipart).await.expect("an end");
        begun.retain(|(key, _)| *key != completed && *key != aborted);
        assert_eq!(listed(1000).await, begun);
        let found: Vec<_> = fixture.list(1000).await.into_iter().map(|object| object.key).collect();
        assert_eq!(found, [completed]);
    }
}
