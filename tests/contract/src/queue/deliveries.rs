//! What is sent comes.

use std::time::{Duration, Instant};

use berth_registry::ports::{LARGEST_MESSAGE, NewMessage, StoreErrorKind};

use super::{Fixture, LONG};

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn nothing_comes_of_an_empty_queue(f: &Fixture) {
    assert!(f.receive(LONG, Duration::ZERO).await.is_empty());
    f.assert_empty().await;
}

pub(super) async fn sent_is_received(f: &Fixture) {
    f.send("{\"job\": \"é \\u{10000} <&>\\n\"}\n\t'").await;
    let message = f.one(LONG).await;
    assert_eq!(message.body, f.body("{\"job\": \"é \\u{10000} <&>\\n\"}\n\t'"));
    assert_eq!(message.received, 1);
    f.acknowledge(&message).await;
}

pub(super) async fn many_are_all_received(f: &Fixture) {
    let messages: Vec<_> = (0..123).map(|n| NewMessage::new(f.body(n))).collect();
    f.queues.send.send(&messages).await.expect("they are sent");
    f.drain(messages.into_iter().map(|message| message.body).collect()).await;
    f.assert_empty().await;
}

pub(super) async fn large_bodies_are_kept(f: &Fixture) {
    let large = |letter: &str| NewMessage::new(letter.repeat(LARGEST_MESSAGE));
    let messages = [large("a"), large("b"), NewMessage::new(f.body("small"))];
    f.queues.send.send(&messages).await.expect("they are sent");
    f.drain(messages.into_iter().map(|message| message.body).collect()).await;
}

pub(super) async fn one_that_is_too_large_is_refused(f: &Fixture) {
    let large = NewMessage::new("x".repeat(LARGEST_MESSAGE + 1));
    let error = f.queues.send.send(&[large]).await.expect_err("it is too large");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    f.assert_empty().await;
}

pub(super) async fn sending_nothing_is_nothing(f: &Fixture) {
    f.queues.send.send(&[]).await.expect("nothing is sent");
    f.assert_empty().await;
}

pub(super) async fn a_delayed_message_comes_later(f: &Fixture) {
    let started = Instant::now();
    let late = NewMessage { delay: 3 * SECOND, ..NewMessage::new(f.body("late")) };
    f.queues.send.send(&[late, NewMessage::new(f.body("early"))]).await.expect("they are sent");
    let first = f.one(LONG).await;
    assert_eq!(first.body, f.body("early"));
    f.acknowledge(&first).await;
    let second = f.one(LONG).await;
    assert_eq!(second.body, f.body("late"));
    assert!(started.elapsed() > 2 * SECOND, "it came after {:?}", started.elapsed());
    f.acknowledge(&second).await;
}

pub(super) async fn one_who_waits_receives_at_once(f: &Fixture) {
    let started = Instant::now();
    let (messages, ()) = tokio::join!(f.receive(LONG, 20 * SECOND), f.send("a"));
    assert_eq!(messages.len(), 1);
    assert!(started.elapsed() < 15 * SECOND, "it came after {:?}", started.elapsed());
    f.acknowledge(&messages[0]).await;
}
