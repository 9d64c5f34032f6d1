use berth_types::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::harness::{HOST, REQUEST_ID, Store, answer, event, sample};

/// A manifest whose bytes JSON could write otherwise: its digest is of these alone.
const MANIFEST: &str = concat!(
    "{\r\n\t\"schemaVersion\" : 2,\n  \"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
    "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"size\":2,\"digest\":",
    "\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},",
    "\"layers\":[],\"annotations\":{\"a\":\"\\u00e9 é / \\/\"}}\n"
);

const MANIFEST_PATH: &str = "/v2/team/app/manifests/latest";

async fn push_manifest(store: &Store) -> Value {
    answer(store.push(), &event("PUT", MANIFEST_PATH, Some(MANIFEST))).await
}

#[tokio::test]
async fn a_blob_is_pushed_in_base64() {
    let store = Store::new();
    let pushed = sample("oci-push");
    let reply = answer(store.push(), &pushed).await;
    assert_eq!(reply["statusCode"], 201, "{reply}");
    let digest = pushed["queryStringParameters"]["digest"].as_str().unwrap();
    assert_eq!(reply["headers"]["docker-content-digest"], digest);
    let path = format!("/v2/team/app/blobs/{digest}");
    let head = answer(store.pull(), &event("HEAD", &path, None)).await;
    assert_eq!(head["statusCode"], 200);
    assert_eq!(head["headers"]["content-length"], "19");
    assert_eq!((&head["body"], &head["isBase64Encoded"]), (&json!(""), &json!(false)));
}

#[tokio::test]
async fn a_manifest_arrives_byte_for_byte() {
    let store = Store::new();
    let digest = Digest::of(Algorithm::Sha256, MANIFEST.as_bytes()).to_string();
    let pushed = push_manifest(&store).await;
    assert_eq!(pushed["statusCode"], 201, "{pushed}");
    assert_eq!(pushed["headers"]["docker-content-digest"], digest);
    let got = answer(store.pull(), &sample("oci-pull")).await;
    assert_eq!(got["statusCode"], 200);
    assert_eq!(got["body"], MANIFEST);
    assert_eq!(got["headers"]["docker-content-digest"], digest);
    let head = answer(store.pull(), &event("HEAD", MANIFEST_PATH, None)).await;
    assert_eq!(head["statusCode"], 200);
    assert_eq!(head["headers"]["content-length"], MANIFEST.len().to_string());
    assert_eq!(head["body"], "");
}

#[tokio::test]
async fn a_tag_is_deleted() {
    let store = Store::new();
    push_manifest(&store).await;
    assert_eq!(answer(store.delete(), &sample("oci-delete")).await["statusCode"], 202);
    assert_eq!(answer(store.pull(), &sample("oci-pull")).await["statusCode"], 404);
}

#[tokio::test]
async fn a_token_opens_the_other_functions() {
    let store = Store::new();
    push_manifest(&store).await;
    let reply = answer(store.token(), &sample("token")).await;
    assert_eq!(reply["statusCode"], 200, "{reply}");
    let document: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let mut get = sample("oci-pull");
    get["headers"]["authorization"] =
        json!(format!("Bearer {}", document["token"].as_str().unwrap()));
    assert_eq!(answer(store.pull(), &get).await["statusCode"], 200);
    get["headers"]["authorization"] = json!("Bearer another");
    assert_eq!(answer(store.pull(), &get).await["statusCode"], 401);
}

#[tokio::test]
async fn a_function_has_its_methods_alone() {
    let store = Store::new();
    for (api, function) in [
        (store.pull(), "oci-push"),
        (store.pull(), "oci-delete"),
        (store.push(), "oci-pull"),
        (store.delete(), "oci-push"),
        (store.token(), "oci-pull"),
    ] {
        assert_eq!(answer(api, &sample(function)).await["statusCode"], 405, "{function}");
    }
}

#[tokio::test]
async fn clients_see_the_host_that_they_asked_for() {
    let store = Store::new();
    let mut stranger = sample("oci-pull");
    stranger["headers"].as_object_mut().unwrap().remove("authorization");
    stranger["headers"]["forwarded"] = json!("host=evil.example;proto=http");
    stranger["headers"]["host"] = json!("evil.example");
    let reply = answer(store.pull(), &stranger).await;
    assert_eq!(reply["statusCode"], 401);
    let challenge = reply["headers"]["www-authenticate"].as_str().unwrap();
    assert!(challenge.contains(&format!("realm=\"https://{HOST}/token\"")), "{challenge}");
    assert_eq!(reply["headers"]["x-request-id"], REQUEST_ID);
    assert_eq!(reply["headers"]["x-amzn-requestid"], REQUEST_ID);
}

#[tokio::test]
async fn a_rest_api_is_answered_in_its_form() {
    let store = Store::new();
    push_manifest(&store).await;
    let sample = sample("oci-pull");
    let rest = json!({
        "resource": "/v2/{proxy+}",
        "path": MANIFEST_PATH,
        "httpMethod": "GET",
        "headers": { "Authorization": sample["headers"]["authorization"] },
        "multiValueHeaders": { "Authorization": [sample["headers"]["authorization"]] },
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "requestContext": { "requestId": "id", "domainName": HOST, "stage": "v2" },
        "body": null,
        "isBase64Encoded": false,
    });
    let reply = answer(store.pull(), &rest).await;
    assert_eq!((&reply["statusCode"], &reply["body"]), (&json!(200), &json!(MANIFEST)));
    assert_eq!(reply["multiValueHeaders"]["x-request-id"], json!([REQUEST_ID]));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_a_remedy() {
    let store = Store::new();
    let mut large = sample("oci-push");
    large["headers"]["content-length"] = json!("4400001");
    large["body"] = json!("A".repeat(4_400_001 / 3 * 4 + 4));
    let reply = answer(store.push(), &large).await;
    assert_eq!(reply["statusCode"], 413, "{}", reply["body"]);
    assert!(reply["body"].as_str().unwrap().contains("4400000"), "{}", reply["body"]);
}
