//! Collection of what nothing uses: layers, uses, uploads, deleted repositories, objects.

mod layers;
mod races;
mod soak;
mod world;

use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::{StoreErrorKind, Timestamp};
use berth_registry::{
    CollectPorts, CollectWorker, DeletedCollection, GarbageContent, GracePeriods, Job,
    OfflineCollection, RepositoryCollection, WhenNotEmpty, Work as _,
};
use bytes::Bytes;
use serde_json::json;

use crate::harness::{
    DAY, Fails, FaultyObjects, FaultyTable, Plan, Store, TestRegistry, bytes, digest, image,
    image_of,
};

const HOUR: Duration = Duration::from_hours(1);

/// A day without an hour.
const ALMOST_A_DAY: Duration = Duration::from_mins(23 * 60 + 1);

/// Days after which nothing is left of what was not used at their begin: a layer is seen to be
/// unused, condemned, taken away, and then its object.
const DAYS: u32 = 4;

#[tokio::test]
async fn idle_uploads_are_given_up() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    let idle = registry.begin("team/app").await;
    let half = registry.begin("team/app").await;
    let half = registry.request("PATCH", half).bytes(bytes(1, 100)).expect(202).await;
    let half = half.header("location").to_owned();
    store.clock.advance(ALMOST_A_DAY);
    store.collect().await;
    // It becomes active again.
    let half = registry.request("PATCH", half).bytes(bytes(2, 100)).expect(202).await;
    let half = half.header("location").to_owned();
    store.clock.advance(HOUR);
    store.collect().await;
    registry.get(idle, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
    registry.get(half.clone(), 204).await;
    assert_eq!(store.files("uploads").len(), 1);

    store.clock.advance(DAY);
    store.collect().await;
    registry.get(half, 404).await;
    assert!(store.files("uploads").is_empty());
    store.check().await;
}

#[tokio::test]
async fn a_deleted_repository_leaves_nothing() {
    let registry = TestRegistry::new();
    let (store, image) = (&registry.store, image(1));
    let large = image_of(2, &[]).with("annotations", json!({ "a": "x".repeat(300 * 1024) }));
    registry.push("team/app", "v1", &image).await;
    registry.push("team/app", "v2", &large).await;
    let upload = registry.begin("team/app").await;
    registry.request("PATCH", upload).bytes(bytes(1, 100)).expect(202).await;
    let id = registry.id("team/app").await.unwrap();
    registry.delete("team/app", WhenNotEmpty::Force).await.unwrap();

    // The content goes at once; that it was deleted is remembered for a day, and so are objects.
    store.collect().await;
    let left: Vec<_> = store.partition(&format!("repository/{id}")).await.into_keys().collect();
    assert_eq!(left, ["figures"], "dispatch takes the figures away");
    assert_eq!(store.partition("deleted").await.len(), 1);
    assert_eq!(store.files("objects").len(), 3);
    store.remove_item(&format!("repository/{id}"), "figures").await;
    store.collect_for_days(1).await;
    assert!(store.partition("deleted").await.is_empty());
    assert!(store.files("objects").is_empty());
    store.check().await;

    // One that is made anew has nothing to do with it.
    registry.push("team/app", "v1", &image).await;
    store.collect_for_days(DAYS).await;
    registry.pull("team/app", &image).await;
}

#[tokio::test]
async fn what_a_crash_left_is_found() {
    let store = Store::new();
    let plan = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
    let registry = TestRegistry::on(&store).table(plan.clone()).build();
    registry.create("team/app").await.unwrap();

    // An object whose layer was not written.
    let blob = bytes(1, 100);
    let upload = format!("/v2/team/app/blobs/uploads/?digest={}", digest(&blob));
    plan.fail_after(1, Fails::Before, StoreErrorKind::Unavailable);
    registry.request("POST", upload).bytes(blob).expect(503).await;
    // A large manifest whose image was not written.
    let config = Bytes::from_static(b"{}");
    let large = image_of(2, &[config]).with("annotations", json!({ "a": "x".repeat(300 * 1024) }));
    registry.push_blobs("team/app", &large).await;
    let before = store.files("objects").len();
    plan.fail_after(2, Fails::Before, StoreErrorKind::Unavailable);
    assert_eq!(registry.put("team/app", "v1", &large).await.status, 503);
    assert_eq!(store.files("objects").len(), before + 1);
    assert!(!plan.heal());

    store.collect().await;
    assert_eq!(store.files("objects").len(), before + 1, "a request may still name them");
    store.clock.advance(DAY);
    store.collect().await;
    assert_eq!(store.files("objects").len(), before - 1);
    store.check().await;
}

/// Use items that a push wrote ahead of an image which never came.
#[tokio::test]
async fn uses_of_images_that_never_came_go() {
    let store = Store::new();
    let plan = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
    let registry = TestRegistry::on(&store).table(plan.clone()).build();
    let layers: Vec<_> = (0..150).map(|n| bytes(n, 20)).collect();
    let image = image_of("large", &layers);
    registry.push_blobs("team/app", &image).await;
    // The image itself is the third transaction.
    plan.fail_after(4, Fails::Before, StoreErrorKind::Unavailable);
    assert_eq!(registry.put("team/app", "v1", &image).await.status, 503);
    assert!(!plan.heal());
    assert_eq!(store.check_but_leftovers(false).await.uses, 151);
    store.collect().await;
    assert_eq!(store.check_but_leftovers(false).await.uses, 151, "the push may still go on");
    store.clock.advance(DAY);
    store.collect().await;
    store.check().await;
    // They were uses as long as they were there.
    store.collect_for_days(DAYS - 2).await;
    assert!(!store.files("objects").is_empty());
    store.collect_for_days(1).await;
    assert!(store.files("objects").is_empty());
}

/// What was marked while the clock was years ahead goes as all else, once it is right.
#[tokio::test]
async fn a_clock_that_was_wrong_keeps_no_garbage() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    let years = DAY * 2000;
    store.clock.advance(years);
    registry.push_untagged("team/app", &image(1)).await;
    registry.push_blobs("team/app", &image(2)).await;
    registry
        .request("PATCH", registry.begin("team/app").await)
        .bytes(bytes(1, 9))
        .expect(202)
        .await;
    store.collect().await;
    store.clock.put_back(years);
    store.collect_for_days(DAYS).await;
    registry.pull("team/app", &image(1)).await;
    assert_eq!(store.files("objects").len(), image(1).blobs.len());
    assert!(store.files("uploads").is_empty());
    store.check().await;
}

/// A job that has no time does one step, and leaves the others to the job that follows.
#[tokio::test]
async fn a_job_without_time_goes_on_in_the_next() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    for n in 0..5 {
        registry.push_blobs("team/app", &image(n)).await;
        registry.begin("team/app").await;
        registry.push("team/gone", "v1", &image(n)).await;
    }
    let gone = format!("repository/{}", registry.id("team/gone").await.unwrap());
    registry.delete("team/gone", WhenNotEmpty::Force).await.unwrap();
    for _ in 0..DAYS {
        store.clock.advance(DAY);
        let collector = store.collector();
        let mut jobs = store.collections().await;
        let mut runs = 0;
        while let Some(job) = jobs.pop() {
            jobs.extend(collector.work(job, Timestamp::default()).await.unwrap());
            runs += 1;
        }
        assert!(runs < 100, "{runs} runs");
        // Dispatch would do so.
        if store.partition(&gone).await.contains_key("figures") {
            store.remove_item(&gone, "figures").await;
        }
    }
    assert!(store.partition("deleted").await.is_empty());
    assert!(store.files("objects").is_empty());
    assert!(store.files("uploads").is_empty());
    store.check().await;
}

#[tokio::test]
async fn jobs_of_what_is_gone_do_nothing() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    registry.push("team/app", "v1", &image(1)).await;
    let jobs = store.collections().await;
    let Some(Job::CollectRepository(RepositoryCollection { repository, id, .. })) =
        jobs.iter().find(|job| matches!(job, Job::CollectRepository(_))).cloned()
    else {
        panic!("a repository has a job: {jobs:?}");
    };
    // A repository that stands is not a deleted one.
    let job = Job::CollectDeleted(DeletedCollection::new(repository, id));
    assert_eq!(store.collector().work(job, store.later()).await.unwrap(), []);
    registry.pull("team/app", &image(1)).await;

    registry.delete("team/app", WhenNotEmpty::Force).await.unwrap();
    for job in jobs {
        store.collector().work(job, store.later()).await.unwrap();
    }
    store.check_but_leftovers(false).await;
}

/// In a store that no request uses, all goes at once; a rehearsal says what, and changes nothing.
#[tokio::test]
async fn a_stopped_store_is_collected_at_once() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    let (used, unused, deleted) = (image(1), image(2), image(3));
    registry.push("team/app", "v1", &used).await;
    registry.push_blobs("team/app", &unused).await;
    registry.push("team/gone", "v1", &deleted).await;
    registry.delete("team/gone", WhenNotEmpty::Force).await.unwrap();
    let half = registry.begin("team/app").await;
    registry.request("PATCH", &half).bytes(bytes(1, 100)).expect(202).await;
    let before = store.all_items().await;

    let collection = OfflineCollection::new(store.collect_ports());
    let garbage = collection.rehearse().await.unwrap();
    let mut found: Vec<_> = garbage.objects.iter().map(|object| &object.content).collect();
    let mut expected = Vec::new();
    for blob in unused.blobs.iter().chain(&deleted.blobs) {
        expected.push(GarbageContent::Blob(digest(blob).parse().unwrap()));
    }
    found.sort_by_key(|content| format!("{content:?}"));
    expected.sort_by_key(|content| format!("{content:?}"));
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
    let bytes: u64 = garbage.objects.iter().map(|object| object.size).sum();
    let blobs = unused.blobs.iter().chain(&deleted.blobs);
    assert_eq!(bytes, blobs.map(|blob| blob.len() as u64).sum::<u64>());
    assert_eq!(garbage.uploads, 0, "its client may come back");
    assert_eq!(store.all_items().await, before);
    assert_eq!(store.files("objects").len(), 6);

    collection.collect().await.unwrap();
    assert_eq!(store.files("objects").len(), 2);
    registry.pull("team/app", &used).await;
    registry.get(half, 204).await;
    store.assert_all_layers_are_used().await;
    assert_eq!(collection.rehearse().await.unwrap().objects, []);

    // After a day, the client of the upload does not come back.
    store.clock.advance(DAY);
    assert_eq!(collection.rehearse().await.unwrap().uploads, 1);
    collection.collect().await.unwrap();
    store.check().await;
}

/// Each job is cut off at any call, comes again, twice and in another order, and all is as if nothing
/// had happened.
#[tokio::test]
async fn jobs_that_are_cut_off_and_come_again_lose_and_leave_nothing() {
    for fails in [Fails::Before, Fails::After] {
        for calls in 0.. {
            if !cut_off_at(calls, fails).await {
                assert!(calls > 10, "the jobs made {calls} calls");
                break;
            }
        }
    }
}

/// Lets the call after so many fail on each day, and returns whether there was such a call.
async fn cut_off_at(calls: usize, fails: Fails) -> bool {
    let store = Store::new();
    let registry = TestRegistry::on(&store).build();
    registry.push("team/app", "v1", &image(1)).await;
    registry.push_blobs("team/app", &image(2)).await;
    registry.push("team/gone", "v1", &image(3)).await;
    registry.begin("team/gone").await;
    let upload = registry.begin("team/app").await;
    registry.request("PATCH", upload).bytes(bytes(1, 100)).expect(202).await;
    let gone = registry.id("team/gone").await.unwrap();
    registry.delete("team/gone", WhenNotEmpty::Force).await.unwrap();
    store.remove_item(&format!("repository/{gone}"), "figures").await;

    let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
    let objects = Arc::new(FaultyObjects::wrap(store.objects.clone(), Plan::default()));
    let faulty =
        CollectPorts { table: table.clone(), doomed: objects.clone(), ..store.collect_ports() };
    let faulty = CollectWorker::new(faulty, GracePeriods::default());
    let mut was_cut_off = false;
    for _ in 0..=DAYS {
        table.fail_after(calls, fails, StoreErrorKind::Unavailable);
        objects.fail_after(calls, fails, StoreErrorKind::Unavailable);
        let mut jobs = store.collections().await;
        for job in &jobs {
            // What follows is not sent.
            drop(faulty.work(job.clone(), store.later()).await);
        }
        was_cut_off |= !table.heal() | !objects.heal();
        jobs.reverse();
        for job in jobs.iter().chain(&jobs) {
            store.collector().work(job.clone(), store.later()).await.unwrap();
        }
        store.clock.advance(DAY);
    }
    registry.pull("team/app", &image(1)).await;
    assert!(store.partition("deleted").await.is_empty());
    store.assert_all_layers_are_used().await;
    store.check().await;
    was_cut_off
}
