//! Every kind of job is delivered twice and backwards, and cut off at every call of a port.

use std::time::Duration;

use berth_registry::access::{Action, Caller, Facts, RegistryPermit};
use berth_registry::ports::StorageClass;
use berth_registry::{
    ImageQuery, ImageSelector, ImageStatus, Job, PreviewStatus, ReplicationConfiguration,
    ReplicationDestination, ReplicationRule, StatusFilter, TagStatus, WhenNotEmpty,
};

use crate::harness::{
    DAY, Delivery, Manifest, System, TestRegistry, identity, image, image_of, index_of, permit,
};

const NAME: &str = "team/app";
const DELETED: &str = "team/deleted";

/// A kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    LifecyclePreview,
    Lifecycle,
    Referrers,
    PlaceLayers,
    Replicate,
    Backfill,
    CollectRepository,
    CollectDeleted,
    CollectRegistry,
}

/// Returns the kind of a job. Who adds a kind adds a test below.
fn kind(job: &Job) -> Kind {
    match job {
        Job::LifecyclePreview(_) => Kind::LifecyclePreview,
        Job::Lifecycle(_) => Kind::Lifecycle,
        Job::Referrers(_) => Kind::Referrers,
        Job::PlaceLayers(_) => Kind::PlaceLayers,
        Job::Replicate(_) => Kind::Replicate,
        Job::ReplicationBackfill(_) => Kind::Backfill,
        Job::CollectRepository(_) => Kind::CollectRepository,
        Job::CollectDeleted(_) => Kind::CollectDeleted,
        Job::CollectRegistry(_) => Kind::CollectRegistry,
    }
}

/// Keeps the newest image.
const KEEP_ONE: &str = r#"{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any",
    "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}"#;

fn subject() -> Manifest {
    image("subject")
}

/// Two images, which share a layer, and a list of them.
fn list() -> Manifest {
    let first = image("first");
    let second = image_of("second", &first.blobs[1..]);
    index_of([&first, &second])
}

async fn registry_permit(registry: &TestRegistry, action: Action) -> RegistryPermit {
    registry.gate.registry(&Caller::ROOT, action, &Facts::default()).await.unwrap()
}

async fn push_list(registry: &TestRegistry) {
    let first = image("first");
    registry.push_untagged(NAME, &first).await;
    registry.push_untagged(NAME, &image_of("second", &first.blobs[1..])).await;
    registry.push(NAME, "v1", &list()).await;
}

async fn replicate(system: &System) {
    let System { here, .. } = system;
    let destination = destination();
    let rule = ReplicationRule {
        destinations: vec![destination],
        repository_filters: Vec::new(),
        delete_replication: None,
    };
    let permit = registry_permit(here, Action::PutReplicationConfiguration).await;
    let configuration = ReplicationConfiguration { rules: vec![rule] };
    here.registry.settings.put_replication(permit, &configuration).await.unwrap();
}

fn destination() -> ReplicationDestination {
    let there = System::destination();
    ReplicationDestination { region: there.region, registry_id: there.registry_id }
}

/// Makes what leads to a job of the kind, up to the moment before it is done.
async fn prepare(system: &System, kind: Kind) {
    let here = &system.here;
    match kind {
        Kind::LifecyclePreview | Kind::Lifecycle => {
            for number in 0..3 {
                here.push(NAME, &format!("v{number}"), &image(number)).await;
                system.advance(Duration::from_secs(1));
            }
            system.settle().await;
            let policy = KEEP_ONE.parse().unwrap();
            if kind == Kind::Lifecycle {
                let permit = permit(Action::PutLifecyclePolicy, NAME);
                here.registry.repositories.put_lifecycle_policy(&permit, &policy).await.unwrap();
            } else {
                let permit = permit(Action::StartLifecyclePolicyPreview, NAME);
                here.registry.lifecycle_previews.start(&permit, Some(&policy)).await.unwrap();
            }
        }
        Kind::Referrers => {
            here.push_untagged(NAME, &subject()).await;
            // They follow where there is a policy.
            let policy = KEEP_ONE.replace("\"countNumber\": 1", "\"countNumber\": 9");
            let put = permit(Action::PutLifecyclePolicy, NAME);
            let repositories = &here.registry.repositories;
            repositories.put_lifecycle_policy(&put, &policy.parse().unwrap()).await.unwrap();
            let signature = image("signature").about(&subject());
            here.push_untagged(NAME, &signature).await;
            here.push_untagged(NAME, &image("note").about(&signature)).await;
            system.settle().await;
            here.remove(format!("/v2/{NAME}/manifests/{}", subject().digest()), 202).await;
        }
        Kind::PlaceLayers => {
            here.push(NAME, "v1", &subject()).await;
            system.settle().await;
            let permit = permit(Action::UpdateImageStorageClass, NAME);
            let which = ImageSelector::Digest(subject().digest().parse().unwrap());
            let archive = &here.registry.archive;
            let class = StorageClass::Archive;
            let updated = archive.update_storage_class(&permit, &which, class).await.unwrap();
            assert_eq!(updated.status, ImageStatus::Archived);
        }
        Kind::Replicate => {
            replicate(system).await;
            push_list(here).await;
        }
        Kind::Backfill => {
            push_list(here).await;
            system.settle().await;
            replicate(system).await;
            let permit = registry_permit(here, Action::StartReplicationBackfill).await;
            here.registry.backfills.start(permit, &identity(), destination()).await.unwrap();
        }
        Kind::CollectRepository | Kind::CollectRegistry => {
            push_list(here).await;
            here.push_blobs(NAME, &subject()).await;
            system.settle().await;
            for _ in 0..if kind == Kind::CollectRepository { 2 } else { 3 } {
                here.store.collect().await;
                system.advance(DAY);
            }
            let jobs = here.store.collections().await;
            let jobs: Vec<_> = jobs.into_iter().filter(|job| self::kind(job) == kind).collect();
            system.send(&jobs).await;
        }
        Kind::CollectDeleted => {
            push_list(here).await;
            here.push(DELETED, "v1", &subject()).await;
            system.settle().await;
            here.delete(DELETED, WhenNotEmpty::Force).await.unwrap();
        }
    }
}

/// Asserts that the job was done, once.
async fn judge(system: &System, kind: Kind) {
    let System { here, there, .. } = system;
    match kind {
        Kind::LifecyclePreview => {
            let permit = permit(Action::GetLifecyclePolicyPreview, NAME);
            let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 10 };
            let previews = &here.registry.lifecycle_previews;
            let preview = previews.preview(&permit, query).await.unwrap();
            assert_eq!(preview.status, PreviewStatus::Complete);
            assert_eq!(preview.figures.unwrap().expired, 2);
            assert_eq!(preview.images.len(), 2);
        }
        Kind::Lifecycle => {
            assert_eq!(here.tags(NAME).await, ["v2"]);
            assert_eq!(images(here).await, 1);
        }
        Kind::Referrers => assert_eq!(images(here).await, 0),
        Kind::PlaceLayers => assert_eq!(system.classes.archived(), 2),
        Kind::Replicate | Kind::Backfill => {
            let path = format!("/v2/{NAME}/manifests/v1");
            assert_eq!(there.get(&path, 200).await.body, list().bytes);
            there.store.dispatch_all().await;
            assert_eq!(images(there).await, 3);
            // A copy that was cut off may have left an object, until it is collected.
            there.store.collect_for_days(4).await;
            there.store.check().await;
        }
        Kind::CollectRepository | Kind::CollectRegistry => {
            here.store.collect_for_days(4).await;
            assert_eq!(images(here).await, 3);
            let unused = here.store.files("objects").len();
            assert_eq!(unused, 3, "a shared layer and two configs");
        }
        Kind::CollectDeleted => {
            here.store.collect_for_days(4).await;
            assert!(here.store.partition("deleted").await.is_empty());
            assert_eq!(images(here).await, 3);
            assert_eq!(here.store.files("objects").len(), 3);
        }
    }
    system.check_queues().await;
    if !matches!(kind, Kind::PlaceLayers) {
        here.store.check().await;
    }
}

/// Returns how many images the registry has: by its figures, which must be right.
async fn images(registry: &TestRegistry) -> u64 {
    let read = registry_permit(registry, Action::GetStorageFigures).await;
    let figures = registry.registry.figures.of_registry(&read).await.unwrap();
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 100 };
    let describe = permit(Action::DescribeImages, NAME);
    let pull = &registry.registry.pull;
    let page = pull.describe_images(&describe, query, StatusFilter::Any).await.unwrap();
    assert_eq!(figures.images, page.images.len() as u64);
    figures.images
}

async fn comes_twice_and_backwards(kind: Kind) {
    for delivery in [Delivery::Once, Delivery::TwiceAndBackwards] {
        let system = System::new(delivery);
        prepare(&system, kind).await;
        system.settle().await;
        let sent = system.sent();
        assert!(sent.iter().any(|job| self::kind(job) == kind), "{sent:?}");
        judge(&system, kind).await;
    }
}

async fn is_cut_off(kind: Kind) {
    for calls in 0.. {
        let system = System::new(Delivery::Once);
        prepare(&system, kind).await;
        system.crash.after(calls);
        system.settle().await;
        let ended = system.crash.restart();
        system.settle().await;
        judge(&system, kind).await;
        if !ended {
            assert!(calls > 10, "{calls} calls");
            return;
        }
    }
}

macro_rules! kinds {
    ($($name:ident: $kind:ident,)+) => {$(
        mod $name {
            use super::Kind;

            #[tokio::test]
            async fn comes_twice_and_backwards() {
                super::comes_twice_and_backwards(Kind::$kind).await;
            }

            #[tokio::test]
            async fn is_cut_off_at_any_call() {
                super::is_cut_off(Kind::$kind).await;
            }
        }
    )+};
}

kinds! {
    lifecycle_preview: LifecyclePreview,
    lifecycle: Lifecycle,
    referrers: Referrers,
    place_layers: PlaceLayers,
    replicate: Replicate,
    backfill: Backfill,
    collect_repository: CollectRepository,
    collect_deleted: CollectDeleted,
    collect_registry: CollectRegistry,
}
