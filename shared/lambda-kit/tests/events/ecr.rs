//! Events of `POST /`, answered by ECR's API.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_ecr_api::EcrApi;
use berth_lambda_kit::{HttpFunction, Metrics};
use berth_registry::ports::{Clock, StoreError, Timestamp};
use serde_json::{Value, json};

use crate::harness::{REQUEST_ID, Store, answer, call, event, sample};

/// When the sample was signed: 2025-08-17T10:43:15Z.
const SIGNED_AT: u64 = 1_755_427_395_000;

/// A clock that stands at a moment.
#[derive(Debug)]
struct At(u64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0)
    }
}

/// Returns the API as `ecr-api` has it, minutes after the sample was signed.
fn ecr(store: &Store, minutes: u64) -> EcrApi {
    store.ecr(Arc::new(At(SIGNED_AT + minutes * 60_000)))
}

/// Returns status and error code of an answer, which is in the form of AWS JSON 1.1.
fn refusal(reply: &Value) -> (u64, String) {
    assert_eq!(reply["headers"]["content-type"], "application/x-amz-json-1.1", "{reply}");
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    assert!(body["message"].is_string(), "{body}");
    (reply["statusCode"].as_u64().unwrap(), body["__type"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_signed_request_is_answered() {
    let store = Store::new();
    let begun = event("POST", "/v2/team/app/blobs/uploads/", None);
    assert_eq!(answer(store.push(), &begun).await["statusCode"], 202);
    let reply = answer(ecr(&store, 14), &sample("ecr-api")).await;
    assert_eq!(reply["statusCode"], 200, "{reply}");
    assert_eq!(reply["headers"]["x-amzn-requestid"], REQUEST_ID);
    let told: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let uri = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/team/app";
    assert_eq!(told["repositories"][0]["repositoryUri"], uri);
}

#[tokio::test]
async fn a_signature_is_of_its_time_host_and_body() {
    let store = Store::new();
    let forged = (400, "InvalidSignatureException".to_owned());
    assert_eq!(refusal(&answer(ecr(&store, 16), &sample("ecr-api")).await), forged);
    let mut elsewhere = sample("ecr-api");
    elsewhere["headers"]["host"] = json!("evil.example");
    elsewhere["requestContext"]["domainName"] = json!("evil.example");
    assert_eq!(refusal(&answer(ecr(&store, 0), &elsewhere).await), forged);
    let mut altered = sample("ecr-api");
    altered["body"] = json!(STANDARD.encode(r#"{"repositoryNames": ["team/other"]}"#));
    assert_eq!(refusal(&answer(ecr(&store, 0), &altered).await), forged);
    let mut unsigned = sample("ecr-api");
    unsigned["headers"].as_object_mut().unwrap().remove("authorization");
    let missing = (400, "MissingAuthenticationTokenException".to_owned());
    assert_eq!(refusal(&answer(ecr(&store, 0), &unsigned).await), missing);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_words() {
    let store = Store::new();
    let mut large = sample("ecr-api");
    large["body"] = json!("A".repeat(4_400_001 / 3 * 4 + 4));
    let reply = answer(ecr(&store, 0), &large).await;
    assert_eq!(refusal(&reply), (400, "LimitExceededException".to_owned()));
    assert!(reply["body"].as_str().unwrap().contains("4400000"), "{reply}");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_in_words() {
    let store = Store::new();
    let begun = event("POST", "/v2/team/app/blobs/uploads/", None);
    assert_eq!(answer(store.push(), &begun).await["statusCode"], 202);
    let mut api = ecr(&store, 0);
    api.body_limits.answer = 100;
    let reply = answer(api, &sample("ecr-api")).await;
    assert_eq!(refusal(&reply), (400, "LimitExceededException".to_owned()));
    assert!(reply["body"].as_str().unwrap().contains("100 bytes"), "{reply}");
}

#[tokio::test]
async fn failures_are_in_the_form_of_the_api() {
    let mut broken = sample("ecr-api");
    broken["body"] = json!("not base64");
    let reply = answer(ecr(&Store::new(), 0), &broken).await;
    assert_eq!(refusal(&reply), (400, "SerializationException".to_owned()));
    let open = async || std::future::pending::<Result<EcrApi, StoreError>>().await;
    let function = HttpFunction::new(None, open, Metrics::to(Box::new(io::sink())));
    let late = call(&function, &sample("ecr-api"), 1).await.unwrap();
    assert_eq!(refusal(&late), (503, "ServerException".to_owned()));
    assert_eq!(late["headers"]["retry-after"], "1");
}
