//! Transactions that are none.

use berth_registry::ports::{Condition, MOST_OPERATIONS, StoreErrorKind, TransactError};

use super::Fixture;

#[track_caller]
fn assert_malformed(result: &Result<(), TransactError>) {
    let Err(TransactError::Store(error)) = result else {
        panic!("expected a malformed transaction to be refused, found {result:?}");
    };
    assert_eq!(error.kind(), StoreErrorKind::Internal);
}

pub(super) async fn none_are_refused(f: &Fixture) {
    assert_malformed(&f.table.transact(Vec::new()).await);
}

pub(super) async fn too_many_are_refused(f: &Fixture) {
    let put = |n| f.put(&format!("{n:03}"), "new", Condition::Any);
    let result = f.table.transact((0..=MOST_OPERATIONS).map(put).collect()).await;
    assert_malformed(&result);
    assert_eq!(f.get("000").await, None);
}

pub(super) async fn two_on_one_key_are_refused(f: &Fixture) {
    let operations = vec![
        f.put("a", "new", Condition::Any),
        f.put("b", "new", Condition::Any),
        f.check("a", Condition::Any),
    ];
    assert_malformed(&f.table.transact(operations).await);
    assert_eq!(f.get("a").await, None);
    assert_eq!(f.get("b").await, None);
}
