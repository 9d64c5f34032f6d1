//! What Berth replicates beyond ECR: some tags alone, and settings of repositories.

use berth_registry::access::Action;
use berth_registry::{
    FilterType, ReplicationRefinement, ReplicationRefinements, Repository, RepositoryChange,
    RepositoryFilter,
};
use berth_types::{TagMutability, TagMutabilitySetting};

use super::world::{ACCOUNT, Member, World, deleting_rule, rule};
use crate::harness::{image, index_of, permit};

const HERE: &str = "team/app";

fn refinement(tags: &[&str], repository_settings: bool) -> ReplicationRefinement {
    ReplicationRefinement {
        repository_filters: vec![RepositoryFilter {
            filter: "team/".to_owned(),
            filter_type: FilterType::PrefixMatch,
        }],
        destinations: Vec::new(),
        tag_filters: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        repository_settings,
    }
}

async fn world(to: usize, refinement: ReplicationRefinement) -> World {
    let world = World::new();
    world.source().put_rules(vec![rule(&[world.members[to].destination()])]).await;
    let permit = world.source().permit(Action::PutReplicationConfiguration).await;
    let refinements = ReplicationRefinements { refinements: vec![refinement] };
    let settings = &world.test(0).registry.settings;
    settings.put_replication_refinements(permit, &refinements).await.unwrap();
    world
}

async fn described(member: &Member) -> Repository {
    let permit = permit(Action::DescribeRepositories, HERE);
    let found = member.test.registry.repositories.describe(&permit).await.unwrap();
    Repository::clone(&found)
}

async fn change(world: &World, change: RepositoryChange) {
    let permit = permit(change.action(), HERE);
    world.test(0).registry.repositories.change(&permit, change).await.unwrap();
}

async fn lifecycle_policy(member: &Member) -> Option<String> {
    let permit = permit(Action::GetLifecyclePolicy, HERE);
    member.test.registry.repositories.lifecycle_policy(&permit).await.ok().map(|found| found.text)
}

#[tokio::test]
async fn some_tags_are_replicated() {
    let world = world(1, refinement(&["v*", "stable"], false)).await;
    let (one, child) = (image(1), image(2));
    let index = index_of([&child]);
    world.test(0).push(HERE, "dev", &one).await;
    world.test(0).push_untagged(HERE, &child).await;
    world.settle().await;
    assert_eq!(world.test(1).id(HERE).await, None);
    world.test(0).push(HERE, "v1", &one).await;
    world.test(0).push(HERE, "stable", &index).await;
    world.settle().await;
    assert_eq!(world.test(1).tags(HERE).await, ["stable", "v1"]);
    world.test(1).assert_has(HERE, "v1", &one).await;
    world.test(1).assert_has(HERE, &child.digest(), &child).await;
    world.test(0).push("other", "dev", &one).await;
    world.settle().await;
    world.test(1).assert_has("other", "dev", &one).await;
}

#[tokio::test]
async fn tags_that_do_not_go_are_not_taken_away() {
    let world = world(1, refinement(&["v*"], false)).await;
    world.source().put_rules(vec![deleting_rule(&[world.members[1].destination()])]).await;
    let image = image(1);
    for tag in ["v1", "v2", "dev"] {
        world.test(0).push(HERE, tag, &image).await;
    }
    world.settle().await;
    world.test(1).push(HERE, "dev", &image).await;
    for tag in ["v1", "dev"] {
        world.test(0).remove(format!("/v2/{HERE}/manifests/{tag}"), 202).await;
    }
    world.settle().await;
    assert_eq!(world.test(1).tags(HERE).await, ["dev", "v2"]);
}

#[tokio::test]
async fn settings_follow() {
    let world = world(1, refinement(&[], true)).await;
    let there = &world.members[1];
    world.test(0).create_mutable(HERE, TagMutabilitySetting::Immutable, &[]).await;
    let tag = |value: &str| {
        RepositoryChange::Tag([("stage".to_owned(), value.to_owned())].into_iter().collect())
    };
    change(&world, tag("test")).await;
    world.settle().await;
    assert_eq!(there.test.id(HERE).await, None, "a repository comes with its first image");
    world.test(0).push(HERE, "v1", &image(1)).await;
    world.settle().await;
    let made = described(there).await;
    assert_eq!(made.tag_mutability.setting(), TagMutabilitySetting::Immutable);
    assert_eq!(made.tags["stage"], "test");

    change(&world, tag("prod")).await;
    change(&world, RepositoryChange::ScanOnPush(true)).await;
    change(&world, RepositoryChange::TagMutability(TagMutability::default())).await;
    let repositories = &world.test(0).registry.repositories;
    let set = permit(Action::SetRepositoryPolicy, HERE);
    repositories.set_policy(&set, POLICY).await.unwrap();
    let put = permit(Action::PutLifecyclePolicy, HERE);
    repositories.put_lifecycle_policy(&put, &LIFECYCLE.parse().unwrap()).await.unwrap();
    let jobs = world.dispatch().await;
    for job in jobs.iter().rev().chain(&jobs) {
        world.work(job).await.unwrap();
    }
    let (here, copy) = (described(world.source()).await, described(there).await);
    assert_eq!(copy.tag_mutability, here.tag_mutability);
    assert_eq!((copy.scan_on_push, &copy.tags, &copy.policy), (true, &here.tags, &here.policy));
    assert_eq!(lifecycle_policy(there).await.as_deref(), Some(LIFECYCLE));
    assert!(world.dispatch().await.is_empty());

    change(&world, RepositoryChange::Untag(vec!["stage".to_owned()])).await;
    let delete = permit(Action::DeleteRepositoryPolicy, HERE);
    repositories.delete_policy(&delete).await.unwrap();
    let delete = permit(Action::DeleteLifecyclePolicy, HERE);
    repositories.delete_lifecycle_policy(&delete).await.unwrap();
    world.settle().await;
    let copy = described(there).await;
    assert!(copy.tags.is_empty());
    assert_eq!(copy.policy, None);
    assert_eq!(lifecycle_policy(there).await, None);
}

#[tokio::test]
async fn another_account_must_let_settings_in() {
    let world = world(2, refinement(&[], true)).await;
    let there = &world.members[2];
    there.allow(ACCOUNT, &["ecr:ReplicateImage", "ecr:CreateRepository"]).await;
    world.test(0).create_mutable(HERE, TagMutabilitySetting::Immutable, &[]).await;
    world.test(0).push(HERE, "v1", &image(1)).await;
    world.settle().await;
    let made = described(there).await;
    assert_eq!(made.tag_mutability.setting(), TagMutabilitySetting::Mutable);
    change(&world, RepositoryChange::ScanOnPush(true)).await;
    let jobs = world.dispatch().await;
    let error = world.work(&jobs[0]).await.unwrap_err();
    assert!(error.to_string().starts_with("AccessDenied: "), "{error}");
}

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Sid": "read", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}"#;

const LIFECYCLE: &str = r#"{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}, "action": {"type": "expire"}}]}"#;
