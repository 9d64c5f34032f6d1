//! Registries that replicate to one another, with their outboxes and jobs in the test's hands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::access::{Action, Caller, Facts, RegistryPermit};
use berth_registry::ports::{
    Clock as _, NewMessage, PublishEvents, RegistryEvent, SendMessages, StoreError, Timestamp,
    WriteTable,
};
use berth_registry::{
    DeleteReplication, Dispatch, FilterType, Identity, ImageReplicationStatus, ImageSelector, Job,
    JobQueues, Peer, Peers, Registry, ReplicateWorker, ReplicationConfiguration,
    ReplicationDestination, ReplicationPorts, ReplicationRule, ReplicationState, RepositoryFilter,
    Work, WorkError,
};
use serde_json::Value;

use crate::harness::{Manifest, Store, TestRegistry, permit};

/// The account of the first two registries.
pub const ACCOUNT: &str = "123456789012";

/// The account of the third.
pub const OTHER_ACCOUNT: &str = "210987654321";

/// What dispatch told and sent.
#[derive(Debug, Default)]
pub struct Heard {
    events: Mutex<Vec<RegistryEvent>>,
    jobs: Mutex<Vec<Job>>,
}

#[async_trait]
impl PublishEvents for Heard {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(())
    }
}

#[async_trait]
impl SendMessages for Heard {
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let jobs = messages.iter().map(|message| serde_json::from_str(&message.body).unwrap());
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).extend(jobs);
        Ok(())
    }
}

/// One registry.
#[derive(Debug)]
pub struct Member {
    pub identity: Identity,
    pub test: TestRegistry,
    pub worker: ReplicateWorker,
    heard: Arc<Heard>,
}

/// Two registries of one account, and one of another.
#[derive(Debug)]
pub struct World {
    pub members: Vec<Member>,
}

/// Returns which registries there are.
pub fn identities() -> [Identity; 3] {
    let identity = |account: &str, region: &str| Identity {
        registry_id: account.parse().unwrap(),
        region: region.parse().unwrap(),
    };
    [
        identity(ACCOUNT, "us-east-1"),
        identity(ACCOUNT, "eu-west-1"),
        identity(OTHER_ACCOUNT, "us-east-1"),
    ]
}

impl World {
    pub fn new() -> Self {
        Self::of(std::array::from_fn(|_| TestRegistry::new()))
    }

    pub fn of(tests: [TestRegistry; 3]) -> Self {
        let registries: Vec<_> = tests.iter().map(|test| test.registry.clone()).collect();
        let member = |(identity, test): (Identity, TestRegistry)| Member {
            worker: worker(&test.store, test.store.table.clone(), &identity, &registries),
            heard: Arc::default(),
            identity,
            test,
        };
        Self { members: identities().into_iter().zip(tests).map(member).collect() }
    }

    pub fn source(&self) -> &Member {
        &self.members[0]
    }

    pub fn test(&self, member: usize) -> &TestRegistry {
        &self.members[member].test
    }

    /// Dispatches all outboxes, and returns the jobs that the members got.
    pub async fn dispatch(&self) -> Vec<(usize, Job)> {
        let mut jobs = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            jobs.extend(member.dispatch().await.into_iter().map(|job| (place, job)));
        }
        jobs
    }

    /// Does a job, and returns what follows from it.
    pub async fn work(&self, job: &(usize, Job)) -> Result<Vec<(usize, Job)>, WorkError> {
        let (place, job) = job.clone();
        let member = &self.members[place];
        let until = member.test.store.clock.now().plus(Duration::from_mins(10));
        let following = member.worker.work(job, until).await?;
        Ok(following.into_iter().map(|job| (place, job)).collect())
    }

    /// Dispatches and works until nothing is left to be done.
    pub async fn settle(&self) {
        for _ in 0..1000 {
            let mut jobs = self.dispatch().await;
            if jobs.is_empty() {
                return;
            }
            while let Some(job) = jobs.pop() {
                jobs.extend(self.work(&job).await.unwrap());
            }
        }
        panic!("there is always more to do");
    }

    /// Checks all stores.
    pub async fn check(&self) {
        for member in &self.members {
            member.test.store.check().await;
        }
    }
}

/// Returns what replicates from a registry to all others.
pub fn worker(
    store: &Arc<Store>,
    table: Arc<dyn WriteTable>,
    identity: &Identity,
    registries: &[Registry],
) -> ReplicateWorker {
    let others = identities().into_iter().zip(registries);
    let others = others.filter(|(other, _)| other != identity);
    let peers = others.map(|(other, registry)| Peer::new(other, registry.clone())).collect();
    let (objects, clock) = (store.objects.clone(), store.clock.clone());
    let ports = ReplicationPorts { table, objects, clock };
    ReplicateWorker::new(ports, identity.clone(), Arc::new(Peers::new(peers)))
}

impl Member {
    pub fn destination(&self) -> ReplicationDestination {
        let Identity { registry_id, region } = self.identity.clone();
        ReplicationDestination { region, registry_id }
    }

    async fn dispatch(&self) -> Vec<Job> {
        let (heard, others) = (&self.heard, Arc::new(Heard::default()));
        let jobs =
            JobQueues { lifecycle: others.clone(), collect: others, replicate: heard.clone() };
        let table = self.test.store.table.clone();
        let dispatch = Dispatch::new(table, heard.clone(), jobs, self.identity.clone());
        let now: Timestamp = self.test.store.clock.now();
        dispatch.sweep(now.plus(Duration::from_millis(1))).await.unwrap();
        std::mem::take(&mut *heard.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns what was told since the last time.
    pub fn told(&self) -> Vec<Value> {
        let mut events = self.heard.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *events).iter().map(|event| event.to_json().unwrap()).collect()
    }

    pub async fn permit(&self, action: Action) -> RegistryPermit {
        self.test.gate.registry(&Caller::ROOT, action, &Facts::default()).await.unwrap()
    }

    /// Sets the rules.
    pub async fn put_rules(&self, rules: Vec<ReplicationRule>) {
        let permit = self.permit(Action::PutReplicationConfiguration).await;
        let configuration = ReplicationConfiguration { rules };
        self.test.registry.settings.put_replication(permit, &configuration).await.unwrap();
    }

    /// Lets another account do these actions on all repositories.
    pub async fn allow(&self, account: &str, actions: &[&str]) {
        let Identity { registry_id, region } = &self.identity;
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "replication",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                "Action": actions,
                "Resource": format!("arn:aws:ecr:{region}:{registry_id}:repository/*"),
            }],
        });
        let permit = self.permit(Action::PutRegistryPolicy).await;
        let settings = &self.test.registry.settings;
        settings.put_registry_policy(permit, &policy.to_string()).await.unwrap();
    }

    /// Returns the status of an image at each destination: `COMPLETE`, or a code.
    pub async fn statuses(&self, name: &str, manifest: &Manifest) -> BTreeMap<String, String> {
        let permit = permit(Action::DescribeImageReplicationStatus, name);
        let selector = ImageSelector::Digest(manifest.digest().parse().unwrap());
        let pull = &self.test.registry.pull;
        let (_, statuses) = pull.replication_statuses(&permit, &selector).await.unwrap();
        let tell = |ImageReplicationStatus { destination, state, .. }: ImageReplicationStatus| {
            let ReplicationDestination { region, registry_id } = destination;
            let state = match state {
                ReplicationState::InProgress => "IN_PROGRESS".to_owned(),
                ReplicationState::Complete => "COMPLETE".to_owned(),
                ReplicationState::Failed(failure) => failure.code,
            };
            (format!("{registry_id}/{region}"), state)
        };
        statuses.into_iter().map(tell).collect()
    }
}

/// Returns a rule of all repositories.
pub fn rule(destinations: &[ReplicationDestination]) -> ReplicationRule {
    ReplicationRule {
        destinations: destinations.to_vec(),
        repository_filters: Vec::new(),
        delete_replication: None,
    }
}

/// Returns a rule of the repositories with a prefix.
pub fn rule_of(prefix: &str, destinations: &[ReplicationDestination]) -> ReplicationRule {
    let filter =
        RepositoryFilter { filter: prefix.to_owned(), filter_type: FilterType::PrefixMatch };
    ReplicationRule { repository_filters: vec![filter], ..rule(destinations) }
}

/// Returns a rule of all repositories that replicates deletions.
pub fn deleting_rule(destinations: &[ReplicationDestination]) -> ReplicationRule {
    let delete_replication = Some(DeleteReplication { enabled: true });
    ReplicationRule { delete_replication, ..rule(destinations) }
}

impl TestRegistry {
    /// Asserts that an image is there, by this reference, with all its blobs.
    pub async fn assert_has(&self, repository: &str, reference: &str, manifest: &Manifest) {
        let answer = self.get(format!("/v2/{repository}/manifests/{reference}"), 200).await;
        assert_eq!(answer.body, manifest.bytes);
        for blob in &manifest.blobs {
            let digest = crate::harness::digest(blob);
            let path = format!("/v2/{repository}/blobs/{digest}");
            assert_eq!(self.get(path, 200).await.body, blob);
        }
    }

    /// Asserts that no image is there by this reference.
    pub async fn assert_lacks(&self, repository: &str, reference: &str) {
        self.get(format!("/v2/{repository}/manifests/{reference}"), 404).await;
    }
}
