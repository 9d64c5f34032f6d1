//! Uploads that meet: two requests at one upload, one blob uploaded twice, processes that die.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use berth_contract::UnreliableObjects;
use berth_registry::ports::StoreErrorKind;
use bytes::Bytes;
use futures_util::future::{join, join_all, select};

use crate::harness::{
    Call, Fails, FaultyTable, Plan, Store, TestRegistry, WanderingTable, bytes, digest,
};

fn patch<'a>(registry: &'a TestRegistry, path: &str, bytes: &Bytes) -> Call<'a> {
    registry.request("PATCH", path).bytes(bytes.clone())
}

fn put<'a>(registry: &'a TestRegistry, path: &str, blob: &Bytes, rest: &Bytes) -> Call<'a> {
    registry.request("PUT", format!("{path}?digest={}", digest(blob))).bytes(rest.clone())
}

async fn is_stored(registry: &TestRegistry, blob: &Bytes) {
    let answer = registry.get(format!("/v2/team/app/blobs/{}", digest(blob)), 200).await;
    assert_eq!(answer.body, blob);
    assert_eq!(registry.store.files("objects").len(), 1, "a blob has one object");
    registry.store.check().await;
}

fn wandering(store: &Arc<Store>, seed: u64) -> TestRegistry {
    TestRegistry::on(store).table(WanderingTable::new(store.table.clone(), seed)).build()
}

#[tokio::test]
async fn a_chunk_beside_another_is_refused() {
    let registry = TestRegistry::new();
    let blob = bytes(1, 3000);
    let path = registry.begin("team/app").await;
    patch(&registry, &path, &blob.slice(..1000)).expect(202).await;
    let (call, sender) = registry.request("PATCH", &path).channel();
    let meanwhile = async {
        sender.send(blob.slice(1000..1500)).await;
        // The registry has begun to read the body: it holds the lease.
        sender.send(blob.slice(1500..2000)).await;
        for _ in 0..2 {
            let refused = patch(&registry, &path, &bytes(2, 500)).expect(429).await;
            refused.has_code("TOOMANYREQUESTS");
            assert_eq!(refused.header("retry-after"), "1");
        }
        put(&registry, &path, &blob, &Bytes::new()).expect(429).await;
        assert_eq!(registry.get(&path, 204).await.header("range"), "0-999");
        sender.send(blob.slice(2000..)).await;
        drop(sender);
    };
    let (answer, ()) = join(call.expect(202), meanwhile).await;
    assert_eq!(answer.header("range"), "0-2999");
    put(&registry, &path, &blob, &Bytes::new()).expect(201).await;
    is_stored(&registry, &blob).await;
}

/// Sends the begin of a chunk, and dies.
async fn die_in_a_chunk(registry: TestRegistry, path: &str) {
    let (call, sender) = registry.request("PATCH", path).channel();
    let sends = pin!(async {
        sender.send(bytes(9, 500)).await;
        sender.send(bytes(9, 500)).await;
    });
    select(pin!(call.send()), sends).await;
}

#[tokio::test]
async fn the_lease_of_a_dead_process_blocks_nobody() {
    let store = Store::new();
    let blob = bytes(1, 2000);
    let registry = TestRegistry::on(&store).build();
    let path = registry.begin("team/app").await;
    patch(&registry, &path, &blob.slice(..1000)).expect(202).await;
    die_in_a_chunk(registry, &path).await;
    let registry = TestRegistry::on(&store).build();
    assert_eq!(registry.get(&path, 204).await.header("range"), "0-999");
    patch(&registry, &path, &blob.slice(1000..)).expect(202).await;
    put(&registry, &path, &blob, &Bytes::new()).expect(201).await;
    is_stored(&registry, &blob).await;
}

#[tokio::test]
async fn the_lease_of_another_process_ends() {
    let store = Store::new();
    let blob = bytes(1, 2000);
    let registry = TestRegistry::on(&store).shared().build();
    let path = registry.begin("team/app").await;
    patch(&registry, &path, &blob.slice(..1000)).expect(202).await;
    die_in_a_chunk(registry, &path).await;
    let registry = TestRegistry::on(&store).shared().build();
    patch(&registry, &path, &blob.slice(1000..)).expect(429).await;
    store.clock.advance(Duration::from_secs(30));
    patch(&registry, &path, &blob.slice(1000..)).expect(202).await;
    put(&registry, &path, &blob, &Bytes::new()).expect(201).await;
    is_stored(&registry, &blob).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_chunk_keeps_its_lease() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).shared().build();
    let other = TestRegistry::on(&store).shared().build();
    let blob = bytes(1, 1000);
    let path = registry.begin("team/app").await;
    let (call, sender) = registry.request("PATCH", &path).channel();
    let meanwhile = async {
        for piece in blob.chunks(100) {
            sender.send(Bytes::copy_from_slice(piece)).await;
            tokio::time::sleep(Duration::from_secs(50)).await;
            patch(&other, &path, &bytes(2, 500)).expect(429).await;
        }
        drop(sender);
    };
    join(call.expect(202), meanwhile).await;
    put(&other, &path, &blob, &Bytes::new()).expect(201).await;
    is_stored(&registry, &blob).await;
}

/// Two chunks for the same place: one is taken, and the other leaves nothing behind.
#[tokio::test(start_paused = true)]
async fn first_chunks_meet() {
    for seed in 0..40 {
        let store = Store::new();
        let registry = wandering(&store, seed);
        let path = registry.begin("team/app").await;
        let blobs = [bytes(1, 1000), bytes(2, 1000)];
        let chunks = blobs.iter().map(|blob| {
            let call = registry.request("PATCH", &path).header("content-range", "0-999");
            call.bytes(blob.clone()).send()
        });
        let answers = join_all(chunks).await;
        let taken: Vec<_> = answers.iter().map(|answer| answer.status == 202).collect();
        assert!(taken[0] != taken[1], "{answers:?}");
        assert!(answers.iter().all(|answer| [202, 429, 416].contains(&answer.status)));
        let blob = if taken[0] { &blobs[0] } else { &blobs[1] };
        put(&registry, &path, blob, &Bytes::new()).expect(201).await;
        is_stored(&registry, blob).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_blob_is_uploaded_twice() {
    let blob = bytes(1, 2000);
    for seed in 0..40 {
        let store = Store::new();
        let registry = wandering(&store, seed);
        let (first, second) = (registry.begin("team/app").await, registry.begin("team/app").await);
        patch(&registry, &second, &blob.slice(..1000)).expect(202).await;
        let rest = blob.slice(1000..);
        let whole = async { drop(registry.push_blob("team/app", &blob).await) };
        let begun = async { drop(put(&registry, &first, &blob, &blob).expect(201).await) };
        let chunked = async { drop(put(&registry, &second, &blob, &rest).expect(201).await) };
        tokio::join!(whole, begun, chunked);
        is_stored(&registry, &blob).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_finished_twice_at_once() {
    let blob = bytes(1, 2000);
    for (seed, in_chunks) in (0..40).map(|seed| (seed, seed % 2 == 0)) {
        let store = Store::new();
        let registry = wandering(&store, seed);
        let path = registry.begin("team/app").await;
        let rest = if in_chunks {
            patch(&registry, &path, &blob).expect(202).await;
            Bytes::new()
        } else {
            blob.clone()
        };
        let puts = || put(&registry, &path, &blob, &rest).send();
        let (first, second) = join(puts(), puts()).await;
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201, "{first:?} {second:?}");
        assert!([201, 404, 429].contains(&statuses[1]), "{first:?} {second:?}");
        is_stored(&registry, &blob).await;
    }
}

/// Either the upload is cancelled and nothing is stored, or it is finished first.
#[tokio::test(start_paused = true)]
async fn an_upload_is_cancelled_while_it_ends() {
    let blob = bytes(1, 2000);
    for (seed, in_chunks) in (0..60).map(|seed| (seed, seed % 2 == 0)) {
        let store = Store::new();
        let registry = wandering(&store, seed);
        let path = registry.begin("team/app").await;
        if in_chunks {
            patch(&registry, &path, &blob.slice(..1000)).expect(202).await;
        }
        let rest = if in_chunks { blob.slice(1000..) } else { blob.clone() };
        let finish = put(&registry, &path, &blob, &rest).send();
        let cancel = registry.request("DELETE", &path).send();
        let (finished, cancelled) = join(finish, cancel).await;
        let stored = finished.status == 201;
        assert!(stored || cancelled.status == 204, "{finished:?} {cancelled:?}");
        let expected = if stored { 200 } else { 404 };
        registry.get(format!("/v2/team/app/blobs/{}", digest(&blob)), expected).await;
        store.check().await;
    }
}

#[tokio::test]
async fn a_retry_completes_what_the_store_did_not() {
    let store = Store::new();
    let objects =
        Arc::new(UnreliableObjects::new(store.objects.clone(), 0, StoreErrorKind::Unavailable));
    let registry = TestRegistry::on(&store).objects(objects.clone()).build();
    let blob = bytes(1, 2000);
    let path = registry.begin("team/app").await;
    patch(&registry, &path, &blob).expect(202).await;
    objects.fail_next(1, StoreErrorKind::Unavailable);
    put(&registry, &path, &blob, &Bytes::new()).expect(503).await;
    // The end was asked for: nothing else can follow but this end.
    patch(&registry, &path, &bytes(2, 10)).expect(404).await;
    put(&registry, &path, &bytes(2, 10), &Bytes::new()).expect(404).await;
    put(&registry, &path, &blob, &Bytes::new()).expect(201).await;
    is_stored(&registry, &blob).await;
}

#[tokio::test]
async fn a_retry_records_what_the_table_did_not() {
    let blob = bytes(1, 2000);
    for fails in [Fails::Before, Fails::After] {
        let store = Store::new();
        let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
        let registry = TestRegistry::on(&store).table(table.clone()).build();
        let path = registry.begin("team/app").await;
        patch(&registry, &path, &blob).expect(202).await;
        // Calls: read the session, record that it completes, make the layer.
        table.fail_after(2, fails, StoreErrorKind::Unavailable);
        put(&registry, &path, &blob, &Bytes::new()).expect(503).await;
        let retried = put(&registry, &path, &blob, &Bytes::new()).send().await;
        assert_eq!(retried.status, if fails == Fails::Before { 201 } else { 404 });
        is_stored(&registry, &blob).await;
    }
}
