//! What lifecycle policies would do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use berth_lifecycle::LifecyclePolicy;
use berth_registry::access::Action;
use berth_registry::ports::{
    Attributes, Clock, Condition, Consistency, Key, MOST_OPERATIONS, Operation, Query, Select,
    StoreErrorKind,
};
use berth_registry::{
    ImageQuery, ImageSelector, Job, LifecyclePreview, LifecyclePreviewError, PlannedAction,
    PreviewJob, PreviewStatus, RegistryError, TagStatus, Work as _,
};
use berth_types::Digest;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::harness::lifecycle::worker;
use crate::harness::{
    Fails, FaultyTable, Manifest, Plan, Store, TestRegistry, digest, image, index_of, permit,
};

const DAY: Duration = Duration::from_hours(24);
const NAME: &str = "team/app";

/// Expires what was pushed more than so many days ago.
fn older_than(days: u32) -> LifecyclePolicy {
    let selection = json!({
        "tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days",
        "countNumber": days,
    });
    policy(&json!({"rules": [
        {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}},
    ]}))
}

fn policy(document: &Value) -> LifecyclePolicy {
    document.to_string().parse().unwrap()
}

async fn start(registry: &TestRegistry, policy: &LifecyclePolicy) -> PreviewJob {
    let permit = permit(Action::StartLifecyclePolicyPreview, NAME);
    registry.registry.lifecycle_previews.start(&permit, Some(policy)).await.unwrap().job
}

async fn run(registry: &TestRegistry, job: &PreviewJob) {
    registry.registry.lifecycle_previews.run(job).await.unwrap();
}

async fn page(registry: &TestRegistry, query: ImageQuery<Digest>) -> LifecyclePreview {
    let permit = permit(Action::GetLifecyclePolicyPreview, NAME);
    registry.registry.lifecycle_previews.preview(&permit, query).await.unwrap()
}

async fn preview(registry: &TestRegistry) -> LifecyclePreview {
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 100 };
    page(registry, query).await
}

fn digests(preview: &LifecyclePreview) -> BTreeSet<String> {
    preview.images.iter().map(|image| image.digest.to_string()).collect()
}

/// Returns the sort keys of all pages of previews.
async fn pages(registry: &TestRegistry) -> Vec<String> {
    let query = Query {
        partition: format!("repository/{}", registry.id(NAME).await.unwrap()),
        prefix: "lifecycle-preview/".to_owned(),
        after: None,
        limit: 1000,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    let page = registry.store.table.query(&query).await.unwrap();
    page.items.into_iter().map(|item| item.key.sort).collect()
}

/// Writes summaries of images straight into the table; every other one has a tag.
async fn write_images(registry: &TestRegistry, count: u64) {
    let partition = format!("repository/{}", registry.id(NAME).await.unwrap());
    let mut operations = Vec::new();
    for number in 0..count {
        let digest = digest(&number.to_be_bytes());
        let summary = json!({
            "media_type": "application/vnd.oci.image.manifest.v1+json", "manifest_size": 500,
            "content_size": 1000, "pushed_at": registry.store.clock.now().millis(),
        });
        let mut put = |sort: String, document: Bytes| {
            operations.push(Operation::Put {
                key: Key { partition: partition.clone(), sort },
                document,
                attributes: Attributes::new(),
                first_version: 1,
                condition: Condition::Any,
            });
        };
        put(format!("image/{digest}"), summary.to_string().into());
        if number % 2 == 0 {
            put(format!("image/{digest}/tag/t{number}"), Bytes::new());
        }
    }
    for operations in operations.chunks(MOST_OPERATIONS) {
        registry.store.table.transact(operations.to_vec()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_tells_what_would_go_and_why() {
    let registry = TestRegistry::new();
    let (old, child, kept) = (image("old"), image("child"), image("kept"));
    let (index, signature) = (index_of([&child]), image("signature").about(&old));
    registry.push(NAME, "v1", &old).await;
    registry.push_untagged(NAME, &child).await;
    registry.push(NAME, "v2", &index).await;
    registry.push_untagged(NAME, &signature).await;
    registry.store.clock.advance(5 * DAY);
    registry.push(NAME, "v3", &kept).await;
    let policy = older_than(4);
    let job = start(&registry, &policy).await;
    assert_eq!(preview(&registry).await.status, PreviewStatus::InProgress);
    run(&registry, &job).await;

    let preview = preview(&registry).await;
    assert_eq!(preview.status, PreviewStatus::Complete);
    assert_eq!(preview.policy, policy.text());
    assert_eq!(preview.next, None);
    let gone = [&old, &index, &child, &signature].map(Manifest::digest);
    assert_eq!(digests(&preview), BTreeSet::from(gone));
    let found = |digest: String| {
        preview.images.iter().find(|image| image.digest.to_string() == digest).unwrap()
    };
    let found_old = found(old.digest());
    assert_eq!(found_old.tags, ["v1".parse().unwrap()]);
    assert_eq!((&found_old.action, found_old.rule), (&PlannedAction::Expire, 1));
    assert_eq!(found_old.reason, "rule 1 expires it: 5 days since its push, more than 4");
    assert_eq!(found(signature.digest()).reason, "its subject goes by rule 1");
    let after_its_list =
        "by the next evaluation, rule 1 expires it: 5 days since its push, more than 4";
    assert_eq!(found(child.digest()).reason, after_its_list);
    let figures = preview.figures.clone().unwrap();
    let sums = (figures.images, figures.expired, figures.archived, figures.untagged);
    assert_eq!(sums, (5, 4, 0, 0));
    let rule = &figures.rules[0];
    let bytes: u64 = preview.images.iter().map(|image| image.size).sum();
    assert_eq!((rule.priority, rule.matching, rule.selected, rule.acted), (1, 4, 3, 4));
    assert_eq!(rule.bytes, bytes);
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_preview_takes_the_last_pull_and_tells_lost_tags() {
    let registry = TestRegistry::new();
    registry.push(NAME, "dev-1", &image("unused")).await;
    registry.push(NAME, "dev-2", &image("used")).await;
    registry.put(NAME, "v1", &image("unused")).await;
    registry.store.clock.advance(9 * DAY);
    registry.get(format!("/v2/{NAME}/manifests/dev-2"), 200).await;
    let selection = json!({
        "tagStatus": "tagged", "tagPatternList": ["dev-*"], "countType": "sinceImagePulled",
        "countUnit": "days", "countNumber": 5,
    });
    let untag = json!({"rulePriority": 7, "selection": selection, "action": {"type": "untag"}});
    let job = start(&registry, &policy(&json!({"dialect": "berth", "rules": [untag]}))).await;
    run(&registry, &job).await;
    let preview = preview(&registry).await;
    assert_eq!(digests(&preview), BTreeSet::from([image("unused").digest()]));
    let found = &preview.images[0];
    assert_eq!(found.action, PlannedAction::Untag(vec!["dev-1".parse().unwrap()]));
    assert_eq!(found.tags.len(), 2);
    assert_eq!(preview.figures.unwrap().untagged, 1);
}

#[tokio::test(start_paused = true)]
async fn a_preview_needs_a_repository_and_a_policy() {
    let registry = TestRegistry::new();
    let previews = &registry.registry.lifecycle_previews;
    let start = permit(Action::StartLifecyclePolicyPreview, NAME);
    let get = permit(Action::GetLifecyclePolicyPreview, NAME);
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 100 };
    let unknown = previews.start(&start, Some(&older_than(4))).await;
    assert!(matches!(unknown, Err(RegistryError::RepositoryUnknown(_))), "{unknown:?}");
    let unknown = previews.preview(&get, query.clone()).await;
    assert!(matches!(unknown, Err(RegistryError::RepositoryUnknown(_))), "{unknown:?}");

    registry.create(NAME).await.unwrap();
    let without = previews.start(&start, None).await;
    assert!(matches!(without, Err(RegistryError::LifecyclePolicyUnknown(_))), "{without:?}");
    let without = previews.preview(&get, query).await;
    assert!(
        matches!(without, Err(RegistryError::LifecyclePreview(LifecyclePreviewError::Unknown(_)))),
        "{without:?}"
    );

    let put = permit(Action::PutLifecyclePolicy, NAME);
    registry.registry.repositories.put_lifecycle_policy(&put, &older_than(3)).await.unwrap();
    let started = previews.start(&start, None).await.unwrap();
    assert_eq!(started.policy, older_than(3).text());
    run(&registry, &started.job).await;
    let preview = preview(&registry).await;
    assert_eq!((preview.status, preview.images.len()), (PreviewStatus::Complete, 0));
}

#[tokio::test(start_paused = true)]
async fn one_preview_is_worked_out_at_a_time() {
    let registry = TestRegistry::new();
    registry.push(NAME, "v1", &image("old")).await;
    registry.store.clock.advance(5 * DAY);
    let first = start(&registry, &older_than(4)).await;
    let permit = permit(Action::StartLifecyclePolicyPreview, NAME);
    let second = registry.registry.lifecycle_previews.start(&permit, None).await;
    let is_refused = |error: &RegistryError| {
        matches!(error, RegistryError::LifecyclePreview(LifecyclePreviewError::InProgress(_)))
    };
    // The repository has no policy of its own to preview.
    assert!(matches!(second, Err(RegistryError::LifecyclePolicyUnknown(_))), "{second:?}");
    let policy = older_than(9);
    let second = registry.registry.lifecycle_previews.start(&permit, Some(&policy)).await;
    assert!(second.as_ref().is_err_and(is_refused), "{second:?}");

    registry.store.clock.advance(Duration::from_hours(1));
    assert_eq!(preview(&registry).await.status, PreviewStatus::Expired);
    let third = start(&registry, &policy).await;
    assert_eq!(preview(&registry).await.status, PreviewStatus::InProgress);
    // The first job, late, says nothing of what took its place.
    run(&registry, &first).await;
    assert_eq!(preview(&registry).await.status, PreviewStatus::InProgress);
    run(&registry, &third).await;
    let preview = preview(&registry).await;
    assert_eq!(preview.status, PreviewStatus::Complete);
    assert!(preview.images.is_empty());
}

#[tokio::test(start_paused = true)]
async fn results_expire_after_a_day() {
    let registry = TestRegistry::new();
    registry.push(NAME, "v1", &image("old")).await;
    registry.store.clock.advance(5 * DAY);
    let job = start(&registry, &older_than(4)).await;
    run(&registry, &job).await;
    registry.store.clock.advance(Duration::from_hours(23));
    assert_eq!(preview(&registry).await.images.len(), 1);
    registry.store.clock.advance(Duration::from_hours(1));
    let expired = preview(&registry).await;
    assert_eq!(expired.status, PreviewStatus::Expired);
    assert_eq!((expired.images.len(), expired.figures, expired.next), (0, None, None));
    let job = start(&registry, &older_than(4)).await;
    run(&registry, &job).await;
    assert_eq!(preview(&registry).await.images.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn results_are_paged_and_filtered() {
    const IMAGES: u64 = 1200;
    let registry = TestRegistry::new();
    registry.create(NAME).await.unwrap();
    write_images(&registry, IMAGES).await;
    registry.store.clock.advance(5 * DAY);
    let job = start(&registry, &older_than(4)).await;
    run(&registry, &job).await;
    assert!(pages(&registry).await.len() > 10, "the results fill several pages");
    for (tag_status, expected) in
        [(TagStatus::Any, 1200), (TagStatus::Tagged, 600), (TagStatus::Untagged, 600)]
    {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let answer = page(&registry, ImageQuery { tag_status, after, limit: 70 }).await;
            assert!(answer.images.len() <= 70);
            assert_eq!(answer.figures.unwrap().expired, IMAGES);
            assert!(answer.images.iter().all(|image| tag_status.wants(image.tags.first())));
            all.extend(answer.images.into_iter().map(|image| image.digest));
            after = answer.next;
            if after.is_none() {
                break;
            }
        }
        assert!(all.is_sorted());
        assert_eq!(all.len(), expected, "{tag_status:?}");
        assert_eq!(BTreeSet::from_iter(all).len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn results_are_found_by_image() {
    let registry = TestRegistry::new();
    let (old, young) = (image("old"), image("young"));
    registry.push(NAME, "v1", &old).await;
    write_images(&registry, 500).await;
    registry.store.clock.advance(5 * DAY);
    registry.push(NAME, "v2", &young).await;
    let job = start(&registry, &older_than(4)).await;
    run(&registry, &job).await;
    let permit = permit(Action::GetLifecyclePolicyPreview, NAME);
    let find = async |selectors: &[ImageSelector], tag_status| {
        let previews = &registry.registry.lifecycle_previews;
        let preview = previews.preview_of(&permit, selectors, tag_status).await.unwrap();
        assert_eq!(preview.status, PreviewStatus::Complete);
        preview.images.into_iter().map(|image| image.digest.to_string()).collect::<Vec<_>>()
    };
    let by_digest = |digest: &str| ImageSelector::Digest(digest.parse().unwrap());
    for number in 0..500_u64 {
        let digest = digest(&number.to_be_bytes());
        assert_eq!(find(&[by_digest(&digest)], TagStatus::Any).await, [digest]);
    }
    let tag = |tag: &str| ImageSelector::Tag(tag.parse().unwrap());
    let several = [tag("v1"), by_digest(&old.digest()), tag("v2"), tag("none")];
    assert_eq!(find(&several, TagStatus::Any).await, [old.digest()]);
    assert!(find(&several, TagStatus::Untagged).await.is_empty());
    assert!(find(&[by_digest(&young.digest())], TagStatus::Any).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_delivered_twice_changes_nothing() {
    let registry = TestRegistry::new();
    let other = TestRegistry::on(&registry.store).shared().build();
    registry.create(NAME).await.unwrap();
    write_images(&registry, 300).await;
    registry.store.clock.advance(5 * DAY);
    let job = start(&registry, &older_than(4)).await;
    tokio::join!(run(&registry, &job), run(&other, &job));
    let (before, expected) = (pages(&registry).await, preview(&registry).await);
    assert_eq!(runs(&before), 1, "{before:?}");
    run(&other, &job).await;
    assert_eq!(pages(&registry).await, before);
    assert_eq!(preview(&registry).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cut_off_anywhere_is_done_by_the_next() {
    let kinds = [(Fails::Before, 0), (Fails::After, 0)];
    for (fails, mut calls) in kinds {
        loop {
            let store = Store::new();
            let whole = TestRegistry::on(&store).build();
            whole.create(NAME).await.unwrap();
            write_images(&whole, 300).await;
            store.clock.advance(5 * DAY);
            // Pages of an older preview, which the new one takes away.
            let old = start(&whole, &older_than(3)).await;
            run(&whole, &old).await;

            let table = Arc::new(FaultyTable::wrap(Arc::clone(&store.table), Plan::default()));
            let faulty = TestRegistry::on(&store).table(table.clone()).build();
            let job = start(&whole, &older_than(4)).await;
            table.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let cut_off = faulty.registry.lifecycle_previews.run(&job).await;
            let was_reached = !table.heal();
            assert_eq!(cut_off.is_err(), was_reached);
            run(&faulty, &job).await;
            let preview = preview(&whole).await;
            assert_eq!(preview.status, PreviewStatus::Complete);
            assert_eq!(preview.figures.unwrap().expired, 300);
            let next = start(&whole, &older_than(4)).await;
            run(&whole, &next).await;
            assert_eq!(runs(&pages(&whole).await), 1);
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls > 4, "{calls}");
    }
}

/// Returns how many runs pages are of.
fn runs(pages: &[String]) -> usize {
    let run = |page: &String| page.split('/').nth(1).map(str::to_owned);
    pages.iter().map(run).collect::<BTreeSet<_>>().len()
}

#[tokio::test(start_paused = true)]
async fn a_preview_fails_when_its_job_is_given_up() {
    let registry = TestRegistry::new();
    registry.push(NAME, "v1", &image("old")).await;
    let worker = worker(&registry.store, registry.store.table.clone());
    let give_up = async |job: &PreviewJob| {
        worker.give_up(&Job::LifecyclePreview(job.clone()), "because").await.unwrap();
        preview(&registry).await.status
    };
    let first = start(&registry, &older_than(4)).await;
    assert_eq!(give_up(&first).await, PreviewStatus::Failed);
    // Nobody waits for it: another one can be begun, which it does not concern.
    let other = start(&registry, &older_than(4)).await;
    assert_eq!(give_up(&first).await, PreviewStatus::InProgress);
    run(&registry, &other).await;
    assert_eq!(give_up(&other).await, PreviewStatus::Complete);
}
