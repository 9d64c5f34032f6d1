//! What happens later, in a test: an outbox that is dispatched, queues, and workers that are cut off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use berth_contract::Around;
use berth_embedded::SqliteQueue;
use berth_registry::ports::{
    Clock as _, Message, MoveObjects, NewMessage, NewObject, PublishEvents, Receipt, Receive,
    ReceiveMessages, RegistryEvent, SendMessages, StorageClass, StoreError, WriteTable,
};
use berth_registry::{Dispatch, Job, JobQueue, JobQueues, MOST_RECEIPTS};
use serde_json::Value;

use super::Store;
use super::registry::identity;

/// All that was told of a registry, in EventBridge's form.
#[derive(Debug, Default)]
pub struct Told(Mutex<Vec<RegistryEvent>>);

impl Told {
    /// Returns all that was told, and forgets it.
    pub fn take(&self) -> Vec<Value> {
        let told = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        told.iter().map(|event| event.to_json().unwrap()).collect()
    }
}

#[async_trait]
impl PublishEvents for Told {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        Ok(())
    }
}

/// A queue, who hears of events, or what moves objects, with something around each call.
#[derive(Debug)]
pub struct Faulty<P: ?Sized, A> {
    around: A,
    inner: Arc<P>,
}

impl<P: ?Sized, A: Around + Clone> Faulty<P, A> {
    pub fn wrap(inner: Arc<P>, around: &A) -> Self {
        Self { inner, around: around.clone() }
    }
}

#[async_trait]
impl<P: PublishEvents + ?Sized, A: Around> PublishEvents for Faulty<P, A> {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        self.around.around("publish", self.inner.publish(events)).await
    }
}

#[async_trait]
impl<P: SendMessages + ?Sized, A: Around> SendMessages for Faulty<P, A> {
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        self.around.around("send", self.inner.send(messages)).await
    }
}

#[async_trait]
impl<P: ReceiveMessages + ?Sized, A: Around> ReceiveMessages for Faulty<P, A> {
    async fn receive(&self, receive: Receive) -> Result<Vec<Message>, StoreError> {
        self.around.around("receive", self.inner.receive(receive)).await
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), StoreError> {
        self.around.around("acknowledge", self.inner.acknowledge(receipt)).await
    }

    async fn hide(&self, receipt: &Receipt, time: Duration) -> Result<Receipt, StoreError> {
        self.around.around("hide", self.inner.hide(receipt, time)).await
    }
}

#[async_trait]
impl<P: MoveObjects + ?Sized, A: Around> MoveObjects for Faulty<P, A> {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.around.around("move_to", self.inner.move_to(object, size, class)).await
    }
}

impl Store {
    /// Returns a queue of jobs, and that of its dead letters.
    pub fn queue(&self, of: JobQueue) -> (Arc<SqliteQueue>, Arc<SqliteQueue>) {
        let dead = format!("{}-dead", of.as_str());
        let queue = |name: &str| SqliteQueue::new(self.sqlite.clone(), name, self.clock.clone());
        let alive = queue(of.as_str()).with_dead_letters(MOST_RECEIPTS, &dead);
        (Arc::new(alive), Arc::new(queue(&dead)))
    }

    /// Returns where jobs are sent to.
    pub fn jobs(&self) -> JobQueues {
        JobQueues {
            lifecycle: self.queue(JobQueue::Lifecycle).0,
            collect: self.queue(JobQueue::Collect).0,
            replicate: self.queue(JobQueue::Replicate).0,
        }
    }

    /// Returns all jobs that wait, and takes them from their queues.
    pub async fn take_jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let receive = Receive { most: 10, hidden: Duration::from_secs(1), wait: Duration::ZERO };
        for of in JobQueue::ALL {
            let (queue, _) = self.queue(of);
            loop {
                let messages = queue.receive(receive).await.unwrap();
                if messages.is_empty() {
                    break;
                }
                for message in messages {
                    jobs.push(serde_json::from_str(&message.body).unwrap());
                    queue.acknowledge(&message.receipt).await.unwrap();
                }
            }
        }
        jobs
    }

    /// Dispatches all that is in the outbox, and returns what was told.
    pub async fn dispatch_all(&self) -> Vec<Value> {
        let told = Arc::new(Told::default());
        let dispatch = dispatch(self.table.clone(), told.clone(), self.jobs());
        dispatch.sweep(self.clock.now().plus(Duration::from_millis(1))).await.unwrap();
        told.take()
    }
}

/// Returns what dispatches the outbox in `table`, and tells `told`.
pub fn dispatch(
    table: Arc<dyn WriteTable>,
    told: Arc<dyn PublishEvents>,
    jobs: JobQueues,
) -> Dispatch {
    Dispatch::new(table, told, jobs, identity())
}
