//! Batches of a table's stream: what they tell of is dispatched.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use berth_lambda_kit::{LambdaEvent, Metrics, OutboxFunction};
use berth_registry::Dispatch;
use berth_registry::Identity;
use berth_registry::JobQueues;
use berth_registry::ports::{
    Consistency, Key, NewMessage, PublishEvents, Query, RegistryEvent, Select, SendMessages,
    StoreError, StoreErrorKind,
};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use crate::harness::{Store, Written, answer, context, event, sample};

const PATH: &str = "/v2/team/app/manifests/1.0";

/// An image without layers, whose config every repository has.
const MANIFEST: &str = concat!(
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
    r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"#,
    r#""sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}"#
);

/// Keeps what is published, unless it is away.
#[derive(Debug, Default)]
struct Bus {
    is_away: AtomicBool,
    published: Mutex<Vec<RegistryEvent>>,
}

#[async_trait]
impl PublishEvents for Bus {
    async fn publish(&self, events: &[RegistryEvent]) -> Result<(), StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "EventBridge is away"));
        }
        self.published.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// Takes jobs, and keeps none.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl SendMessages for Nowhere {
    async fn send(&self, _: &[NewMessage]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Returns the keys of all events that lie in the outbox.
async fn outbox(store: &Store) -> Vec<Key> {
    let mut keys = Vec::new();
    for shard in 0..8 {
        let query = Query {
            partition: format!("outbox/{shard}"),
            prefix: String::new(),
            after: None,
            limit: 100,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = store.table.query(&query).await.unwrap();
        keys.extend(page.items.into_iter().map(|item| item.key));
    }
    keys
}

/// Returns the stream's event of what was written under `keys`, of which the sample tells of one.
fn written(keys: &[Key]) -> Value {
    let mut event = sample("dispatch");
    let record = event["Records"][0].clone();
    let records = keys.iter().map(|key| {
        let mut record = record.clone();
        record["dynamodb"]["Keys"] =
            json!({ "pk": { "S": key.partition }, "sk": { "S": key.sort } });
        record
    });
    event["Records"].as_array_mut().unwrap().extend(records);
    event
}

async fn call(function: &OutboxFunction, event: &Value) -> Result<(), Diagnostic> {
    let payload = serde_json::from_value(event.clone()).unwrap();
    function.call(LambdaEvent::new(payload, context(60))).await
}

#[tokio::test]
async fn what_was_written_is_dispatched() {
    let store = Store::new();
    let pushed = answer(store.push(), &event("PUT", PATH, Some(MANIFEST))).await;
    assert_eq!(pushed["statusCode"], 201, "{pushed}");
    let keys = outbox(&store).await;
    assert!(!keys.is_empty());

    let bus = Arc::new(Bus::default());
    let queue: Arc<dyn SendMessages> = Arc::new(Nowhere);
    let queues = JobQueues { lifecycle: queue.clone(), collect: queue.clone(), replicate: queue };
    let registry_id = "123456789012".parse().unwrap();
    let registry = Identity { registry_id, region: "us-east-1".parse().unwrap() };
    let dispatch = Dispatch::new(store.table.clone(), bus.clone(), queues, registry);
    let lines = Written::default();
    let function = OutboxFunction::new(dispatch, Metrics::to(Box::new(lines.clone())));

    // Not what else the table's stream would tell of, nor an event that is gone: the sample's.
    let other = Key { partition: "names".to_owned(), sort: "team/app".to_owned() };
    let told = written(&[keys.clone(), vec![other]].concat());
    bus.is_away.store(true, Ordering::Relaxed);
    let error = call(&function, &told).await.unwrap_err();
    assert!(error.error_message.contains("EventBridge is away"), "{error:?}");
    assert_eq!(outbox(&store).await, keys, "what was not published stays");

    bus.is_away.store(false, Ordering::Relaxed);
    call(&function, &told).await.unwrap();
    assert_eq!(outbox(&store).await, []);
    let published = bus.published.lock().unwrap().len();
    assert_eq!(published, 1);
    // It comes again: nothing is told of twice.
    call(&function, &told).await.unwrap();
    assert_eq!(bus.published.lock().unwrap().len(), published);

    let text = lines.text();
    let errors = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let errors: Vec<_> = errors.map(|line| line["Errors"].clone()).collect();
    assert_eq!(errors, [1, 0, 0]);
}
