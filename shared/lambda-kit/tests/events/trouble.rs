//! What goes wrong in a function: panics, lateness, services that don't answer.

use std::cell::Cell;

use berth_lambda_kit::{HttpFunction, Metrics};
use berth_oci_api::OciApi;
use berth_registry::ports::{StoreError, StoreErrorKind};
use serde_json::{Value, json};
use tracing_subscriber::fmt;

use crate::harness::{REQUEST_ID, Store, Written, answer, call, event, sample};

/// Lets a function answer one event, and returns its answer's status (none for an error) and what
/// it counted.
async fn troubled<O>(open: O, seconds: u64) -> (Option<Value>, Value)
where
    O: AsyncFn() -> Result<OciApi, StoreError>,
{
    let written = Written::default();
    let function = HttpFunction::new(None, open, Metrics::to(Box::new(written.clone())));
    let reply = call(&function, &sample("oci-pull"), seconds).await.ok();
    (reply, serde_json::from_str(&written.text()).unwrap())
}

#[tokio::test]
async fn a_late_answer_is_a_503() {
    let (reply, counted) = troubled(async || std::future::pending().await, 1).await;
    let reply = reply.unwrap();
    assert_eq!(reply["statusCode"], 503);
    assert_eq!(reply["headers"]["retry-after"], "1");
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["errors"][0]["code"], "UNKNOWN");
    assert_eq!((&counted["Errors"], &counted["Route"]), (&json!(1), &json!("manifest")));
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_invocation() {
    let (reply, counted) = troubled(async || panic!("it panicked"), 60).await;
    assert_eq!(reply, None);
    assert_eq!(counted["Errors"], 1);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_asked_again() {
    let store = Store::new();
    let tries = Cell::new(0);
    let open = async || {
        tries.set(tries.get() + 1);
        match tries.get() {
            1 => Err(StoreError::new(StoreErrorKind::Unavailable, "throttled")),
            2 => Err(StoreError::new(StoreErrorKind::Internal, "secret no access")),
            _ => Ok(store.pull()),
        }
    };
    let function = HttpFunction::new(None, open, Metrics::to(Box::new(Written::default())));
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(call(&function, &sample("oci-pull"), 60).await.unwrap());
    }
    let statuses: Vec<_> = replies.iter().map(|reply| &reply["statusCode"]).collect();
    assert_eq!(statuses, [503, 500, 404, 404]);
    assert_eq!(replies[0]["headers"]["retry-after"], "1");
    assert!(!replies[1]["body"].as_str().unwrap().contains("no access"), "{}", replies[1]);
    // The API is made once.
    assert_eq!(tries.get(), 3);
}

#[tokio::test]
async fn an_event_that_is_no_request_is_refused() {
    let store = Store::new();
    let mut broken = sample("oci-push");
    broken["body"] = json!("not base64");
    let reply = answer(store.push(), &broken).await;
    assert_eq!(reply["statusCode"], 400);
    assert!(reply["body"].as_str().unwrap().contains("base64"));
    let outside = answer(store.pull(), &event("GET", "no path", None)).await;
    assert_eq!(outside["statusCode"], 400);
}

#[tokio::test]
async fn a_request_leaves_one_line_and_no_secret() {
    let (written, counted) = (Written::default(), Written::default());
    let writer = written.clone();
    let lines = fmt().json().flatten_event(true).with_writer(move || writer.clone());
    let _default = tracing::subscriber::set_default(lines.finish());
    let store = Store::new();
    let function =
        HttpFunction::new(None, async || Ok(store.push()), Metrics::to(Box::new(counted.clone())));
    let push = sample("oci-push");
    call(&function, &push, 60).await.unwrap();
    let text = written.text();
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["message"], "answered");
    assert_eq!((&line["method"], &line["status"]), (&json!("POST"), &json!(201)));
    assert_eq!(line["path"], "/v2/team/app/blobs/uploads/");
    assert_eq!(line["request_id"], REQUEST_ID);
    assert_eq!(line["gateway_request_id"], push["requestContext"]["requestId"]);
    assert!(line["trace_id"].as_str().unwrap().starts_with("Root=1-"));
    assert!(line["ms"].is_number());
    assert!(!text.contains("digest=") && !text.contains("Basic"), "{text}");
    let counted: Value = serde_json::from_str(&counted.text()).unwrap();
    assert_eq!((&counted["Function"], &counted["Route"]), (&json!("berth-test"), &json!("upload")));
    assert_eq!((&counted["Errors"], &counted["BytesIn"]), (&json!(0), &json!(19)));
}
