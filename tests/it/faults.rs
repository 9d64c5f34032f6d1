//! Stores that fail: what clients are told, and that nothing is half-written.

use std::sync::Arc;

use berth_contract::{CountingObjects, UnreliableObjects, UnreliableTable};
use berth_registry::ports::{StoreErrorKind, WriteObjects};
use bytes::Bytes;

use crate::harness::{
    Answer, Fails, FaultyObjects, FaultyTable, Manifest, Plan, Store, TestRegistry, bytes, digest,
    image, image_of, index_of,
};

/// What a client does, in one request or several.
#[derive(Clone, Copy, Debug)]
enum Operation {
    PostBlob,
    PutBlob,
    ChunkBlob,
    StageBlob,
    Mount,
    PutImage,
    PutLargeImage,
    PutManyLayers,
    PutIndex,
    Pull,
    DeleteTag,
    DeleteImage,
    DeleteBlob,
}

const OPERATIONS: [Operation; 13] = [
    Operation::PostBlob,
    Operation::PutBlob,
    Operation::ChunkBlob,
    Operation::StageBlob,
    Operation::Mount,
    Operation::PutImage,
    Operation::PutLargeImage,
    Operation::PutManyLayers,
    Operation::PutIndex,
    Operation::Pull,
    Operation::DeleteTag,
    Operation::DeleteImage,
    Operation::DeleteBlob,
];

impl Operation {
    /// Returns the store's objects, with a smallest part if the operation is about that.
    fn objects(self, store: &Store) -> Arc<dyn WriteObjects> {
        match self {
            Self::StageBlob => {
                Arc::new(CountingObjects::with_smallest_part(store.objects.clone(), 1000))
            }
            _ => store.objects.clone(),
        }
    }
}

fn blob() -> Bytes {
    bytes(1, 2000)
}

fn large_image() -> Manifest {
    let filler = serde_json::json!({ "filler": "x".repeat(300_000) });
    image("large").with("annotations", filler)
}

fn many_layers() -> Manifest {
    let layers: Vec<_> = (0..110).map(|n| bytes(1000 + n, 20)).collect();
    image_of("many layers", &layers)
}

/// Puts into a store what the operation needs.
async fn prepare(registry: &TestRegistry, operation: Operation) {
    registry.push("team/app", "tagged", &image("tagged")).await;
    match operation {
        Operation::PostBlob
        | Operation::PutBlob
        | Operation::ChunkBlob
        | Operation::StageBlob
        | Operation::Pull => {}
        Operation::Mount => drop(registry.push_blob("team/base", &blob()).await),
        Operation::PutImage => registry.push_blobs("team/app", &image(1)).await,
        Operation::PutLargeImage => registry.push_blobs("team/app", &large_image()).await,
        Operation::PutManyLayers => registry.push_blobs("team/app", &many_layers()).await,
        Operation::PutIndex => drop(registry.push_untagged("team/app", &image(1)).await),
        Operation::DeleteTag | Operation::DeleteImage => {
            registry.push("team/app", "v1", &image(1).about(&image("tagged"))).await;
        }
        Operation::DeleteBlob => drop(registry.push_blob("team/app", &blob()).await),
    }
}

/// Does the operation's requests up to the first that fails.
async fn run(registry: &TestRegistry, operation: Operation) -> Answer {
    let request =
        |method: &str, path: &str| registry.request(method, format!("/v2/team/app/{path}"));
    let (uploads, name) = ("blobs/uploads/", digest(&blob()));
    match operation {
        Operation::PostBlob => {
            request("POST", &format!("{uploads}?digest={name}")).bytes(blob()).send().await
        }
        Operation::Mount => {
            request("POST", &format!("{uploads}?mount={name}&from=team/base")).send().await
        }
        Operation::PutBlob | Operation::ChunkBlob | Operation::StageBlob => {
            let begun = request("POST", uploads).send().await;
            if begun.status != 202 {
                return begun;
            }
            let path = begun.header("location");
            let put = registry.request("PUT", format!("{path}?digest={name}"));
            if matches!(operation, Operation::PutBlob) {
                return put.bytes(blob()).send().await;
            }
            for part in [blob().slice(..900), blob().slice(900..1800)] {
                let answer = registry.request("PATCH", path).bytes(part).send().await;
                if answer.status != 202 {
                    return answer;
                }
            }
            put.bytes(blob().slice(1800..)).send().await
        }
        Operation::PutImage => registry.put("team/app", "tagged", &image(1)).await,
        Operation::PutLargeImage => registry.put("team/app", "v1", &large_image()).await,
        Operation::PutManyLayers => registry.put("team/app", "v1", &many_layers()).await,
        Operation::PutIndex => {
            let index = index_of([&image(1)]).about(&image(1));
            registry.put("team/app", "v1", &index).await
        }
        Operation::Pull => {
            let answer = request("GET", "manifests/tagged").send().await;
            if answer.status != 200 {
                return answer;
            }
            let layer = digest(&image("tagged").blobs[1]);
            request("GET", &format!("blobs/{layer}")).send().await
        }
        Operation::DeleteTag => request("DELETE", "manifests/v1").send().await,
        Operation::DeleteImage => {
            let image = image(1).about(&image("tagged")).digest();
            request("DELETE", &format!("manifests/{image}")).send().await
        }
        Operation::DeleteBlob => request("DELETE", &format!("blobs/{name}")).send().await,
    }
}

/// Whether the operation succeeded, or what it was to do was done before its answer was lost.
fn is_done(operation: Operation, answer: &Answer) -> bool {
    let deletes =
        matches!(operation, Operation::DeleteTag | Operation::DeleteImage | Operation::DeleteBlob);
    answer.status < 300 || (deletes && answer.status == 404)
}

/// Fails one call after the other of each operation, checks the store, and does it again.
#[tokio::test]
async fn of_one_call_after_the_other() {
    for operation in OPERATIONS {
        for fails in [Fails::Before, Fails::After] {
            let mut failed = 0;
            for (port, call) in (0..2).flat_map(|port| (0..16).map(move |call| (port, call))) {
                let store = Store::new();
                prepare(&TestRegistry::on(&store).build(), operation).await;
                let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
                let objects = operation.objects(&store);
                let objects = Arc::new(FaultyObjects::wrap(objects, Plan::default()));
                let registry =
                    TestRegistry::on(&store).table(table.clone()).objects(objects.clone()).build();
                match port {
                    0 => table.fail_after(call, fails, StoreErrorKind::Unavailable),
                    _ => objects.fail_after(call, fails, StoreErrorKind::Unavailable),
                }
                let answer = run(&registry, operation).await;
                if table.heal() || objects.heal() {
                    assert!(is_done(operation, &answer), "{operation:?}: {answer:?}");
                    if port == 1 {
                        break;
                    }
                    continue;
                }
                failed += 1;
                // The record of a pull fails no pull: it is read and written behind the repository,
                // the tag and the manifest.
                if matches!((operation, port, call), (Operation::Pull, 0, 3 | 4)) {
                    assert_eq!(answer.status, 200, "{operation:?} {fails:?} {port} {call}");
                    store.check().await;
                    continue;
                }
                assert_eq!(answer.status, 503, "{operation:?} {fails:?} {port} {call}");
                answer.has_code("UNKNOWN");
                store.check_but_leftovers(false).await;
                registry.pull("team/app", &image("tagged")).await;
                let again = run(&registry, operation).await;
                assert!(is_done(operation, &again), "{operation:?} {fails:?} {call}: {again:?}");
                store.check_but_leftovers(false).await;
            }
            assert!(failed > 1, "{operation:?} called its ports {failed} times");
        }
    }
}

/// A store without room says so, and keeps what it has.
#[tokio::test]
async fn of_a_full_store() {
    let store = Store::new();
    let full = StoreErrorKind::Full;
    let table = Arc::new(UnreliableTable::new(store.table.clone(), 0, full));
    let objects = Arc::new(UnreliableObjects::new(store.objects.clone(), 0, full));
    let registry = TestRegistry::on(&store).table(table.clone()).objects(objects.clone()).build();
    registry.push("team/app", "v1", &image(1)).await;
    registry.push_blobs("team/app", &image(2)).await;
    let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest(&blob()));
    for object in [true, false] {
        match object {
            true => objects.fail_next(usize::MAX, full),
            false => table.fail_next(usize::MAX, full),
        }
        let refused = registry.request("POST", &path).bytes(blob()).expect(507).await;
        let message = refused.json()["errors"][0]["message"].to_string();
        assert!(message.contains("no room"), "{message}");
        let image = if object { large_image() } else { image(2) };
        if object {
            // Its layers are refused, too: the manifest lacks them.
            assert_eq!(registry.put("team/app", "v2", &image).await.status, 507);
        }
        objects.fail_next(0, full);
        table.fail_next(0, full);
        registry.pull("team/app", &crate::harness::image(1)).await;
        store.check_but_leftovers(false).await;
    }
    registry.request("POST", &path).bytes(blob()).expect(201).await;
    registry.push("team/app", "v2", &image(2)).await;
}

/// The registry's own failures tell clients nothing of their cause.
#[tokio::test]
async fn of_a_damaged_store() {
    let store = Store::new();
    let kind = StoreErrorKind::Damaged;
    let table = Arc::new(UnreliableTable::new(store.table.clone(), 0, kind));
    let registry = TestRegistry::on(&store).table(table.clone()).build();
    registry.push("team/app", "v1", &image(1)).await;
    table.fail_next(1, kind);
    let answer = registry.get("/v2/team/app/manifests/v1", 500).await;
    assert!(!answer.json().to_string().contains("made by a test"), "{answer:?}");
    registry.get("/v2/team/app/manifests/v1", 200).await;
}
