//! A registry on the embedded store, in memory, whose clock stands still.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use berth_ecr_api::{BodyLimits, EcrApi};
use berth_embedded::{DataFolder, FileKeys, NoKms};
use berth_registry::access::{Authenticator, FailedLogins, RootCredentials, SealingKeys, Secret};
use berth_registry::ports::{Clock, Timestamp};
use berth_registry::{
    CreateOnPush, FailedJobs, Identity, Ports, PushRules, Quotas, Registry, SparseManifests,
    Tenancy, Trusts, Users,
};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// 2026-11-21T04:30:00Z, when the seeds were signed.
const NOW: u64 = 1_795_235_400_000;

/// Who is let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everyone.
    #[allow(dead_code, reason = "each target has one of the two")]
    Open,
    /// Who signs with the root's key, `BERTHROOT` and `secret/with+signs`.
    #[allow(dead_code, reason = "each target has one of the two")]
    Signed,
}

/// The registry, and what it runs on.
pub struct FuzzedRegistry {
    api: EcrApi,
    runtime: Runtime,
    _folder: TempDir,
}

#[derive(Debug)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }
}

impl FuzzedRegistry {
    pub fn new(door: Door) -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory } else { &std::env::temp_dir() };
        let folder = tempfile::tempdir_in(place).expect("a folder");
        let data = DataFolder::open(folder.path()).expect("a data folder");
        let clock: Arc<dyn Clock> = Arc::new(StoppedClock);
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
            access_key_id: "BERTHROOT".to_owned(),
            secret_access_key: Secret::new("secret/with+signs".to_owned()),
        };
        let keys = Arc::new(FileKeys::new(&[7; FileKeys::MASTER_KEY_BYTES]));
        let keys = SealingKeys::making(data.table(), keys, Arc::clone(&clock));
        let identity = Identity {
            registry_id: "123456789012".parse().expect("an account"),
            region: "us-east-1".parse().expect("a region"),
        };
        let authenticator = Authenticator::new(root, keys, identity.clone(), Arc::clone(&clock));
        let authenticator = match door {
            Door::Open => authenticator.open(),
            Door::Signed => authenticator,
        };
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { api, runtime: runtime.expect("a runtime"), _folder: folder }
    }

    /// Sends a request, and checks that it is answered as the protocol has it: well, or with an
    /// error of the client's.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let answer = self.runtime.block_on(self.api.handle(request, "http://localhost:5001"));
        let status = answer.status();
        assert!(status.is_success() || status.is_client_error(), "{status} {:?}", answer.body());
        let body: Value = serde_json::from_slice(answer.body()).expect("an object in JSON");
        if status.is_client_error() {
            let code = body["__type"].as_str().expect("a code");
            assert!(code.ends_with("Exception"), "{code}");
            assert!(body["message"].is_string(), "{body}");
        }
        answer
    }
}
