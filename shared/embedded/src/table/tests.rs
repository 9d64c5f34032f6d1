use std::path::Path;
use std::sync::Arc;

use berth_registry::ports::{
    Attributes, Condition, Consistency, Item, Key, Operation, ReadTable as _, StoreErrorKind,
    TransactError, WriteTable as _,
};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::SqliteTable;
use super::writer::Job;
use crate::DataFolder;

fn open(folder: &Path) -> Arc<SqliteTable> {
    DataFolder::open(folder).unwrap().table()
}

fn key(sort: &str) -> Key {
    Key { partition: "tests".to_owned(), sort: sort.to_owned() }
}

fn put(sort: &str, size: usize, condition: Condition) -> Operation {
    Operation::Put {
        key: key(sort),
        document: Bytes::from(vec![b'x'; size]),
        attributes: Attributes::new(),
        first_version: 1,
        condition,
    }
}

async fn get(table: &SqliteTable, sort: &str) -> Option<Item> {
    table.get(&key(sort), Consistency::Strong).await.unwrap()
}

/// Limits the size of the table's file, to stand for a full disk.
async fn limit_pages(table: &SqliteTable, pages: u32) {
    let (answer, answered) = oneshot::channel();
    table.send(Job::limit_pages(pages, answer)).await.unwrap();
    answered.await.unwrap().unwrap();
}

/// Starts transactions that wait together, and returns their results.
async fn at_once(
    table: &Arc<SqliteTable>,
    transactions: Vec<Vec<Operation>>,
) -> Vec<Result<(), TransactError>> {
    let start = |operations| {
        let table = Arc::clone(table);
        tokio::spawn(async move { table.transact(operations).await })
    };
    let tasks: Vec<_> = transactions.into_iter().map(start).collect();
    futures_util::future::try_join_all(tasks).await.unwrap()
}

#[tokio::test]
async fn reopens_with_all_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.transact(vec![put("a", 10, Condition::Absent)]).await.unwrap();
    let add = Operation::Add {
        key: key("a"),
        counters: vec![("pulls", 5)],
        condition: Condition::Present,
    };
    table.transact(vec![add]).await.unwrap();
    let before = get(&table, "a").await;
    drop(table);
    assert!(!folder.path().join("table.sqlite-wal").exists(), "a closed table has no log");

    let table = open(folder.path());
    assert_eq!(get(&table, "a").await, before);
    assert_eq!(before.unwrap().counter("pulls"), 5);
}

#[tokio::test]
async fn reads_a_log_that_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.transact(vec![put("a", 10, Condition::Absent)]).await.unwrap();
    // What a process that is killed leaves behind: the log was never copied.
    let left = tempfile::tempdir().unwrap();
    for file in ["table.sqlite", "table.sqlite-wal"] {
        std::fs::copy(folder.path().join(file), left.path().join(file)).unwrap();
    }
    let table = open(left.path());
    assert!(get(&table, "a").await.is_some());
}

#[tokio::test]
async fn concurrent_transactions_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let transactions = (0..100).map(|n| vec![put(&n.to_string(), 100, Condition::Absent)]);
    let before = table.commits();
    let results = at_once(&table, transactions.collect()).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let commits = table.commits() - before;
    assert!(commits <= 20, "a hundred transactions took {commits} commits");
}

#[tokio::test]
async fn transactions_of_one_commit_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let transactions = (0..30).map(|n| {
        let own = put(&format!("own{n}"), 10, Condition::Any);
        vec![own, put(&format!("shared{}", n / 3), 10, Condition::Absent)]
    });
    let results = at_once(&table, transactions.collect()).await;
    for (n, result) in results.iter().enumerate() {
        let is_there = get(&table, &format!("own{n}")).await.is_some();
        assert_eq!(is_there, result.is_ok());
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
}

#[track_caller]
fn assert_full(result: &Result<(), TransactError>) {
    match result {
        Err(TransactError::Store(error)) => assert_eq!(error.kind(), StoreErrorKind::Full),
        _ => panic!("expected a full store, found {result:?}"),
    }
}

#[tokio::test]
async fn a_full_store_says_so_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.transact(vec![put("before", 1000, Condition::Any)]).await.unwrap();
    limit_pages(&table, 20).await;
    let large = || vec![put("small", 1, Condition::Any), put("large", 200_000, Condition::Any)];
    assert_full(&table.transact(large()).await);
    assert_eq!(get(&table, "small").await, None, "nothing of the transaction is there");
    assert!(get(&table, "before").await.is_some(), "what was stored before is whole");
    let check = Operation::Check { key: key("before"), condition: Condition::Present };
    table.transact(vec![check]).await.unwrap();

    limit_pages(&table, 1_000_000).await;
    table.transact(large()).await.unwrap();
    assert_eq!(get(&table, "large").await.unwrap().document.len(), 200_000);
}

#[tokio::test]
async fn one_that_finds_no_room_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    table.transact(vec![put("before", 1000, Condition::Any)]).await.unwrap();
    limit_pages(&table, 20).await;
    let mut transactions = vec![vec![put("large", 200_000, Condition::Any)]];
    transactions.extend((0..10).map(|n| vec![put(&n.to_string(), 10, Condition::Absent)]));
    let results = at_once(&table, transactions).await;
    assert_full(&results[0]);
    assert!(results[1..].iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn the_log_stays_short() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    for _ in 0..400 {
        table.transact(vec![put("a", 300_000, Condition::Any)]).await.unwrap();
    }
    let log = std::fs::metadata(folder.path().join("table.sqlite-wal")).unwrap().len();
    assert!(log < 40_000_000, "120 MB were written, and the log has {log} bytes");
}

#[tokio::test]
async fn damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    for sort in ["a", "b"] {
        table.transact(vec![put(sort, 10, Condition::Any)]).await.unwrap();
    }
    drop(table);
    let connection = rusqlite::Connection::open(folder.path().join("table.sqlite")).unwrap();
    connection.execute("UPDATE items SET counters = '{' WHERE sk = 'a'", ()).unwrap();
    drop(connection);

    let table = open(folder.path());
    let error = table.get(&key("a"), Consistency::Strong).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    let check = |sort| vec![Operation::Check { key: key(sort), condition: Condition::Present }];
    let results = at_once(&table, vec![check("a"), check("b")]).await;
    let Err(TransactError::Store(error)) = &results[0] else {
        panic!("expected damage, found {:?}", results[0]);
    };
    assert_eq!(error.kind(), StoreErrorKind::Damaged);
    assert!(results[1].is_ok(), "others go on: {:?}", results[1]);
}

#[tokio::test]
async fn a_file_that_is_no_table_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("table.sqlite"), "x".repeat(8192)).unwrap();
    let error = DataFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, crate::OpenError::Table { .. }), "{error:?}");
}
