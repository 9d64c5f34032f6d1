//! Whether KMS keys can encrypt objects.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use berth_aws::KmsKeyCheck;
use berth_contract::{KeysToCheck, key_check_suite};
use berth_registry::ports::{CheckKeys as _, StoreErrorKind};
use berth_types::KmsKey;

use crate::server::MiniStack;
use crate::wire::{Fault, Wire};

struct Fixture {
    client: Client,
    wire: Wire,
    _server: MiniStack,
}

/// A key: its id, and its ARN.
struct Made {
    id: String,
    arn: String,
}

impl Fixture {
    async fn new() -> Self {
        let server = MiniStack::start("kms").await;
        let wire = Wire::default();
        let client = Client::new(&server.config(&wire));
        Self { client, wire, _server: server }
    }

    async fn make(&self, spec: KeySpec, usage: KeyUsageType) -> Made {
        let made = self.client.create_key().key_spec(spec).key_usage(usage).send().await;
        let metadata = made.expect("a key is made").key_metadata.expect("metadata");
        Made { arn: metadata.arn.expect("an ARN"), id: metadata.key_id }
    }

    async fn symmetric(&self) -> Made {
        self.make(KeySpec::SymmetricDefault, KeyUsageType::EncryptDecrypt).await
    }

    fn check(&self, default_key: &str) -> Arc<KmsKeyCheck> {
        Arc::new(KmsKeyCheck::new(self.client.clone(), default_key.to_owned()))
    }
}

fn key(text: &str) -> KmsKey {
    text.parse().expect("a key's name")
}

fn usable(name: Option<&str>, of: &Made) -> (Option<KmsKey>, KmsKey) {
    (name.map(key), key(&of.arn))
}

#[tokio::test]
async fn keys_are_found_by_every_name_and_tried() {
    let f = Fixture::new().await;
    let (own, named) = (f.symmetric().await, f.symmetric().await);
    let alias = f.client.create_alias().alias_name("alias/images").target_key_id(&named.id);
    alias.send().await.expect("an alias is made");
    let (disabled, doomed) = (f.symmetric().await, f.symmetric().await);
    f.client.disable_key().key_id(&disabled.id).send().await.expect("a key is disabled");
    let deletion = f.client.schedule_key_deletion().key_id(&doomed.id);
    deletion.send().await.expect("a key is to be deleted");
    let authenticating = f.make(KeySpec::Hmac256, KeyUsageType::GenerateVerifyMac).await;
    let unusable = |name: &str, code| (Some(key(name)), code);
    let elsewhere = named.arn.replace("us-east-1", "eu-west-1");
    key_check_suite(&KeysToCheck {
        check: f.check(&own.id),
        usable: vec![
            usable(None, &own),
            usable(Some(&named.id), &named),
            usable(Some("alias/images"), &named),
        ],
        unusable: vec![
            unusable("11111111-2222-3333-4444-555555555555", "NotFoundException"),
            unusable("alias/other", "NotFoundException"),
            unusable(&elsewhere, "NotFoundException"),
            unusable(&disabled.arn, "DisabledException"),
            unusable(&doomed.arn, "KMSInvalidStateException"),
            unusable(&authenticating.arn, "InvalidKeyUsageException"),
        ],
    })
    .await;
}

#[tokio::test]
async fn a_key_without_permission_is_refused_in_our_words() {
    let f = Fixture::new().await;
    let own = f.symmetric().await;
    let denied = r#"{"__type": "AccessDeniedException", "message": "User: arn:aws:sts::1:x/y is not authorized"}"#;
    for operation in ["DescribeKey", "GenerateDataKey", "Decrypt"] {
        f.wire.fail(operation, Fault::Answers(400, denied));
        let error = f.check(&own.id).check_key(None).await.expect_err("it may not be used");
        let refusal = error.key_refusal().expect("a reason");
        assert_eq!(refusal.code, "AccessDeniedException", "{operation}");
        assert!(refusal.message.contains("has to permit kms:DescribeKey"), "{refusal}");
        assert!(!refusal.message.contains("User:"), "{refusal}");
    }
    f.wire.assert_spent();
}

#[tokio::test]
async fn what_passes_is_tried_again_and_refuses_no_key() {
    let f = Fixture::new().await;
    let own = f.symmetric().await;
    let throttled = Fault::Answers(400, r#"{"__type": "ThrottlingException"}"#);
    f.wire.fail("DescribeKey", throttled.clone());
    f.wire.fail("GenerateDataKey", Fault::LostAfter);
    f.wire.fail("Decrypt", Fault::Answers(500, r#"{"__type": "KeyUnavailableException"}"#));
    let found = f.check(&own.id).check_key(None).await.expect("the next tries succeed");
    assert_eq!(found.as_str(), own.arn);
    for _ in 0..3 {
        f.wire.fail("DescribeKey", throttled.clone());
    }
    let error = f.check(&own.id).check_key(None).await.expect_err("all tries fail");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    f.wire.assert_spent();
}
