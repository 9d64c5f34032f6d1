//! What happens later in one registry: the outbox is dispatched, jobs are done, what is due is
//! begun, and events are told.

mod delay;
mod dispatching;
mod duration;
mod events;
mod period;
mod queues;
mod timer;
mod webhook;

use std::fmt;
use std::sync::Arc;

use berth_registry::ports::{Clock, WriteTable};
use berth_registry::{
    Dispatch, Identity, JobDoer, JobQueue, Runner, Schedule, Work, WrittenEvents,
};
use tokio::task::JoinSet;

pub(super) use self::delay::CollectionDelay;
use self::dispatching::Dispatching;
use self::events::Events;
pub(super) use self::period::Period;
pub(super) use self::queues::Queues;
use self::timer::Timer;
use self::webhook::Deliveries;
pub(super) use self::webhook::Webhook;

/// How many jobs of one queue are done at once.
const JOBS_AT_ONCE: usize = 4;

/// What a registry's work that happens later stands on.
#[derive(Debug)]
pub(super) struct Later {
    pub(super) queues: Queues,
    pub(super) table: Arc<dyn WriteTable>,
    /// What the use cases, and the jobs, write to the outbox.
    pub(super) written: WrittenEvents,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Identity,
    pub(super) workers: Vec<(JobQueue, Arc<dyn Work>)>,
    pub(super) webhook: Option<Webhook>,
    /// How often what is due once in a period is done.
    pub(super) period: Period,
}

/// The tasks of a registry's work. What they do when they are cut off comes again.
#[derive(Default)]
pub(super) struct Tasks(JoinSet<()>);

impl Later {
    /// Goes on where the last process stopped.
    pub(super) async fn start(self) -> Tasks {
        if let Err(error) = self.queues.recover().await {
            tracing::error!(%error, "what was worked on before waits until its time is over");
        }
        let mut tasks = Tasks::default();
        let webhook = self.webhook.map(|webhook| {
            let queue = self.queues.webhook();
            tasks.0.spawn(Deliveries::new(webhook, queue.clone(), self.clock.clone()).run());
            queue.alive
        });
        let events = Arc::new(Events::new(webhook));
        let jobs = self.queues.jobs();
        let schedule = Schedule::new(self.table.clone(), self.clock.clone(), self.period.0);
        tasks.0.spawn(Timer::new(schedule, self.clock.clone()).run());
        let dispatch = Dispatch::new(self.table, events, jobs.clone(), self.registry);
        tasks.0.spawn(Dispatching::new(dispatch, self.written, self.clock.clone()).run());
        for (name, work) in self.workers {
            let queue = self.queues.of(name);
            let (clock, alive) = (self.clock.clone(), queue.alive);
            let doer = JobDoer::new(work, jobs.clone(), alive.clone(), queue.dead, clock.clone());
            tasks.0.spawn(Runner::new(doer, alive, clock, JOBS_AT_ONCE).run());
        }
        tasks
    }
}

impl Tasks {
    /// Cuts the tasks off, and waits until they have ended.
    pub(super) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tasks").field(&self.0.len()).finish()
    }
}
