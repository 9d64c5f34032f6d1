//! The contract of `SendMessages` and `ReceiveMessages`.

mod dead_letters;
mod deliveries;
mod receipts;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth_registry::ports::{Message, NewMessage, Receive, ReceiveMessages, SendMessages};

/// How many times a message of the suite's queue is received before it is a dead letter.
pub const MOST_RECEIVED_ALIVE: u32 = 3;

/// How long a check waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A queue that is empty, and the queue of its dead letters, to which a message goes that was
/// received [`MOST_RECEIVED_ALIVE`] times.
#[derive(Clone, Debug)]
pub struct Queues {
    /// To send.
    pub send: Arc<dyn SendMessages>,
    /// To receive.
    pub receive: Arc<dyn ReceiveMessages>,
    /// To send dead letters.
    pub send_dead: Arc<dyn SendMessages>,
    /// To receive dead letters.
    pub dead: Arc<dyn ReceiveMessages>,
}

/// Checks that a queue does what the port says. Some checks wait for a second or two, the least
/// time that SQS hides a message.
///
/// # Panics
///
/// At the first check that fails.
pub async fn queue_suite(queues: &Queues) {
    let fixture = |name: &'static str| Fixture { queues: queues.clone(), name };
    crate::run_checks!(fixture;
        deliveries::nothing_comes_of_an_empty_queue,
        deliveries::sent_is_received,
        deliveries::many_are_all_received,
        deliveries::large_bodies_are_kept,
        deliveries::one_that_is_too_large_is_refused,
        deliveries::sending_nothing_is_nothing,
        deliveries::a_delayed_message_comes_later,
        deliveries::one_who_waits_receives_at_once,
        receipts::hidden_messages_come_again,
        receipts::acknowledged_messages_do_not_come_again,
        receipts::given_back_comes_again,
        receipts::prolonged_stays_hidden,
        receipts::gone_can_not_be_hidden,
        receipts::receivers_share_the_work,
        dead_letters::a_message_keeps_its_id,
        dead_letters::a_letter_tells_its_reason,
        dead_letters::a_long_reason_is_cut,
        dead_letters::some_letters_are_mended,
        dead_letters::all_letters_are_retried,
        dead_letters::dead_letters_are_set_aside,
    );
}

/// Queues that one check uses after another, and leaves empty.
struct Fixture {
    queues: Queues,
    name: &'static str,
}

/// Longer than any check takes.
const LONG: Duration = Duration::from_mins(10);

impl Fixture {
    /// Returns a body that only this check sends.
    fn body(&self, text: impl fmt::Display) -> String {
        format!("{}: {text}", self.name)
    }

    async fn send(&self, text: impl fmt::Display) {
        let message = NewMessage::new(self.body(text));
        self.queues.send.send(&[message]).await.expect("a message is sent");
    }

    /// Receives what comes within `wait`.
    async fn receive(&self, hidden: Duration, wait: Duration) -> Vec<Message> {
        let receive = Receive { most: 10, hidden, wait };
        self.queues.receive.receive(receive).await.expect("a receiver receives")
    }

    /// Receives the one message that comes, sooner or later.
    async fn one(&self, hidden: Duration) -> Message {
        one(&*self.queues.receive, hidden).await
    }

    /// Asserts that nothing comes, for a second.
    async fn assert_empty(&self) {
        let messages = self.receive(LONG, Duration::from_secs(1)).await;
        assert!(messages.is_empty(), "expected nothing, found {messages:?}");
    }

    /// Receives and acknowledges until all of `expected` came.
    async fn drain(&self, expected: BTreeSet<String>) {
        let started = Instant::now();
        let mut found = BTreeSet::new();
        while found.len() < expected.len() {
            assert!(started.elapsed() < PATIENCE, "{} came", found.len());
            for message in self.receive(LONG, Duration::from_secs(1)).await {
                self.acknowledge(&message).await;
                found.insert(message.body);
            }
        }
        assert!(found == expected, "what came is what was sent");
    }

    async fn acknowledge(&self, message: &Message) {
        let result = self.queues.receive.acknowledge(&message.receipt).await;
        result.expect("a message is acknowledged");
    }
}

async fn one(queue: &dyn ReceiveMessages, hidden: Duration) -> Message {
    let started = Instant::now();
    let receive = Receive { most: 10, hidden, wait: Duration::from_secs(1) };
    while started.elapsed() < PATIENCE {
        let mut messages = queue.receive(receive).await.expect("a receiver receives");
        if let Some(message) = messages.pop() {
            assert!(messages.is_empty(), "expected one message, found {messages:?} too");
            return message;
        }
    }
    panic!("no message came");
}
