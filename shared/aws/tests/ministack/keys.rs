//! Data keys by KMS.

use std::sync::Arc;

use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::{Client, Config};
use berth_aws::KmsKeys;
use berth_contract::keys_suite;
use berth_registry::ports::{StoreErrorKind, UnwrapKeys as _, WrapKeys as _, WrappedKey};

use crate::server::MiniStack;
use crate::strict_kms;
use crate::wire::{Fault, Wire};

struct Fixture {
    client: Client,
    key: String,
    wire: Wire,
    _server: MiniStack,
}

impl Fixture {
    async fn new() -> Self {
        let server = MiniStack::start("kms").await;
        let wire = Wire::default();
        let client = Client::new(&server.config(&wire));
        let key = client.create_key().send().await.expect("a key is made");
        let key = key.key_metadata.expect("metadata").key_id;
        Self { client, key, wire, _server: server }
    }

    fn keys(&self) -> KmsKeys {
        KmsKeys::new(self.client.clone(), self.key.clone())
    }
}

#[tokio::test]
async fn keys() {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
        .http_client(strict_kms::client());
    let client = Client::from_conf(config.build());
    let keys = |id: &str| Arc::new(KmsKeys::new(client.clone(), id.to_owned()));
    keys_suite(keys("ours"), keys("theirs")).await;
}

#[tokio::test]
async fn a_key_for_something_else_is_none_of_ours() {
    let f = Fixture::new().await;
    let (key, wrapped) = f.keys().make_key().await.expect("a key is made");
    let again = f.keys().unwrap_key(&wrapped).await.expect("a key is unwrapped");
    assert_eq!(key.reveal(), again.reveal());

    let other = f.client.generate_data_key().key_id(&f.key).number_of_bytes(32);
    let other = other.encryption_context("berth", "other").send().await.expect("a key is made");
    let wrapped = WrappedKey(other.ciphertext_blob.map(Blob::into_inner).expect("bytes"));
    let error = f.keys().unwrap_key(&wrapped).await.expect_err("another context");
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
}

#[tokio::test]
async fn throttles_and_lost_answers_are_tried_again() {
    let f = Fixture::new().await;
    let throttled = Fault::Answers(400, r#"{"__type": "ThrottlingException"}"#);
    f.wire.fail("GenerateDataKey", throttled.clone());
    f.wire.fail("GenerateDataKey", Fault::LostAfter);
    let (key, wrapped) = f.keys().make_key().await.expect("the third try succeeds");
    f.wire.fail("Decrypt", Fault::LostBefore);
    let again = f.keys().unwrap_key(&wrapped).await.expect("the second try succeeds");
    assert_eq!(key.reveal(), again.reveal());

    for _ in 0..3 {
        f.wire.fail("Decrypt", throttled.clone());
    }
    let error = f.keys().unwrap_key(&wrapped).await.expect_err("all tries fail");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    f.wire.assert_spent();
}
