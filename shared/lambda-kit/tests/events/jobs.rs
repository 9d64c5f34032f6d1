//! Batches of a queue of jobs: what is done, what comes again, what is set aside.

use std::future::pending;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use berth_embedded::{DataFolder, SqliteQueue};
use berth_lambda_kit::{JOBS_AT_ONCE, JobsFunction, LambdaEvent, Metrics};
use berth_registry::RegistryError;
use berth_registry::ports::{
    Clock, NewMessage, Receive, ReceiveMessages, SendMessages, StoreError, StoreErrorKind,
    SystemClock, Timestamp,
};
use berth_registry::{Job, JobDoer, JobQueues, Work, WorkError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Barrier;

use crate::harness::{Written, context, sample};

/// How long an invocation may last: as long as the template lets it.
const SECONDS: u64 = 900;

/// How long received messages are hidden.
const HIDDEN: Duration = Duration::from_mins(90);

/// Works as the name of a job's repository says.
#[derive(Debug)]
struct ByName {
    started: AtomicUsize,
    barrier: Barrier,
    /// Jobs that it was told are given up, and why.
    given_up: Mutex<Vec<(String, String)>>,
}

fn name_of(job: &Job) -> String {
    serde_json::to_value(job).unwrap()["repository"].as_str().unwrap().to_owned()
}

#[async_trait]
impl Work for ByName {
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        let left = until.millis().saturating_sub(SystemClock.now().millis());
        assert!((500_000..=600_000).contains(&left), "{left} ms for the job");
        let name = name_of(&job);
        match name.split('/').next_back().unwrap() {
            "fail" => Err(StoreError::new(StoreErrorKind::Unavailable, "the table is away").into()),
            "refuse" => Err(RegistryError::RepositoryUnknown(name.parse().unwrap()).into()),
            "hopeless" => Err(WorkError::Hopeless("nobody can do this".to_owned())),
            "panic" => panic!("it panicked"),
            "together" => {
                self.started.fetch_add(1, Ordering::Relaxed);
                self.barrier.wait().await;
                Ok(Vec::new())
            }
            "stall" => {
                self.started.fetch_add(1, Ordering::Relaxed);
                pending().await
            }
            "follow" => Ok(vec![serde_json::from_str(&body("team/followed")).unwrap()]),
            _ => Ok(Vec::new()),
        }
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Result<(), RegistryError> {
        self.given_up.lock().unwrap().push((name_of(job), reason.to_owned()));
        // It is set aside all the same.
        Err(StoreError::new(StoreErrorKind::Unavailable, "the table is away").into())
    }
}

/// The machine's clock, which tests put forward.
#[derive(Debug, Default)]
struct Later(AtomicU64);

impl Later {
    fn by(&self, duration: Duration) {
        self.0.fetch_add(duration.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}

/// A queue with its dead letters, and the function behind it.
struct Fixture {
    /// The queue's.
    clock: Arc<Later>,
    queue: SqliteQueue,
    dead: SqliteQueue,
    work: Arc<ByName>,
    function: JobsFunction,
    lines: Written,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let table = DataFolder::open(folder.path()).unwrap().table();
        let clock = Arc::new(Later::default());
        let queue = |name| SqliteQueue::new(table.clone(), name, clock.clone());
        let (queue, dead) = (queue("lifecycle"), queue("lifecycle-dead"));
        let sends: Arc<dyn SendMessages> = Arc::new(queue.clone());
        let jobs = JobQueues { lifecycle: sends.clone(), collect: sends.clone(), replicate: sends };
        let (started, barrier) = (AtomicUsize::new(0), Barrier::new(JOBS_AT_ONCE));
        let work = Arc::new(ByName { started, barrier, given_up: Mutex::default() });
        let (messages, letters) = (Arc::new(queue.clone()), Arc::new(dead.clone()));
        let doer = JobDoer::new(work.clone(), jobs, messages, letters, Arc::new(SystemClock));
        let lines = Written::default();
        let function = JobsFunction::new(doer, Metrics::to(Box::new(lines.clone())));
        Self { clock, queue, dead, work, function, lines, _folder: folder }
    }

    /// Sends the bodies, and receives them as Lambda does: with the receipts that are good.
    async fn event(&self, bodies: &[String], received: u32) -> Value {
        let messages: Vec<_> = bodies.iter().cloned().map(NewMessage::new).collect();
        self.queue.send(&messages).await.unwrap();
        let mut records = Vec::new();
        while records.len() < bodies.len() {
            let receive = Receive { most: 10, hidden: HIDDEN, wait: Duration::ZERO };
            for message in self.queue.receive(receive).await.unwrap() {
                let mut record = sample("lifecycle")["Records"][0].clone();
                record["messageId"] = json!(message.id);
                record["receiptHandle"] = json!(message.receipt.0);
                record["attributes"]["ApproximateReceiveCount"] = json!(received.to_string());
                record["body"] = json!(message.body);
                records.push(record);
            }
        }
        json!({ "Records": records })
    }

    /// Returns the bodies of what the function says comes again.
    async fn call(&self, event: &Value) -> Vec<String> {
        let payload = serde_json::from_value(event.clone()).unwrap();
        let reply = self.function.call(LambdaEvent::new(payload, context(SECONDS))).await;
        let reply = serde_json::to_value(reply).unwrap();
        let records = event["Records"].as_array().unwrap();
        let failures = reply["batchItemFailures"].as_array().unwrap().iter();
        let body_of = |failure: &Value| {
            let record = records.iter().find(|it| it["messageId"] == failure["itemIdentifier"]);
            record.unwrap()["body"].as_str().unwrap().to_owned()
        };
        let mut bodies: Vec<_> = failures.map(body_of).collect();
        bodies.sort();
        bodies
    }

    async fn letters(&self) -> Vec<(String, Option<String>)> {
        let receive = Receive { most: 10, hidden: HIDDEN, wait: Duration::ZERO };
        let letters = self.dead.receive(receive).await.unwrap();
        letters.into_iter().map(|letter| (letter.body, letter.reason)).collect()
    }
}

fn body(repository: &str) -> String {
    let sample = sample("lifecycle");
    let mut job: Value =
        serde_json::from_str(sample["Records"][0]["body"].as_str().unwrap()).unwrap();
    job["repository"] = json!(repository);
    job.to_string()
}

#[tokio::test]
async fn a_job_fails_alone() {
    let fixture = Fixture::new();
    let names = ["team/a", "team/fail", "team/refuse", "team/panic", "team/b"];
    let event = fixture.event(&names.map(body), 1).await;
    let again = fixture.call(&event).await;
    assert_eq!(again, ["team/fail", "team/panic", "team/refuse"].map(body));
    assert_eq!(*fixture.work.given_up.lock().unwrap(), []);
    assert_eq!(fixture.letters().await, []);
    let text = fixture.lines.text();
    let counted: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(counted.len(), names.len());
    assert_eq!(counted.iter().filter(|line| line["Errors"] == 1).count(), 3);
    assert!(counted.iter().all(|line| line["Route"] == "queue"));
}

#[tokio::test]
async fn what_can_not_succeed_is_set_aside() {
    let fixture = Fixture::new();
    let bodies = [body("team/hopeless"), "no job".to_owned()];
    let event = fixture.event(&bodies, 1).await;
    assert_eq!(fixture.call(&event).await, Vec::<String>::new());
    let mut letters = fixture.letters().await;
    letters.sort();
    assert_eq!(letters[0].0, "no job");
    assert!(letters[0].1.as_ref().unwrap().starts_with("it is no job"), "{letters:?}");
    assert_eq!(letters[1], (body("team/hopeless"), Some("nobody can do this".to_owned())));
    let told = ("team/hopeless".to_owned(), "nobody can do this".to_owned());
    assert_eq!(*fixture.work.given_up.lock().unwrap(), [told]);
}

#[tokio::test]
async fn what_failed_five_times_is_set_aside() {
    let fixture = Fixture::new();
    let event = fixture.event(&[body("team/fail")], 5).await;
    assert_eq!(fixture.call(&event).await, Vec::<String>::new());
    let letters = fixture.letters().await;
    assert_eq!(letters[0].0, body("team/fail"));
    let reason = letters[0].1.clone().unwrap();
    assert!(reason.contains("the table is away"), "{letters:?}");
    let told = ("team/fail".to_owned(), reason);
    assert_eq!(*fixture.work.given_up.lock().unwrap(), [told]);
}

#[tokio::test]
async fn what_was_cut_off_five_times_is_set_aside_unattempted() {
    let fixture = Fixture::new();
    let event = fixture.event(&[body("team/stall")], 6).await;
    assert_eq!(fixture.call(&event).await, Vec::<String>::new());
    assert_eq!(fixture.work.started.load(Ordering::Relaxed), 0);
    let reason = "its worker was ended at each attempt".to_owned();
    assert_eq!(fixture.letters().await, [(body("team/stall"), Some(reason))]);
}

#[tokio::test]
async fn what_fails_waits_less_than_the_queue_hides_it() {
    let fixture = Fixture::new();
    let event = fixture.event(&[body("team/fail")], 1).await;
    assert_eq!(fixture.call(&event).await.len(), 1);
    let wait = Duration::from_secs(10);
    let receive = Receive { most: 10, hidden: HIDDEN, wait };
    assert_eq!(fixture.queue.receive(receive).await.unwrap()[0].body, body("team/fail"));
}

#[tokio::test]
async fn what_is_cut_off_comes_again_soon_after_the_functions_end() {
    let fixture = Fixture::new();
    let event = fixture.event(&[body("team/stall")], 1).await;
    let has_begun = async {
        while fixture.work.started.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        again = fixture.call(&event) => panic!("it ended: {again:?}"),
        () = has_begun => {}
    }
    let receive = Receive { most: 10, hidden: HIDDEN, wait: Duration::ZERO };
    fixture.clock.by(Duration::from_secs(SECONDS));
    assert_eq!(fixture.queue.receive(receive).await.unwrap(), [], "it may be worked on");
    fixture.clock.by(Duration::from_mins(1));
    assert_eq!(fixture.queue.receive(receive).await.unwrap()[0].body, body("team/stall"));
}

#[tokio::test]
async fn jobs_that_follow_are_sent() {
    let fixture = Fixture::new();
    let event = fixture.event(&[body("team/follow")], 1).await;
    assert_eq!(fixture.call(&event).await, Vec::<String>::new());
    let receive = Receive { most: 10, hidden: HIDDEN, wait: Duration::ZERO };
    let followed = fixture.queue.receive(receive).await.unwrap();
    assert!(followed.iter().any(|message| message.body.contains("team/followed")));
}

#[tokio::test]
async fn a_few_jobs_are_done_at_once() {
    let fixture = Fixture::new();
    let event = fixture.event(&vec![body("team/together"); 2 * JOBS_AT_ONCE], 1).await;
    // Nobody passes before as many have come as are done at once.
    assert_eq!(fixture.call(&event).await, Vec::<String>::new());
    assert_eq!(fixture.work.started.load(Ordering::Relaxed), 2 * JOBS_AT_ONCE);
}
