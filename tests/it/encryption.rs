//! Repositories whose objects are encrypted by KMS keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_registry::access::Action;
use berth_registry::ports::StoreErrorKind;
use berth_registry::{CreateRepository, RegistryError, Repository};
use berth_types::{Encryption, KmsKey};
use serde_json::json;

use crate::harness::{
    EncryptingObjects, Store, TestKms, TestRegistry, bytes, digest, image, permit,
};

const OWN: &str = "arn:aws:kms:us-east-1:123456789012:key/own";
const IMAGES: &str = "arn:aws:kms:us-east-1:123456789012:key/images";

/// A registry with two keys, the second of which has an id and an alias.
struct Encrypting {
    registry: TestRegistry,
    objects: Arc<EncryptingObjects>,
}

fn key(text: &str) -> Option<KmsKey> {
    text.parse().ok()
}

impl Encrypting {
    fn new() -> Self {
        let store = Store::new();
        let objects = Arc::new(EncryptingObjects::new(store.objects.clone(), 1000));
        let names = [("", OWN), ("images", IMAGES), ("alias/images", IMAGES), (IMAGES, IMAGES)];
        let kms = Arc::new(TestKms(BTreeMap::from(names)));
        let registry = TestRegistry::on(&store).objects(objects.clone()).kms(kms).build();
        Self { registry, objects }
    }

    async fn create(
        &self,
        name: &str,
        encryption: Encryption,
    ) -> Result<Arc<Repository>, RegistryError> {
        let settings = CreateRepository { encryption, ..CreateRepository::default() };
        let permit = permit(Action::CreateRepository, name);
        self.registry.registry.repositories.create(&permit, settings).await
    }

    /// Expects that all that was made since the last time is of these kinds and of one encryption.
    #[track_caller]
    fn has_made(&self, kinds: &[&str], encryption: &Encryption) {
        let made = self.objects.take();
        assert_eq!(made.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), kinds);
        assert!(made.iter().all(|(_, of)| of == encryption), "{made:?}");
    }
}

#[tokio::test]
async fn keys_are_kept_by_their_arns() {
    let f = Encrypting::new();
    for (name, wanted, kept) in [
        ("aes", Encryption::Aes256, Encryption::Aes256),
        ("own", Encryption::Kms(None), Encryption::Kms(key(OWN))),
        ("id", Encryption::Kms(key("images")), Encryption::Kms(key(IMAGES))),
        ("alias", Encryption::KmsDsse(key("alias/images")), Encryption::KmsDsse(key(IMAGES))),
    ] {
        let made = f.create(name, wanted).await.unwrap();
        assert_eq!(made.encryption, kept);
        let permit = permit(Action::DescribeRepositories, name);
        let found = f.registry.registry.repositories.describe(&permit).await.unwrap();
        assert_eq!(found.encryption, kept);
    }
}

#[tokio::test]
async fn no_repository_is_made_of_a_key_that_is_refused() {
    let f = Encrypting::new();
    let error = f.create("app", Encryption::Kms(key("other"))).await.unwrap_err();
    let RegistryError::Store(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), StoreErrorKind::KeyRefused);
    assert_eq!(error.key_refusal().unwrap().code, "NotFoundException");
    assert_eq!(f.registry.id("app").await, None);
}

#[tokio::test]
async fn every_object_of_a_repository_is_encrypted_alike() {
    let f = Encrypting::new();
    let encryption = f.create("app", Encryption::Kms(key("images"))).await.unwrap();
    let encryption = &encryption.encryption;
    let registry = &f.registry;

    registry.push_blob("app", &bytes(1, 500)).await;
    f.has_made(&["put"], encryption);

    // Chunks: a tail, another one in its place, then parts, and a tail behind them.
    let (blob, path) = (bytes(2, 2500), registry.begin("app").await);
    let mut sent = 0;
    for (length, kinds) in
        [(400, &["put"][..]), (500, &["put"]), (1000, &["begin"]), (100, &["put"])]
    {
        let chunk = blob.slice(sent..sent + length);
        registry.request("PATCH", &path).bytes(chunk).expect(202).await;
        f.has_made(kinds, encryption);
        sent += length;
    }
    let end = format!("{path}?digest={}", digest(&blob));
    registry.request("PUT", end).bytes(blob.slice(sent..)).expect(201).await;
    f.has_made(&[], encryption);

    let large = image(3).with("annotations", json!({ "filler": "x".repeat(300_000) }));
    registry.push("app", "large", &large).await;
    let made = f.objects.take();
    assert_eq!(made.len(), large.blobs.len() + 1, "{made:?}");
    assert!(made.iter().all(|made| *made == ("put", encryption.clone())), "{made:?}");
    registry.store.check().await;
}

#[tokio::test]
async fn blobs_are_mounted_where_the_encryption_is_the_same() {
    let f = Encrypting::new();
    let blob = bytes(1, 1000);
    for (name, encryption) in [
        ("source", Encryption::Kms(key("images"))),
        ("same", Encryption::Kms(key("alias/images"))),
        ("twice", Encryption::KmsDsse(key("images"))),
        ("own", Encryption::Kms(None)),
        ("aes", Encryption::Aes256),
    ] {
        f.create(name, encryption).await.unwrap();
    }
    f.registry.push_blob("source", &blob).await;
    for (name, status) in [("same", 201), ("twice", 202), ("own", 202), ("aes", 202)] {
        let path = format!("/v2/{name}/blobs/uploads/?mount={}&from=source", digest(&blob));
        f.registry.request("POST", path).expect(status).await;
    }
}

#[tokio::test]
async fn a_push_is_told_that_the_key_was_switched_off() {
    let f = Encrypting::new();
    f.create("app", Encryption::Kms(key("images"))).await.unwrap();
    f.objects.switch_off(IMAGES);
    let blob = bytes(1, 100);
    let path = format!("{}?digest={}", f.registry.begin("app").await, digest(&blob));
    let answer = f.registry.request("PUT", path).bytes(blob).expect(403).await;
    answer.has_code("DENIED");
    assert!(String::from_utf8_lossy(&answer.body).contains("DisabledException"));
}
