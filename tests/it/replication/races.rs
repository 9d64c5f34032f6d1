//! Jobs in every order, beside pushes and deletions.

use std::time::Duration;

use berth_registry::WhenNotEmpty;
use futures_util::future::join_all;

use super::world::{World, deleting_rule, rule, worker};
use crate::harness::{Store, TestRegistry, WanderingTable, image};

const HERE: &str = "team/app";

#[tokio::test]
async fn a_tag_does_not_move_back() {
    let world = World::new();
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let (one, other) = (image(1), image(2));
    world.test(0).push(HERE, "v1", &one).await;
    let mut jobs = world.dispatch().await;
    world.test(0).push(HERE, "v1", &other).await;
    jobs.extend(world.dispatch().await);
    assert_eq!(jobs.len(), 2);
    for place in [1, 0, 1, 0] {
        world.work(&jobs[place]).await.unwrap();
        world.test(1).assert_has(HERE, "v1", &other).await;
    }
    world.test(1).assert_has(HERE, &one.digest(), &one).await;
    world.check().await;
}

/// A job that was cut off after it had moved the tag, and before it looked again, is repeated when
/// the tag has moved here.
#[tokio::test]
async fn a_tag_that_was_moved_back_is_moved_again() {
    let world = World::new();
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let (one, other) = (image(1), image(2));
    world.test(0).push(HERE, "v1", &one).await;
    let jobs = world.dispatch().await;
    world.work(&jobs[0]).await.unwrap();
    world.test(0).push(HERE, "v1", &other).await;
    let lost = world.dispatch().await;
    assert_eq!(lost.len(), 1);
    let following = world.work(&jobs[0]).await.unwrap();
    assert_eq!(following, lost);
    world.work(&following[0]).await.unwrap();
    world.test(1).assert_has(HERE, "v1", &other).await;
}

#[tokio::test]
async fn a_repository_that_goes_is_made_again() {
    let world = World::new();
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let images: Vec<_> = (0..3).map(image).collect();
    world.test(0).push(HERE, "v0", &images[0]).await;
    world.settle().await;
    world.test(1).delete(HERE, WhenNotEmpty::Force).await.unwrap();
    world.test(0).push(HERE, "v1", &images[1]).await;
    world.settle().await;
    world.test(1).assert_has(HERE, "v1", &images[1]).await;
    world.test(1).assert_lacks(HERE, "v0").await;
    world.test(0).delete(HERE, WhenNotEmpty::Force).await.unwrap();
    world.test(0).push(HERE, "v2", &images[2]).await;
    world.settle().await;
    assert_eq!(world.test(1).tags(HERE).await, ["v1", "v2"]);
}

/// Tags move and go, images come and go, jobs run side by side, and the destination's repository
/// is deleted: in the end both have the same.
#[tokio::test(start_paused = true)]
async fn both_have_the_same_in_the_end() {
    for seed in 0..12 {
        meet(seed).await;
    }
}

async fn meet(seed: u64) {
    let stores = [Store::new(), Store::new(), Store::new()];
    let tables: Vec<_> = (0..)
        .zip(&stores)
        .map(|(number, store)| WanderingTable::new(store.table.clone(), seed * 10 + number))
        .collect();
    let test = |place: usize| {
        TestRegistry::on(&stores[place]).table(tables[place].clone()).shared().build()
    };
    let mut world = World::of([test(0), test(1), test(2)]);
    let registries: Vec<_> =
        world.members.iter().map(|member| member.test.registry.clone()).collect();
    let identity = world.source().identity.clone();
    world.members[0].worker = worker(&stores[0], tables[0].clone(), &identity, &registries);
    world.source().put_rules(vec![deleting_rule(&[world.members[1].destination()])]).await;
    let images: Vec<_> = (0..3).map(image).collect();
    for image in &images {
        world.test(0).push(HERE, "v0", image).await;
    }
    let changes = async {
        for round in 0..6 {
            let image = &images[(usize::try_from(seed).unwrap() + round) % 3];
            world.test(0).push(HERE, "v1", image).await;
            world.test(0).push(HERE, &format!("r{}", round % 2), image).await;
            tokio::time::sleep(Duration::from_millis(seed * 7)).await;
            let reference = match round {
                2 => "r0".to_owned(),
                4 => images[(usize::try_from(seed).unwrap() + 1) % 3].digest(),
                _ => continue,
            };
            let path = format!("/v2/{HERE}/manifests/{reference}");
            world.test(0).request("DELETE", path).send().await;
        }
    };
    let work = async {
        for _ in 0..30 {
            let jobs = world.dispatch().await;
            let done = join_all(jobs.iter().map(|job| repeat(&world, job.clone()))).await;
            drop(done);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let deletion = async {
        tokio::time::sleep(Duration::from_millis(seed * 100)).await;
        if seed.is_multiple_of(3) {
            drop(world.test(1).delete(HERE, WhenNotEmpty::Force).await);
        }
    };
    tokio::join!(changes, work, deletion);
    for _ in 0..10 {
        for job in world.dispatch().await {
            repeat(&world, job).await;
        }
    }
    if seed.is_multiple_of(3) {
        // What was there before the deletion comes with a backfill; a push brings its own alone.
        return;
    }
    let tags = world.test(0).tags(HERE).await;
    assert_eq!(world.test(1).tags(HERE).await, tags, "seed {seed}");
    for tag in &tags {
        let path = format!("/v2/{HERE}/manifests/{tag}");
        let here = world.test(0).get(path.clone(), 200).await.body;
        assert_eq!(world.test(1).get(path, 200).await.body, here, "seed {seed}, {tag}");
    }
}

/// Does a job as the runner would, and what follows from it.
async fn repeat(world: &World, job: (usize, berth_registry::Job)) {
    let mut jobs = vec![job];
    let mut failures = 0;
    while let Some(job) = jobs.pop() {
        match world.work(&job).await {
            Ok(following) => jobs.extend(following),
            Err(error) => {
                failures += 1;
                assert!(failures < 20, "{error}");
                jobs.push(job);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
