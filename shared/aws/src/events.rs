//! Events on EventBridge.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use berth_registry::ports::{PublishEvents, RegistryEvent, StoreError, StoreErrorKind};

use crate::backoff::Tries;
use crate::failure::store_error;

/// The most events of one call, as EventBridge has it.
const MOST: usize = 10;

/// The `source` of the registry's events. EventBridge takes `aws.ecr`, ECR's own, from nobody but
/// AWS.
const SOURCE: &str = "berth.ecr";

/// What EventBridge says of an event that it may take a moment later.
const PASSING: [&str; 3] = ["InternalException", "InternalFailure", "ThrottlingException"];

/// The account's default event bus, where ECR's events are as well.
///
/// An event there has an id that EventBridge gave it. The account and the region are those of
/// whoever publishes.
#[derive(Clone, Debug)]
pub struct EventBus {
    client: Client,
}

impl EventBus {
    /// Takes a client of the account and the region.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Publishes what fits into one call. EventBridge takes each event or refuses it by itself;
    /// those that it could not take now are sent again.
    async fn publish_some(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        let entries: Result<Vec<_>, _> = events.iter().map(entry).collect();
        let mut entries = entries?;
        let mut tries = Tries::default();
        loop {
            let request = self.client.put_events().set_entries(Some(entries.clone()));
            let answer = request.send().await.map_err(store_error)?;
            // Its results stand in the order of the entries.
            let results = answer.entries();
            let Some(failed) = results.iter().find(|result| result.error_code.is_some()) else {
                return Ok(());
            };
            let lasting = |result: &&PutEventsResultEntry| {
                result.error_code().is_some_and(|code| !PASSING.contains(&code))
            };
            if let Some(failed) = results.iter().find(lasting) {
                return Err(refusal(failed, StoreErrorKind::Internal));
            }
            let mut results = results.iter();
            entries.retain(|_| results.next().is_none_or(|result| result.error_code.is_some()));
            if tries.next().await.is_none() {
                return Err(refusal(failed, StoreErrorKind::Unavailable));
            }
        }
    }
}

#[async_trait]
impl PublishEvents for EventBus {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        for events in events.chunks(MOST) {
            self.publish_some(events).await?;
        }
        Ok(())
    }
}

fn entry(event: &RegistryEvent) -> Result<PutEventsRequestEntry, StoreError> {
    let millis = i64::try_from(event.at.millis()).unwrap_or(i64::MAX);
    let resources = event.resources.iter().map(ToString::to_string).collect();
    Ok(PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(event.detail.detail_type())
        .detail(event.detail()?.to_string())
        .time(DateTime::from_millis(millis))
        .set_resources(Some(resources))
        .build())
}

fn refusal(failed: &PutEventsResultEntry, kind: StoreErrorKind) -> StoreError {
    let code = failed.error_code().unwrap_or("no code");
    let message = failed.error_message().unwrap_or("no message");
    StoreError::new(kind, format!("an event was not published: {code}: {message}"))
}
