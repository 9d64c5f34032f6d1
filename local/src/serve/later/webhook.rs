//! Telling events to a webhook.
//!
//! Follows [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
//! so that there are libraries that check the signature.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_registry::SetAside;
use berth_registry::access::Secret;
use berth_registry::ports::{Clock, Message, Receive, ReceiveMessages};
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Uri};
use serde_json::Value;
use sha2::Sha256;
use tokio::task::JoinSet;
use ureq::tls::{RootCerts, TlsConfig};

use super::queues::Queue;

/// How often an event is sent before it is set aside: for some 20 hours.
pub(super) const MOST_ATTEMPTS: u32 = 30;

/// How long the webhook may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many events are sent at once.
const AT_ONCE: usize = 4;

/// How long nobody else receives an event that is sent: longer than it may take.
const HIDDEN: Duration = Duration::from_mins(1);

/// How long to wait for an event at a time.
const WAIT: Duration = Duration::from_secs(20);

/// The pause after the first attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The pause after the queue failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What a secret of Standard Webhooks begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Where events are sent to, and the key that signs them.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Webhook {
    url: Uri,
    key: Secret,
}

impl Webhook {
    /// Checks a URL and a secret.
    pub(in crate::serve) fn new(url: &str, secret: &Secret) -> anyhow::Result<Self> {
        let url: Uri = url.parse().context("--event-webhook")?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
            anyhow::bail!("--event-webhook must be a URL of http:// or https://");
        }
        let form = "--event-webhook-secret must be `whsec_` and 24 to 64 bytes as base64";
        let encoded = secret.reveal().strip_prefix(SECRET_PREFIX).context(form)?;
        match STANDARD.decode(encoded) {
            Ok(key) if (24..=64).contains(&key.len()) => {
                Ok(Self { url, key: Secret::new(encoded.to_owned()) })
            }
            _ => anyhow::bail!(form),
        }
    }

    /// Returns the request that tells of an event.
    fn request(&self, event: &str, seconds: u64) -> anyhow::Result<Request<String>> {
        let read: Value = serde_json::from_str(event)?;
        let id = read["id"].as_str().context("the event has no id")?;
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .header("user-agent", "berth")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signature(id, seconds, event)?);
        Ok(request.body(event.to_owned())?)
    }

    fn signature(&self, id: &str, seconds: u64, event: &str) -> anyhow::Result<String> {
        let key = STANDARD.decode(self.key.reveal())?;
        let mac = Hmac::<Sha256>::new_from_slice(&key)?;
        let mac = mac.chain_update(format!("{id}.{seconds}.{event}")).finalize();
        Ok(format!("v1,{}", STANDARD.encode(mac.into_bytes())))
    }
}

/// Sends the events that wait for a webhook.
#[derive(Clone, Debug)]
pub(super) struct Deliveries {
    webhook: Webhook,
    queue: Queue,
    set_aside: SetAside,
    agent: ureq::Agent,
    clock: Arc<dyn Clock>,
}

impl Deliveries {
    pub(super) fn new(webhook: Webhook, queue: Queue, clock: Arc<dyn Clock>) -> Self {
        let set_aside = SetAside::new(queue.alive.clone(), queue.dead.clone());
        Self { webhook, queue, set_aside, agent: agent(), clock }
    }

    /// Runs until it is dropped; what was not answered by then is sent again.
    pub(super) async fn run(self) {
        let mut running = JoinSet::new();
        loop {
            while running.try_join_next().is_some() {}
            if running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let most = AT_ONCE - running.len();
            match self.queue.alive.receive(Receive { most, hidden: HIDDEN, wait: WAIT }).await {
                Ok(messages) => {
                    for message in messages {
                        let deliveries = self.clone();
                        running.spawn(async move { deliveries.attempt(message).await });
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "events for the webhook can't be received");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Sends an event; if that fails, lets it come again, or sets it aside.
    async fn attempt(&self, message: Message) {
        let Message { id, received, .. } = &message;
        let settled = match self.deliver(&message.body).await {
            Ok(()) => self.queue.alive.acknowledge(&message.receipt).await,
            Err(error) if *received >= MOST_ATTEMPTS => {
                let reason = format!("{error:#}");
                tracing::error!(id, received, reason, "an event for the webhook was set aside");
                self.set_aside.set_aside(&message, &reason).await
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(id, received, error, "the webhook did not take an event");
                let hidden = self.queue.alive.hide(&message.receipt, pause(*received)).await;
                hidden.map(drop)
            }
        };
        if let Err(error) = settled {
            tracing::warn!(id, %error, "an event for the webhook will be sent once more");
        }
    }

    async fn deliver(&self, event: &str) -> anyhow::Result<()> {
        let request = self.webhook.request(event, self.clock.now().seconds())?;
        let agent = self.agent.clone();
        let answer = tokio::task::spawn_blocking(move || agent.run(request)).await?;
        let status = answer.context("no answer")?.status();
        anyhow::ensure!(status.is_success(), "the webhook answered {status}");
        Ok(())
    }
}

/// Returns how long an event waits after an attempt, the first being 1.
fn pause(attempt: u32) -> Duration {
    let doublings = attempt.clamp(1, MOST_ATTEMPTS) - 1;
    (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

/// Makes a client that follows no redirect, and believes the machine's own certificates.
fn agent() -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE));
    config.build().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn webhook(url: &str, secret: &str) -> anyhow::Result<Webhook> {
        Webhook::new(url, &Secret::new(secret.to_owned()))
    }

    #[test]
    fn signatures_are_those_of_the_specification() {
        let webhook = webhook("http://localhost/hook", SECRET).unwrap();
        // The example of the specification's libraries.
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
        let signature = webhook.signature(id, 1_614_265_330, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(webhook("ftp://localhost", SECRET).is_err());
        assert!(webhook("/hook", SECRET).is_err());
        assert!(webhook("https://hooks.example", "secret").is_err());
        assert!(webhook("https://hooks.example", "whsec_c2hvcnQ=").is_err());
    }

    #[test]
    fn the_secret_is_in_no_log() {
        let webhook = webhook("http://localhost/hook", SECRET).unwrap();
        assert!(!format!("{webhook:?}").contains("MfKQ"));
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let pauses: Vec<_> = [1, 2, 5, 10, 11, 30].map(|n| pause(n).as_secs()).into();
        assert_eq!(pauses, [5, 10, 80, 2560, 3600, 3600]);
    }
}
