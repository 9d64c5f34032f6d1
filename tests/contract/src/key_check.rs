//! The contract of [`CheckKeys`].

use std::sync::Arc;

use berth_registry::ports::{CheckKeys, StoreErrorKind};
use berth_types::KmsKey;

/// Keys of one service, and what a check must say of them.
#[derive(Debug)]
pub struct KeysToCheck {
    /// The check.
    pub check: Arc<dyn CheckKeys>,
    /// Names of keys that can be used (`None` names the service's own), each with its ARN.
    pub usable: Vec<(Option<KmsKey>, KmsKey)>,
    /// Names of keys that can't be used, each with KMS's code.
    pub unusable: Vec<(Option<KmsKey>, &'static str)>,
}

/// Runs every check on `keys`.
///
/// # Panics
///
/// At the first check that fails.
pub async fn key_check_suite(keys: &KeysToCheck) {
    for (named, arn) in &keys.usable {
        let found = keys.check.check_key(named.as_ref()).await.expect("the key can be used");
        assert_eq!(found, *arn, "{named:?}");
        let again = keys.check.check_key(Some(arn)).await.expect("it can be used by its ARN");
        assert_eq!(again, *arn);
    }
    for (named, code) in &keys.unusable {
        let checked = keys.check.check_key(named.as_ref()).await;
        let error = checked.expect_err("the key can't be used");
        assert_eq!(error.kind(), StoreErrorKind::KeyRefused, "{named:?}: {error}");
        let refusal = error.key_refusal().expect("a reason");
        assert_eq!(refusal.code, *code, "{named:?}: {refusal}");
        assert!(!refusal.message.is_empty(), "{named:?}");
    }
}
