use std::sync::Arc;

use async_trait::async_trait;
use berth_embedded::SqliteQueue;
use berth_registry::ports::{
    NewMessage, PublishEvents, RegistryEvent, SendMessages as _, StoreError,
};

/// Tells events to the log, and to the webhook's queue if there is one.
#[derive(Debug)]
pub(super) struct Events {
    webhook: Option<Arc<SqliteQueue>>,
}

impl Events {
    pub(super) fn new(webhook: Option<Arc<SqliteQueue>>) -> Self {
        Self { webhook }
    }
}

#[async_trait]
impl PublishEvents for Events {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        let mut messages = Vec::new();
        for event in events {
            let text = event.to_json()?.to_string();
            tracing::info!(target: "berth::events", event = text, "{}", event.detail.detail_type());
            messages.push(NewMessage::new(text));
        }
        match &self.webhook {
            Some(webhook) => webhook.send(&messages).await,
            None => Ok(()),
        }
    }
}
