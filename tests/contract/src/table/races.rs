//! What holds while others write.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::{Condition, Consistency, Operation, TransactError, WriteTable};
use futures_util::future::join_all;

use super::Fixture;

const TASKS: usize = 100;

/// Carries `operations` out, again and again as long as there are conflicts.
async fn insist(table: &dyn WriteTable, operations: Vec<Operation>) -> Result<(), TransactError> {
    for attempt in 0..1000 {
        match table.transact(operations.clone()).await {
            Err(TransactError::Conflict) => {
                tokio::time::sleep(Duration::from_millis(1 + attempt % 17)).await;
            }
            result => return result,
        }
    }
    panic!("a thousand attempts all conflicted");
}

/// Runs each list of operations in a task of its own, all at a time.
async fn race(f: &Fixture, lists: Vec<Vec<Operation>>) -> Vec<Result<(), TransactError>> {
    let run = |operations| {
        let table = Arc::clone(&f.table);
        tokio::spawn(async move { insist(&*table, operations).await })
    };
    let results = join_all(lists.into_iter().map(run)).await;
    results.into_iter().map(|result| result.expect("no task panics")).collect()
}

pub(super) async fn adds_are_all_counted(f: &Fixture) {
    f.make(&["a"]).await;
    let before = f.item("a").await.version;
    let add = || vec![f.add("a", &[("pulls", 1)], Condition::Present)];
    let results = race(f, (0..TASKS).map(|_| add()).collect()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let item = f.item("a").await;
    assert_eq!(item.counter("pulls"), 100);
    assert_eq!(item.version, before + 100);
}

pub(super) async fn one_of_many_makes_an_item(f: &Fixture) {
    let put = |n: usize| {
        let own = f.put(&format!("own#{n}"), "own", Condition::Absent);
        vec![own, f.put("tag", &n.to_string(), Condition::Absent)]
    };
    let results = race(f, (0..TASKS).map(put).collect()).await;
    let winners: Vec<_> = (0..TASKS).filter(|n| results[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    assert_eq!(f.item("tag").await.document, winners[0].to_string());
    for (n, result) in results.iter().enumerate() {
        let is_there = f.get(&format!("own#{n}")).await.is_some();
        assert_eq!(is_there, result.is_ok(), "of the others nothing is there");
    }
}

pub(super) async fn readers_never_see_half_a_transaction(f: &Fixture) {
    f.make(&["a", "b"]).await;
    let table = Arc::clone(&f.table);
    let add =
        vec![f.add("a", &[("n", 1)], Condition::Any), f.add("b", &[("n", 1)], Condition::Any)];
    let writer = tokio::spawn(async move {
        for _ in 0..TASKS {
            insist(&*table, add.clone()).await.expect("an add succeeds");
        }
    });
    while !writer.is_finished() {
        // In this order `b` may be ahead, but never behind.
        let a = f.item("a").await.counter("n");
        let b = f.item("b").await.counter("n");
        assert!(a <= b, "{a} then {b}");
        tokio::task::yield_now().await;
    }
    writer.await.expect("the writer does not panic");
    assert_eq!(f.item("b").await.counter("n"), 100);
}

pub(super) async fn a_write_is_seen_at_once(f: &Fixture) {
    let run = |task: usize| {
        let (table, key) = (Arc::clone(&f.table), f.key(&format!("own#{task}")));
        let put = f.put(&key.sort, "own", Condition::Any);
        tokio::spawn(async move {
            for n in 0..10 {
                insist(&*table, vec![put.clone()]).await.expect("a put succeeds");
                let item = table.get(&key, Consistency::Strong).await.expect("a read succeeds");
                let version = item.expect("the item is there").version;
                assert_eq!(version, super::FIRST + n);
            }
        })
    };
    for task in join_all((0..20).map(run)).await {
        task.expect("no task panics");
    }
}
