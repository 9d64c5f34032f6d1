//! What the role of peers is refused in AWS, replication does not need.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use berth_registry::access::Action;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, StoreErrorKind,
    TransactError, WriteTable,
};
use berth_registry::{
    FilterType, ReplicationRefinement, ReplicationRefinements, RepositoryChange, RepositoryFilter,
};

use super::world::{ACCOUNT, World, deleting_rule};
use crate::harness::{Store, TestRegistry, image, index_of, permit};

const HERE: &str = "team/app";
const TEMPLATE: &str = include_str!("../../../template.yaml");

/// A destination's table, of which partitions are refused as the template says.
#[derive(Debug)]
struct Refusing {
    inner: Arc<dyn WriteTable>,
    /// As long as the test's own calls go elsewhere.
    is_on: AtomicBool,
}

/// Returns the patterns of partitions in a statement of the role's.
fn refused(statement: &str) -> Vec<&'static str> {
    let (_, rest) = TEMPLATE.split_once(&format!("Sid: {statement}\n")).unwrap();
    let (_, list) = rest.split_once("\"dynamodb:LeadingKeys\": [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split(", ").collect()
}

fn is_named(partition: &str, statement: &str) -> bool {
    refused(statement).into_iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => partition.starts_with(prefix),
        None => partition == pattern,
    })
}

impl Refusing {
    fn new(inner: Arc<dyn WriteTable>) -> Arc<Self> {
        Arc::new(Self { inner, is_on: AtomicBool::new(false) })
    }

    fn must_allow(&self, partition: &str, writes: bool) -> Result<(), StoreError> {
        let is_refused =
            is_named(partition, "NoCallers") || writes && is_named(partition, "NoSettings");
        if is_refused && self.is_on.load(Ordering::Relaxed) {
            let text = format!("AccessDenied: `{partition}`");
            return Err(StoreError::new(StoreErrorKind::Internal, text));
        }
        Ok(())
    }
}

#[async_trait]
impl ReadTable for Refusing {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.must_allow(&key.partition, false)?;
        self.inner.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        keys.iter().try_for_each(|key| self.must_allow(&key.partition, false))?;
        self.inner.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.must_allow(&query.partition, false)?;
        self.inner.query(query).await
    }
}

#[async_trait]
impl WriteTable for Refusing {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        for operation in &operations {
            let writes = !matches!(operation, Operation::Check { .. });
            let allowed = self.must_allow(&operation.key().partition, writes);
            allowed.map_err(TransactError::Store)?;
        }
        self.inner.transact(operations).await
    }
}

#[tokio::test]
async fn replication_needs_nothing_that_peers_are_refused() {
    let stores = [Store::new(), Store::new(), Store::new()];
    let tables = [1, 2].map(|member: usize| Refusing::new(stores[member].table.clone()));
    let there =
        |member: usize| TestRegistry::on(&stores[member]).table(tables[member - 1].clone()).build();
    let world = World::of([TestRegistry::on(&stores[0]).build(), there(1), there(2)]);
    let source = world.source();
    let destinations = [1, 2].map(|member: usize| world.members[member].destination());
    source.put_rules(vec![deleting_rule(&destinations)]).await;
    let all = ["ecr:ReplicateImage", "ecr:CreateRepository"];
    world.members[2].allow(ACCOUNT, &all).await;
    let of_settings = source.permit(Action::PutReplicationConfiguration).await;
    let refinement = ReplicationRefinement {
        repository_filters: vec![RepositoryFilter {
            filter: "team/".to_owned(),
            filter_type: FilterType::PrefixMatch,
        }],
        destinations: vec![destinations[0].clone()],
        tag_filters: Vec::new(),
        repository_settings: true,
    };
    let refinements = ReplicationRefinements { refinements: vec![refinement] };
    let settings = &world.test(0).registry.settings;
    settings.put_replication_refinements(of_settings, &refinements).await.unwrap();

    for table in &tables {
        table.is_on.store(true, Ordering::Relaxed);
    }
    let users = Key { partition: "users".to_owned(), sort: "root".to_owned() };
    tables[0].get(&users, Consistency::Strong).await.expect_err("it is refused");

    let (one, child) = (image(1), image(2));
    let index = index_of([&child]);
    world.test(0).push(HERE, "v1", &one).await;
    world.test(0).push(HERE, "v2", &one).await;
    world.test(0).push_untagged(HERE, &child).await;
    world.test(0).push(HERE, "list", &index).await;
    world.settle().await;
    for manifest in [&one, &index] {
        let statuses = source.statuses(HERE, manifest).await;
        assert!(
            statuses.len() == 2 && statuses.values().all(|it| it == "COMPLETE"),
            "{statuses:?}"
        );
    }
    let change = RepositoryChange::ScanOnPush(true);
    let permit = permit(change.action(), HERE);
    world.test(0).registry.repositories.change(&permit, change).await.unwrap();
    world.settle().await;
    world.test(0).remove(format!("/v2/{HERE}/manifests/v1"), 202).await;
    world.settle().await;
    world.test(0).remove(format!("/v2/{HERE}/manifests/{}", one.digest()), 202).await;
    world.settle().await;

    for table in &tables {
        table.is_on.store(false, Ordering::Relaxed);
    }
    for member in [1, 2] {
        assert_eq!(world.test(member).tags(HERE).await, ["list"]);
    }
    world.check().await;
}
