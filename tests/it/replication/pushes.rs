//! What is replicated of a push.

use std::slice::from_ref;
use std::time::Duration;

use berth_registry::access::Action;
use berth_registry::ports::{Clock as _, StorageClass, StoreErrorKind};
use berth_registry::{ImageSelector, Quotas, Registry, Work as _};
use berth_types::TagMutabilitySetting;
use bytes::Bytes;

use super::world::{World, deleting_rule, rule, rule_of, worker};
use crate::harness::{
    Manifest, Store, TestRegistry, bytes, digest512, image, image_of, index_of, permit,
};

const HERE: &str = "team/app";

/// Returns a world in which the first registry replicates all to the second.
async fn world() -> World {
    let world = World::new();
    let to = world.members[1].destination();
    world.source().put_rules(vec![rule(&[to])]).await;
    world
}

async fn status(world: &World, manifest: &Manifest) -> Option<String> {
    world.source().statuses(HERE, manifest).await.into_values().next()
}

#[tokio::test]
async fn an_image_arrives_once() {
    let world = world().await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    let jobs = world.dispatch().await;
    assert_eq!(jobs.len(), 1);
    world.members.iter().for_each(|member| drop(member.told()));
    for _ in 0..2 {
        assert!(world.work(&jobs[0]).await.unwrap().is_empty());
        world.test(1).assert_has(HERE, "v1", &image).await;
        assert_eq!(status(&world, &image).await.as_deref(), Some("COMPLETE"));
    }
    world.test(2).assert_lacks(HERE, "v1").await;
    assert!(world.dispatch().await.is_empty());
    let told = world.members[1].told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["detail-type"], "ECR Replication Action");
    assert_eq!(told[0]["detail"]["image-tag"], "v1");
    assert_eq!(told[0]["detail"]["source-region"], "us-east-1");
    assert_eq!(told[0]["region"], "eu-west-1");
    world.check().await;
}

#[tokio::test]
async fn what_was_replicated_goes_no_further() {
    let world = World::new();
    let all: Vec<_> = world.members.iter().map(super::world::Member::destination).collect();
    for member in &world.members {
        member.put_rules(vec![rule(&all)]).await;
    }
    world.members[2].allow(super::world::ACCOUNT, &["ecr:*"]).await;
    let image = image(1);
    world.test(1).push(HERE, "v1", &image).await;
    let jobs = world.dispatch().await;
    assert_eq!(jobs.len(), 2, "none is for the registry itself");
    world.settle().await;
    for job in &jobs {
        world.work(job).await.unwrap();
    }
    assert!(world.dispatch().await.is_empty());
    world.test(0).assert_has(HERE, "v1", &image).await;
    world.test(2).assert_has(HERE, "v1", &image).await;
}

#[tokio::test]
async fn children_come_before_their_index() {
    let world = world().await;
    let children: Vec<_> = (0..97).map(image).collect();
    for child in &children {
        world.test(0).push_untagged(HERE, child).await;
    }
    let index = index_of(&children);
    world.test(0).push_untagged(HERE, &index).await;
    let outer = index_of([&index, &children[0]]);
    world.test(0).push(HERE, "all", &outer).await;
    let mut jobs = world.dispatch().await;
    assert_eq!(jobs.len(), 99);
    // The last job brings all by itself.
    let is_outer = |(_, job): &(usize, berth_registry::Job)| {
        serde_json::to_string(job).unwrap().contains(&outer.digest())
    };
    let place = jobs.iter().position(is_outer).unwrap();
    let last = jobs.remove(place);
    world.work(&last).await.unwrap();
    world.test(1).assert_has(HERE, "all", &outer).await;
    world.test(1).assert_has(HERE, &index.digest(), &index).await;
    for child in &children {
        world.test(1).assert_has(HERE, &child.digest(), child).await;
    }
    world.check().await;
}

#[tokio::test]
async fn odd_images_arrive() {
    let world = world().await;
    let subject = image(1);
    let referrer = image(2).about(&subject);
    let large = image(3).with("annotations", serde_json::json!({ "text": "x".repeat(300_000) }));
    let none = image_of(4, &[Bytes::new()]);
    world.test(0).push_untagged(HERE, &referrer).await;
    world.test(0).push_untagged(HERE, &large).await;
    world.test(0).push_untagged(HERE, &none).await;
    world.test(0).push_untagged(HERE, &subject).await;
    let other = image(5);
    let long = digest512(&other.bytes);
    world.test(0).push_blobs(HERE, &other).await;
    let answer = world.test(0).put(HERE, &long, &other).await;
    assert_eq!(answer.status, 201);
    world.settle().await;
    for manifest in [&subject, &referrer, &large, &none] {
        world.test(1).assert_has(HERE, &manifest.digest(), manifest).await;
    }
    world.test(1).assert_has(HERE, &long, &other).await;
    let path = format!("/v2/{HERE}/referrers/{}", subject.digest());
    let referrers = world.test(1).get(path, 200).await.json();
    assert_eq!(referrers["manifests"][0]["digest"], referrer.digest());
    world.check().await;
}

#[tokio::test]
async fn blobs_that_are_there_are_linked() {
    let world = world().await;
    let layer = bytes(1, 1000);
    let (one, other) = (image_of(1, from_ref(&layer)), image_of(2, from_ref(&layer)));
    world.test(1).push("elsewhere", "v1", &image_of(3, &[layer])).await;
    world.test(0).push(HERE, "v1", &one).await;
    world.test(0).push(HERE, "v2", &other).await;
    world.settle().await;
    world.test(1).assert_has(HERE, "v1", &one).await;
    world.test(1).assert_has(HERE, "v2", &other).await;
    assert_eq!(world.test(1).store.files("objects").len(), 4, "one layer, three configs");
    world.check().await;
}

#[tokio::test]
async fn rules_say_what_is_replicated() {
    let world = World::new();
    let before = image(0);
    world.test(0).push("prod/app", "before", &before).await;
    world.dispatch().await;
    let to = world.members[1].destination();
    let rules = vec![rule_of("prod/", from_ref(&to)), rule_of("prod/a", from_ref(&to))];
    world.source().put_rules(rules).await;
    let image = image(1);
    world.test(0).push("prod/app", "v1", &image).await;
    world.test(0).push("dev/app", "v1", &image).await;
    assert_eq!(world.dispatch().await.len(), 1, "two rules are one job");
    world.test(0).push("prod/app", "v2", &image).await;
    world.settle().await;
    world.test(1).assert_has("prod/app", "v2", &image).await;
    world.test(1).assert_lacks("prod/app", "before").await;
    world.test(1).assert_lacks("dev/app", "v1").await;
    assert_eq!(world.source().statuses("prod/app", &before).await.len(), 0);
}

#[tokio::test]
async fn immutable_tags_stay_where_they_are() {
    let world = world().await;
    let (mine, yours) = (image(1), image(2));
    world.test(1).create_mutable(HERE, TagMutabilitySetting::Immutable, &[]).await;
    world.test(1).push(HERE, "v1", &yours).await;
    world.test(0).push(HERE, "v1", &mine).await;
    world.settle().await;
    world.test(1).assert_has(HERE, "v1", &yours).await;
    world.test(1).assert_has(HERE, &mine.digest(), &mine).await;
    assert_eq!(status(&world, &mine).await.as_deref(), Some("ImageTagAlreadyExists"));
    world.test(0).push(HERE, "v2", &mine).await;
    world.settle().await;
    world.test(1).assert_has(HERE, "v2", &mine).await;
    assert_eq!(status(&world, &mine).await.as_deref(), Some("COMPLETE"));
    world.check().await;
}

#[tokio::test]
async fn quotas_of_the_destination_hold() {
    let quotas = Quotas { images_per_repository: 1, tags_per_image: 2, ..Quotas::default() };
    let small = TestRegistry::on(&Store::new()).quotas(quotas).build();
    let world = World::of([TestRegistry::new(), small, TestRegistry::new()]);
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let (one, other) = (image(1), image(2));
    for tag in ["v1", "v2", "v3"] {
        world.test(0).push(HERE, tag, &one).await;
        world.settle().await;
    }
    assert_eq!(status(&world, &one).await.as_deref(), Some("LimitExceeded"));
    assert_eq!(world.test(1).tags(HERE).await, ["v1", "v2"]);
    world.test(0).push(HERE, "v4", &other).await;
    world.settle().await;
    assert_eq!(status(&world, &other).await.as_deref(), Some("LimitExceeded"));
    world.check().await;
}

#[tokio::test]
async fn a_child_that_is_refused_fails_its_index() {
    let quotas = Quotas { images_per_repository: 2, ..Quotas::default() };
    let small = TestRegistry::on(&Store::new()).quotas(quotas).build();
    let world = World::of([TestRegistry::new(), small, TestRegistry::new()]);
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let children: Vec<_> = (0..3).map(image).collect();
    for child in &children {
        world.test(0).push_untagged(HERE, child).await;
    }
    let index = index_of(&children);
    world.test(0).push(HERE, "all", &index).await;
    world.settle().await;
    assert_eq!(status(&world, &index).await.as_deref(), Some("ReferencedImagesNotFound"));
    world.test(1).assert_lacks(HERE, "all").await;
    world.check().await;
}

#[tokio::test]
async fn an_unknown_destination_is_told() {
    let world = World::new();
    let mut nowhere = world.members[1].destination();
    nowhere.region = "mars-1".parse().unwrap();
    world.source().put_rules(vec![rule(&[nowhere])]).await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    world.settle().await;
    assert_eq!(status(&world, &image).await.as_deref(), Some("DestinationNotFound"));
}

#[tokio::test]
async fn a_long_job_goes_on_where_it_stopped() {
    let world = world().await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    let jobs = world.dispatch().await;
    let member = world.source();
    let now = member.test.store.clock.now();
    let following = member.worker.work(jobs[0].1.clone(), now).await.unwrap();
    assert_eq!(following, [jobs[0].1.clone()]);
    assert_eq!(status(&world, &image).await.as_deref(), Some("IN_PROGRESS"));
    world.work(&jobs[0]).await.unwrap();
    assert_eq!(status(&world, &image).await.as_deref(), Some("COMPLETE"));
}

#[tokio::test]
async fn a_peer_that_is_unavailable_is_told_in_the_end() {
    let world = world().await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    let jobs = world.dispatch().await;
    let there = &world.test(1).store;
    let table = berth_contract::UnreliableTable::new(
        there.table.clone(),
        usize::MAX,
        StoreErrorKind::Unavailable,
    );
    let table = std::sync::Arc::new(table);
    let peer: Registry = TestRegistry::on(there).table(table.clone()).build().registry;
    let registries = [world.test(0).registry.clone(), peer, world.test(2).registry.clone()];
    let here = &world.test(0).store;
    let worker = worker(here, here.table.clone(), &world.source().identity, &registries);
    let until = here.clock.now().plus(Duration::from_mins(10));
    let job = &jobs[0].1;
    let error = worker.work(job.clone(), until).await.unwrap_err();
    assert_eq!(status(&world, &image).await.as_deref(), Some("IN_PROGRESS"));
    worker.give_up(job, &error.to_string()).await.unwrap();
    assert_eq!(status(&world, &image).await.as_deref(), Some("ServiceUnavailable"));
    table.fail_next(0, StoreErrorKind::Unavailable);
    worker.work(jobs[0].1.clone(), until).await.unwrap();
    assert_eq!(status(&world, &image).await.as_deref(), Some("COMPLETE"));
    world.test(1).assert_has(HERE, "v1", &image).await;
}

#[tokio::test]
async fn a_status_is_of_an_image_that_is_there() {
    let world = world().await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    world.settle().await;
    world.test(0).remove(format!("/v2/{HERE}/manifests/{}", image.digest()), 202).await;
    let permit = permit(Action::DescribeImageReplicationStatus, HERE);
    let selector = ImageSelector::Digest(image.digest().parse().unwrap());
    let pull = &world.test(0).registry.pull;
    pull.replication_statuses(&permit, &selector).await.unwrap_err();
    world.settle().await;
    world.source().put_rules(Vec::new()).await;
    world.test(0).push(HERE, "v1", &image).await;
    assert_eq!(status(&world, &image).await, None, "it was forgotten with the image");
    world.test(1).assert_has(HERE, "v1", &image).await;
}

/// What is told of an image that was deleted and came again is of that one, in whatever order the
/// jobs run.
#[tokio::test]
async fn an_image_that_came_again_has_a_status() {
    for deletions in [false, true] {
        for order in [[0, 1], [1, 0]] {
            let world = World::new();
            let to = [world.members[1].destination()];
            let rule = if deletions { deleting_rule(&to) } else { rule(&to) };
            world.source().put_rules(vec![rule]).await;
            let image = image(1);
            world.test(0).push(HERE, "v1", &image).await;
            world.settle().await;
            world.test(0).store.clock.advance(Duration::from_mins(1));
            world.test(0).remove(format!("/v2/{HERE}/manifests/{}", image.digest()), 202).await;
            let mut jobs = world.dispatch().await;
            world.test(0).push(HERE, "v1", &image).await;
            jobs.extend(world.dispatch().await);
            for place in order {
                world.work(&jobs[place]).await.unwrap();
            }
            let found = status(&world, &image).await;
            assert_eq!(found.as_deref(), Some("COMPLETE"), "{deletions} {order:?}");
        }
    }
}

/// An image may name layers that its registry does not hold. It gets none that others have at the
/// destination.
#[tokio::test]
async fn a_digest_alone_links_nothing() {
    let sparse = TestRegistry::on(&Store::new()).sparse().build();
    let world = World::of([sparse, TestRegistry::new(), TestRegistry::new()]);
    world.source().put_rules(vec![rule(&[world.members[1].destination()])]).await;
    let secret = image(1);
    world.test(1).push("private/app", "v1", &secret).await;
    world.test(0).put(HERE, "v1", &secret).await;
    world.settle().await;
    assert_eq!(status(&world, &secret).await.as_deref(), Some("ContentNotFound"));
    world.test(1).assert_lacks(HERE, "v1").await;
    let index = index_of([&secret, &image(2)]);
    world.test(0).put(HERE, "all", &index).await;
    world.settle().await;
    assert_eq!(status(&world, &index).await.as_deref(), Some("ReferencedImagesNotFound"));
    world.test(0).remove(format!("/v2/{HERE}/manifests/{}", index.digest()), 202).await;
    world.test(0).remove(format!("/v2/{HERE}/manifests/{}", secret.digest()), 202).await;
    world.test(0).put(HERE, "all", &index).await;
    world.settle().await;
    assert_eq!(status(&world, &index).await.as_deref(), Some("ContentNotFound"));
}

#[tokio::test]
async fn what_is_in_the_archive_stays_there() {
    let world = world().await;
    let image = image(1);
    world.test(0).push(HERE, "v1", &image).await;
    let jobs = world.dispatch().await;
    archive(&world, 0, &image).await;
    world.work(&jobs[0]).await.unwrap();
    assert_eq!(status(&world, &image).await.as_deref(), Some("ImageArchived"));
    assert_eq!(world.test(1).id(HERE).await, None);
}

async fn archive(world: &World, member: usize, image: &Manifest) {
    let permit = permit(Action::UpdateImageStorageClass, HERE);
    let selector = ImageSelector::Digest(image.digest().parse().unwrap());
    let archive = &world.test(member).registry.archive;
    archive.update_storage_class(&permit, &selector, StorageClass::Archive).await.unwrap();
}

#[tokio::test]
async fn what_comes_back_from_the_archive_goes_with_its_tags() {
    let world = World::new();
    for (here, there) in [(0, 1), (1, 2)] {
        let to = world.members[there].destination();
        world.members[here].put_rules(vec![rule(&[to])]).await;
    }
    world.members[2].allow(super::world::ACCOUNT, &["ecr:*"]).await;
    let image = image(1);
    world.source().put_rules(Vec::new()).await;
    for tag in ["v1", "v2"] {
        world.test(0).push(HERE, tag, &image).await;
    }
    archive(&world, 0, &image).await;
    world.settle().await;
    let to = world.members[1].destination();
    world.source().put_rules(vec![rule(&[to])]).await;
    world.test(0).push(HERE, "v1", &image).await;
    world.settle().await;
    for tag in ["v1", "v2"] {
        world.test(1).assert_has(HERE, tag, &image).await;
    }
    assert_eq!(status(&world, &image).await.as_deref(), Some("COMPLETE"));
    // What brings it back there came by replication, and goes no further.
    archive(&world, 1, &image).await;
    archive(&world, 0, &image).await;
    world.settle().await;
    world.test(0).push(HERE, "v1", &image).await;
    world.settle().await;
    world.test(1).assert_has(HERE, "v1", &image).await;
    world.test(2).assert_lacks(HERE, "v1").await;
    world.check().await;
}

#[tokio::test]
async fn children_in_the_archive_there_come_again_with_a_new_index() {
    let world = world().await;
    let children = [image(1), image(2)];
    for child in &children {
        world.test(0).push_untagged(HERE, child).await;
    }
    world.settle().await;
    archive(&world, 1, &children[0]).await;
    let index = index_of(&children);
    world.test(0).push(HERE, "all", &index).await;
    world.settle().await;
    assert_eq!(status(&world, &index).await.as_deref(), Some("COMPLETE"));
    for image in [&index, &children[0], &children[1]] {
        world.test(1).assert_has(HERE, &image.digest(), image).await;
    }
    world.check().await;
}
