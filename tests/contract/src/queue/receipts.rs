//! What becomes of a message that was received.

use std::time::{Duration, Instant};

use berth_registry::ports::{NewMessage, StoreErrorKind};
use futures_util::future::join_all;

use super::{Fixture, LONG};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn hidden_messages_come_again(f: &Fixture) {
    f.send("a").await;
    let started = Instant::now();
    let first = f.one(3 * SECOND).await;
    let second = f.one(LONG).await;
    assert!(started.elapsed() > 2 * SECOND, "it came after {:?}", started.elapsed());
    assert_eq!((first.received, second.received), (1, 2));
    assert_eq!(first.body, second.body);
    assert_ne!(first.receipt, second.receipt);
    f.acknowledge(&second).await;
}

pub(super) async fn acknowledged_messages_do_not_come_again(f: &Fixture) {
    f.send("a").await;
    let message = f.one(SECOND).await;
    f.acknowledge(&message).await;
    // Again: its answer may have been lost.
    f.acknowledge(&message).await;
    f.assert_empty().await;
    f.assert_empty().await;
}

pub(super) async fn given_back_comes_again(f: &Fixture) {
    f.send("a").await;
    let message = f.one(LONG).await;
    let result = f.queues.receive.hide(&message.receipt, Duration::ZERO).await;
    result.expect("it is given back");
    let again = f.one(LONG).await;
    assert_eq!((again.body, again.received), (message.body, 2));
    f.queues.receive.acknowledge(&again.receipt).await.expect("it is acknowledged");
}

pub(super) async fn prolonged_stays_hidden(f: &Fixture) {
    f.send("a").await;
    let message = f.one(3 * SECOND).await;
    let hidden = f.queues.receive.hide(&message.receipt, LONG).await;
    let receipt = hidden.expect("it is hidden for longer");
    for _ in 0..4 {
        f.assert_empty().await;
    }
    let receipt = f.queues.receive.hide(&receipt, LONG).await.expect("again");
    f.queues.receive.acknowledge(&receipt).await.expect("it is acknowledged");
}

pub(super) async fn gone_can_not_be_hidden(f: &Fixture) {
    f.send("a").await;
    let message = f.one(LONG).await;
    f.acknowledge(&message).await;
    let hidden = f.queues.receive.hide(&message.receipt, SECOND).await;
    assert_eq!(hidden.expect_err("it is gone").kind(), StoreErrorKind::NotFound);
    f.assert_empty().await;
}

pub(super) async fn receivers_share_the_work(f: &Fixture) {
    let messages: Vec<_> = (0..40).map(|n| NewMessage::new(f.body(n))).collect();
    f.queues.send.send(&messages).await.expect("they are sent");
    let receivers = join_all((0..4).map(|_| async {
        let mut bodies = Vec::new();
        loop {
            let messages = f.receive(LONG, 2 * SECOND).await;
            if messages.is_empty() {
                return bodies;
            }
            for message in messages {
                f.acknowledge(&message).await;
                bodies.push(message.body);
            }
        }
    }));
    let mut bodies = receivers.await.concat();
    bodies.sort();
    let mut expected: Vec<_> = messages.into_iter().map(|message| message.body).collect();
    expected.sort();
    assert_eq!(bodies, expected, "each came once");
}
