//! Storage figures: they are what is there, whatever was pushed and deleted meanwhile, and whatever
//! was there before anybody counted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::access::{Action, Caller, Facts};
use berth_registry::ports::{
    Clock as _, Condition, Key, NewMessage, Operation, PublishEvents, RegistryEvent, SendMessages,
    StoreError, StoreErrorKind, WriteTable,
};
use berth_registry::{
    CountingProgress, Dispatch, ExistingImages, FiguresExtent, JobQueues, RegistryError,
    RepositoryFigures, RepositoryId, StorageFigures, WhenNotEmpty,
};
use berth_types::RepositoryName;
use futures_util::future::join_all;
use proptest::prelude::*;

use crate::harness::{
    Fails, FaultyTable, Manifest, Plan, ShortPages, Store, TestRegistry, identity, image, index_of,
    permit,
};

/// Whom events are told to, and jobs sent to: nobody.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl PublishEvents for Nobody {
    async fn publish(&self, _events: &[RegistryEvent]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SendMessages for Nobody {
    async fn send(&self, _messages: &[NewMessage]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Reads the outbox until nothing is left in it.
async fn dispatch(store: &Store) {
    let nobody: Arc<dyn SendMessages> = Arc::new(Nobody);
    let jobs = JobQueues { lifecycle: nobody.clone(), collect: nobody.clone(), replicate: nobody };
    let dispatch = Dispatch::new(store.table.clone(), Arc::new(Nobody), jobs, identity());
    dispatch.sweep(store.clock.now().plus(Duration::from_secs(1))).await.unwrap();
}

async fn of_registry(registry: &TestRegistry) -> StorageFigures {
    let (action, facts) = (Action::GetStorageFigures, Facts::default());
    let permit = registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
    registry.registry.figures.of_registry(&permit).await.unwrap()
}

async fn of_repositories(registry: &TestRegistry, limit: usize) -> Vec<RepositoryFigures> {
    let (action, facts) = (Action::GetStorageFigures, Facts::default());
    let permit = registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let figures = &registry.registry.figures;
        let page = figures.of_repositories(&permit, after.as_ref(), limit).await.unwrap();
        assert!(page.repositories.len() <= limit);
        all.extend(page.repositories);
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

async fn of_repository(registry: &TestRegistry, name: &str) -> RepositoryFigures {
    let permit = permit(Action::GetRepositoryStorageFigures, name);
    registry.registry.figures.of_repository(&permit).await.unwrap()
}

fn figures_of(images: &[&Manifest]) -> StorageFigures {
    let content = |image: &&Manifest| image.blobs.iter().map(|blob| blob.len() as u64).sum::<u64>();
    StorageFigures {
        images: images.len() as u64,
        manifest_bytes: images.iter().map(|image| image.bytes.len() as u64).sum(),
        image_bytes: images.iter().map(content).sum(),
    }
}

#[tokio::test]
async fn they_follow_pushes_and_deletions() {
    let registry = TestRegistry::new();
    let (one, two) = (image("one"), image("two"));
    registry.push("team/app", "v1", &one).await;
    registry.push("team/app", "v2", &one).await;
    registry.push("team/app", "v3", &two).await;
    registry.push("team/other", "v1", &two).await;
    assert_eq!(of_registry(&registry).await, StorageFigures::default());
    registry.store.check().await;
    dispatch(&registry.store).await;
    registry.store.check().await;
    assert_eq!(of_registry(&registry).await, figures_of(&[&one, &two, &two]));
    let app = of_repository(&registry, "team/app").await;
    assert_eq!(app.figures, figures_of(&[&one, &two]));
    assert_eq!(app.extent, FiguresExtent::AllImages);
    let pages = of_repositories(&registry, 1).await;
    let other = RepositoryFigures {
        repository: "team/other".parse().unwrap(),
        figures: figures_of(&[&two]),
        extent: FiguresExtent::AllImages,
    };
    assert_eq!(pages, [app, other]);

    registry.remove(format!("/v2/team/app/manifests/{}", one.digest()), 202).await;
    registry.remove("/v2/team/app/manifests/v3", 202).await;
    dispatch(&registry.store).await;
    assert_eq!(of_repository(&registry, "team/app").await.figures, figures_of(&[&two]));
    registry.delete("team/other", WhenNotEmpty::Force).await.unwrap();
    dispatch(&registry.store).await;
    assert_eq!(of_registry(&registry).await, figures_of(&[&two]));
    registry.store.check().await;
}

#[tokio::test]
async fn an_index_counts_as_its_largest_child() {
    let registry = TestRegistry::new();
    let (one, two) = (image("one"), image("a larger one"));
    registry.push_untagged("team/app", &one).await;
    registry.push_untagged("team/app", &two).await;
    let index = index_of([&one, &two]);
    registry.push_untagged("team/app", &index).await;
    dispatch(&registry.store).await;
    let (sum, larger) = (figures_of(&[&one, &two]), figures_of(&[&two]));
    let figures = of_registry(&registry).await;
    assert_eq!(figures.image_bytes, sum.image_bytes + larger.image_bytes);
    assert_eq!(figures.manifest_bytes, sum.manifest_bytes + index.bytes.len() as u64);
}

#[tokio::test]
async fn events_that_two_read_at_once_count_once() {
    let registry = TestRegistry::new();
    let images: Vec<_> = (0..60).map(image).collect();
    join_all(images.iter().map(|image| registry.push_untagged("team/app", image))).await;
    join_all((0..4).map(|_| dispatch(&registry.store))).await;
    let all: Vec<_> = images.iter().collect();
    assert_eq!(of_registry(&registry).await, figures_of(&all));
    registry.store.check().await;
}

#[tokio::test]
async fn sizes_that_are_lies_break_nothing() {
    let registry = TestRegistry::new();
    let honest = image("one");
    registry.push_blobs("team/app", &honest).await;
    for number in 0..3 {
        let mut manifest: serde_json::Value = serde_json::from_slice(&honest.bytes).unwrap();
        manifest["config"]["size"] = i64::MAX.into();
        manifest["annotations"] = serde_json::json!({ "n": number.to_string() });
        let lie = honest.with("config", manifest["config"].clone());
        let lie = lie.with("annotations", manifest["annotations"].clone());
        registry.push_untagged("team/app", &lie).await;
    }
    dispatch(&registry.store).await;
    let figures = of_registry(&registry).await;
    assert_eq!((figures.images, figures.image_bytes), (3, 3 << 40));
    registry.store.check().await;
}

/// Makes a repository one that an earlier version made: without figures.
async fn forget(registry: &TestRegistry, name: &str) -> RepositoryId {
    let id: RepositoryId = serde_json::from_value(registry.id(name).await.unwrap().into()).unwrap();
    let key = Key { partition: format!("repository/{}", id.as_str()), sort: "figures".to_owned() };
    let operation = Operation::Delete { key, condition: Condition::Present };
    registry.store.table.transact(vec![operation]).await.unwrap();
    id
}

async fn count(
    store: &Store,
    table: Arc<dyn WriteTable>,
    name: &RepositoryName,
    id: &RepositoryId,
) -> Result<CountingProgress, RegistryError> {
    let until = store.clock.now().plus(Duration::from_hours(1));
    ExistingImages::new(table, store.clock.clone()).count(name, id, until).await
}

#[tokio::test]
async fn what_was_there_before_is_counted_page_by_page() {
    let registry = TestRegistry::new();
    let images: Vec<_> = (0..20).map(image).collect();
    join_all(images.iter().map(|image| registry.push_untagged("team/app", image))).await;
    let id = forget(&registry, "team/app").await;
    dispatch(&registry.store).await;
    assert_eq!(of_repository(&registry, "team/app").await.extent, FiguresExtent::SomeImages);
    assert_eq!(of_registry(&registry).await, StorageFigures::default());
    registry.store.check().await;

    let name = "team/app".parse().unwrap();
    let table: Arc<dyn WriteTable> = Arc::new(ShortPages(registry.store.table.clone()));
    let existing = ExistingImages::new(table.clone(), registry.store.clock.clone());
    let now = registry.store.clock.now();
    let progress = existing.count(&name, &id, now).await.unwrap();
    assert_eq!(progress, CountingProgress::Interrupted);
    registry.store.check().await;
    let progress = count(&registry.store, table, &name, &id).await.unwrap();
    assert_eq!(progress, CountingProgress::Done);
    let all: Vec<_> = images.iter().collect();
    assert_eq!(of_registry(&registry).await, figures_of(&all));
    assert_eq!(of_repository(&registry, "team/app").await.extent, FiguresExtent::AllImages);
    registry.store.check().await;
}

#[tokio::test]
async fn a_repository_that_goes_meanwhile_is_not_counted() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image("one")).await;
    let id = forget(&registry, "team/app").await;
    registry.delete("team/app", WhenNotEmpty::Force).await.unwrap();
    registry.push("team/app", "v1", &image("two")).await;
    let (store, name) = (&registry.store, "team/app".parse().unwrap());
    let progress = count(store, store.table.clone(), &name, &id).await.unwrap();
    assert_eq!(progress, CountingProgress::Done);
    dispatch(&registry.store).await;
    assert_eq!(of_registry(&registry).await, figures_of(&[&image("two")]));
    registry.store.check().await;
}

/// What somebody does while images are counted.
#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Delete(u8),
    Dispatch,
    /// Count, until a call of the table fails: so many go well before.
    Count(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u8).prop_map(Step::Push),
        (0..6_u8).prop_map(Step::Delete),
        Just(Step::Dispatch),
        (0..60_u8).prop_map(Step::Count),
    ]
}

/// Carries steps out, all at once or one after the other.
async fn carry_out(registry: &TestRegistry, id: &RepositoryId, step: &Step) {
    let path = |number: u8| format!("/v2/team/app/manifests/{}", image(number).digest());
    match step {
        Step::Push(number) => drop(registry.push_untagged("team/app", &image(*number)).await),
        Step::Delete(number) => drop(registry.request("DELETE", path(*number)).send().await),
        Step::Dispatch => dispatch(&registry.store).await,
        Step::Count(calls) => {
            let table = Arc::new(ShortPages(registry.store.table.clone()));
            let table = Arc::new(FaultyTable::wrap(table, Plan::default()));
            let fails = if calls % 2 == 0 { Fails::Before } else { Fails::After };
            table.fail_after((*calls).into(), fails, StoreErrorKind::Unavailable);
            drop(count(&registry.store, table, &"team/app".parse().unwrap(), id).await);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counting_beside_pushes_and_deletions_is_exact(
        before in proptest::collection::vec(0..6_u8, 0..6),
        steps in proptest::collection::vec(proptest::collection::vec(step(), 1..4), 1..8),
    ) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
            let registry = TestRegistry::new();
            registry.create("team/app").await.unwrap();
            for number in before {
                registry.push_untagged("team/app", &image(number)).await;
            }
            let id = forget(&registry, "team/app").await;
            for together in &steps {
                join_all(together.iter().map(|step| carry_out(&registry, &id, step))).await;
                registry.store.check().await;
            }
            dispatch(&registry.store).await;
            let name = "team/app".parse().unwrap();
            let progress = count(&registry.store, registry.store.table.clone(), &name, &id).await;
            assert_eq!(progress.unwrap(), CountingProgress::Done);
            registry.store.check().await;
            let figures = of_registry(&registry).await;
            assert_eq!(figures, of_repository(&registry, "team/app").await.figures);
        });
    }
}
