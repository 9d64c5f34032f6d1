//! Two registries with all that happens later, whose process ends at any call of a port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use berth_contract::{Around, ObjectsAround, TableAround};
use berth_registry::ports::{
    Clock as _, MoveObjects, NewMessage, SendMessages, StoreError, StoreErrorKind, WriteObjects,
    WriteTable,
};
use berth_registry::{
    CollectPorts, CollectWorker, Dispatch, GracePeriods, Identity, Job, JobDoer, JobQueue,
    JobQueues, LifecycleWorker, Peer, Peers, RemovalPorts, ReplicateWorker, ReplicationPorts,
    Runner, Work,
};

use super::{Classes, Fails, Faulty, Store, TestRegistry, Told, identity};

/// How often a job may come again until all are done.
const MOST_ROUNDS: usize = 40;

/// Longer than any pause before a job comes again, and than it is hidden while it is done.
const LONG: Duration = Duration::from_mins(20);

/// How messages reach those who do them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once each.
    Once,
    /// Twice each, the last first.
    TwiceAndBackwards,
}

/// Ends a process after one of its calls: its answer is lost, and all calls that follow fail. So
/// each is also the end before the next one.
#[derive(Clone, Debug, Default)]
pub struct Crash(Arc<Mutex<State>>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Up,
    UpFor(usize),
    Down,
}

impl Crash {
    /// Ends the process with the call after the next `calls`.
    pub fn after(&self, calls: usize) {
        *self.lock() = State::UpFor(calls);
    }

    /// Starts it again, and returns whether it had ended.
    pub fn restart(&self) -> bool {
        matches!(std::mem::take(&mut *self.lock()), State::Down)
    }

    fn is_down(&self) -> bool {
        matches!(*self.lock(), State::Down)
    }

    /// Counts a call, and says how it fails, if it does.
    fn count(&self) -> Option<Fails> {
        let mut state = self.lock();
        match &mut *state {
            State::Up => None,
            State::Down => Some(Fails::Before),
            State::UpFor(0) => {
                *state = State::Down;
                Some(Fails::After)
            }
            State::UpFor(calls) => {
                *calls -= 1;
                None
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around for Crash {
    async fn around<T, E>(
        &self,
        _name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        let ended = || StoreError::new(StoreErrorKind::Unavailable, "the process has ended").into();
        match self.count() {
            None => call.await,
            Some(Fails::Before) => Err(ended()),
            Some(Fails::After) => {
                call.await?;
                Err(ended())
            }
        }
    }
}

/// A queue that remembers which jobs were sent, and may send them twice.
#[derive(Debug)]
struct Recorded {
    inner: Arc<dyn SendMessages>,
    delivery: Delivery,
    sent: Arc<Mutex<Vec<Job>>>,
}

#[async_trait]
impl SendMessages for Recorded {
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let jobs = messages.iter().map(|message| serde_json::from_str(&message.body).unwrap());
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).extend(jobs);
        if self.delivery == Delivery::TwiceAndBackwards {
            for message in messages.iter().rev() {
                self.inner.send(std::slice::from_ref(message)).await?;
            }
        }
        self.inner.send(messages).await
    }
}

/// A registry, and one that it replicates to.
#[derive(Debug)]
pub struct System {
    /// The registry, for those who prepare and judge.
    pub here: TestRegistry,
    /// The other one, likewise.
    pub there: TestRegistry,
    /// What ends the process in which all happens later.
    pub crash: Crash,
    /// Classes of the registry's objects.
    pub classes: Arc<Classes>,
    sent: Arc<Mutex<Vec<Job>>>,
    jobs: JobQueues,
    dispatch: Dispatch,
    runners: Vec<Runner>,
}

impl System {
    pub fn new(delivery: Delivery) -> Self {
        let (here, there) = (TestRegistry::new(), TestRegistry::new());
        let (crash, store) = (Crash::default(), &here.store);
        let classes = Classes::of(&store.objects);
        let sent = Arc::default();
        let to = |of| {
            let inner = Arc::new(Faulty::wrap(store.queue(of).0, &crash));
            let recorded = Recorded { inner, delivery, sent: Arc::clone(&sent) };
            Arc::new(recorded) as Arc<dyn SendMessages>
        };
        let jobs = JobQueues {
            lifecycle: to(JobQueue::Lifecycle),
            collect: to(JobQueue::Collect),
            replicate: to(JobQueue::Replicate),
        };
        let told = Arc::new(Faulty::wrap(Arc::new(Told::default()), &crash));
        let dispatch = Dispatch::new(table(store, &crash), told, jobs.clone(), identity());
        let runner = |of| {
            let work = work(of, &here, &there, &classes, &crash);
            let (alive, dead) = store.queue(of);
            let alive = Arc::new(Faulty::wrap(alive, &crash));
            let (dead, clock) = (Arc::new(Faulty::wrap(dead, &crash)), store.clock.clone());
            let doer = JobDoer::new(work, jobs.clone(), alive.clone(), dead, clock.clone());
            Runner::new(doer, alive, clock, 4)
        };
        let runners = JobQueue::ALL.map(runner).into();
        Self { here, there, crash, classes, sent, jobs, dispatch, runners }
    }

    /// Returns where the other registry is.
    pub fn destination() -> Identity {
        Identity { region: "eu-west-1".parse().unwrap(), ..identity() }
    }

    /// Sends jobs that no event asks for.
    pub async fn send(&self, jobs: &[Job]) {
        self.jobs.send(jobs).await.unwrap();
    }

    /// Returns all jobs that were sent.
    pub fn sent(&self) -> Vec<Job> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets happen what happens later, until nothing is left, or the process ends.
    pub async fn settle(&self) {
        let store = &self.here.store;
        for of in JobQueue::ALL {
            store.queue(of).0.recover().await.unwrap();
        }
        for _ in 0..MOST_ROUNDS {
            let swept = self.dispatch.sweep(store.clock.now().plus(LONG)).await;
            let mut attempts = 0;
            for runner in &self.runners {
                attempts += runner.run_dry().await.unwrap_or_default();
            }
            if self.crash.is_down() {
                return;
            }
            if swept.unwrap() > 0 || attempts > 0 {
                continue;
            }
            if !self.has_jobs().await {
                return;
            }
            self.advance(LONG);
        }
        panic!("jobs come again and again: {:?}", self.sent().last());
    }

    /// Puts the clocks forward.
    pub fn advance(&self, duration: Duration) {
        self.here.store.clock.advance(duration);
        self.there.store.clock.advance(duration);
    }

    /// Asserts that no job was set aside.
    pub async fn check_queues(&self) {
        for of in JobQueue::ALL {
            let dead = self.here.store.partition(&format!("queue/{}-dead", of.as_str())).await;
            assert!(dead.is_empty(), "{dead:?}");
        }
    }

    async fn has_jobs(&self) -> bool {
        for of in JobQueue::ALL {
            let queue = self.here.store.partition(&format!("queue/{}", of.as_str())).await;
            if !queue.is_empty() {
                return true;
            }
        }
        false
    }
}

fn table(store: &Store, crash: &Crash) -> Arc<dyn WriteTable> {
    Arc::new(TableAround::wrap(store.table.clone(), crash.clone()))
}

fn objects(store: &Store, crash: &Crash) -> Arc<ObjectsAround<Crash>> {
    Arc::new(ObjectsAround::wrap(store.objects.clone(), crash.clone()))
}

/// Returns what does the jobs of a queue.
fn work(
    of: JobQueue,
    here: &TestRegistry,
    there: &TestRegistry,
    classes: &Arc<Classes>,
    crash: &Crash,
) -> Arc<dyn Work> {
    let (table, objects) = (table(&here.store, crash), objects(&here.store, crash));
    let clock = here.store.clock.clone();
    match of {
        JobQueue::Lifecycle => {
            let doomed = objects.clone();
            let ports = RemovalPorts { table, objects, doomed, clock };
            let moving: Arc<dyn MoveObjects> = Arc::new(Faulty::wrap(classes.clone(), crash));
            Arc::new(LifecycleWorker::new(&ports, moving))
        }
        JobQueue::Collect => {
            let listed = here.store.listed.clone();
            let ports = CollectPorts { table, listed, doomed: objects, clock };
            Arc::new(CollectWorker::new(ports, GracePeriods::default()))
        }
        JobQueue::Replicate => {
            let remote = TestRegistry::on(&there.store)
                .table(self::table(&there.store, crash))
                .objects(self::objects(&there.store, crash) as Arc<dyn WriteObjects>)
                .build();
            let peer = Peer::new(System::destination(), remote.registry);
            let ports = ReplicationPorts { table, objects, clock };
            Arc::new(ReplicateWorker::new(ports, identity(), Arc::new(Peers::new(vec![peer]))))
        }
    }
}
