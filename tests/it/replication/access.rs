//! Whom a destination lets in, and what its repositories are like.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use berth_registry::access::Action;
use berth_registry::{CreationReason, TemplateChange};
use berth_types::{Encryption, KmsKey, TagMutabilitySetting};

use super::world::{ACCOUNT, World, rule};
use crate::harness::{EncryptingObjects, Store, TestKms, TestRegistry, image, permit};

const HERE: &str = "team/app";
const REPLICATE: &str = "ecr:ReplicateImage";
const CREATE: &str = "ecr:CreateRepository";

/// Returns a world in which the first registry replicates all to another account.
async fn world() -> World {
    let world = World::new();
    let to = world.members[2].destination();
    world.source().put_rules(vec![rule(&[to])]).await;
    world
}

/// Pushes an image of this number, and returns the status that its replication ends with.
async fn push(world: &World, number: u32) -> String {
    let image = image(number);
    world.test(0).push(HERE, &format!("v{number}"), &image).await;
    world.settle().await;
    // The policy of the destination is believed for a few seconds.
    world.test(2).store.clock.advance(Duration::from_secs(4));
    let statuses = world.source().statuses(HERE, &image).await;
    statuses.into_values().next().unwrap()
}

#[tokio::test]
async fn another_account_must_let_images_in() {
    let world = world().await;
    assert_eq!(push(&world, 1).await, "AccessDenied");
    world.members[2].allow("333333333333", &[REPLICATE, CREATE]).await;
    assert_eq!(push(&world, 2).await, "AccessDenied");
    world.members[2].allow(ACCOUNT, &[REPLICATE]).await;
    assert_eq!(push(&world, 3).await, "AccessDenied", "nothing makes the repository");
    assert_eq!(world.test(2).id(HERE).await, None);
    world.test(2).create(HERE).await.unwrap();
    assert_eq!(push(&world, 4).await, "COMPLETE");
    world.test(2).assert_has(HERE, "v4", &image(4)).await;
    world.members[2].allow("333333333333", &[REPLICATE, CREATE]).await;
    assert_eq!(push(&world, 5).await, "AccessDenied", "it was taken back");
    world.check().await;
}

#[tokio::test]
async fn another_account_may_let_repositories_be_made() {
    let world = world().await;
    world.members[2].allow(ACCOUNT, &[REPLICATE, CREATE]).await;
    assert_eq!(push(&world, 1).await, "COMPLETE");
    world.test(2).assert_has(HERE, "v1", &image(1)).await;
    world.check().await;
}

#[tokio::test]
async fn templates_say_what_repositories_are_like() {
    let kms = Arc::new(TestKms(BTreeMap::from([("", KEY), ("alias/one", KEY)])));
    let stores = [Store::new(), Store::new(), Store::new()];
    let objects = Arc::new(EncryptingObjects::new(stores[1].objects.clone(), 0));
    let there = TestRegistry::on(&stores[1]).objects(objects.clone()).kms(kms).build();
    let tests = [TestRegistry::on(&stores[0]).build(), there, TestRegistry::on(&stores[2]).build()];
    let world = World::of(tests);
    let member = &world.members[1];
    world.source().put_rules(vec![rule(&[member.destination()])]).await;
    let changes = |reason, mutability| {
        [
            TemplateChange::AppliedFor(vec![reason]),
            TemplateChange::TagMutability { setting: Some(mutability), exclusions: None },
            TemplateChange::Encryption(Encryption::Kms(Some("alias/one".parse().unwrap()))),
        ]
    };
    let templates = [
        ("team", changes(CreationReason::Replication, TagMutabilitySetting::Immutable)),
        ("team/app", changes(CreationReason::CreateOnPush, TagMutabilitySetting::Mutable)),
    ];
    for (prefix, changes) in templates {
        let permit = member.permit(Action::CreateRepositoryCreationTemplate).await;
        let prefix = prefix.parse().unwrap();
        member.test.registry.settings.create_template(permit, prefix, &changes).await.unwrap();
    }
    world.test(0).push(HERE, "v1", &image(1)).await;
    world.settle().await;
    let permit = permit(Action::DescribeRepositories, HERE);
    let made = member.test.registry.repositories.describe(&permit).await.unwrap();
    let key: KmsKey = KEY.parse().unwrap();
    assert_eq!(made.tag_mutability.setting(), TagMutabilitySetting::Immutable);
    assert_eq!(made.encryption, Encryption::Kms(Some(key.clone())));
    let copied = ("copy", Encryption::Kms(Some(key)));
    assert_eq!(objects.take(), [copied.clone(), copied]);

    objects.switch_off(KEY);
    let image = image(2);
    world.test(0).push(HERE, "v2", &image).await;
    world.settle().await;
    let statuses = world.source().statuses(HERE, &image).await;
    assert_eq!(statuses.into_values().collect::<Vec<_>>(), ["KmsError"]);
}

const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
