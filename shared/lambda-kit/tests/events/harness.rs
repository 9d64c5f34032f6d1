//! Functions over one embedded store, and the events that they get.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use berth_ecr_api::EcrApi;
use berth_embedded::{DataFolder, FileKeys, NoKms};
use berth_lambda_kit::{Context, HttpApi, HttpEvent, HttpFunction, LambdaEvent, Metrics};
use berth_oci_api::OciApi;
use berth_registry::access::{RootCredentials, SealingKeys, Secret};
use berth_registry::ports::{Clock, StoreError, SystemClock, WriteObjects, WriteTable};
use berth_registry::{FailedJobs, Ports, Pull, Push, ReadPorts, Removal, RemovalPorts};
use berth_settings::{Bodies, Settings, ecr_api, oci_api};
use lambda_runtime::{Config, Diagnostic};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The host of the sample events.
pub const HOST: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";

/// Id of every invocation.
pub const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// A store, and what the functions on it are told.
pub struct Store {
    pub table: Arc<dyn WriteTable>,
    objects: Arc<dyn WriteObjects>,
    clock: Arc<dyn Clock>,
    keys: Arc<FileKeys>,
    settings: Settings,
    _folder: TempDir,
}

impl Store {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let environment = [
            ("BERTH_TABLE", "table"),
            ("BERTH_BUCKET", "bucket"),
            ("BERTH_KEY_ID", "key"),
            ("BERTH_ROOT_SECRET", "secret"),
            ("BERTH_ACCOUNT", "123456789012"),
            ("BERTH_REGION", "us-east-1"),
            ("BERTH_ALLOW_SPARSE_INDEX", "true"),
        ];
        Self {
            table: data.table(),
            objects: data.objects(),
            clock: Arc::new(SystemClock),
            keys: Arc::new(FileKeys::new(&[7; FileKeys::MASTER_KEY_BYTES])),
            settings: Settings::read(&std::collections::BTreeMap::from(environment)).unwrap(),
            _folder: folder,
        }
    }

    /// Returns the API without a part, as `token` has it.
    pub fn token(&self) -> OciApi {
        oci_api(&self.settings, Bodies::InEvents, root(), self.sealing_keys())
    }

    /// Returns ECR's API as `ecr-api` has it, at the time of `clock`.
    pub fn ecr(&self, clock: Arc<dyn Clock>) -> EcrApi {
        let (table, objects) = (self.table.clone(), self.objects.clone());
        let ports = Ports { table, objects, keys: Arc::new(NoKms), clock };
        ecr_api(&self.settings, &ports, FailedJobs::default(), root(), self.sealing_keys())
    }

    fn sealing_keys(&self) -> SealingKeys {
        SealingKeys::making(self.table.clone(), self.keys.clone(), self.clock.clone())
    }

    /// Returns the API as `oci-pull` has it.
    pub fn pull(&self) -> OciApi {
        let (table, objects) = (self.table.clone(), self.objects.clone());
        self.token().with_pull(Pull::new(&ReadPorts { table, objects, clock: self.clock.clone() }))
    }

    /// Returns the API as `oci-push` has it.
    pub fn push(&self) -> OciApi {
        let (table, objects) = (self.table.clone(), self.objects.clone());
        let ports = Ports { table, objects, keys: Arc::new(NoKms), clock: self.clock.clone() };
        self.token().with_push(Push::new(&ports, self.settings.push_rules))
    }

    /// Returns the API as `oci-delete` has it.
    pub fn delete(&self) -> OciApi {
        self.token().with_removal(Removal::new(&RemovalPorts {
            table: self.table.clone(),
            objects: self.objects.clone(),
            doomed: self.objects.clone(),
            clock: self.clock.clone(),
        }))
    }
}

/// Returns the root's access key, which the samples are of.
fn root() -> RootCredentials {
    RootCredentials {
        access_key_id: "BERTHTESTROOTKEY0001".to_owned(),
        secret_access_key: Secret::new("berth-test-secret/with+signs0123456789abc".to_owned()),
    }
}

/// Answers one event by an API.
pub async fn answer<A: HttpApi + Clone>(api: A, event: &Value) -> Value {
    let open = async || Ok::<_, StoreError>(api.clone());
    let function = HttpFunction::new(None, open, Metrics::to(Box::new(io::sink())));
    call(&function, event, 60).await.unwrap()
}

/// Lets a function answer an event within so many seconds, as the runtime would.
pub async fn call<A, O>(
    function: &HttpFunction<A, O>,
    event: &Value,
    seconds: u64,
) -> Result<Value, Diagnostic>
where
    A: HttpApi,
    O: AsyncFn() -> Result<A, StoreError>,
{
    let payload: HttpEvent = serde_json::from_str(&event.to_string()).unwrap();
    let reply = function.call(LambdaEvent::new(payload, context(seconds))).await?;
    Ok(serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap())
}

/// Returns what an invocation that may last so many seconds is told of itself.
pub fn context(seconds: u64) -> Context {
    let mut context = Context::default();
    REQUEST_ID.clone_into(&mut context.request_id);
    context.deadline = SystemClock.now().millis() + seconds * 1000;
    context.xray_trace_id = Some("Root=1-68a1b2c3-1a2b3c4d5e6f708192a3b4c5".to_owned());
    let config = Config { function_name: "berth-test".to_owned(), ..Config::default() };
    context.env_config = Arc::new(config);
    context
}

/// Reads a sample event.
pub fn sample(function: &str) -> Value {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let text = std::fs::read_to_string(events.join(format!("{function}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Makes another event of the sample of `oci-pull`.
pub fn event(method: &str, path: &str, body: Option<&str>) -> Value {
    let mut event = sample("oci-pull");
    event["rawPath"] = json!(path);
    event["requestContext"]["http"]["method"] = json!(method);
    event["headers"]["content-type"] = json!("application/vnd.oci.image.manifest.v1+json");
    event["body"] = json!(body);
    event
}

/// Bytes that were written, for tests to read.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
