//! A registry on the embedded store, in this process, open to everyone.

use std::sync::Arc;
use std::time::Duration;

use berth_ecr_api::{BodyLimits, EcrApi};
use berth_embedded::{DataFolder, FileKeys, NoKms};
use berth_registry::access::{Authenticator, FailedLogins, RootCredentials, SealingKeys, Secret};
use berth_registry::ports::{Clock, SystemClock};
use berth_registry::{
    CreateOnPush, FailedJobs, Identity, Ports, PushRules, Quotas, Registry, SparseManifests,
    Tenancy, Trusts, Users,
};
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use tempfile::TempDir;

/// A registry, and the folder that it keeps its data in.
pub struct TestRegistry {
    pub api: EcrApi,
    _folder: TempDir,
}

impl TestRegistry {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ports = Ports {
            table: data.table(),
            objects: data.objects(),
            keys: Arc::new(NoKms),
            clock: Arc::clone(&clock),
        };
        let rules = PushRules {
            create_on_push: CreateOnPush::Refuse,
            sparse_manifests: SparseManifests::Refuse,
            tenancy: Tenancy::Alone,
            quotas: Quotas::default(),
        };
        let root = RootCredentials {
            access_key_id: "root".to_owned(),
            secret_access_key: Secret::new("secret".to_owned()),
        };
        let keys = Arc::new(FileKeys::new(&[7; FileKeys::MASTER_KEY_BYTES]));
        let keys = SealingKeys::making(data.table(), keys, Arc::clone(&clock));
        let identity = Identity {
            registry_id: "123456789012".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
        };
        let clock_of_keys = Arc::clone(&clock);
        let authenticator = Authenticator::new(root, keys, identity.clone(), clock_of_keys).open();
        let registry = Registry::new(&ports, rules);
        let gate = authenticator.gate().sharing(registry.directory());
        let api = EcrApi {
            registry,
            users: Users::new(ports.table.clone(), authenticator.known_keys(), clock.clone()),
            trusts: Trusts::new(ports.table, authenticator.known_trusts(), clock.clone()),
            failed_jobs: FailedJobs::default(),
            identity,
            authenticator: Arc::new(authenticator),
            failed_logins: Arc::new(FailedLogins::new(Duration::ZERO)),
            gate,
            body_limits: BodyLimits::STREAMED,
            clock,
        };
        Self { api, _folder: folder }
    }

    /// Calls an operation, and returns the status and the answer.
    pub async fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(Bytes::from(input.to_string()))
            .unwrap();
        let response = self.api.handle(request, "https://registry.example.com").await;
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body)
    }
}
