use std::path::Path;
use std::sync::Arc;

use berth_registry::ports::{
    Attributes, Condition, Consistency, Item, Key, Operation, Query, ReadTable as _, Select,
    StoreErrorKind, TransactError, WriteTable as _,
};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::SqliteTable;
use super::schema::LARGEST_INLINE;
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

#[tokio::test]
async fn large_documents_go_with_their_items() {
    let folder = tempfile::tempdir().unwrap();
    let table = open(folder.path());
    let sizes = [LARGEST_INLINE, LARGEST_INLINE + 1, 2 * LARGEST_INLINE, 10, 3 * LARGEST_INLINE];
    for condition in [Condition::Any, Condition::Present] {
        for size in sizes {
            // Another one lies between those that are replaced.
            let others = put(&size.to_string(), size, Condition::Any);
            table.transact(vec![put("a", size, Condition::Any), others]).await.unwrap();
            table.transact(vec![put("a", size + 1, condition.clone())]).await.unwrap();
            assert_eq!(get(&table, "a").await.unwrap().document.len(), size + 1);
        }
    }
    let mut page = page(&table, Select::Items).await;
    page.sort_unstable();
    let mut expected = sizes.map(|size| (size.to_string(), size)).to_vec();
    expected.push(("a".to_owned(), 3 * LARGEST_INLINE + 1));
    expected.sort_unstable();
    assert_eq!(page, expected);
    let delete = |sort: &str| Operation::Delete { key: key(sort), condition: Condition::Any };
    table.transact(expected.iter().map(|(sort, _)| delete(sort)).collect()).await.unwrap();
    drop(table);
    let connection = rusqlite::Connection::open(folder.path().join("table.sqlite")).unwrap();
    for left in ["items", "large_documents"] {
        let count = |row: &rusqlite::Row<'_>| row.get::<_, u64>(0);
        let left = connection.query_row(&format!("SELECT count(*) FROM {left}"), (), count);
        assert_eq!(left, Ok(0));
    }
}

/// Returns the sort keys of all items, and the lengths of their documents.
async fn page(table: &SqliteTable, select: Select) -> Vec<(String, usize)> {
    let query = Query {
        partition: key("").partition,
        prefix: String::new(),
        after: None,
        limit: 1000,
        consistency: Consistency::Strong,
        select,
    };
    let items = table.query(&query).await.unwrap().items;
    items.into_iter().map(|item| (item.key.sort, item.document.len())).collect()
}

#[tokio::test]
async fn the_first_layout_is_laid_anew() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("table.sqlite");
    std::fs::remove_file(&path).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let first = "
        PRAGMA journal_mode = WAL;
        CREATE TABLE items (
            pk TEXT NOT NULL, sk TEXT NOT NULL, version INTEGER NOT NULL, attributes TEXT,
            counters TEXT, document BLOB NOT NULL, PRIMARY KEY (pk, sk)
        ) STRICT;
        INSERT INTO items VALUES
            ('tests', 'small', 3, '{\"digest\":\"d\"}', '{\"pulls\":7}', zeroblob(10)),
            ('tests', 'large', 5, NULL, NULL, zeroblob(5000))";
    connection.execute_batch(first).unwrap();
    drop(connection);
    for _ in 0..2 {
        let table = open(folder.path());
        let found = page(&table, Select::Items).await;
        assert_eq!(found, [("large".to_owned(), 5000), ("small".to_owned(), 10)]);
        let small = get(&table, "small").await.unwrap();
        assert_eq!((small.version, small.counter("pulls")), (3, 7));
        assert_eq!(small.attributes["digest"], "d");
        assert_eq!(get(&table, "large").await.unwrap().version, 5);
    }
    let table = open(folder.path());
    table.transact(vec![put("large", 20, Condition::Version(5))]).await.unwrap();
    table.transact(vec![put("new", 2000, Condition::Absent)]).await.unwrap();
    assert_eq!(get(&table, "new").await.unwrap().document.len(), 2000);
}

#[tokio::test]
async fn a_layout_of_the_future_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let connection = rusqlite::Connection::open(folder.path().join("table.sqlite")).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    drop(connection);
    let error = DataFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, crate::OpenError::Table { .. }), "{error:?}");
    assert!(error.to_string().contains("newer Berth"), "{error}");
}
