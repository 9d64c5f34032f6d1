//! Deletions of images and tags.

use super::world::{World, deleting_rule, rule};
use crate::harness::{Manifest, image, index_of};

const HERE: &str = "team/app";

async fn world() -> World {
    let world = World::new();
    let to = world.members[1].destination();
    world.source().put_rules(vec![deleting_rule(&[to])]).await;
    world
}

async fn push(world: &World, tags: &[&str], image: &Manifest) {
    for tag in tags {
        world.test(0).push(HERE, tag, image).await;
    }
    world.settle().await;
    for tag in tags {
        world.test(1).assert_has(HERE, tag, image).await;
    }
}

async fn remove(world: &World, reference: &str) {
    world.test(0).remove(format!("/v2/{HERE}/manifests/{reference}"), 202).await;
}

#[tokio::test]
async fn deletions_stay_here_unless_a_rule_says_so() {
    let world = World::new();
    let to = world.members[1].destination();
    world.source().put_rules(vec![rule(&[to])]).await;
    let image = image(1);
    push(&world, &["v1", "v2"], &image).await;
    remove(&world, "v1").await;
    world.settle().await;
    remove(&world, &image.digest()).await;
    world.settle().await;
    assert_eq!(world.test(1).tags(HERE).await, ["v1", "v2"]);
    world.check().await;
}

#[tokio::test]
async fn tags_and_images_go() {
    let world = world().await;
    let tags: Vec<_> = (10..60).map(|number| format!("v{number}")).collect();
    let tags: Vec<_> = tags.iter().map(String::as_str).collect();
    let image = image(1);
    push(&world, &tags, &image).await;
    remove(&world, "v10").await;
    let jobs = world.dispatch().await;
    for _ in 0..2 {
        world.work(&jobs[0]).await.unwrap();
        assert_eq!(world.test(1).tags(HERE).await, tags[1..]);
    }
    world.test(1).assert_has(HERE, "v11", &image).await;
    remove(&world, &image.digest()).await;
    let jobs = world.dispatch().await;
    for job in jobs.iter().chain(&jobs) {
        world.work(job).await.unwrap();
    }
    assert!(world.test(1).tags(HERE).await.is_empty());
    world.test(1).assert_lacks(HERE, &image.digest()).await;
    assert!(world.dispatch().await.is_empty(), "a deletion goes no further");
    world.check().await;
}

#[tokio::test]
async fn an_index_goes_before_its_children() {
    let world = world().await;
    let children: Vec<_> = (0..3).map(image).collect();
    for child in &children {
        push(&world, &[], child).await;
        world.test(0).push_untagged(HERE, child).await;
    }
    let index = index_of(&children);
    push(&world, &["all"], &index).await;
    remove(&world, &index.digest()).await;
    remove(&world, &children[0].digest()).await;
    let mut jobs = world.dispatch().await;
    assert_eq!(jobs.len(), 2);
    // What happened within a millisecond has no order.
    let of_child = |(_, job): &(usize, berth_registry::Job)| {
        serde_json::to_string(job).unwrap().contains(&children[0].digest())
    };
    jobs.sort_by_key(of_child);
    world.work(&jobs[1]).await.unwrap_err();
    world.work(&jobs[0]).await.unwrap();
    world.work(&jobs[1]).await.unwrap();
    world.test(1).assert_lacks(HERE, &children[0].digest()).await;
    world.test(1).assert_has(HERE, &children[1].digest(), &children[1]).await;
    world.check().await;
}

#[tokio::test]
async fn what_came_again_stays() {
    let world = world().await;
    let (one, other) = (image(1), image(2));
    push(&world, &["v1", "v2"], &one).await;
    remove(&world, "v1").await;
    world.test(0).push(HERE, "v1", &other).await;
    let jobs = world.dispatch().await;
    // The tag moved, and then comes the news that it was taken away.
    for job in jobs.iter().rev() {
        world.work(job).await.unwrap();
    }
    world.test(1).assert_has(HERE, "v1", &other).await;
    remove(&world, &one.digest()).await;
    world.test(0).push(HERE, "v2", &one).await;
    let jobs = world.dispatch().await;
    for job in jobs.iter().rev() {
        world.work(job).await.unwrap();
    }
    world.test(1).assert_has(HERE, "v2", &one).await;
    world.check().await;
}

#[tokio::test]
async fn what_went_before_it_came_goes() {
    let world = world().await;
    let (one, other) = (image(1), image(2));
    world.test(0).push(HERE, "v1", &one).await;
    world.test(0).push(HERE, "v1", &other).await;
    let pushes = world.dispatch().await;
    remove(&world, "v1").await;
    remove(&world, &one.digest()).await;
    let deletions = world.dispatch().await;
    for job in deletions.iter().chain(&pushes) {
        assert!(world.work(job).await.unwrap().is_empty());
    }
    world.settle().await;
    assert!(world.test(1).tags(HERE).await.is_empty());
    world.test(1).assert_lacks(HERE, &one.digest()).await;
    world.test(1).assert_has(HERE, &other.digest(), &other).await;
    world.check().await;
}

#[tokio::test]
async fn a_destination_that_denies_a_deletion_is_told() {
    let world = World::new();
    let to = world.members[2].destination();
    world.source().put_rules(vec![deleting_rule(&[to])]).await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    world.settle().await;
    remove(&world, &image.digest()).await;
    let jobs = world.dispatch().await;
    let error = world.work(&jobs[0]).await.unwrap_err();
    assert!(error.to_string().starts_with("AccessDenied: "), "{error}");
}
