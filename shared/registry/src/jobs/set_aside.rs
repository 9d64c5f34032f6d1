use std::sync::Arc;

use crate::ports::{
    LONGEST_REASON, Message, NewMessage, ReceiveMessages, SendMessages, StoreError,
};

/// Sets jobs aside that fail and are not to be tried again, with the reason.
///
/// A queue does so by itself with a message that was received too often, but knows no reason: that
/// of a worker which was ended, or ran out of time.
#[derive(Clone, Debug)]
pub struct SetAside {
    queue: Arc<dyn ReceiveMessages>,
    dead: Arc<dyn SendMessages>,
}

impl SetAside {
    /// Moves messages of `queue` to the dead letters in `dead`.
    #[must_use]
    pub fn new(queue: Arc<dyn ReceiveMessages>, dead: Arc<dyn SendMessages>) -> Self {
        Self { queue, dead }
    }

    /// Moves a message that was received from the queue. If that fails midway, it is among the
    /// dead letters, and comes again as well.
    pub async fn set_aside(&self, message: &Message, reason: &str) -> Result<(), StoreError> {
        let reason = Some(told(reason)).filter(|reason| !reason.is_empty());
        let letter = NewMessage { reason, ..NewMessage::new(message.body.clone()) };
        self.dead.send(&[letter]).await?;
        self.queue.acknowledge(&message.receipt).await
    }
}

/// Returns as much of a reason as fits, without control characters.
fn told(reason: &str) -> String {
    let mut told = String::new();
    for character in reason.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if told.len() + character.len_utf8() > LONGEST_REASON {
            break;
        }
        told.push(character);
    }
    told.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_fit() {
        assert_eq!(told("table is\n\tunavailable\u{0}"), "table is  unavailable");
        assert_eq!(told(" \n"), "");
        assert_eq!(told(&"é".repeat(LONGEST_REASON)).len(), LONGEST_REASON);
        let odd = format!("a{}", "é".repeat(LONGEST_REASON));
        assert_eq!(told(&odd).len(), LONGEST_REASON - 1);
    }
}
