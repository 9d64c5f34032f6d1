//! Collection beside clients on several threads, for as long as one likes.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::Clock as _;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::world::{GRACE, World, number_from, steps};

/// How much time passes at once.
const STEP: Duration = Duration::from_millis(500);

const CLIENTS: usize = 4;

/// Lets time pass quickly, but never so much that a request lasts as long as a grace period: however
/// slow the machine is.
async fn pass_time(world: &World) {
    loop {
        sleep(Duration::from_millis(2)).await;
        let after = world.store.clock.now().plus(STEP);
        if world.oldest_request().is_none_or(|begin| after < begin.plus(GRACE)) {
            world.store.clock.advance(STEP);
        }
    }
}

/// Does what comes to a client's mind.
async fn live(world: &World, end: Instant) {
    let mut runner = TestRunner::default();
    while Instant::now() < end {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        for step in &steps {
            world.take(step).await;
        }
    }
}

/// Lasts for two seconds, or for as many as `COLLECTION_SOAK_SECONDS` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_soak_loses_nothing_and_leaves_nothing() {
    let seconds = number_from("COLLECTION_SOAK_SECONDS", 2);
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let world = Arc::new(World::new(|store| store.table.clone(), 1000));
    let mut beside = JoinSet::new();
    let of_time = world.clone();
    beside.spawn(async move { pass_time(&of_time).await });
    for seed in [1, 2] {
        let world = world.clone();
        let table = world.store.table.clone();
        beside.spawn(async move { world.collect_on(table, seed).await });
    }
    let puller = world.clone();
    beside.spawn(async move { puller.pull_on().await });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let world = world.clone();
        clients.spawn(async move { live(&world, end).await });
    }
    loop {
        tokio::select! {
            client = clients.join_next() => match client {
                Some(client) => client.unwrap(),
                None => break,
            },
            // They go on for ever, unless they fail.
            Some(failed) = beside.join_next() => failed.unwrap(),
        }
    }
    beside.shutdown().await;
    assert!(world.pushes() > 0, "nothing was pushed");
    println!("{} pushes", world.pushes());
    world.check().await;
}
