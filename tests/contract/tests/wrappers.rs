//! The wrappers do what they say.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::{
    ConflictingTable, CountingObjects, CountingTable, UnreliableObjects, UnreliableTable,
};
use berth_embedded::DataFolder;
use berth_registry::ports::{
    Attributes, ByteStream, Condition, Consistency, Key, NewObject, ObjectKey, Operation, PutError,
    ReadObjects as _, ReadTable as _, StoreErrorKind, TransactError, WriteObjects, WriteTable,
};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;

struct Store {
    table: Arc<dyn WriteTable>,
    objects: Arc<dyn WriteObjects>,
    _folder: TempDir,
}

fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    Store { table: data.table(), objects: data.objects(), _folder: folder }
}

fn key(sort: &str) -> Key {
    Key { partition: "wrappers".to_owned(), sort: sort.to_owned() }
}

fn put(sort: &str) -> Operation {
    Operation::Put {
        key: key(sort),
        document: Bytes::new(),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    }
}

fn body() -> ByteStream {
    stream::once(async { Ok(Bytes::from_static(b"body")) }).boxed()
}

#[tokio::test]
async fn transactions_that_share_a_key_conflict() {
    let store = store();
    let table = ConflictingTable::new(store.table, Duration::from_millis(5));
    let check = Operation::Check { key: key("shared"), condition: Condition::Any };
    let results = join_all([
        table.transact(vec![put("a"), check.clone()]),
        table.transact(vec![put("b"), check]),
        table.transact(vec![put("c")]),
    ])
    .await;
    let [Ok(()), Err(TransactError::Conflict), Ok(())] = results.as_slice() else {
        panic!("expected the second to conflict, found {results:?}");
    };
    assert_eq!(table.conflicts(), 1);
    assert_eq!(table.get(&key("b"), Consistency::Strong).await.unwrap(), None);
    table.transact(vec![put("a")]).await.expect("the keys are free again");
}

#[tokio::test]
async fn a_transaction_that_is_dropped_frees_its_keys() {
    let store = store();
    let table = ConflictingTable::new(store.table, Duration::from_millis(200));
    let transact = table.transact(vec![put("a")]);
    tokio::time::timeout(Duration::from_millis(1), transact).await.unwrap_err();
    table.transact(vec![put("a")]).await.unwrap();
}

#[tokio::test]
async fn calls_are_counted() {
    let store = store();
    let table = CountingTable::new(store.table);
    table.transact(vec![put("a")]).await.unwrap();
    table.get(&key("a"), Consistency::Strong).await.unwrap();
    let keys: Vec<_> = (0..101).map(|n| key(&n.to_string())).collect();
    table.batch_get(&keys, Consistency::Strong).await.unwrap();
    let calls = table.take();
    assert_eq!(calls.names(), ["transact", "get", "batch_get", "batch_get"]);
    assert_eq!((calls.total(), calls.of("batch_get"), calls.of("query")), (4, 2, 0));
    assert_eq!(table.take().total(), 0);

    let objects = CountingObjects::new(store.objects);
    objects.put(NewObject::new(&ObjectKey::new("a".to_owned())), body()).await.unwrap();
    objects.download(&ObjectKey::new("a".to_owned()), 0..1).await.unwrap();
    assert_eq!(objects.take().names(), ["put", "download"]);
}

#[tokio::test]
async fn the_first_calls_fail() {
    let store = store();
    let table = UnreliableTable::new(store.table, 2, StoreErrorKind::Unavailable);
    let Err(TransactError::Store(error)) = table.transact(vec![put("a")]).await else {
        panic!("the first call fails");
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    table.get(&key("a"), Consistency::Strong).await.unwrap_err();
    assert_eq!(table.get(&key("a"), Consistency::Strong).await.unwrap(), None);
    table.transact(vec![put("a")]).await.unwrap();
    table.fail_next(1, StoreErrorKind::Full);
    table.transact(vec![put("a")]).await.unwrap_err();
    table.transact(vec![put("a")]).await.unwrap();

    let objects = UnreliableObjects::new(store.objects, 1, StoreErrorKind::Full);
    let name = ObjectKey::new("a".to_owned());
    let Err(PutError::Store(error)) = objects.put(NewObject::new(&name), body()).await else {
        panic!("the first call fails");
    };
    assert_eq!(error.kind(), StoreErrorKind::Full);
    objects.put(NewObject::new(&name), body()).await.unwrap();
}
