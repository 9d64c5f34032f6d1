//! When images were last pulled.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::CountingTable;
use berth_registry::access::Action;
use berth_registry::ports::{Clock, StoreErrorKind, Timestamp};
use berth_registry::{ImageDetail, ImageSelector};
use futures_util::future::join_all;

use crate::harness::{
    Fails, FaultyTable, Manifest, Plan, Store, TestRegistry, image, index_of, permit,
};

async fn describe(registry: &TestRegistry, manifest: &Manifest) -> ImageDetail {
    let permit = permit(Action::DescribeImages, "team/app");
    let selector = ImageSelector::Digest(manifest.digest().parse().unwrap());
    registry.registry.pull.describe_image(&permit, &selector).await.unwrap()
}

async fn last_pull(registry: &TestRegistry, manifest: &Manifest) -> Option<Timestamp> {
    describe(registry, manifest).await.last_pulled_at
}

async fn pull(registry: &TestRegistry, reference: &str) {
    registry.get(format!("/v2/team/app/manifests/{reference}"), 200).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_pull_of_a_day_is_recorded() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).shared().build();
    let other = TestRegistry::on(&store).shared().build();
    let (image, untouched) = (image("pulled"), image("untouched"));
    registry.push("team/app", "v1", &image).await;
    registry.push("team/app", "v2", &untouched).await;
    registry.request("HEAD", "/v2/team/app/manifests/v1").expect(200).await;
    assert_eq!(last_pull(&registry, &image).await, None);
    let first = store.clock.now();
    pull(&registry, "v1").await;
    let recorded = last_pull(&registry, &image).await;
    assert!(recorded.is_some_and(|at| at >= first), "{recorded:?}");
    store.clock.advance(Duration::from_hours(23));
    pull(&registry, "v1").await;
    pull(&other, &image.digest()).await;
    assert_eq!(last_pull(&other, &image).await, recorded);
    store.clock.advance(Duration::from_hours(1));
    pull(&other, &image.digest()).await;
    let next = last_pull(&registry, &image).await;
    assert!(next > recorded, "{next:?}");
    pull(&registry, "v1").await;
    assert_eq!(last_pull(&registry, &image).await, next);
    assert_eq!(last_pull(&registry, &untouched).await, None);
    store.check().await;
}

#[tokio::test]
async fn pulls_after_the_first_cost_nothing() {
    let store = Store::new();
    let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
    let registry = TestRegistry::on(&store).table(table.clone()).build();
    let image = image("counted");
    registry.push("team/app", "v1", &image).await;
    table.take();
    pull(&registry, "v1").await;
    assert_eq!(table.take().names(), ["get", "get", "get", "transact"]);
    pull(&registry, "v1").await;
    pull(&registry, &image.digest()).await;
    assert_eq!(table.take().names(), ["get", "get"]);
    let again = TestRegistry::on(&store).table(table.clone()).build();
    pull(&again, &image.digest()).await;
    table.take();
    pull(&again, &image.digest()).await;
    assert_eq!(table.take().names(), ["get"]);
}

#[tokio::test]
async fn an_index_and_its_image_are_pulled_each() {
    let registry = TestRegistry::new();
    let child = image("child");
    registry.push_untagged("team/app", &child).await;
    let index = index_of([&child]);
    registry.push("team/app", "v1", &index).await;
    pull(&registry, "v1").await;
    assert!(last_pull(&registry, &index).await.is_some());
    assert_eq!(last_pull(&registry, &child).await, None);
    pull(&registry, &child.digest()).await;
    assert!(last_pull(&registry, &child).await.is_some());
    registry.store.check().await;
}

#[tokio::test]
async fn a_record_that_fails_fails_no_pull() {
    let store = Store::new();
    let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
    let registry = TestRegistry::on(&store).table(table.clone()).build();
    let image = image("failing");
    registry.push("team/app", "v1", &image).await;
    // The tag, the manifest and the last record are read before.
    for (calls, fails) in [(2, Fails::Before), (2, Fails::Before)] {
        table.fail_after(calls, fails, StoreErrorKind::Unavailable);
        pull(&registry, "v1").await;
        assert!(!table.heal(), "no call failed");
        assert_eq!(last_pull(&registry, &image).await, None);
    }
    pull(&registry, "v1").await;
    assert!(last_pull(&registry, &image).await.is_some());
    store.check().await;
}

#[tokio::test]
async fn a_deleted_image_leaves_no_record() {
    let registry = TestRegistry::new();
    for round in 0..20 {
        let image = image(round);
        let digest = registry.push("team/app", "v1", &image).await;
        let path = format!("/v2/team/app/manifests/{digest}");
        let pulls = join_all((0..3).map(|_| registry.request("GET", &path).send()));
        let (deleted, _) = tokio::join!(registry.request("DELETE", &path).send(), pulls);
        assert_eq!(deleted.status, 202);
    }
    registry.store.check().await;
}
