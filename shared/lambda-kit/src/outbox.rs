//! Batches of the table's stream: the keys of events that were written into the outbox.

use std::sync::Arc;

use berth_registry::ports::Key;
use berth_registry::{Dispatch, EventId};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, Runtime, service_fn};
use serde::Deserialize;

use crate::metrics::Metrics;
use crate::whole::done;

/// Event of a table's stream: items that were written.
///
/// Follows [Using Lambda with Amazon DynamoDB](https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html).
#[derive(Clone, Debug, Deserialize)]
pub struct OutboxEvent {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Clone, Debug, Deserialize)]
struct Record {
    dynamodb: Written,
}

#[derive(Clone, Debug, Deserialize)]
struct Written {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Clone, Debug, Deserialize)]
struct Keys {
    pk: Text,
    sk: Text,
}

#[derive(Clone, Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// Dispatches what the table's stream tells of, until the process is ended.
pub async fn serve_outbox(dispatch: Dispatch) -> Result<(), Error> {
    let function = Arc::new(OutboxFunction::new(dispatch, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { function.call(event).await }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind a table's stream.
#[derive(Debug)]
pub struct OutboxFunction {
    dispatch: Dispatch,
    metrics: Metrics,
}

impl OutboxFunction {
    /// Makes a function of what [`serve_outbox`] takes.
    #[must_use]
    pub fn new(dispatch: Dispatch, metrics: Metrics) -> Self {
        Self { dispatch, metrics }
    }

    /// Dispatches the events of one batch. If that fails, all of them come again: those that were
    /// dispatched are gone by then.
    pub async fn call(&self, event: LambdaEvent<OutboxEvent>) -> Result<(), Diagnostic> {
        let LambdaEvent { payload, context } = event;
        // The stream tells of all that was written, as far as nothing before this filters it.
        let ids: Vec<_> = payload.records.into_iter().filter_map(Record::event).collect();
        let work = async {
            let dispatched = self.dispatch.dispatch(&ids).await?;
            tracing::info!(told = ids.len(), dispatched, "dispatched");
            Ok::<_, berth_registry::RegistryError>(())
        };
        done(&context, &self.metrics, "stream", work).await
    }
}

impl Record {
    fn event(self) -> Option<EventId> {
        let Keys { pk, sk } = self.dynamodb.keys;
        EventId::of(&Key { partition: pk.text, sort: sk.text })
    }
}
