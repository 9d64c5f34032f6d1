//! The contract of `ReadTable` and `WriteTable`.

mod changes;
mod conditions;
mod forms;
mod queries;
mod races;

use std::sync::Arc;

use berth_registry::ports::{
    Attributes, Condition, Consistency, Item, Key, Operation, TransactError, WriteTable,
};
use bytes::Bytes;

use crate::run_checks;

/// Checks that `table`, which has no items yet, does what the port says.
///
/// # Panics
///
/// At the first check that fails.
pub async fn table_suite(table: Arc<dyn WriteTable>) {
    let fixture = |name: &'static str| Fixture { table: Arc::clone(&table), name };
    run_checks!(fixture;
        changes::put_makes_an_item,
        changes::put_replaces_but_keeps_counters,
        changes::version_starts_anew_after_delete,
        changes::add_counts,
        changes::add_without_counters_raises_the_version,
        changes::delete_removes_and_repeats,
        changes::check_changes_nothing,
        changes::keeps_any_bytes,
        changes::keeps_a_document_of_300_kib,
        changes::keeps_great_numbers,
        changes::partitions_are_apart,
        changes::an_hundred_operations_fit,
        conditions::absent,
        conditions::present,
        conditions::version,
        conditions::attribute,
        conditions::add_wants_an_item,
        conditions::guard_every_operation,
        conditions::all_failures_are_told_in_order,
        conditions::a_failure_changes_nothing,
        forms::none_are_refused,
        forms::too_many_are_refused,
        forms::two_on_one_key_are_refused,
        queries::get_misses,
        queries::batch_get_keeps_places,
        queries::batch_get_of_many,
        queries::batch_get_of_none,
        queries::query_in_order_of_bytes,
        queries::query_by_prefix,
        queries::query_of_nothing,
        queries::query_after,
        queries::query_in_pages,
        queries::query_of_keys_alone,
        queries::query_of_all_there_is,
        queries::query_of_large_documents,
        queries::query_sees_writes,
        races::adds_are_all_counted,
        races::one_of_many_makes_an_item,
        races::readers_never_see_half_a_transaction,
        races::a_write_is_seen_at_once,
    );
}

/// A table, and a partition that one check has for itself.
struct Fixture {
    table: Arc<dyn WriteTable>,
    name: &'static str,
}

/// What `Operation::Put` of the checks passes as first version, unless it matters.
const FIRST: u64 = 1_767_225_600_000;

impl Fixture {
    fn key(&self, sort: &str) -> Key {
        Key { partition: self.name.to_owned(), sort: sort.to_owned() }
    }

    fn put(&self, sort: &str, document: &str, condition: Condition) -> Operation {
        Operation::Put {
            key: self.key(sort),
            document: Bytes::copy_from_slice(document.as_bytes()),
            attributes: Attributes::new(),
            first_version: FIRST,
            condition,
        }
    }

    fn add(&self, sort: &str, counters: &[(&'static str, i64)], condition: Condition) -> Operation {
        Operation::Add { key: self.key(sort), counters: counters.to_vec(), condition }
    }

    fn delete(&self, sort: &str, condition: Condition) -> Operation {
        Operation::Delete { key: self.key(sort), condition }
    }

    fn check(&self, sort: &str, condition: Condition) -> Operation {
        Operation::Check { key: self.key(sort), condition }
    }

    /// Carries operations out that must succeed.
    #[track_caller]
    fn transact(&self, operations: Vec<Operation>) -> impl Future<Output = ()> + use<'_> {
        let caller = std::panic::Location::caller();
        async move {
            let result = self.table.transact(operations).await;
            assert!(result.is_ok(), "{caller}: {result:?}");
        }
    }

    /// Makes items, each with its sort key as its document.
    async fn make(&self, sorts: &[&str]) {
        for sorts in sorts.chunks(100) {
            let put = |sort: &&str| self.put(sort, sort, Condition::Absent);
            self.transact(sorts.iter().map(put).collect()).await;
        }
    }

    async fn get(&self, sort: &str) -> Option<Item> {
        let result = self.table.get(&self.key(sort), Consistency::Strong).await;
        result.expect("a read succeeds")
    }

    /// Returns the item, which must be there.
    async fn item(&self, sort: &str) -> Item {
        self.get(sort).await.expect("the item is there")
    }
}

/// Asserts that conditions failed at `positions`.
#[track_caller]
fn assert_failed(result: &Result<(), TransactError>, positions: &[usize]) {
    let Err(TransactError::Conditions(failed)) = result else {
        panic!("expected conditions to fail at {positions:?}, found {result:?}");
    };
    assert_eq!(failed, positions);
}
