//! Lifecycle policies at work, on the repository `team/app`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use berth_lifecycle::LifecyclePolicy;
use berth_registry::access::Action;
use berth_registry::ports::{Clock, Consistency, Item, Query, Select, WriteTable};
use berth_registry::{
    ImageQuery, Job, LifecycleJob, LifecycleWorker, RemovalPorts, StatusFilter, TagStatus, Work,
    WorkError,
};
use serde_json::{Value, json};

use super::{Manifest, Store, TestRegistry, permit};

pub const DAY: Duration = Duration::from_hours(24);

/// The repository.
pub const NAME: &str = "team/app";

/// Expires what was pushed more than four days ago.
pub fn expire_old() -> LifecyclePolicy {
    rule(&json!({"tagStatus": "any"}), "sinceImagePushed", 4, &json!({"type": "expire"}))
}

/// Returns a policy of one rule, in Berth's dialect.
pub fn rule(selection: &Value, count: &str, number: u32, action: &Value) -> LifecyclePolicy {
    let mut selection = selection.clone();
    selection["countType"] = count.into();
    selection["countNumber"] = number.into();
    if count.starts_with("since") {
        selection["countUnit"] = "days".into();
    }
    let rule = json!({"rulePriority": 1, "selection": selection, "action": action});
    json!({"dialect": "berth", "rules": [rule]}).to_string().parse().unwrap()
}

pub async fn set(registry: &TestRegistry, policy: &LifecyclePolicy) {
    let put = permit(Action::PutLifecyclePolicy, NAME);
    registry.registry.repositories.put_lifecycle_policy(&put, policy).await.unwrap();
}

pub fn worker(store: &Store, table: Arc<dyn WriteTable>) -> LifecycleWorker {
    let ports = RemovalPorts {
        table,
        objects: store.objects.clone(),
        doomed: store.objects.clone(),
        clock: store.clock.clone(),
    };
    LifecycleWorker::new(&ports, store.objects.clone())
}

pub async fn job(registry: &TestRegistry) -> Job {
    let describe = permit(Action::DescribeRepositories, NAME);
    let repository = registry.registry.repositories.describe(&describe).await.unwrap();
    Job::Lifecycle(LifecycleJob { repository: NAME.parse().unwrap(), id: repository.id.clone() })
}

/// Does a job, once.
pub async fn work(
    store: &Store,
    table: Arc<dyn WriteTable>,
    job: Job,
) -> Result<Vec<Job>, WorkError> {
    let until = store.clock.now().plus(Duration::from_mins(10));
    worker(store, table).work(job, until).await
}

/// Lets the policy act on a table, and does the jobs that follow.
pub async fn act_on(registry: &TestRegistry, table: Arc<dyn WriteTable>) {
    let mut jobs = vec![job(registry).await];
    while let Some(job) = jobs.pop() {
        jobs.extend(work(&registry.store, table.clone(), job).await.unwrap());
    }
}

pub async fn act(registry: &TestRegistry) {
    act_on(registry, registry.store.table.clone()).await;
}

/// Returns the digests of all images, archived ones as well.
pub async fn images(registry: &TestRegistry, status: StatusFilter) -> BTreeSet<String> {
    let describe = permit(Action::DescribeImages, NAME);
    let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 1000 };
    let page = registry.registry.pull.describe_images(&describe, query, status).await.unwrap();
    page.images.into_iter().map(|image| image.digest.to_string()).collect()
}

pub async fn all(registry: &TestRegistry) -> BTreeSet<String> {
    images(registry, StatusFilter::Any).await
}

pub fn digests<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> BTreeSet<String> {
    manifests.into_iter().map(Manifest::digest).collect()
}

/// Returns the changes in the outbox that are of this kind.
pub async fn changes(store: &Store, kind: &str) -> Vec<Value> {
    let mut changes = Vec::new();
    for shard in 0..8 {
        let query = Query {
            partition: format!("outbox/{shard}"),
            prefix: String::new(),
            after: None,
            limit: 10_000,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = store.table.query(&query).await.unwrap();
        let read = |item: Item| serde_json::from_slice(&item.document);
        changes.extend(page.items.into_iter().map(|item| read(item).unwrap()));
    }
    changes.retain(|change: &Value| change["change"] == kind);
    changes
}
