//! How many calls of the table, the objects and KMS a request of a user or a session costs, with
//! policies on all sides.
//!
//! Beyond what the root's costs (`round_trips`), it is two reads: the access key and the policies,
//! or the trust and its policies, believed for half a minute. The registry's policy is read in one
//! call with the repository's record, which is believed for three seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use berth_contract::{CountingObjects, CountingTable};
use berth_registry::access::{Action, Caller, Facts};
use berth_registry::ports::{DataKey, StoreError, UnwrapKeys, WrapKeys, WrappedKey};
use bytes::Bytes;

use crate::harness::{Call, Manifest, Store, TestRegistry, digest, image};
use crate::policies::{Known, kim, put_policy, set_repository_policy};
use crate::sessions::{OWN, session, token, trust};

const ALL: &str = r#"{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}"#;

/// What a principal and its policies cost, when nothing is remembered of them.
const PRINCIPAL: [&str; 2] = ["get", "query"];

/// What the repository's record and the registry's policy cost.
const RECORD: [&str; 1] = ["batch_get"];

/// Keys of another service, which counts its calls.
#[derive(Debug)]
struct CountingKeys {
    inner: Arc<dyn WrapKeys>,
    calls: AtomicUsize,
}

#[async_trait]
impl UnwrapKeys for CountingKeys {
    async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.inner.unwrap_key(wrapped).await
    }
}

#[async_trait]
impl WrapKeys for CountingKeys {
    async fn make_key(&self) -> Result<(DataKey, WrappedKey), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.inner.make_key().await
    }
}

/// A registry that counts, and how a caller proves who it is.
struct Counted {
    registry: TestRegistry,
    table: Arc<CountingTable>,
    objects: Arc<CountingObjects>,
    keys: Arc<CountingKeys>,
    credentials: Credentials,
}

enum Credentials {
    Basic(String, String),
    Bearer(String),
}

impl Counted {
    /// Starts a registry with an image, whose repository and which itself have policies.
    async fn new() -> (Self, Known) {
        let store = Store::new();
        TestRegistry::on(&store).build().push("team/app", "v1", &image("first")).await;
        let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
        let objects = Arc::new(CountingObjects::new(Arc::clone(&store.objects)));
        let inner: Arc<dyn WrapKeys> = store.keys.clone();
        let keys = Arc::new(CountingKeys { inner, calls: AtomicUsize::new(0) });
        let registry = TestRegistry::on(&store).table(table.clone()).objects(objects.clone());
        let registry = registry.sealing_keys(keys.clone()).with_login().build();
        let deny = r#"{"Effect": "Deny", "Principal": {"AWS": "444455556666"},
            "Action": "ecr:DeleteRepository""#;
        set_repository_policy(&registry, "team/app", &format!("{deny}}}")).await;
        let statement = format!(r#"{deny}, "Resource": "*"}}"#);
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#);
        let (action, facts) = (Action::PutRegistryPolicy, Facts::default());
        let permit = registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
        registry.registry.settings.put_registry_policy(permit, &text).await.unwrap();
        let kim = kim(&registry, ALL).await;
        let credentials = Credentials::Basic(kim.id.clone(), kim.secret.clone());
        (Self { registry, table, objects, keys, credentials }, kim)
    }

    fn request(&self, method: &str, path: impl AsRef<str>) -> Call<'_> {
        let call = self.registry.request(method, path);
        match &self.credentials {
            Credentials::Basic(user, password) => call.basic(user, password),
            Credentials::Bearer(token) => call.bearer(token),
        }
    }

    /// Begins to count: nothing that happened before is remembered for more than `pause`.
    fn after(&self, pause: Duration) {
        self.registry.store.clock.advance(pause);
        self.table.take();
        self.objects.take();
        self.keys.calls.store(0, Ordering::SeqCst);
    }

    /// Expects these calls since then, and none of KMS.
    #[track_caller]
    fn has_called(&self, table: &[&[&str]], objects: &[&str]) {
        let counted = (self.table.take(), self.objects.take());
        assert_eq!((counted.0.names(), counted.1.names()), (&*table.concat(), objects));
        assert_eq!(self.keys.calls.load(Ordering::SeqCst), 0, "KMS was called");
    }

    /// Sends a request without a body when nothing of the caller is remembered, when all is, and
    /// when the record is no more. Beyond the caller's own, it costs `table` and `objects`.
    async fn check(&self, method: &str, path: &str, table: &[&str], objects: &[&str]) {
        let status = if method == "POST" { 202 } else { 200 };
        self.request(method, path).expect(status).await;
        for (pause, more) in [
            (Duration::from_secs(30), [&PRINCIPAL[..], &RECORD].concat()),
            (Duration::ZERO, Vec::new()),
            (Duration::from_secs(3), RECORD.to_vec()),
        ] {
            self.after(pause);
            self.request(method, path).expect(status).await;
            self.has_called(&[&more, table], objects);
        }
    }

    async fn check_all(&self) {
        let (first, config) = (image("first"), digest(&image("first").blobs[1]));
        let by_digest = format!("/v2/team/app/manifests/{}", first.digest());
        let blob = format!("/v2/team/app/blobs/{config}");
        self.check("HEAD", "/v2/team/app/manifests/v1", &["get"], &[]).await;
        self.check("GET", "/v2/team/app/manifests/v1", &["get"], &[]).await;
        self.check("HEAD", &by_digest, &["get"], &[]).await;
        self.check("GET", &by_digest, &["get"], &[]).await;
        self.check("HEAD", &blob, &["get"], &["head_url"]).await;
        self.check("GET", &blob, &["get"], &["download"]).await;
        self.check("POST", "/v2/team/app/blobs/uploads/", &["transact"], &[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_user_costs_two_reads_more() {
    let (counted, _) = Counted::new().await;
    counted.check_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_by_a_users_token_costs_two_reads_more() {
    let (mut counted, kim) = Counted::new().await;
    let authenticator = &counted.registry.authenticator;
    let caller = authenticator.basic(&kim.id, &kim.secret).await.unwrap();
    let issued = authenticator.authorization_token(caller.principal().unwrap()).await.unwrap();
    let token = issued.token.reveal().to_owned();
    counted.credentials = Credentials::Basic("AWS".to_owned(), token);
    counted.check_all().await;
    let path = "/token?scope=repository:team/app:pull,push";
    let answer = counted.request("GET", path).expect(200).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    counted.credentials = Credentials::Bearer(token);
    counted.check_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_of_a_session_costs_two_reads_more() {
    let (mut counted, _) = Counted::new().await;
    let trust = trust(&counted.registry, ALL).await;
    let session = session(&counted.registry, &trust, OWN).await;
    let token = token(&counted.registry, &session).await;
    counted.credentials = Credentials::Basic("AWS".to_owned(), token);
    counted.check_all().await;
}

/// Uploads a blob, and then a manifest, each when nothing is remembered and when all is.
#[tokio::test(start_paused = true)]
async fn a_push_of_a_user_costs_two_reads_more() {
    let (counted, _) = Counted::new().await;
    // The first image that this process pushes has it count the repository's.
    for (pause, more, count) in [
        (Duration::from_secs(30), [&PRINCIPAL[..], &RECORD].concat(), &["query"][..]),
        (Duration::ZERO, Vec::new(), &[]),
    ] {
        let blob = Bytes::from(format!("a blob {pause:?}"));
        let posted = counted.request("POST", "/v2/team/app/blobs/uploads/").expect(202).await;
        let path = format!("{}?digest={}", posted.header("location"), digest(&blob));
        counted.after(pause);
        counted.request("PUT", path).bytes(blob).expect(201).await;
        counted.has_called(&[&more, &["batch_get", "transact"]], &["put"]);
        let manifest: Manifest = image(pause.as_secs());
        for blob in &manifest.blobs {
            let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest(blob));
            counted.request("POST", path).bytes(blob.clone()).expect(201).await;
        }
        counted.after(pause);
        let put = counted.request("PUT", "/v2/team/app/manifests/v2");
        let put = put.header("content-type", &manifest.media_type);
        put.bytes(manifest.bytes.clone()).expect(201).await;
        counted.has_called(&[&more, &["batch_get"], count, &["transact", "batch_get"]], &[]);
    }
}

/// What a denial costs does not tell whether there is a repository.
#[tokio::test(start_paused = true)]
async fn a_denial_costs_the_same_whether_there_is_a_repository() {
    let (counted, _) = Counted::new().await;
    put_policy(&counted.registry, &ALL.replace("Allow", "Deny")).await;
    for name in ["team/app", "none/app"] {
        let path = format!("/v2/{name}/manifests/v1");
        for (pause, table) in [
            (Duration::from_secs(30), &["get", "query", "batch_get"][..]),
            (Duration::ZERO, &[]),
            (Duration::from_secs(3), &["batch_get"]),
            (Duration::ZERO, &[]),
        ] {
            counted.after(pause);
            counted.request("GET", &path).expect(403).await;
            counted.has_called(&[table], &[]);
        }
    }
}

/// A repository that was missing a moment ago is seen when this process has made it.
#[tokio::test(start_paused = true)]
async fn a_new_repository_is_no_longer_missing() {
    let (counted, kim) = Counted::new().await;
    let tagged = r#"{"Effect": "Allow", "Principal": {"AWS": "123456789012"},
        "Action": "ecr:ListImages"}, {"Effect": "Deny", "Principal": "*",
        "Action": "ecr:BatchGetImage"}"#;
    let pull = async |status| {
        let call = counted.registry.request("GET", "/v2/new/app/manifests/v1");
        call.basic(&kim.id, &kim.secret).expect(status).await;
    };
    pull(404).await;
    counted.registry.create("new/app").await.unwrap();
    pull(404).await;
    set_repository_policy(&counted.registry, "new/app", tagged).await;
    pull(403).await;
}
