//! The outbox: what happened is told, and counted once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_contract::TableAround;
use berth_registry::access::{Action, Caller, Facts};
use berth_registry::ports::{
    Attributes, Clock as _, Condition, Consistency, Key, Operation, PublishEvents, Query,
    RegistryEvent, Select, StoreError, StoreErrorKind,
};
use berth_registry::{JobQueues, StorageFigures, WatchedTable, WhenNotEmpty, Written};
use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{
    Fails, Faulty, SharedPlan, Store, TestRegistry, Told, dispatch as dispatcher, image, index_of,
};

const NAME: &str = "team/app";

/// Returns the sort keys of all events.
async fn outbox(store: &Store) -> Vec<String> {
    let mut keys = Vec::new();
    for shard in 0..8 {
        let query = Query {
            partition: format!("outbox/{shard}"),
            prefix: String::new(),
            after: None,
            limit: 1000,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        let page = store.table.query(&query).await.unwrap();
        keys.extend(page.items.into_iter().map(|item| item.key.sort));
    }
    keys
}

async fn figures(registry: &TestRegistry) -> StorageFigures {
    let (action, facts) = (Action::GetStorageFigures, Facts::default());
    let permit = registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
    registry.registry.figures.of_registry(&permit).await.unwrap()
}

/// Returns what was done to which tag, in an order of its own.
fn actions(told: &[Value]) -> Vec<String> {
    let action = |event: &Value| {
        let detail = &event["detail"];
        let tag = detail["image-tag"].as_str().unwrap_or("no tag");
        format!("{} {tag}", detail["action-type"].as_str().unwrap())
    };
    let mut actions: Vec<_> = told.iter().map(action).collect();
    actions.sort();
    actions
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told() {
    let registry = TestRegistry::new();
    let (app, child) = (image("app"), image("child"));
    registry.push(NAME, "v1", &app).await;
    registry.push(NAME, "v2", &app).await;
    registry.push_untagged(NAME, &child).await;
    registry.push(NAME, "list", &index_of([&child])).await;
    let told = registry.store.dispatch_all().await;
    assert_eq!(actions(&told), ["PUSH list", "PUSH no tag", "PUSH v1", "PUSH v2"]);
    assert!(outbox(&registry.store).await.is_empty());
    assert_eq!(figures(&registry).await.images, 3);

    registry.remove(format!("/v2/{NAME}/manifests/v1"), 202).await;
    registry.remove(format!("/v2/{NAME}/manifests/{}", app.digest()), 202).await;
    let told = registry.store.dispatch_all().await;
    assert_eq!(actions(&told), ["DELETE v1", "DELETE v2"]);
    assert_eq!(figures(&registry).await.images, 2);

    registry.push(NAME, "list", &index_of([&child])).await;
    assert!(registry.store.dispatch_all().await.is_empty(), "nothing changed");
    registry.delete(NAME, WhenNotEmpty::Force).await.unwrap();
    registry.store.dispatch_all().await;
    assert_eq!(figures(&registry).await, StorageFigures::default());
    assert!(outbox(&registry.store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_events_are_counted_together() {
    let registry = TestRegistry::new();
    for number in 0..130 {
        registry.push(&format!("{NAME}-{}", number % 30), "v1", &image(number)).await;
    }
    assert_eq!(registry.store.dispatch_all().await.len(), 130);
    assert_eq!(figures(&registry).await.images, 130);
    assert!(outbox(&registry.store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_once_wherever_dispatch_is_cut_off() {
    for fails in [Fails::Before, Fails::After] {
        let mut calls = 0;
        loop {
            let registry = TestRegistry::new();
            let store = &registry.store;
            registry.push(NAME, "v1", &image("one")).await;
            registry.push("team/other", "v1", &image("two")).await;

            let plan = SharedPlan::default();
            let told = Arc::new(Told::default());
            let table = Arc::new(TableAround::wrap(store.table.clone(), plan.clone()));
            let faulty = Arc::new(Faulty::wrap(told.clone(), &plan));
            let dispatch = dispatcher(table, faulty, faulty_jobs(store, &plan));
            let moment = store.clock.now().plus(Duration::from_millis(1));
            plan.0.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let cut_off = dispatch.sweep(moment).await;
            let was_reached = !plan.0.heal();
            assert_eq!(cut_off.is_err(), was_reached);
            dispatch.sweep(moment).await.unwrap();

            let mut ids: Vec<_> =
                told.take().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
            assert!((2..=4).contains(&ids.len()), "told once or twice");
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), 2, "under the same id");
            assert_eq!(figures(&registry).await.images, 2);
            assert!(outbox(store).await.is_empty());
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls > 10, "{calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_was_left_is_swept() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    registry.push(NAME, "old", &image("old")).await;
    store.clock.advance(Duration::from_mins(4));
    registry.push(NAME, "young", &image("young")).await;
    let dispatch = dispatcher(store.table.clone(), Arc::new(Told::default()), store.jobs());
    assert_eq!(dispatch.sweep_left(store.clock.now()).await.unwrap(), 0);
    store.clock.advance(Duration::from_mins(2));
    assert_eq!(dispatch.sweep_left(store.clock.now()).await.unwrap(), 1);
    assert_eq!(outbox(store).await.len(), 1);
}

/// Hears of everything but one tag, of which it can't be told.
#[derive(Debug)]
struct RefusesTag {
    told: Told,
    tag: &'static str,
}

#[async_trait]
impl PublishEvents for RefusesTag {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        if events.iter().any(|event| event.detail().unwrap()["image-tag"] == self.tag) {
            return Err(StoreError::new(StoreErrorKind::Internal, "the event is refused"));
        }
        self.told.publish(events).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_can_not_be_dispatched_keeps_no_other_waiting() {
    let registry = TestRegistry::new();
    let store = &registry.store;
    for number in 0..50 {
        registry.push(NAME, &format!("v{number}"), &image(number)).await;
    }
    let bus = Arc::new(RefusesTag { told: Told::default(), tag: "v7" });
    let dispatch = dispatcher(store.table.clone(), bus.clone(), store.jobs());
    let moment = store.clock.now().plus(Duration::from_millis(1));
    for _ in 0..2 {
        let refused = dispatch.sweep(moment).await.unwrap_err();
        assert!(refused.to_string().contains("the event is refused"), "{refused}");
        assert_eq!(outbox(store).await.len(), 1, "it stays, and no other");
    }
    assert_eq!(bus.told.take().len(), 49);
    assert_eq!(figures(&registry).await.images, 49);

    let dispatch = dispatcher(store.table.clone(), Arc::new(Told::default()), store.jobs());
    assert_eq!(dispatch.sweep(moment).await.unwrap(), 1);
    assert_eq!(figures(&registry).await.images, 50);
}

fn faulty_jobs(store: &Store, plan: &SharedPlan) -> JobQueues {
    let jobs = store.jobs();
    JobQueues {
        lifecycle: Arc::new(Faulty::wrap(jobs.lifecycle, plan)),
        collect: Arc::new(Faulty::wrap(jobs.collect, plan)),
        replicate: Arc::new(Faulty::wrap(jobs.replicate, plan)),
    }
}

#[tokio::test]
async fn events_are_counted_once_whoever_dispatches_them() {
    let registry = TestRegistry::new();
    for number in 0..50 {
        registry.push(NAME, &format!("v{number}"), &image(number)).await;
    }
    let sweeps = (0..4).map(|_| registry.store.dispatch_all());
    let told: usize = join_all(sweeps).await.iter().map(Vec::len).sum();
    assert!(told >= 50);
    assert_eq!(figures(&registry).await.images, 50);
    assert!(outbox(&registry.store).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_can_not_be_read_keeps_no_other_waiting() {
    let registry = TestRegistry::new();
    let damaged = |sort: String| Operation::Put {
        key: Key { partition: "outbox/0".to_owned(), sort },
        document: Bytes::from_static(b"{\"change\":\"unheardOf\"}"),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    };
    let damaged = (0..150).map(|number| damaged(format!("{number:014}/damaged")));
    let damaged: Vec<_> = damaged.collect();
    for some in damaged.chunks(100) {
        registry.store.table.transact(some.to_vec()).await.unwrap();
    }
    for number in 0..20 {
        registry.push(NAME, &format!("v{number}"), &image(number)).await;
    }
    assert_eq!(registry.store.dispatch_all().await.len(), 20);
    assert_eq!(outbox(&registry.store).await.len(), 150, "they stay for whoever can read them");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_leaves_what_is_new() {
    let registry = TestRegistry::new();
    registry.push(NAME, "v1", &image("old")).await;
    registry.store.clock.advance(Duration::from_mins(5));
    let moment = registry.store.clock.now();
    registry.push(NAME, "v2", &image("new")).await;
    let told = Arc::new(Told::default());
    let store = &registry.store;
    let dispatch = dispatcher(store.table.clone(), told.clone(), store.jobs());
    assert_eq!(dispatch.sweep(moment).await.unwrap(), 1);
    assert_eq!(actions(&told.take()), ["PUSH v1"]);
}

#[tokio::test(start_paused = true)]
async fn a_watched_table_tells_what_was_written() {
    let store = Store::new();
    let (table, mut written) = WatchedTable::new(store.table.clone());
    let registry = TestRegistry::on(&store).table(Arc::new(table)).build();
    registry.push(NAME, "v1", &image("app")).await;
    let Some(Written::Events(ids)) = written.next(100).await else { panic!("there is an event") };
    assert_eq!(ids.len(), 1);
    let told = Arc::new(Told::default());
    let dispatch = dispatcher(store.table.clone(), told.clone(), store.jobs());
    assert_eq!(dispatch.dispatch(&ids).await.unwrap(), 1);
    assert_eq!(dispatch.dispatch(&ids).await.unwrap(), 0);
    assert_eq!(actions(&told.take()), ["PUSH v1"]);
    drop(registry);
    assert_eq!(written.next(100).await, None);
}
