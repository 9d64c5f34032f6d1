//! Replication of what stood in a registry before a rule.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use berth_contract::{Around, ObjectsAround, TableAround};
use berth_registry::access::{Action, Caller, Facts, RegistryPermit};
use berth_registry::ports::{
    Clock, Consistency, Query, Select, StoreError, StoreErrorKind, Timestamp,
};
use berth_registry::{
    Backfill, BackfillError, BackfillJob, BackfillResult, BackfillResults, BackfillStatus,
    Identity, Job, Peer, Peers, RegistryError, ReplicateWorker, ReplicationConfiguration,
    ReplicationDestination, ReplicationPorts, ReplicationRule, ResultPlace, WhichResults, Work,
    WorkError,
};

use crate::harness::{Fails, SharedPlan, TestRegistry, identity, image, index_of};

const DAY: Duration = Duration::from_hours(24);
const NAME: &str = "team/app";

fn destination(region: &str) -> ReplicationDestination {
    let registry_id = "123456789012".parse().unwrap();
    ReplicationDestination { region: region.parse().unwrap(), registry_id }
}

fn away() -> ReplicationDestination {
    destination("eu-west-1")
}

async fn permit(registry: &TestRegistry, action: Action) -> RegistryPermit {
    registry.gate.registry(&Caller::ROOT, action, &Facts::default()).await.unwrap()
}

/// Sends all images to these registries.
async fn rule(registry: &TestRegistry, destinations: Vec<ReplicationDestination>) {
    let rule =
        ReplicationRule { destinations, repository_filters: Vec::new(), delete_replication: None };
    let permit = permit(registry, Action::PutReplicationConfiguration).await;
    let configuration = ReplicationConfiguration { rules: vec![rule] };
    registry.registry.settings.put_replication(permit, &configuration).await.unwrap();
}

async fn start(
    registry: &TestRegistry,
    destination: ReplicationDestination,
) -> Result<Backfill, RegistryError> {
    let permit = permit(registry, Action::StartReplicationBackfill).await;
    registry.registry.backfills.start(permit, &identity(), destination).await
}

async fn stop(registry: &TestRegistry, backfill: &Backfill) -> Result<Backfill, RegistryError> {
    let permit = permit(registry, Action::StopReplicationBackfill).await;
    registry.registry.backfills.stop(permit, backfill.id).await
}

async fn results(registry: &TestRegistry, backfill: &Backfill) -> BackfillResults {
    let permit = permit(registry, Action::DescribeReplicationBackfillResults).await;
    let from = ResultPlace::default();
    let backfills = &registry.registry.backfills;
    backfills.results(permit, backfill.id, WhichResults::All, from, 1000).await.unwrap()
}

/// Makes the worker of a registry that reaches another.
fn worker(registry: &TestRegistry, plan: &SharedPlan, peer: &TestRegistry) -> ReplicateWorker {
    let store = &registry.store;
    let ports = ReplicationPorts {
        table: Arc::new(TableAround::wrap(store.table.clone(), plan.clone())),
        objects: Arc::new(ObjectsAround::wrap(store.objects.clone(), plan.clone())),
        clock: store.clock.clone(),
    };
    let there = Identity { region: away().region, registry_id: away().registry_id };
    let peers = Peers::new(vec![Peer::new(there, peer.registry.clone())]);
    ReplicateWorker::new(ports, identity(), Arc::new(peers))
}

/// Builds a process of a registry with something around each call of its ports.
fn around<A: Around + Clone + 'static>(registry: &TestRegistry, around: &A) -> TestRegistry {
    let store = &registry.store;
    let table = TableAround::wrap(store.table.clone(), around.clone());
    let objects = ObjectsAround::wrap(store.objects.clone(), around.clone());
    TestRegistry::on(store).table(Arc::new(table)).objects(Arc::new(objects)).build()
}

/// Does the job of a backfill, and those that go on with it.
async fn run(
    worker: &ReplicateWorker,
    backfill: &Backfill,
    until: Timestamp,
) -> Result<(), WorkError> {
    let mut jobs = vec![Job::ReplicationBackfill(BackfillJob { backfill: backfill.id })];
    while let Some(job) = jobs.pop() {
        jobs.extend(worker.work(job, until).await?);
    }
    Ok(())
}

fn later(registry: &TestRegistry) -> Timestamp {
    registry.store.clock.now().plus(Duration::from_hours(1))
}

/// Pushes an image with two tags, one without, and an index.
async fn fill(registry: &TestRegistry) {
    registry.push(NAME, "v1", &image("tagged")).await;
    registry.put(NAME, "v2", &image("tagged")).await;
    registry.push_untagged(NAME, &image("bare")).await;
    let children = [image("amd64"), image("arm64")];
    for child in &children {
        registry.push_untagged(NAME, child).await;
    }
    registry.push(NAME, "multi", &index_of(&children)).await;
}

/// Returns the sort keys of images and their tags.
async fn images(registry: &TestRegistry) -> BTreeSet<String> {
    let Some(id) = registry.id(NAME).await else { return BTreeSet::new() };
    keys(registry, &format!("repository/{id}"), "image/").await
}

async fn keys(registry: &TestRegistry, partition: &str, prefix: &str) -> BTreeSet<String> {
    let query = Query {
        partition: partition.to_owned(),
        prefix: prefix.to_owned(),
        after: None,
        limit: 1000,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    let page = registry.store.table.query(&query).await.unwrap();
    page.items.into_iter().map(|item| item.key.sort).collect()
}

#[tokio::test]
async fn a_job_that_is_cut_off_anywhere_goes_on() {
    for fails in [Fails::Before, Fails::After] {
        let mut calls = 0;
        loop {
            let (here, there) = (TestRegistry::new(), TestRegistry::new());
            fill(&here).await;
            rule(&here, vec![away()]).await;
            let backfill = start(&here, away()).await.unwrap();
            let plan = SharedPlan::default();
            let worker = worker(&here, &plan, &around(&there, &plan));
            plan.0.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let first = run(&worker, &backfill, later(&here)).await;
            let was_reached = !plan.0.heal();
            if first.is_err() {
                assert!(was_reached, "{first:?}");
                run(&worker, &backfill, later(&here)).await.unwrap();
            }
            let found = results(&here, &backfill).await;
            assert_eq!(found.backfill.status, BackfillStatus::Complete, "{fails:?} {calls}");
            let progress = found.backfill.progress.unwrap();
            assert_eq!((progress.total, progress.completed, progress.failed), (4, 4, 0));
            assert_eq!(found.images.len(), 4);
            assert_eq!(images(&there).await, images(&here).await);
            there.store.check_but_leftovers(false).await;
            // Nothing is left that would hinder the next one.
            start(&here, away()).await.unwrap();
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls > 50, "{calls}");
    }
}

#[tokio::test]
async fn a_job_that_comes_twice_counts_once() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let backfill = start(&here, away()).await.unwrap();
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &there);
    let runs = (0..3).map(|_| run(&worker, &backfill, later(&here)));
    for run in futures_util::future::join_all(runs).await {
        run.unwrap();
    }
    let found = results(&here, &backfill).await;
    assert_eq!(found.backfill.status, BackfillStatus::Complete);
    assert_eq!(found.backfill.progress.unwrap().completed, 4);
    assert_eq!(found.images.len(), 4);
    assert_eq!(images(&there).await, images(&here).await);
}

#[tokio::test]
async fn what_has_no_time_is_left_to_the_next_job() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let backfill = start(&here, away()).await.unwrap();
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &there);
    let job = Job::ReplicationBackfill(BackfillJob { backfill: backfill.id });
    let now = here.store.clock.now();
    assert_eq!(worker.work(job.clone(), now).await.unwrap(), [job]);
    assert_eq!(images(&there).await, BTreeSet::new());
    run(&worker, &backfill, later(&here)).await.unwrap();
    assert_eq!(results(&here, &backfill).await.images.len(), 4);
}

#[tokio::test]
async fn a_stopped_one_replicates_nothing_more() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let backfill = start(&here, away()).await.unwrap();
    let stopped = stop(&here, &backfill).await.unwrap();
    assert_eq!(stopped.status, BackfillStatus::Stopped);
    assert_eq!(stopped.progress, None);
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &there);
    run(&worker, &backfill, later(&here)).await.unwrap();
    assert_eq!(images(&there).await, BTreeSet::new());
    let again = stop(&here, &backfill).await.unwrap_err();
    assert!(matches!(again, RegistryError::Backfill(BackfillError::Ended(_))), "{again:?}");
    start(&here, away()).await.unwrap();
}

/// Lets every call fail, as those of a region that is away.
#[derive(Clone, Debug)]
struct Down;

impl Around for Down {
    async fn around<T, E>(
        &self,
        _: &'static str,
        _: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        Err(StoreError::new(StoreErrorKind::Unavailable, "the region is away").into())
    }
}

#[tokio::test]
async fn what_keeps_failing_for_a_while_fails_in_the_end() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let backfill = start(&here, away()).await.unwrap();
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &around(&there, &Down));
    for _ in 0..4 {
        run(&worker, &backfill, later(&here)).await.expect_err("it is tried again");
    }
    run(&worker, &backfill, later(&here)).await.unwrap();
    let found = results(&here, &backfill).await;
    assert_eq!(found.backfill.status, BackfillStatus::Failed);
    let unavailable = BackfillResult::Failed("ServiceUnavailable".to_owned());
    assert!(found.images.iter().all(|image| image.result == unavailable), "{found:?}");
    assert_eq!(found.images.len(), 4);
}

/// More than is looked at at once is written down in several steps, each image and tag once.
#[tokio::test]
async fn what_there_is_to_do_is_written_down_step_by_step() {
    let here = TestRegistry::new();
    rule(&here, vec![away()]).await;
    let mut expected = BTreeSet::new();
    for name in ["team/a", "team/b", "team/c"] {
        for number in 0..3 {
            let image = image(format!("{name}/{number}"));
            here.push_blobs(name, &image).await;
            let tags: Vec<_> = (0..number * 234).map(|tag| format!("{number}-{tag}")).collect();
            for tag in &tags {
                here.put(name, tag, &image).await;
                expected.insert((name.to_owned(), image.digest(), Some(tag.clone())));
            }
            if tags.is_empty() {
                here.put(name, &image.digest(), &image).await;
                expected.insert((name.to_owned(), image.digest(), None));
            }
        }
    }
    assert!(expected.len() > 2000, "all would be one step");
    let backfill = start(&here, away()).await.unwrap();
    // Nothing is reached: all fails, and is given up soon.
    let ports = ReplicationPorts {
        table: here.store.table.clone(),
        objects: here.store.objects.clone(),
        clock: here.store.clock.clone(),
    };
    let worker = ReplicateWorker::new(ports, identity(), Arc::new(Peers::default()));
    run(&worker, &backfill, later(&here)).await.unwrap();
    let found = results(&here, &backfill).await;
    assert_eq!(found.backfill.failure_code, Some("FailureThresholdExceeded"));
    assert_eq!(found.backfill.progress.unwrap().total, expected.len() as u64);
    let mut written = Vec::new();
    for page in here.store.partition(&format!("backfill/{}", backfill.id)).await.into_values() {
        let page: serde_json::Value = serde_json::from_slice(&page.document).unwrap();
        let units = page["units"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let unit = |unit: &serde_json::Value| {
            let [name, digest] = ["repository", "digest"].map(|key| text(&unit[key]).unwrap());
            (name, digest, text(&unit["tag"]))
        };
        written.extend(units.map(unit));
    }
    assert_eq!(written.len(), expected.len());
    assert_eq!(written.into_iter().collect::<BTreeSet<_>>(), expected);
}

/// Otherwise it would be in progress for ever, and no other could begin.
#[tokio::test]
async fn one_whose_job_is_given_up_failed() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &around(&there, &Down));
    for attempts in [0, 1] {
        let backfill = start(&here, away()).await.unwrap();
        for _ in 0..attempts {
            run(&worker, &backfill, later(&here)).await.unwrap_err();
        }
        let job = Job::ReplicationBackfill(BackfillJob { backfill: backfill.id });
        worker.give_up(&job, "the table is away").await.unwrap();
        let found = results(&here, &backfill).await;
        assert_eq!(found.backfill.status, BackfillStatus::Failed);
        assert_eq!(found.backfill.failure_code, Some("ServiceUnavailable"));
        assert_eq!(found.backfill.progress.is_some(), attempts > 0);
        // It may be tried again all the same.
        run(&worker, &backfill, later(&here)).await.unwrap();
        assert_eq!(images(&there).await, BTreeSet::new());
    }
    start(&here, away()).await.unwrap();
}

/// What was done of a page is counted, whoever ends the backfill.
#[tokio::test]
async fn one_that_nobody_carries_out_is_stopped_by_asking_again() {
    let mut seen = BTreeSet::new();
    for calls in 0.. {
        let (here, there) = (TestRegistry::new(), TestRegistry::new());
        fill(&here).await;
        rule(&here, vec![away()]).await;
        let backfill = start(&here, away()).await.unwrap();
        let plan = SharedPlan::default();
        let worker = worker(&here, &plan, &around(&there, &plan));
        plan.0.fail_after(calls, Fails::Before, StoreErrorKind::Unavailable);
        if run(&worker, &backfill, later(&here)).await.is_ok() {
            break;
        }
        plan.0.heal();
        if results(&here, &backfill).await.backfill.status != BackfillStatus::InProgress {
            continue;
        }
        assert_eq!(stop(&here, &backfill).await.unwrap().status, BackfillStatus::Stopping);
        start(&here, away()).await.expect_err("it is still under way");
        assert_eq!(stop(&here, &backfill).await.unwrap().status, BackfillStatus::Stopped);
        let found = results(&here, &backfill).await;
        let progress = found.backfill.progress.unwrap();
        assert_eq!(progress.completed, found.images.len() as u64);
        seen.insert(progress.completed);
        start(&here, away()).await.unwrap();
    }
    assert!(seen.iter().any(|done| (1..4).contains(done)), "{seen:?}");
}

#[tokio::test]
async fn ten_at_once_and_one_for_each_region() {
    let registry = TestRegistry::new();
    let regions: Vec<_> = (0..11).map(|number| destination(&format!("eu-west-{number}"))).collect();
    rule(&registry, regions.clone()).await;
    for region in &regions[..10] {
        start(&registry, region.clone()).await.unwrap();
    }
    let twice = start(&registry, regions[0].clone()).await.unwrap_err();
    assert!(matches!(twice, RegistryError::Backfill(BackfillError::InProgress(_))), "{twice:?}");
    let eleventh = start(&registry, regions[10].clone()).await.unwrap_err();
    assert!(matches!(eleventh, RegistryError::Backfill(BackfillError::TooMany(10))));
    let elsewhere = start(&registry, destination("ap-south-1")).await.unwrap_err();
    assert!(matches!(elsewhere, RegistryError::Backfill(BackfillError::NoRule(_))));
    let itself = start(&registry, destination("us-east-1")).await.unwrap_err();
    assert!(matches!(itself, RegistryError::Backfill(BackfillError::NoRule(_))));
}

#[tokio::test]
async fn old_ones_are_forgotten_with_their_pages() {
    let (here, there) = (TestRegistry::new(), TestRegistry::new());
    fill(&here).await;
    rule(&here, vec![away()]).await;
    let plan = SharedPlan::default();
    let worker = worker(&here, &plan, &there);
    let old = start(&here, away()).await.unwrap();
    run(&worker, &old, later(&here)).await.unwrap();
    here.store.clock.advance(89 * DAY);
    assert_eq!(listed(&here).await, [old.id]);
    here.store.clock.advance(2 * DAY);
    assert_eq!(listed(&here).await, []);
    let stopped = stop(&here, &old).await.unwrap_err();
    assert!(matches!(stopped, RegistryError::Backfill(BackfillError::Unknown(_))));
    let partition = format!("backfill/{}", old.id);
    assert_eq!(keys(&here, &partition, "").await.len(), 1);

    let new = start(&here, away()).await.unwrap();
    run(&worker, &new, later(&here)).await.unwrap();
    assert_eq!(listed(&here).await, [new.id]);
    assert_eq!(keys(&here, &partition, "").await, BTreeSet::new());
    assert_eq!(keys(&here, "backfills", "").await.len(), 1);
}

async fn listed(registry: &TestRegistry) -> Vec<berth_registry::BackfillId> {
    let permit = permit(registry, Action::ListReplicationBackfills).await;
    let page = registry.registry.backfills.list(permit, None, 25).await.unwrap();
    page.backfills.into_iter().map(|backfill| backfill.id).collect()
}
