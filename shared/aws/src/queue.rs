//! Queues on SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, Message as Received, MessageAttributeValue, MessageSystemAttributeName,
    SendMessageBatchRequestEntry,
};
use berth_registry::ports::{
    LARGEST_MESSAGE, MOST_RECEIVED, Message, NewMessage, Receipt, Receive, ReceiveMessages,
    SendMessages, StoreError, StoreErrorKind,
};

use crate::backoff::Tries;
use crate::failure::{code_of, store_error};

/// The most messages that one call sends, as SQS has it.
const MOST_SENT: usize = 10;

/// How long an answer may take beside the time that it waits for a message.
const TRY: Duration = Duration::from_secs(5);

/// Longest wait for a message, as SQS has it.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Name of the attribute that says why a message was set aside.
const REASON: &str = "reason";

/// One standard queue. Its dead-letter queue is set where the queue is made.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Takes the queue's URL.
    #[must_use]
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Sends what fits into one call. SQS takes each message or refuses it by itself; those that it
    /// could not take now are sent again.
    async fn send_some(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        let entries: Result<Vec<_>, _> = messages.iter().enumerate().map(entry).collect();
        let mut entries = entries?;
        let mut tries = Tries::default();
        loop {
            let request = self.client.send_message_batch().queue_url(&self.url);
            let request = request.set_entries(Some(entries.clone()));
            let answer = request.send().await.map_err(store_error)?;
            if let Some(failed) = answer.failed.iter().find(|failed| failed.sender_fault) {
                return Err(refusal(failed, StoreErrorKind::Internal));
            }
            let Some(failed) = answer.failed.first() else {
                return Ok(());
            };
            entries.retain(|entry| answer.failed.iter().any(|failed| failed.id == entry.id));
            if tries.next().await.is_none() {
                return Err(refusal(failed, StoreErrorKind::Unavailable));
            }
        }
    }
}

#[async_trait]
impl SendMessages for SqsQueue {
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        for messages in batches(messages) {
            self.send_some(messages).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ReceiveMessages for SqsQueue {
    async fn receive(&self, receive: Receive) -> Result<Vec<Message>, StoreError> {
        let wait = receive.wait.min(LONGEST_WAIT);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(wait + TRY).build();
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(whole(receive.most.clamp(1, MOST_RECEIVED)))
            .visibility_timeout(seconds(receive.hidden))
            .wait_time_seconds(seconds(wait))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_attribute_names(REASON)
            .customize()
            .config_override(Builder::default().timeout_config(timeouts));
        let answer = request.send().await.map_err(store_error)?;
        answer.messages.unwrap_or_default().into_iter().map(message).collect()
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), StoreError> {
        let request = self.client.delete_message().queue_url(&self.url);
        match request.receipt_handle(&receipt.0).send().await {
            // A receipt that is too old: the message is gone, or comes again by another one.
            Err(error) if code_of(&error).is_some_and(is_gone) => Ok(()),
            result => result.map(drop).map_err(store_error),
        }
    }

    async fn hide(&self, receipt: &Receipt, time: Duration) -> Result<Receipt, StoreError> {
        let request = self.client.change_message_visibility().queue_url(&self.url);
        let request = request.receipt_handle(&receipt.0).visibility_timeout(seconds(time));
        let Err(error) = request.send().await else {
            return Ok(receipt.clone());
        };
        let is_gone = code_of(&error).is_some_and(is_gone);
        let error = store_error(error);
        Err(if is_gone { StoreError::new(StoreErrorKind::NotFound, error) } else { error })
    }
}

/// Whether a code says that nobody has a message by this receipt.
fn is_gone(code: &str) -> bool {
    let code = code.rsplit('.').next().unwrap_or(code);
    matches!(code, "MessageNotInflight" | "ReceiptHandleIsInvalid" | "InvalidParameterValue")
}

/// Splits messages into calls: each of at most [`MOST_SENT`], and of as many bytes together as one
/// message may have alone.
fn batches(messages: &[NewMessage]) -> impl Iterator<Item = &[NewMessage]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(MOST_SENT).take_while(|message| {
            bytes += length(message);
            bytes <= LARGEST_MESSAGE
        });
        // One that is too large goes alone, and SQS says why it is refused.
        let count = fits.count().max(1).min(rest.len());
        let (batch, others) = rest.split_at(count);
        rest = others;
        Some(batch).filter(|batch| !batch.is_empty())
    })
}

fn entry(
    (position, message): (usize, &NewMessage),
) -> Result<SendMessageBatchRequestEntry, StoreError> {
    let internal = |error| StoreError::new(StoreErrorKind::Internal, error);
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(position.to_string())
        .message_body(&message.body)
        .delay_seconds(seconds(message.delay));
    if let Some(reason) = &message.reason {
        let value = MessageAttributeValue::builder().data_type("String").string_value(reason);
        entry = entry.message_attributes(REASON, value.build().map_err(internal)?);
    }
    entry.build().map_err(internal)
}

fn message(received: Received) -> Result<Message, StoreError> {
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    let count = received.attributes.as_ref().and_then(|attributes| attributes.get(&count));
    let count = count.and_then(|count| count.parse().ok());
    let reason = received.message_attributes.and_then(|mut attributes| attributes.remove(REASON));
    let reason = reason.and_then(|reason| reason.string_value);
    match (received.message_id, received.body, received.receipt_handle, count) {
        (Some(id), Some(body), Some(receipt), Some(received)) => {
            Ok(Message { id, body, reason, receipt: Receipt(receipt), received })
        }
        _ => Err(StoreError::new(StoreErrorKind::Damaged, "SQS gave a message without its parts")),
    }
}

/// Returns how many bytes SQS counts.
fn length(message: &NewMessage) -> usize {
    let reason = message.reason.as_ref();
    message.body.len() + reason.map_or(0, |reason| REASON.len() + "String".len() + reason.len())
}

fn refusal(failed: &BatchResultErrorEntry, kind: StoreErrorKind) -> StoreError {
    let message = failed.message().unwrap_or("no message");
    StoreError::new(kind, format!("a message was not sent: {}: {message}", failed.code))
}

/// Returns whole seconds; a fraction counts as one.
fn seconds(time: Duration) -> i32 {
    let up = u64::from(time.subsec_nanos() > 0);
    i32::try_from(time.as_secs().saturating_add(up)).unwrap_or(i32::MAX)
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[usize], expected: &[usize]) {
        let messages: Vec<_> =
            sizes.iter().map(|size| NewMessage::new("x".repeat(*size))).collect();
        assert_eq!(batches(&messages).map(<[_]>::len).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn messages_are_sent_as_few_calls() {
        const HALF: usize = LARGEST_MESSAGE / 2;
        check(&[], &[]);
        check(&[1; 10], &[10]);
        check(&[1; 25], &[10, 10, 5]);
        check(&[HALF, HALF, 1, 1], &[2, 2]);
        check(&[HALF, HALF + 1, 1], &[1, 2]);
        check(&[LARGEST_MESSAGE, 0, 1], &[2, 1]);
        check(&[LARGEST_MESSAGE + 1, 1], &[1, 1]);
    }

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(30)), 30);
        assert_eq!(seconds(Duration::MAX), i32::MAX);
    }
}
