//! A preview tells what a policy does in the end, lists within lists, referrers and the archive
//! included.

use std::collections::{BTreeMap, BTreeSet};

use berth_lifecycle::LifecyclePolicy;
use berth_registry::access::Action;
use berth_registry::ports::StorageClass;
use berth_registry::{
    ImageQuery, ImageSelector, ImageStatus, Job, JobQueue, PlannedAction, StatusFilter, TagStatus,
};
use berth_types::Digest;
use serde_json::{Value, json};

use crate::harness::lifecycle::{DAY, NAME, set, work};
use crate::harness::{Manifest, TestRegistry, image, index_of, permit};

/// What becomes of an image that something happens to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Gone,
    Archived,
    Without(Vec<String>),
}

/// Returns the tags and status of all images.
async fn images(registry: &TestRegistry) -> BTreeMap<Digest, (BTreeSet<String>, ImageStatus)> {
    let describe = permit(Action::DescribeImages, NAME);
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 1000 };
    let pull = &registry.registry.pull;
    let page = pull.describe_images(&describe, query, StatusFilter::Any).await.unwrap();
    let told = page.images.into_iter().map(|image| {
        let tags = image.tags.iter().map(ToString::to_string).collect();
        (image.digest, (tags, image.status))
    });
    told.collect()
}

/// Puts a policy, does all jobs that follow, and returns what became of the images.
async fn act(registry: &TestRegistry, policy: &LifecyclePolicy) -> BTreeMap<Digest, Fate> {
    let before = images(registry).await;
    set(registry, policy).await;
    loop {
        registry.store.dispatch_all().await;
        let jobs = registry.store.take_jobs().await;
        let mut jobs: Vec<Job> =
            jobs.into_iter().filter(|job| job.queue() == JobQueue::Lifecycle).collect();
        if jobs.is_empty() {
            break;
        }
        while let Some(job) = jobs.pop() {
            jobs.extend(work(&registry.store, registry.store.table.clone(), job).await.unwrap());
        }
    }
    let now = images(registry).await;
    let fate = |(digest, (tags, status)): (Digest, (BTreeSet<String>, ImageStatus))| {
        let fate = match now.get(&digest) {
            None => Fate::Gone,
            Some((_, now)) if *now != status => Fate::Archived,
            Some((now, _)) => Fate::Without(tags.difference(now).cloned().collect()),
        };
        (digest, fate)
    };
    let fates = before.into_iter().map(fate);
    fates.filter(|(_, fate)| *fate != Fate::Without(Vec::new())).collect()
}

/// Returns what a preview tells would become of the images.
async fn rehearse(registry: &TestRegistry, policy: &LifecyclePolicy) -> BTreeMap<Digest, Fate> {
    let previews = &registry.registry.lifecycle_previews;
    let start = permit(Action::StartLifecyclePolicyPreview, NAME);
    let started = previews.start(&start, Some(policy)).await.unwrap();
    previews.run(&started.job).await.unwrap();
    let get = permit(Action::GetLifecyclePolicyPreview, NAME);
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 1000 };
    let preview = previews.preview(&get, query).await.unwrap();
    let figures = preview.figures.unwrap();
    let acted: u64 = figures.rules.iter().map(|rule| rule.acted).sum();
    assert_eq!(acted, preview.images.len() as u64);
    assert_eq!(figures.expired + figures.archived + figures.untagged, acted);
    let fate = |action| match action {
        PlannedAction::Expire => Fate::Gone,
        PlannedAction::Archive => Fate::Archived,
        PlannedAction::Untag(tags) => Fate::Without(tags.iter().map(ToString::to_string).collect()),
    };
    preview.images.into_iter().map(|image| (image.digest, fate(image.action))).collect()
}

/// Pushes an image with a tag, or without if that is empty.
async fn push(registry: &TestRegistry, tag: &str, manifest: &Manifest) {
    match tag {
        "" => drop(registry.push_untagged(NAME, manifest).await),
        tag => drop(registry.push(NAME, tag, manifest).await),
    }
}

/// Returns a repository with lists of lists, images that several list, referrers, and a list in the
/// archive.
async fn repository() -> TestRegistry {
    let registry = TestRegistry::new();
    let leaves: Vec<_> = (0..6).map(image).collect();
    for leaf in &leaves {
        push(&registry, "", leaf).await;
    }
    let (inner, archived) = (index_of(&leaves[..2]), index_of(&leaves[4..]));
    let (outer, young) = (index_of([&inner, &leaves[2]]), index_of([&leaves[2], &leaves[3]]));
    push(&registry, "", &inner).await;
    push(&registry, "v1", &outer).await;
    push(&registry, "old", &archived).await;
    push(&registry, "", &image("signature").about(&leaves[0])).await;
    push(&registry, "", &image("signature of a list").about(&outer)).await;
    push(&registry, "dev-1", &image("dev")).await;
    push(&registry, "v2", &image("dev")).await;
    let update = permit(Action::UpdateImageStorageClass, NAME);
    let selector = ImageSelector::Digest(archived.digest().parse().unwrap());
    let archive = &registry.registry.archive;
    archive.update_storage_class(&update, &selector, StorageClass::Archive).await.unwrap();
    registry.store.dispatch_all().await;
    registry.store.take_jobs().await;
    registry.store.clock.advance(100 * DAY);
    push(&registry, "v3", &young).await;
    registry
}

fn policy(rules: &[(Value, &str, u32, &str)]) -> LifecyclePolicy {
    let rules = (1..).zip(rules).map(|(priority, (selection, count, number, action))| {
        let mut selection = selection.clone();
        selection["countType"] = (*count).into();
        selection["countNumber"] = (*number).into();
        if count.starts_with("since") {
            selection["countUnit"] = "days".into();
        }
        let mut rule = json!({"rulePriority": priority, "selection": selection});
        rule["action"] = json!({"type": action});
        if *action == "transition" {
            rule["action"]["targetStorageClass"] = "archive".into();
        }
        rule
    });
    let rules: Vec<_> = rules.collect();
    json!({"dialect": "berth", "rules": rules}).to_string().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_preview_tells_is_done() {
    let any = || json!({"tagStatus": "any"});
    let tagged = |pattern: &str| json!({"tagStatus": "tagged", "tagPatternList": [pattern]});
    let untagged = || json!({"tagStatus": "untagged"});
    let archive = || json!({"tagStatus": "any", "storageClass": "archive"});
    let policies = [
        policy(&[(any(), "sinceImagePushed", 4, "expire")]),
        policy(&[(any(), "imageCountMoreThan", 2, "expire")]),
        policy(&[(any(), "sinceImagePulled", 4, "transition")]),
        policy(&[(archive(), "sinceImageTransitioned", 90, "expire")]),
        policy(&[
            (tagged("v1"), "sinceImagePushed", 4, "expire"),
            (untagged(), "sinceImagePushed", 4, "expire"),
        ]),
        policy(&[
            (tagged("v1"), "sinceImagePushed", 4, "untag"),
            (tagged("dev-*"), "sinceImagePushed", 4, "untag"),
            (archive(), "sinceImageTransitioned", 90, "expire"),
            (untagged(), "sinceImagePushed", 4, "expire"),
        ]),
        policy(&[(tagged("v*"), "imageCountMoreThan", 1, "transition")]),
    ];
    let mut counts = Vec::new();
    for policy in policies {
        let registry = repository().await;
        let told = rehearse(&registry, &policy).await;
        let done = act(&registry, &policy).await;
        assert_eq!(told, done, "{}", policy.text());
        counts.push(told.len());
        registry.store.check().await;
    }
    assert_eq!(counts, [7, 6, 9, 1, 6, 10, 3]);
}
