//! The contract of [`WrapKeys`].

use std::sync::Arc;

use berth_registry::ports::{DATA_KEY_BYTES, StoreErrorKind, WrapKeys, WrappedKey};

use crate::run_checks;

/// Runs every check on `keys`. `other` wraps keys with another master key.
pub async fn keys_suite(keys: Arc<dyn WrapKeys>, other: Arc<dyn WrapKeys>) {
    let fixture = |_| Fixture { keys: Arc::clone(&keys), other: Arc::clone(&other) };
    run_checks!(
        fixture;
        checks::a_key_comes_back,
        checks::keys_differ,
        checks::the_key_does_not_show,
        checks::altered_keys_are_refused,
        checks::keys_of_others_are_refused,
    );
}

struct Fixture {
    keys: Arc<dyn WrapKeys>,
    other: Arc<dyn WrapKeys>,
}

impl Fixture {
    async fn make(&self) -> ([u8; DATA_KEY_BYTES], WrappedKey) {
        let (key, wrapped) = self.keys.make_key().await.expect("a key is made");
        (*key.reveal(), wrapped)
    }

    async fn unwrap(&self, wrapped: &WrappedKey) -> [u8; DATA_KEY_BYTES] {
        *self.keys.unwrap_key(wrapped).await.expect("a key is unwrapped").reveal()
    }

    async fn assert_refuses(&self, bytes: Vec<u8>, what: &str) {
        let unwrapped = self.keys.unwrap_key(&WrappedKey(bytes)).await;
        let error = unwrapped.err().unwrap_or_else(|| panic!("{what} was unwrapped"));
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{what}: {error}");
    }
}

mod checks {
    use super::Fixture;

    pub(super) async fn a_key_comes_back(f: &Fixture) {
        let (key, wrapped) = f.make().await;
        assert_eq!(f.unwrap(&wrapped).await, key);
        assert_eq!(f.unwrap(&wrapped).await, key, "it can be unwrapped again");
    }

    pub(super) async fn keys_differ(f: &Fixture) {
        let (first, second) = (f.make().await, f.make().await);
        assert_ne!(first.0, second.0);
        assert_ne!(first.1, second.1);
        assert_eq!(f.unwrap(&first.1).await, first.0);
    }

    pub(super) async fn the_key_does_not_show(f: &Fixture) {
        let (key, wrapped) = f.make().await;
        let shows = wrapped.0.windows(8).any(|part| key.windows(8).any(|bytes| bytes == part));
        assert!(!shows, "a wrapped key holds the key in the clear");
    }

    pub(super) async fn altered_keys_are_refused(f: &Fixture) {
        let (_, wrapped) = f.make().await;
        let last = wrapped.0.len() - 1;
        for altered in [last / 2, last] {
            let mut bytes = wrapped.0.clone();
            bytes[altered] ^= 1;
            f.assert_refuses(bytes, "an altered key").await;
        }
        f.assert_refuses(wrapped.0[..last].to_vec(), "a key cut short").await;
        f.assert_refuses(b"no key at all".to_vec(), "a text").await;
    }

    pub(super) async fn keys_of_others_are_refused(f: &Fixture) {
        let (_, wrapped) = f.other.make_key().await.expect("a key is made");
        f.assert_refuses(wrapped.0, "the key of another service").await;
    }
}
