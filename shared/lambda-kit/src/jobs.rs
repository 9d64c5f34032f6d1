//! Batches of a queue: each message says a job, which is done or comes again by itself.

use std::sync::Arc;
use std::time::Instant;

use berth_registry::ports::{Clock as _, Message, Receipt, SystemClock};
use berth_registry::{Attempt, JobDoer};
use futures_util::StreamExt;
use futures_util::stream;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use crate::deadline::{held, stop};
use crate::invocation;
use crate::metrics::{Figures, Metrics, Outcome};

/// How many jobs of a batch are done at once. A batch of a queue whose function waits most of the
/// time has as many.
pub const JOBS_AT_ONCE: usize = 4;

/// Event of a standard queue: a batch of messages.
///
/// Follows [Using Lambda with Amazon SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
#[derive(Clone, Debug, Deserialize)]
pub struct JobsEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
}

#[derive(Clone, Debug, Deserialize)]
struct Attributes {
    #[serde(rename = "ApproximateReceiveCount")]
    received: String,
}

/// The messages of a batch that come again.
///
/// Follows [partial batch responses](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobsReply {
    batch_item_failures: Vec<Failure>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Does the jobs of a queue until the process is ended.
pub async fn serve_jobs(doer: JobDoer) -> Result<(), Error> {
    let function = Arc::new(JobsFunction::new(doer, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Error>(function.call(event).await) }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind a queue.
#[derive(Debug)]
pub struct JobsFunction {
    doer: JobDoer,
    metrics: Metrics,
}

impl JobsFunction {
    /// Makes a function of what [`serve_jobs`] takes.
    #[must_use]
    pub fn new(doer: JobDoer, metrics: Metrics) -> Self {
        Self { doer, metrics }
    }

    /// Does the jobs of one batch, a few at a time.
    pub async fn call(&self, event: LambdaEvent<JobsEvent>) -> JobsReply {
        let LambdaEvent { payload, context } = event;
        let span = invocation::span(&context, None);
        let failures = stream::iter(payload.records)
            .map(|record| self.attempt(record.into(), &context))
            .buffer_unordered(JOBS_AT_ONCE)
            .filter_map(async |failure| failure)
            .collect()
            .instrument(span);
        JobsReply { batch_item_failures: failures.await }
    }

    /// Attempts what one message says, and returns the message if it must come again. Lambda
    /// acknowledges the others.
    ///
    /// The queue hides a message for several times as long as the function may run, since Lambda may
    /// wait before it invokes the function. When that has begun, its end is known: if it is cut off,
    /// the job comes again soon after.
    async fn attempt(&self, message: Message, context: &Context) -> Option<Failure> {
        let started = Instant::now();
        let message = self.doer.hold(message, held(context, SystemClock.now())).await;
        let attempt = self.doer.attempt(&message, stop(context)).await;
        let outcome = match attempt {
            Attempt::Done => Outcome::Answered,
            Attempt::SetAside | Attempt::Again => Outcome::Failed,
        };
        let (function, duration) = (context.env_config.function_name.as_str(), started.elapsed());
        let bytes_in = message.body.len();
        self.metrics.count(&Figures { function, route: "queue", outcome, duration, bytes_in });
        let Message { id, received, .. } = message;
        tracing::info!(id, received, ms = duration.as_secs_f64() * 1000.0, ?attempt, "attempted");
        (attempt == Attempt::Again).then_some(Failure { item_identifier: id })
    }
}

impl From<Record> for Message {
    fn from(record: Record) -> Self {
        let Record { message_id: id, receipt_handle, body, attributes } = record;
        let received = attributes.received.parse().unwrap_or(1);
        Self { id, body, reason: None, receipt: Receipt(receipt_handle), received }
    }
}
