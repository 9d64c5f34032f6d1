//! The embedded store keeps the contract of the ports.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::{
    ConflictingTable, KeysToCheck, MOST_RECEIVED_ALIVE, Queues, key_check_suite, keys_suite,
    listing_suite, objects_suite, queue_suite, table_suite,
};
use berth_embedded::{DataFolder, FileKeys, NoKms, SqliteQueue};
use berth_registry::RehearsalTable;
use berth_registry::ports::{
    Attributes, Clock, Condition, Consistency, Key, NewMessage, Operation, Query, ReadTable as _,
    Receive, ReceiveMessages as _, Select, SendMessages as _, SystemClock, Timestamp,
    WriteTable as _,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table() {
    let folder = tempfile::tempdir().unwrap();
    table_suite(DataFolder::open(folder.path()).unwrap().table()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table_that_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let table = DataFolder::open(folder.path()).unwrap().table();
    let table = Arc::new(ConflictingTable::new(table, Duration::from_millis(1)));
    table_suite(table.clone()).await;
    assert!(table.conflicts() > 0);
}

/// A rehearsal on a table, which stays empty, does what a table does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn table_of_a_rehearsal() {
    let folder = tempfile::tempdir().unwrap();
    let table = DataFolder::open(folder.path()).unwrap().table();
    table_suite(Arc::new(RehearsalTable::new(table))).await;
}

/// Its changes may lie anywhere in a page of the table that it is made on.
#[tokio::test]
async fn table_of_a_rehearsal_of_a_rehearsal() {
    let folder = tempfile::tempdir().unwrap();
    let table = DataFolder::open(folder.path()).unwrap().table();
    let key = |n: u8| Key { partition: "p".to_owned(), sort: format!("{n:02}") };
    let put = |n, text: &'static str| Operation::Put {
        key: key(n),
        document: text.into(),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    };
    table.transact((0..20).step_by(2).map(|n| put(n, "there")).collect()).await.unwrap();
    let rehearsal = RehearsalTable::new(table.clone());
    rehearsal.transact((1..30).step_by(4).map(|n| put(n, "new")).collect()).await.unwrap();
    rehearsal.transact(vec![put(4, "other")]).await.unwrap();
    let gone = [0, 8, 10, 18].map(|n| Operation::Delete { key: key(n), condition: Condition::Any });
    rehearsal.transact(gone.into()).await.unwrap();
    let expected =
        ["01", "02", "04", "05", "06", "09", "12", "13", "14", "16", "17", "21", "25", "29"];
    for limit in [1, 2, 3, 5, 100] {
        let mut query = Query {
            partition: "p".to_owned(),
            prefix: String::new(),
            after: None,
            limit,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let mut found = Vec::new();
        loop {
            let page = rehearsal.query(&query).await.unwrap();
            assert!(page.items.len() <= limit);
            found.extend(page.items);
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
        let sorts: Vec<_> = found.iter().map(|item| item.key.sort.as_str()).collect();
        assert_eq!(sorts, expected, "by {limit}");
        assert_eq!(found[2].document, "other");
        assert_eq!(found[2].version, 2);
    }
    assert_eq!(table.get(&key(4), Consistency::Strong).await.unwrap().unwrap().document, "there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn objects() {
    let folder = tempfile::tempdir().unwrap();
    objects_suite(DataFolder::open(folder.path()).unwrap().objects()).await;
}

#[tokio::test]
async fn listing() {
    let folder = tempfile::tempdir().unwrap();
    let objects = DataFolder::open(folder.path()).unwrap().objects();
    listing_suite(objects.clone(), objects).await;
}

#[tokio::test]
async fn objects_on_one_thread() {
    let folder = tempfile::tempdir().unwrap();
    objects_suite(DataFolder::open(folder.path()).unwrap().objects()).await;
}

#[tokio::test]
async fn keys() {
    keys_suite(Arc::new(FileKeys::new(&[7; 32])), Arc::new(FileKeys::new(&[8; 32]))).await;
}

#[tokio::test]
async fn key_check() {
    let code = "UnsupportedOperationException";
    let named = "alias/images".parse().ok();
    let unusable = vec![(None, code), (named, code)];
    let check = Arc::new(NoKms);
    key_check_suite(&KeysToCheck { check, usable: Vec::new(), unusable }).await;
}

#[tokio::test]
async fn queue() {
    let folder = tempfile::tempdir().unwrap();
    let table = DataFolder::open(folder.path()).unwrap().table();
    let queue = |name| SqliteQueue::new(Arc::clone(&table), name, Arc::new(SystemClock));
    let jobs = Arc::new(queue("jobs").with_dead_letters(MOST_RECEIVED_ALIVE, "dead"));
    let dead = Arc::new(queue("dead"));
    queue_suite(&Queues { send: jobs.clone(), receive: jobs, send_dead: dead.clone(), dead }).await;
}

#[tokio::test]
async fn what_a_process_left_is_due_in_the_next() {
    const HOUR: Duration = Duration::from_hours(1);
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let table = DataFolder::open(folder.path()).unwrap().table();
        SqliteQueue::new(table, "jobs", Arc::new(SystemClock)).with_dead_letters(2, "dead")
    };
    let receive = |most| Receive { most, hidden: HOUR, wait: Duration::ZERO };
    let jobs = open();
    let new = |body: &str| NewMessage::new(body.to_owned());
    let delayed = NewMessage { delay: HOUR, ..new("delayed") };
    jobs.send(&[new("cut off"), new("failed"), delayed]).await.unwrap();
    for message in jobs.receive(receive(10)).await.unwrap() {
        if message.body == "failed" {
            jobs.hide(&message.receipt, HOUR).await.unwrap();
        }
    }
    drop(jobs);
    // The end of a process is no failure of its work, however often it comes.
    for _ in 0..4 {
        let jobs = open();
        assert_eq!(jobs.recover().await.unwrap(), 1);
        let messages = jobs.receive(receive(10)).await.unwrap();
        let bodies: Vec<_> = messages.iter().map(|message| message.body.as_str()).collect();
        assert_eq!(bodies, ["cut off"]);
        assert_eq!(messages[0].received, 1);
    }
}

/// A clock that is wrong by a year.
#[derive(Debug)]
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_hours(365 * 24))
    }
}

#[tokio::test]
async fn what_is_due_in_a_year_is_due_when_the_clock_was_mended() {
    let folder = tempfile::tempdir().unwrap();
    let table = DataFolder::open(folder.path()).unwrap().table();
    let wrong = SqliteQueue::new(table.clone(), "jobs", Arc::new(Ahead));
    wrong.send(&[NewMessage::new("sent".to_owned())]).await.unwrap();
    let jobs = SqliteQueue::new(table, "jobs", Arc::new(SystemClock));
    let delay = Duration::from_mins(15);
    jobs.send(&[NewMessage { delay, ..NewMessage::new("delayed".to_owned()) }]).await.unwrap();
    let receive = Receive { most: 10, hidden: delay, wait: Duration::ZERO };
    assert_eq!(jobs.receive(receive).await.unwrap(), []);
    assert_eq!(jobs.recover().await.unwrap(), 1);
    let messages = jobs.receive(receive).await.unwrap();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!((messages[0].body.as_str(), messages[0].received), ("sent", 1));
}
