//! Jobs that are due once in a period.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use berth_contract::CountingTable;
use berth_registry::access::Action;
use berth_registry::ports::{
    Attributes, Clock, Condition, Key, Operation, StoreErrorKind, Timestamp, WriteTable,
};
use berth_registry::{Job, RegistryError, Schedule};
use bytes::Bytes;
use futures_util::future::join_all;

use crate::harness::{Fails, FaultyTable, Plan, Store, TestRegistry, permit};

const HOUR: Duration = Duration::from_hours(1);

fn schedule(store: &Store, table: Arc<dyn WriteTable>) -> Schedule {
    Schedule::new(table, store.clock.clone(), Schedule::DAY)
}

async fn tick(schedule: &Schedule, store: &Store) -> Result<(), RegistryError> {
    schedule.tick(store.clock.now().plus(Duration::from_mins(1))).await
}

/// Makes repositories, and gives every other one a lifecycle policy.
async fn repositories(count: usize) -> TestRegistry {
    let registry = TestRegistry::new();
    let rules = r#"{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any",
        "countType": "imageCountMoreThan", "countNumber": 9}, "action": {"type": "expire"}}]}"#;
    let policy = rules.parse().unwrap();
    for number in 0..count {
        let name = format!("team/app-{number:04}");
        registry.create(&name).await.unwrap();
        if number % 2 == 0 {
            let permit = permit(Action::PutLifecyclePolicy, &name);
            registry.registry.repositories.put_lifecycle_policy(&permit, &policy).await.unwrap();
        }
    }
    registry.store.dispatch_all().await;
    registry.store.take_jobs().await;
    registry
}

/// Dispatches what was asked for, and counts it by kind and repository.
async fn asked(store: &Store) -> BTreeMap<String, usize> {
    store.dispatch_all().await;
    let mut asked = BTreeMap::new();
    for job in store.take_jobs().await {
        let name = match job {
            Job::Lifecycle(job) => format!("lifecycle {}", job.repository),
            Job::CollectRepository(job) => format!("collect {}", job.repository),
            Job::CollectRegistry(_) => "collect the registry".to_owned(),
            other => panic!("{other:?}"),
        };
        *asked.entry(name).or_default() += 1;
    }
    asked
}

fn add(asked: BTreeMap<String, usize>, to: &mut BTreeMap<String, usize>) {
    for (name, count) in asked {
        *to.entry(name).or_default() += count;
    }
}

fn assert_each_once(asked: &BTreeMap<String, usize>, repositories: usize) {
    assert!(asked.values().all(|count| *count == 1), "{asked:?}");
    let of = |kind: &str| asked.keys().filter(|name| name.starts_with(kind)).count();
    assert_eq!(of("collect team/"), repositories);
    assert_eq!(of("lifecycle"), repositories.div_ceil(2));
    assert_eq!(of("collect the registry"), 1);
}

#[tokio::test(start_paused = true)]
async fn each_repository_is_due_once_a_day() {
    let registry = repositories(60).await;
    let store = &registry.store;
    let schedule = schedule(store, store.table.clone());
    tick(&schedule, store).await.unwrap();
    assert!(asked(store).await.is_empty(), "the first tick only begins to count");
    for _ in 0..3 {
        let (mut day, mut busy) = (BTreeMap::new(), 0);
        for _ in 0..48 {
            store.clock.advance(HOUR / 2);
            tick(&schedule, store).await.unwrap();
            let asked = asked(store).await;
            busy += usize::from(!asked.is_empty());
            add(asked, &mut day);
            tick(&schedule, store).await.unwrap();
            assert!(self::asked(store).await.is_empty(), "a tick that comes twice asks once");
        }
        assert_each_once(&day, 60);
        assert!((15..=24).contains(&busy), "spread over the day: {busy}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_caught_up_once() {
    let registry = repositories(30).await;
    let store = &registry.store;
    let schedule = schedule(store, store.table.clone());
    tick(&schedule, store).await.unwrap();
    store.clock.advance(10 * Schedule::DAY);
    tick(&schedule, store).await.unwrap();
    assert_each_once(&asked(store).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_ends_nothing() {
    let registry = repositories(30).await;
    let store = &registry.store;
    let schedule = schedule(store, store.table.clone());
    // A year ahead, until somebody mends the clock.
    let ahead = Arc::new(Ahead(store.clock.clone(), 365 * Schedule::DAY));
    let wrong = Schedule::new(store.table.clone(), ahead.clone(), Schedule::DAY);
    wrong.tick(ahead.now().plus(HOUR)).await.unwrap();
    tick(&schedule, store).await.unwrap();
    assert!(asked(store).await.is_empty(), "it begins to count");
    store.clock.advance(Schedule::DAY);
    tick(&schedule, store).await.unwrap();
    assert_each_once(&asked(store).await, 30);
}

/// A clock that is ahead of another one.
#[derive(Debug)]
struct Ahead(Arc<dyn Clock>, Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().plus(self.1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_can_not_be_read_keeps_no_other_waiting() {
    let registry = repositories(10).await;
    let store = &registry.store;
    let schedule = schedule(store, store.table.clone());
    tick(&schedule, store).await.unwrap();
    let damaged = Operation::Put {
        key: Key { partition: "names".to_owned(), sort: "team/app-0003-damaged".to_owned() },
        document: Bytes::from_static(b"{}"),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    };
    store.table.transact(vec![damaged]).await.unwrap();
    store.clock.advance(Schedule::DAY);
    tick(&schedule, store).await.unwrap();
    assert_each_once(&asked(store).await, 10);
}

#[tokio::test]
async fn two_schedules_ask_once() {
    let registry = repositories(30).await;
    let store = &registry.store;
    let schedules: Vec<_> = (0..4).map(|_| schedule(store, store.table.clone())).collect();
    tick(&schedules[0], store).await.unwrap();
    store.clock.advance(Schedule::DAY);
    for ticked in join_all(schedules.iter().map(|schedule| tick(schedule, store))).await {
        ticked.unwrap();
    }
    assert_each_once(&asked(store).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_cut_off_goes_on() {
    for fails in [Fails::Before, Fails::After] {
        let mut calls = 0;
        loop {
            let registry = repositories(10).await;
            let store = &registry.store;
            let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
            let schedule = schedule(store, table.clone());
            tick(&schedule, store).await.unwrap();
            store.clock.advance(Schedule::DAY);
            table.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let cut_off = tick(&schedule, store).await;
            let was_reached = !table.heal();
            assert_eq!(cut_off.is_err(), was_reached);
            tick(&schedule, store).await.unwrap();
            assert_each_once(&asked(store).await, 10);
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls >= 4, "{calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tick_between_two_walks_is_one_read() {
    let registry = repositories(3).await;
    let store = &registry.store;
    let table = Arc::new(CountingTable::new(store.table.clone()));
    let schedule = schedule(store, table.clone());
    tick(&schedule, store).await.unwrap();
    table.take();
    tick(&schedule, store).await.unwrap();
    assert_eq!(table.take().total(), 1);
}
