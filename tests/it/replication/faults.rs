//! Jobs that are cut off at every call of every store, and done again.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::Work as _;
use berth_registry::ports::{Clock as _, StoreErrorKind};

use super::world::{World, deleting_rule, worker};
use crate::harness::{
    Fails, FaultyObjects, FaultyTable, Plan, Store, TestRegistry, image, index_of,
};

const HERE: &str = "team/app";

/// Whose call fails.
#[derive(Clone, Copy, Debug)]
enum Where {
    SourceTable,
    Table,
    Objects,
}

#[tokio::test]
async fn a_job_that_is_cut_off_is_done_by_the_next() {
    for place in [Where::SourceTable, Where::Table, Where::Objects] {
        for fails in [Fails::Before, Fails::After] {
            let mut calls = 0;
            while cut_off(place, fails, calls).await {
                calls += 1;
            }
            assert!(calls > 3, "{place:?} had {calls} calls");
        }
    }
}

/// Replicates an index and then its deletion, with one call that fails; `false` if there were not
/// as many calls.
async fn cut_off(place: Where, fails: Fails, calls: usize) -> bool {
    let there = Store::new();
    let table = Arc::new(FaultyTable::wrap(there.table.clone(), Plan::default()));
    let objects = Arc::new(FaultyObjects::wrap(there.objects.clone(), Plan::default()));
    let faulty = TestRegistry::on(&there).table(table.clone()).objects(objects.clone()).build();
    let world = World::of([TestRegistry::new(), faulty, TestRegistry::new()]);
    world.source().put_rules(vec![deleting_rule(&[world.members[1].destination()])]).await;
    let here = &world.test(0).store;
    let source = Arc::new(FaultyTable::wrap(here.table.clone(), Plan::default()));
    let registries: Vec<_> =
        world.members.iter().map(|member| member.test.registry.clone()).collect();
    let worker = worker(here, source.clone(), &world.source().identity, &registries);
    let children = [image(1), image(2)];
    for child in &children {
        world.test(0).push_untagged(HERE, child).await;
    }
    let index = index_of(&children);
    world.dispatch().await;
    world.test(0).push(HERE, "all", &index).await;
    let push = world.dispatch().await.remove(0).1;
    let plan: &Plan = match place {
        Where::SourceTable => &source,
        Where::Table => &table,
        Where::Objects => &objects,
    };
    plan.fail_after(calls, fails, StoreErrorKind::Unavailable);
    let until = here.clock.now().plus(Duration::from_mins(10));
    let mut failed = worker.work(push.clone(), until).await.is_err();
    if !failed {
        // It may still fail at the deletion.
        world.test(0).remove(format!("/v2/{HERE}/manifests/{}", index.digest()), 202).await;
        let deletion = world.dispatch().await.remove(0).1;
        failed = worker.work(deletion.clone(), until).await.is_err();
        let left = plan.heal();
        worker.work(deletion, until).await.unwrap();
        world.test(1).assert_lacks(HERE, "all").await;
        world.test(1).assert_has(HERE, &children[0].digest(), &children[0]).await;
        check(&there).await;
        return failed || !left;
    }
    plan.heal();
    worker.work(push.clone(), until).await.unwrap();
    world.test(1).assert_has(HERE, "all", &index).await;
    for child in &children {
        world.test(1).assert_has(HERE, &child.digest(), child).await;
    }
    check(&there).await;
    let statuses = world.source().statuses(HERE, &index).await;
    assert_eq!(statuses.into_values().collect::<Vec<_>>(), ["COMPLETE"]);
    true
}

/// Whoever is cut off leaves at most copies that nobody uses, which are collected.
async fn check(there: &Store) {
    let leftovers = there.check_but_leftovers(false).await;
    assert!(leftovers.objects <= 4, "{leftovers:?}");
    assert_eq!((leftovers.uses, leftovers.uploads), (0, 0));
}
