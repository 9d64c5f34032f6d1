//! Events arrive on the account's event bus, in ECR's format.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::types::Target;
use berth_aws::{EventBus, SqsQueue};
use berth_registry::Identity;
use berth_registry::ports::{
    ActionResult, ActionType, EventDetail, ImageAction, PublishEvents as _, Receive,
    ReceiveMessages, RegistryEvent, StoreErrorKind, Timestamp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::MiniStack;
use crate::wire::{Fault, Wire};

/// One more than a call takes.
const EVENTS: u8 = 11;

fn event(number: u8) -> RegistryEvent {
    let registry_id = "123456789012".parse().expect("an account");
    let region = "us-east-1".parse().expect("a region");
    let digest = format!("sha256:{}", format!("{number:02x}").repeat(32));
    RegistryEvent {
        id: Uuid::from_u128(number.into()),
        registry: Identity { registry_id, region },
        at: Timestamp::from_millis(1_763_740_800_000),
        resources: Vec::new(),
        detail: EventDetail::Image(ImageAction {
            result: ActionResult::Success,
            repository_name: "team/app".parse().expect("a name"),
            image_digest: digest.parse().expect("a digest"),
            action_type: ActionType::Push,
            image_tag: Some(format!("v{number}").parse().expect("a tag")),
            manifest_media_type: "application/vnd.oci.image.manifest.v1+json"
                .parse()
                .expect("a media type"),
            artifact_media_type: None,
            storage: None,
        }),
    }
}

/// A bus, and a queue that gets what has the registry's source.
struct Fixture {
    bus: EventBus,
    queue: Arc<dyn ReceiveMessages>,
    wire: Wire,
    _server: MiniStack,
}

impl Fixture {
    async fn new() -> Self {
        let server = MiniStack::start("events,sqs").await;
        let wire = Wire::default();
        let config = server.config(&wire);
        let client = aws_sdk_sqs::Client::new(&config);
        let made = client.create_queue().queue_name("told").send().await.expect("a queue");
        let queue = SqsQueue::new(client, made.queue_url.expect("a queue has a URL"));
        let events = aws_sdk_eventbridge::Client::new(&config);
        let pattern = r#"{"source": ["berth.ecr"], "detail-type": ["ECR Image Action"]}"#;
        events.put_rule().name("told").event_pattern(pattern).send().await.expect("a rule");
        let arn = "arn:aws:sqs:us-east-1:000000000000:told";
        let target = Target::builder().id("told").arn(arn).build().expect("a target");
        events.put_targets().rule("told").targets(target).send().await.expect("targets");
        Self { bus: EventBus::new(events), queue: Arc::new(queue), wire, _server: server }
    }

    /// Returns the tags of what arrived, and one event whole.
    async fn arrived(&self) -> (Vec<String>, Value) {
        let (mut tags, mut last) = (Vec::new(), Value::Null);
        loop {
            let receive =
                Receive { most: 10, hidden: Duration::from_mins(1), wait: Duration::from_secs(1) };
            let messages = self.queue.receive(receive).await.expect("messages");
            if messages.is_empty() {
                tags.sort();
                return (tags, last);
            }
            for message in messages {
                last = serde_json::from_str(&message.body).expect("an event is JSON");
                tags.push(last["detail"]["image-tag"].as_str().expect("a tag").to_owned());
            }
        }
    }
}

#[tokio::test]
async fn events_arrive() {
    let fixture = Fixture::new().await;
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    fixture.bus.publish(&events).await.expect("events are published");
    assert_eq!(fixture.wire.seen("PutEvents").len(), 2);
    let (tags, one) = fixture.arrived().await;
    let mut expected: Vec<_> = (0..EVENTS).map(|number| format!("v{number}")).collect();
    expected.sort();
    assert_eq!(tags, expected);
    assert_eq!(one["detail-type"], "ECR Image Action");
    assert_eq!(one["source"], "berth.ecr");
    assert_eq!(one["resources"], json!([]));
    assert_eq!(one["detail"]["repository-name"], "team/app");
    assert_eq!(one["detail"]["action-type"], "PUSH");
    assert_eq!(one["detail"]["result"], "SUCCESS");
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again() {
    let fixture = Fixture::new().await;
    let taken = r#"{"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"}"#;
    let busy = r#"{"ErrorCode": "ThrottlingException", "ErrorMessage": "too many"}"#;
    let answer = format!(r#"{{"FailedEntryCount": 1, "Entries": [{taken}, {busy}, {taken}]}}"#);
    fixture.wire.fail("PutEvents", Fault::Answers(200, answer.leak()));
    fixture.bus.publish(&[event(1), event(2), event(3)]).await.expect("events are published");
    let (tags, _) = fixture.arrived().await;
    assert_eq!(tags, ["v2"], "the others counted as taken");
}

#[tokio::test]
async fn what_is_refused_is_told() {
    let fixture = Fixture::new().await;
    let refused =
        r#"{"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "not yours"}"#;
    let answer = format!(r#"{{"FailedEntryCount": 1, "Entries": [{refused}]}}"#);
    fixture.wire.fail("PutEvents", Fault::Answers(200, answer.leak()));
    let error = fixture.bus.publish(&[event(1)]).await.expect_err("a refusal");
    assert_eq!(error.kind(), StoreErrorKind::Internal);
    assert!(error.to_string().contains("NotAuthorizedForSourceException: not yours"), "{error}");
}
