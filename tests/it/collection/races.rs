//! Collection beside clients, in random orders of their calls.
//!
//! Each call of the table waits for a random while of paused time, so that requests and jobs meet
//! in every order; and collectors are cut off at random.

use std::pin::pin;
use std::sync::Arc;

use berth_registry::ports::WriteTable;
use berth_registry::{GracePeriods, Work as _};
use futures_util::future::{join, join_all, select};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::world::{Step, World, number_from, steps};
use crate::harness::{Store, TestRegistry, WanderingTable, bytes, image_of};

fn wandering(store: &Store, seed: u64) -> Arc<dyn WriteTable> {
    WanderingTable::new(store.table.clone(), seed)
}

async fn run(seed: u64, clients: &[Vec<Step>]) {
    let world = World::new(|store| wandering(store, seed), 1);
    let steps = clients.iter().map(async |steps| {
        for step in steps {
            world.take(step).await;
        }
    });
    let collect = |seed| world.collect_on(wandering(&world.store, seed), seed);
    let collecting = join(collect(seed ^ 1), collect(seed ^ 2));
    let beside = pin!(join(world.pull_on(), collecting));
    select(pin!(join_all(steps)), beside).await;
    world.check().await;
}

/// The uses of an image with more layers than a transaction holds are written ahead of it: neither a
/// deletion of the same image nor collection takes them from a push that is acknowledged.
#[test]
fn a_large_image_keeps_its_uses() {
    for seed in 0..u64::from(number_from("COLLECTION_CASES", 12)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(push_large(seed));
    }
}

async fn push_large(seed: u64) {
    let store = Store::new();
    let layers: Vec<_> = (0..110).map(|n| bytes(n, 20)).collect();
    let image = image_of("large", &layers);
    TestRegistry::on(&store).build().push("team/app", "v1", &image).await;
    let registry = |seed| TestRegistry::on(&store).table(wandering(&store, seed)).build();
    let (first, second, third) = (registry(seed), registry(seed ^ 1), registry(seed ^ 2));
    let push = async |registry: &TestRegistry| {
        for _ in 0..3 {
            let answer = registry.put("team/app", "v1", &image).await;
            assert_eq!(answer.status, 201, "{answer:?}");
        }
    };
    let delete = async {
        for _ in 0..3 {
            let path = format!("/v2/team/app/manifests/{}", image.digest());
            third.request("DELETE", path).send().await;
        }
    };
    let collector = store.collector_with(wandering(&store, seed ^ 3), GracePeriods::default());
    let collect = async {
        loop {
            for job in store.collections().await {
                collector.work(job, store.later()).await.unwrap();
            }
        }
    };
    let clients = join(join(push(&first), push(&second)), delete);
    select(pin!(clients), pin!(collect)).await;
    store.check_but_leftovers(false).await;
}

/// Runs a dozen cases, or as many as `COLLECTION_CASES` says.
#[test]
fn nothing_in_use_is_lost_and_all_else_goes() {
    let cases = number_from("COLLECTION_CASES", 12);
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 100,
        failure_persistence: None,
        ..Config::default()
    });
    let clients = prop::collection::vec(steps(), 3);
    let outcome = runner.run(&(any::<u64>(), clients), |(seed, clients)| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(seed, &clients));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
