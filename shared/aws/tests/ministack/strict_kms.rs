//! A KMS that keeps what it wrapped, in place of one that authenticates it.
//!
//! MiniStack unwraps altered keys, and with any key; AWS documents that KMS refuses both, and how.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_sdk_kms::config::{RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use serde_json::{Value, json};

/// The wrapped keys, in base64, with all that was said when they were made.
#[derive(Clone, Debug, Default)]
struct StrictKms(Arc<Mutex<BTreeMap<String, Wrapped>>>);

#[derive(Clone, Debug)]
struct Wrapped {
    key: Value,
    context: Value,
    plaintext: Value,
}

/// Returns the HTTP client behind which there is such a KMS.
pub fn client() -> SharedHttpClient {
    let connector = SharedHttpConnector::new(StrictKms::default());
    http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone())
}

impl StrictKms {
    fn answer(&self, target: &str, request: &Value) -> Result<Value, &'static str> {
        let mut keys = self.0.lock().unwrap();
        let (key, context) = (request["KeyId"].clone(), request["EncryptionContext"].clone());
        match target {
            "TrentService.GenerateDataKey" => {
                assert_eq!(request["KeySpec"], "AES_256");
                let (blob, plaintext) = (random(), Value::from(random()));
                let wrapped = Wrapped { key, context, plaintext: plaintext.clone() };
                keys.insert(blob.clone(), wrapped);
                Ok(json!({"CiphertextBlob": blob, "Plaintext": plaintext}))
            }
            "TrentService.Decrypt" => {
                let blob = request["CiphertextBlob"].as_str().unwrap();
                let wrapped = keys.get(blob).ok_or("InvalidCiphertextException")?;
                if wrapped.context != context {
                    return Err("InvalidCiphertextException");
                }
                if wrapped.key != key {
                    return Err("IncorrectKeyException");
                }
                Ok(json!({"Plaintext": wrapped.plaintext}))
            }
            other => panic!("unexpected {other}"),
        }
    }
}

impl HttpConnector for StrictKms {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (status, body) = match self.answer(target, &body) {
            Ok(answer) => (200, answer),
            Err(code) => (400, json!({"__type": code})),
        };
        let response =
            HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// Returns 32 random bytes in base64.
fn random() -> String {
    use base64::Engine as _;
    let bytes = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes);
    base64::engine::general_purpose::STANDARD.encode(bytes.concat())
}
