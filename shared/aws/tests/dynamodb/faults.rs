//! What is lost on the way to DynamoDB and back is asked again; nothing is lost, nothing done
//! twice.

use berth_aws::DynamoTable;
use berth_registry::ports::{
    Attributes, Condition, Consistency, Item, Key, LARGEST_DOCUMENT, Operation, Query,
    ReadTable as _, Select, StoreError, StoreErrorKind, TransactError, WriteTable as _,
};
use bytes::Bytes;

use crate::server::{DynamoDb, unreachable_table};
use crate::wire::{Fault, Wire};

const THROTTLED: Fault =
    Fault::Answers(400, r#"{"__type": "com.amazon.coral.availability#ThrottlingException"}"#);
const TOO_MUCH: Fault = Fault::Answers(
    400,
    r#"{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#,
);
const IN_PROGRESS: Fault = Fault::Answers(
    400,
    r#"{"__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException"}"#,
);
const BROKEN: Fault =
    Fault::Answers(500, r#"{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}"#);

/// What DynamoDB says of a transaction that it did not carry out.
macro_rules! cancelled {
    ($reasons:literal) => {
        Fault::Answers(
            400,
            concat!(
                r#"{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException","#,
                r#" "Message": "Transaction cancelled", "CancellationReasons": ["#,
                $reasons,
                "]}"
            ),
        )
    };
}

/// What a request survives.
const PASSING: [Fault; 7] = [
    THROTTLED,
    TOO_MUCH,
    IN_PROGRESS,
    BROKEN,
    Fault::LostBefore,
    Fault::LostAfter,
    // Only one, since it takes as long as a try may.
    Fault::Silent,
];

/// The most tries of a call by the SDK, as the tests set it.
const TRIES: usize = 3;

fn key(sort: &str) -> Key {
    Key { partition: "faults".to_owned(), sort: sort.to_owned() }
}

fn put(sort: &str, document: &str, condition: Condition) -> Operation {
    Operation::Put {
        key: key(sort),
        document: Bytes::copy_from_slice(document.as_bytes()),
        attributes: Attributes::new(),
        first_version: 10,
        condition,
    }
}

fn add(sort: &str, condition: Condition) -> Operation {
    Operation::Add { key: key(sort), counters: vec![("pulls", 1)], condition }
}

fn delete(sort: &str, condition: Condition) -> Operation {
    Operation::Delete { key: key(sort), condition }
}

fn query(prefix: &str, after: Option<&str>) -> Query {
    Query {
        partition: "faults".to_owned(),
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
        limit: 10,
        consistency: Consistency::Strong,
        select: Select::Items,
    }
}

async fn get(table: &DynamoTable, sort: &str) -> Option<Item> {
    table.get(&key(sort), Consistency::Strong).await.expect("a read succeeds")
}

fn store_error(result: Result<(), TransactError>) -> StoreError {
    match result {
        Err(TransactError::Store(error)) => error,
        result => panic!("expected the store to fail, found {result:?}"),
    }
}

/// Each operation, alone and with another one, is carried out once, whatever happens on the way.
#[tokio::test]
async fn a_transaction_is_carried_out_once() {
    let (server, wire) = (DynamoDb::shared().await, Wire::default());
    let table = server.table("a_transaction_is_carried_out_once", &wire).await;
    for (n, fault) in PASSING.into_iter().enumerate() {
        let (a, b) = (format!("a{n}"), format!("b{n}"));
        for (expected, operations) in [
            (Some((10, 0)), vec![put(&a, "one", Condition::Absent)]),
            (Some((11, 1)), vec![add(&a, Condition::Any)]),
            (Some((12, 1)), vec![put(&a, "two", Condition::Version(11))]),
            (Some((13, 1)), vec![put(&a, "two", Condition::Any)]),
            (Some((14, 2)), vec![add(&a, Condition::Version(13)), put(&b, "", Condition::Absent)]),
            (None, vec![delete(&a, Condition::Present)]),
        ] {
            if matches!(fault, Fault::Silent) && expected != Some((11, 1)) {
                table.transact(operations).await.expect("nothing goes wrong");
                continue;
            }
            wire.fail("TransactWriteItems", fault.clone());
            let result = table.transact(operations).await;
            assert!(result.is_ok(), "{fault:?}, {expected:?}: {result:?}");
            let found = get(&table, &a).await.map(|item| (item.version, item.counter("pulls")));
            assert_eq!(found, expected, "{fault:?}");
        }
    }
    wire.assert_spent();
}

/// All answers are lost: the caller hears that the store is unavailable, and what it asked was
/// done once, not at each try.
#[tokio::test]
async fn a_transaction_whose_answers_are_all_lost_is_carried_out_once() {
    let (server, wire) = (DynamoDb::shared().await, Wire::default());
    let table =
        server.table("a_transaction_whose_answers_are_all_lost_is_carried_out_once", &wire).await;
    table.transact(vec![put("a", "", Condition::Absent)]).await.expect("it is made");
    for _ in 0..TRIES {
        wire.fail("TransactWriteItems", Fault::LostAfter);
    }
    let error = store_error(table.transact(vec![add("a", Condition::Present)]).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let item = get(&table, "a").await.expect("it is there");
    assert_eq!((item.version, item.counter("pulls")), (11, 1));

    // A refusal after a lost answer is none of the own write's making.
    wire.fail("TransactWriteItems", Fault::LostAfter);
    let result = table.transact(vec![put("a", "", Condition::Absent)]).await;
    assert!(matches!(&result, Err(TransactError::Conditions(at)) if *at == [0]), "{result:?}");
    // Two calls are two transactions, though they ask the same.
    for _ in 0..2 {
        table.transact(vec![add("a", Condition::Present)]).await.expect("it is there");
    }
    assert_eq!(get(&table, "a").await.expect("it is there").counter("pulls"), 3);
    wire.assert_spent();
}

#[tokio::test]
async fn reads_are_tried_again() {
    let (server, wire) = (DynamoDb::shared().await, Wire::default());
    let table = server.table("reads_are_tried_again", &wire).await;
    let operations = ["a", "b"].map(|sort| put(sort, sort, Condition::Absent));
    table.transact(operations.into()).await.expect("they are made");
    for fault in [THROTTLED, TOO_MUCH, BROKEN, Fault::LostBefore, Fault::LostAfter] {
        for operation in ["GetItem", "BatchGetItem", "Query"] {
            wire.fail(operation, fault.clone());
        }
        assert_eq!(get(&table, "a").await.expect("it is there").document, "a");
        let items = table.batch_get(&[key("b"), key("c")], Consistency::Strong).await;
        let items = items.expect("a read succeeds");
        assert_eq!(items[0].as_ref().expect("it is there").document, "b");
        assert_eq!(items[1], None);
        let page = table.query(&query("", None)).await.expect("a query succeeds");
        assert_eq!(page.items.len(), 2);
    }
    wire.assert_spent();
}

/// What DynamoDB left out is asked for again, and takes its place.
#[tokio::test]
async fn keys_that_were_left_out_are_read() {
    let (server, wire) = (DynamoDb::shared().await, Wire::default());
    let table = server.table("keys", &wire).await;
    let operations = ["a", "b"].map(|sort| put(sort, sort, Condition::Absent));
    table.transact(operations.into()).await.expect("they are made");
    let left = r#"{"UnprocessedKeys": {"keys": {"ConsistentRead": true, "Keys": [
        {"pk": {"S": "faults"}, "sk": {"S": "a"}}, {"pk": {"S": "faults"}, "sk": {"S": "b"}}]}}}"#;
    let half = r#"{"Responses": {"keys": [{"pk": {"S": "faults"}, "sk": {"S": "b"},
        "document": {"B": "YmI="}, "version": {"N": "7"}, "attributes": {"M": {}},
        "counters": {"M": {}}}]}, "UnprocessedKeys": {"keys": {"ConsistentRead": true,
        "Keys": [{"pk": {"S": "faults"}, "sk": {"S": "a"}}]}}}"#;
    wire.fail("BatchGetItem", Fault::Answers(200, left));
    wire.fail("BatchGetItem", Fault::Answers(200, half));
    let keys = [key("b"), key("gone"), key("a")];
    let items = table.batch_get(&keys, Consistency::Strong).await.expect("they are read");
    let documents = items.iter().map(|item| item.as_ref().map(|item| item.document.clone()));
    assert_eq!(documents.collect::<Vec<_>>(), [Some("bb".into()), None, Some("a".into())]);
    assert_eq!(wire.seen("BatchGetItem").len(), 3);
}

#[tokio::test]
async fn keys_that_are_always_left_out_are_unavailable() {
    let wire = Wire::default();
    let left = r#"{"UnprocessedKeys": {"berth": {"Keys": [
        {"pk": {"S": "faults"}, "sk": {"S": "a"}}]}}}"#;
    for _ in 0..9 {
        wire.fail("BatchGetItem", Fault::Answers(200, left));
    }
    let table = unreachable_table(&wire);
    let error = table.batch_get(&[key("a")], Consistency::Strong).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    wire.assert_spent();
}

#[tokio::test]
async fn what_does_not_pass_is_unavailable() {
    let wire = Wire::default();
    let table = unreachable_table(&wire);
    for fault in [THROTTLED, TOO_MUCH, IN_PROGRESS, BROKEN, Fault::LostBefore] {
        for operation in ["GetItem", "BatchGetItem", "Query", "TransactWriteItems"] {
            for _ in 0..TRIES {
                wire.fail(operation, fault.clone());
            }
        }
        let errors = [
            table.get(&key("a"), Consistency::Eventual).await.unwrap_err(),
            table.batch_get(&[key("a")], Consistency::Eventual).await.unwrap_err(),
            table.query(&query("", None)).await.unwrap_err(),
            store_error(table.transact(vec![add("a", Condition::Any)]).await),
        ];
        for error in errors {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{fault:?}: {error}");
        }
    }
    wire.assert_spent();
}

#[tokio::test]
async fn what_can_not_pass_is_not_tried_again() {
    let wire = Wire::default();
    let table = unreachable_table(&wire);
    let denied = r#"{"__type": "com.amazon.coral.service#AccessDeniedException", "Message":
        "not authorized to perform: dynamodb:GetItem"}"#;
    wire.fail("GetItem", Fault::Answers(400, denied));
    let error = table.get(&key("a"), Consistency::Strong).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    let text = error.to_string();
    assert!(
        text.contains("a permission is missing") && text.contains("dynamodb:GetItem"),
        "{text}"
    );

    // A table that is not there is no item that is not there.
    let gone = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}"#;
    wire.fail("GetItem", Fault::Answers(400, gone));
    let error = table.get(&key("a"), Consistency::Strong).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert_eq!(wire.seen("GetItem").len(), 2);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let wire = Wire::default();
    let table = unreachable_table(&wire);
    let transact = || table.transact(vec![add("a", Condition::Any), add("b", Condition::Any)]);

    wire.fail(
        "TransactWriteItems",
        cancelled!(r#"{"Code": "None"}, {"Code": "ConditionalCheckFailed"}"#),
    );
    let result = transact().await;
    assert!(matches!(&result, Err(TransactError::Conditions(at)) if *at == [1]), "{result:?}");

    for fault in [
        cancelled!(r#"{"Code": "TransactionConflict"}, {"Code": "None"}"#),
        cancelled!(r#"{"Code": "ConditionalCheckFailed"}, {"Code": "TransactionConflict"}"#),
        cancelled!(r#"{"Code": "ThrottlingError"}, {"Code": "TransactionConflict"}"#),
    ] {
        wire.fail("TransactWriteItems", fault);
        let result = transact().await;
        assert!(matches!(result, Err(TransactError::Conflict)), "{result:?}");
    }

    for fault in [
        cancelled!(r#"{"Code": "ValidationError", "Message": "m"}, {"Code": "None"}"#),
        cancelled!(r#"{"Code": "None"}, {"Code": "ItemCollectionSizeLimitExceeded"}"#),
    ] {
        wire.fail("TransactWriteItems", fault);
        assert_eq!(store_error(transact().await).kind(), StoreErrorKind::Internal);
    }
    assert_eq!(wire.seen("TransactWriteItems").len(), 6, "none of them is tried again");
}

#[tokio::test]
async fn throttled_transactions_are_tried_again() {
    let (server, wire) = (DynamoDb::shared().await, Wire::default());
    let table = server.table("throttled_transactions_are_tried_again", &wire).await;
    let throttled = cancelled!(r#"{"Code": "None"}, {"Code": "ThrottlingError"}"#);
    let too_much = cancelled!(
        r#"{"Code": "ProvisionedThroughputExceeded"}, {"Code": "ConditionalCheckFailed"}"#
    );
    for fault in [&throttled, &too_much, &throttled] {
        wire.fail("TransactWriteItems", fault.clone());
    }
    let operations = ["a", "b"].map(|sort| put(sort, sort, Condition::Absent));
    table.transact(operations.into()).await.expect("they are made");
    assert_eq!(get(&table, "b").await.expect("it is there").version, 10);

    for _ in 0..9 {
        wire.fail("TransactWriteItems", throttled.clone());
    }
    let operations = vec![add("a", Condition::Any), add("b", Condition::Any)];
    let error = store_error(table.transact(operations).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(get(&table, "a").await.expect("it is there").version, 10);
    wire.assert_spent();
}

/// What needs no call makes none.
#[tokio::test]
async fn calls_are_spared() {
    let wire = Wire::default();
    let table = unreachable_table(&wire);
    assert!(table.batch_get(&[], Consistency::Strong).await.expect("nothing").is_empty());
    let page = table.query(&query("tag#", Some("x"))).await.expect("nothing");
    assert!(page.items.is_empty() && page.next.is_none());

    let large = "x".repeat(LARGEST_DOCUMENT + 1);
    let error = store_error(table.transact(vec![put("a", &large, Condition::Any)]).await);
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert!(error.to_string().contains("307201 bytes, expected at most 307200"), "{error}");
}
