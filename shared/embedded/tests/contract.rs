//! The embedded store keeps the contract of the ports.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::{
    ConflictingTable, KeysToCheck, MOST_RECEIVED_ALIVE, Queues, key_check_suite, keys_suite,
    listing_suite, objects_suite, queue_suite, table_suite,
};
use berth_embedded::{DataFolder, FileKeys, NoKms, SqliteQueue};
use berth_registry::ports::{
    NewMessage, Receive, ReceiveMessages as _, SendMessages as _, SystemClock,
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
