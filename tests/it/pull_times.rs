//! When images were last pulled.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::CountingTable;
use berth_registry::access::{Action, Caller, Facts};
use berth_registry::ports::{Clock, StoreErrorKind, Timestamp};
use berth_registry::{ImageDetail, ImageSelector};
use futures_util::future::join_all;
use tokio::sync::oneshot;

use crate::harness::{
    Fails, FaultyTable, KEY_ID, Manifest, MeddledTable, Meddler, Plan, SECRET, Store, TestRegistry,
    image, index_of, permit,
};
use crate::{policies, sessions};

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

#[tokio::test(start_paused = true)]
async fn a_record_beside_the_answer_holds_no_pull_up() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).build();
    let image = image("beside");
    registry.push("team/app", "v1", &image).await;
    let (release, released) = oneshot::channel::<()>();
    let slow = Meddler::before("transact", 0, async move { released.await.unwrap() });
    let table = Arc::new(MeddledTable::wrap(store.table.clone(), slow));
    let pulled = TestRegistry::on(&store).table(table).shared().build();
    let pull = pulled.registry.pull.clone().recording_beside();
    let permit = permit(Action::BatchGetImage, "team/app");
    for reference in ["v1", &image.digest()] {
        pull.get_manifest(&permit, &reference.parse().unwrap()).await.unwrap();
        assert_eq!(last_pull(&registry, &image).await, None);
    }
    release.send(()).unwrap();
    let recorded = async {
        while last_pull(&registry, &image).await.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), recorded).await.unwrap();
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

/// Excludes a principal, or records its pulls again.
async fn exclude(registry: &TestRegistry, action: Action, principal: &str) {
    let facts = Facts::default();
    let permit = registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
    let (exclusions, principal) =
        (&registry.registry.pull_time_exclusions, principal.parse().unwrap());
    match action {
        Action::RegisterPullTimeUpdateExclusion => {
            exclusions.register(permit, &principal).await.unwrap();
        }
        _ => exclusions.deregister(permit, &principal).await.unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn pulls_of_excluded_users_and_roles_are_not_recorded() {
    let registry = policies::registry().await;
    let image = image(1);
    let kim = policies::kim(&registry, policies::PULL).await;
    let trust = sessions::trust(&registry, policies::PULL).await;
    let session = sessions::session(&registry, &trust, sessions::OWN).await;
    let session = sessions::token(&registry, &session).await;
    let path = "/v2/team/app/manifests/v1";
    let user = "arn:aws:iam::123456789012:user/kim";
    let role = "arn:aws:iam::123456789012:role/path/ci";
    for principal in [user, role] {
        exclude(&registry, Action::RegisterPullTimeUpdateExclusion, principal).await;
    }
    registry.request("GET", path).basic(&kim.id, &kim.secret).expect(200).await;
    registry.request("GET", path).basic("AWS", &session).expect(200).await;
    assert_eq!(last_pull(&registry, &image).await, None);

    // The list is another process's at most a minute later.
    let other = TestRegistry::on(&registry.store).shared().with_login().build();
    other.request("GET", path).basic(&kim.id, &kim.secret).expect(200).await;
    exclude(&registry, Action::DeregisterPullTimeUpdateExclusion, user).await;
    other.request("GET", path).basic(&kim.id, &kim.secret).expect(200).await;
    assert_eq!(last_pull(&registry, &image).await, None);
    registry.store.clock.advance(Duration::from_mins(1));
    other.request("GET", path).basic(&kim.id, &kim.secret).expect(200).await;
    let recorded = last_pull(&registry, &image).await;
    assert!(recorded.is_some());

    registry.store.clock.advance(Duration::from_hours(25));
    registry.request("GET", path).basic(KEY_ID, SECRET).expect(200).await;
    assert!(last_pull(&registry, &image).await > recorded, "the root's pulls are recorded");
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn the_list_of_exclusions_costs_a_query_a_minute() {
    let store = policies::registry().await.store;
    let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
    let registry = TestRegistry::on(&store).table(table.clone()).with_login().build();
    let kim = policies::kim(&registry, policies::PULL).await;
    let user = "arn:aws:iam::123456789012:user/kim";
    exclude(&registry, Action::RegisterPullTimeUpdateExclusion, user).await;
    let path = format!("/v2/team/app/manifests/{}", image(1).digest());
    let pull = async || {
        table.take();
        registry.request("GET", &path).basic(&kim.id, &kim.secret).expect(200).await;
        table.take().of("query")
    };
    let first = pull().await;
    assert_eq!(pull().await, 0);
    store.clock.advance(Duration::from_mins(1));
    assert_eq!(pull().await, first, "with what is read of kim's policies");
    assert!(first >= 1);
    table.take();
}
