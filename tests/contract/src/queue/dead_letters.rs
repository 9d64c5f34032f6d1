//! What is set aside, and mended.

use std::collections::BTreeMap;
use std::time::Duration;

use berth_registry::ports::LONGEST_REASON;
use berth_registry::{DeadLetter, DeadLetters, SetAside, WhichLetters};

use super::{Fixture, LONG, MOST_RECEIVED_ALIVE, one};

/// More than there ever are.
const MOST: usize = 1000;

fn letters(f: &Fixture) -> DeadLetters {
    DeadLetters::new(f.queues.dead.clone(), f.queues.send.clone())
}

async fn list(f: &Fixture) -> Vec<DeadLetter> {
    letters(f).list(MOST).await.expect("letters are listed")
}

/// Sends a job, and sets it aside when it comes.
async fn set_aside(f: &Fixture, text: &str, reason: &str) {
    f.send(text).await;
    let message = f.one(LONG).await;
    let aside = SetAside::new(f.queues.receive.clone(), f.queues.send_dead.clone());
    aside.set_aside(&message, reason).await.expect("it is set aside");
}

async fn purge_all(f: &Fixture) -> usize {
    letters(f).purge(&WhichLetters::All).await.expect("letters are deleted")
}

pub(super) async fn a_message_keeps_its_id(f: &Fixture) {
    f.send("a").await;
    f.send("b").await;
    let mut ids = BTreeMap::new();
    for _ in 0..2 {
        while ids.len() < 2 {
            for message in f.receive(LONG, Duration::from_secs(1)).await {
                assert_eq!(message.reason, None);
                let hidden = f.queues.receive.hide(&message.receipt, Duration::ZERO).await;
                hidden.expect("it is given back");
                let before = ids.insert(message.body, message.id.clone());
                assert!(before.is_none_or(|before| before == message.id));
            }
        }
    }
    assert_ne!(ids[&f.body("a")], ids[&f.body("b")]);
    f.drain(ids.into_keys().collect()).await;
}

pub(super) async fn a_letter_tells_its_reason(f: &Fixture) {
    assert!(list(f).await.is_empty());
    set_aside(f, "a", "table is unavailable: \u{1F9CA} <&>\n\"'").await;
    f.assert_empty().await;
    for _ in 0..2 {
        let found = list(f).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].body, f.body("a"));
        let reason = "table is unavailable: \u{1F9CA} <&> \"'";
        assert_eq!(found[0].reason.as_deref(), Some(reason));
    }
    assert_eq!(purge_all(f).await, 1);
    assert!(list(f).await.is_empty());
}

pub(super) async fn a_long_reason_is_cut(f: &Fixture) {
    set_aside(f, "a", &"x".repeat(LONGEST_REASON + 1)).await;
    set_aside(f, "b", "").await;
    let found = list(f).await;
    let reason = |text: &str| {
        let letter = found.iter().find(|letter| letter.body == f.body(text));
        letter.expect("it is listed").reason.clone()
    };
    assert_eq!(reason("a"), Some("x".repeat(LONGEST_REASON)));
    assert_eq!(reason("b"), None);
    assert_eq!(purge_all(f).await, 2);
}

pub(super) async fn some_letters_are_mended(f: &Fixture) {
    for text in ["a", "b", "c"] {
        set_aside(f, text, "broken").await;
    }
    let found = list(f).await;
    let id = |text: &str| {
        let letter = found.iter().find(|letter| letter.body == f.body(text));
        letter.expect("it is listed").id.clone()
    };
    let (a, b, c) = (id("a"), id("b"), id("c"));
    let none = WhichLetters::Of(vec!["unknown".to_owned()]);
    assert_eq!(letters(f).retry(&none).await.expect("nothing is sent"), 0);
    let retried = letters(f).retry(&WhichLetters::Of(vec![b])).await;
    assert_eq!(retried.expect("one is sent"), 1);
    let again = f.one(LONG).await;
    assert_eq!((&again.body, again.received, again.reason.as_ref()), (&f.body("b"), 1, None));
    f.acknowledge(&again).await;
    let purged = letters(f).purge(&WhichLetters::Of(vec![a])).await;
    assert_eq!(purged.expect("one is deleted"), 1);
    let left: Vec<_> = list(f).await.into_iter().map(|letter| letter.id).collect();
    assert_eq!(left, [c]);
    assert_eq!(purge_all(f).await, 1);
    f.assert_empty().await;
}

pub(super) async fn all_letters_are_retried(f: &Fixture) {
    let texts: Vec<_> = (0..13).map(|number| number.to_string()).collect();
    for text in &texts {
        set_aside(f, text, "broken").await;
    }
    let some = letters(f).list(5).await.expect("letters are listed");
    assert_eq!(some.len(), 5);
    let retried = letters(f).retry(&WhichLetters::All).await;
    assert_eq!(retried.expect("they are sent"), 13);
    f.drain(texts.iter().map(|text| f.body(text)).collect()).await;
    assert!(list(f).await.is_empty());
}

pub(super) async fn dead_letters_are_set_aside(f: &Fixture) {
    f.send("poison").await;
    for received in 1..=MOST_RECEIVED_ALIVE {
        let message = f.one(LONG).await;
        assert_eq!(message.received, received);
        let hidden = f.queues.receive.hide(&message.receipt, Duration::ZERO).await;
        hidden.expect("it is given back");
    }
    // The next receiver finds it dead.
    f.assert_empty().await;
    let dead = one(&*f.queues.dead, LONG).await;
    assert_eq!((dead.body, dead.reason), (f.body("poison"), None));
    f.queues.dead.acknowledge(&dead.receipt).await.expect("it is acknowledged");
    f.assert_empty().await;
}
