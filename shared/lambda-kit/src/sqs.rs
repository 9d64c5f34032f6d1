//! Batches of a queue: each message is read, worked on and failed by itself.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use crate::deadline::within;
use crate::invocation;
use crate::metrics::{Figures, Metrics, Outcome};
use crate::panics::caught;

/// How many messages of a batch are worked on at once.
pub const MESSAGES_AT_ONCE: usize = 4;

/// Why a worker gives a message back. It comes again, until the queue lays it aside.
pub type WorkError = Box<dyn std::error::Error + Send + Sync>;

/// Event of a standard queue: a batch of messages.
///
/// Follows [Using Lambda with Amazon SQS](https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
#[derive(Clone, Debug, Deserialize)]
pub struct SqsEvent {
    #[serde(rename = "Records")]
    messages: Vec<Message>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    body: String,
}

/// The messages of a batch that come again.
///
/// Follows [partial batch responses](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting).
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsReply {
    batch_item_failures: Vec<Failure>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// Works on the messages of a queue until the process is ended. `work` gets the job that a
/// message's JSON says; the same job may come twice.
pub async fn serve_sqs<J, W>(work: W) -> Result<(), Error>
where
    J: DeserializeOwned,
    W: AsyncFn(J) -> Result<(), WorkError>,
{
    let function = Arc::new(SqsFunction::new(work, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { Ok::<_, Error>(function.call(event).await) }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind a queue.
#[derive(Debug)]
pub struct SqsFunction<W> {
    work: W,
    metrics: Metrics,
}

impl<W> SqsFunction<W> {
    /// Makes a function of what [`serve_sqs`] takes.
    pub fn new(work: W, metrics: Metrics) -> Self {
        Self { work, metrics }
    }

    /// Works on one batch, a few messages at a time.
    pub async fn call<J>(&self, event: LambdaEvent<SqsEvent>) -> SqsReply
    where
        J: DeserializeOwned,
        W: AsyncFn(J) -> Result<(), WorkError>,
    {
        let LambdaEvent { payload, context } = event;
        let span = invocation::span(&context, None);
        let worked = stream::iter(payload.messages)
            .map(|message| self.message(message, &context))
            .buffer_unordered(MESSAGES_AT_ONCE)
            .filter_map(async |failure| failure)
            .collect()
            .instrument(span);
        SqsReply { batch_item_failures: worked.await }
    }

    /// Works on one message, and returns it if it must come again.
    async fn message<J>(&self, message: Message, context: &Context) -> Option<Failure>
    where
        J: DeserializeOwned,
        W: AsyncFn(J) -> Result<(), WorkError>,
    {
        let started = Instant::now();
        let bytes_in = message.body.len();
        let work = async {
            let job = serde_json::from_str(&message.body)?;
            caught(within(context, (self.work)(job))).await???;
            Ok::<(), WorkError>(())
        };
        let result = work.await;
        let outcome = if result.is_ok() { Outcome::Answered } else { Outcome::Failed };
        let (function, duration) = (context.env_config.function_name.as_str(), started.elapsed());
        self.metrics.count(&Figures { function, route: "queue", outcome, duration, bytes_in });
        let message_id = message.message_id;
        let ms = duration.as_secs_f64() * 1000.0;
        match result {
            Ok(()) => {
                tracing::info!(message_id, ms, "worked");
                None
            }
            Err(error) => {
                tracing::error!(message_id, ms, %error, "failed");
                Some(Failure { item_identifier: message_id })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use berth_registry::ports::{Clock, SystemClock};
    use serde_json::{Value, json};
    use tokio::sync::Barrier;

    use crate::metrics::Lines;

    fn event(bodies: &[&str], seconds: u64) -> LambdaEvent<SqsEvent> {
        let record = |(index, body): (usize, &&str)| json!({ "messageId": index.to_string(), "body": body, "eventSource": "aws:sqs" });
        let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
        let mut context = Context::default();
        context.deadline = SystemClock.now().millis() + seconds * 1000;
        let payload = serde_json::from_value(json!({ "Records": records })).unwrap();
        LambdaEvent::new(payload, context)
    }

    fn failed(reply: &SqsReply) -> Vec<String> {
        let reply = serde_json::to_value(reply).unwrap();
        let failures = reply["batchItemFailures"].as_array().unwrap();
        let mut ids: Vec<String> =
            failures.iter().map(|it| it["itemIdentifier"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    async fn work(job: String) -> Result<(), WorkError> {
        match job.as_str() {
            "fail" => Err("it failed".into()),
            "panic" => panic!("it panicked"),
            "wait" => std::future::pending().await,
            _ => Ok(()),
        }
    }

    #[tokio::test]
    async fn a_message_fails_alone() {
        let lines = Lines::default();
        let function = SqsFunction::new(work, Metrics::to(Box::new(lines.clone())));
        let bodies = ["\"a\"", "not json", "\"fail\"", "\"b\"", "\"panic\"", "7", "\"c\""];
        let reply = function.call(event(&bodies, 60)).await;
        assert_eq!(failed(&reply), ["1", "2", "4", "5"]);
        let counted: Vec<Value> =
            lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(counted.len(), bodies.len());
        assert_eq!(counted.iter().filter(|line| line["Errors"] == 1).count(), 4);
        assert!(counted.iter().all(|line| line["Route"] == "queue"));
    }

    #[tokio::test]
    async fn a_batch_without_failures_says_so() {
        let function = SqsFunction::new(work, Metrics::to(Box::new(Lines::default())));
        let reply = function.call(event(&["\"a\""], 60)).await;
        assert_eq!(serde_json::to_value(reply).unwrap(), json!({ "batchItemFailures": [] }));
    }

    #[tokio::test]
    async fn what_is_not_done_in_time_comes_again() {
        let function = SqsFunction::new(work, Metrics::to(Box::new(Lines::default())));
        let reply = function.call(event(&["\"a\"", "\"wait\"", "\"b\""], 1)).await;
        assert_eq!(failed(&reply), ["1"]);
    }

    #[tokio::test]
    async fn a_few_messages_are_worked_on_at_once() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // Nobody passes before as many have come as may run at once.
        let barrier = Barrier::new(MESSAGES_AT_ONCE);
        let (running, most, barrier) = (&running, &most, &barrier);
        let work = |_: Value| async move {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            barrier.wait().await;
            running.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        };
        let function = SqsFunction::new(work, Metrics::to(Box::new(Lines::default())));
        let bodies = ["1"; 3 * MESSAGES_AT_ONCE];
        assert_eq!(failed(&function.call(event(&bodies, 60)).await), Vec::<String>::new());
        assert_eq!(most.load(Ordering::Relaxed), MESSAGES_AT_ONCE);
    }
}
