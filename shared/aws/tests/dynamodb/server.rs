//! DynamoDB Local, for the tests.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{AsyncSleep, BehaviorVersion, Credentials, Region, Sleep};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use berth_aws::DynamoTable;
use tokio::sync::Mutex;

use crate::wire::Wire;

const START: Duration = Duration::from_mins(1);

/// The one that tests share which run at the same time.
static SHARED: Mutex<Weak<DynamoDb>> = Mutex::const_new(Weak::new());

/// A DynamoDB Local. It ends when dropped.
pub struct DynamoDb {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl DynamoDb {
    /// Returns the one that tests share, each with a table of its own.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    async fn start() -> Self {
        let jars = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/dynamodb-local");
        assert!(
            jars.join("installed.xml").exists(),
            "DynamoDB Local is not installed; run `tests/tools/install-dynamodb-local`"
        );
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("java")
            // It starts in half the time, and uses one core less.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"])
            .arg(format!("-Dsqlite4java.library.path={}", jars.display()))
            .args(["-cp", &format!("{}/*", jars.display())])
            .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
            .args(["-inMemory", "-disableTelemetry", "-port", &port.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("Java is installed");
        let mut server = Self { process, folder, port };
        server.wait().await;
        server
    }

    async fn wait(&mut self) {
        let client = client(self.port, &Wire::default());
        let started = Instant::now();
        while let Err(error) = client.list_tables().send().await {
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < START,
                "no DynamoDB: {error}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Makes the table `name`; requests go through `wire`.
    pub async fn table(&self, name: &str, wire: &Wire) -> DynamoTable {
        let client = client(self.port, wire);
        make_table(&client, name).await;
        DynamoTable::new(client, name.to_owned())
    }
}

/// Returns a table whose service is nowhere: only `wire` answers.
pub fn unreachable_table(wire: &Wire) -> DynamoTable {
    DynamoTable::new(client(9, wire), "berth".to_owned())
}

/// Returns a client. Retries wait for milliseconds.
fn client(port: u16, wire: &Wire) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(3);
    let retries = retries.with_initial_backoff(Duration::from_millis(5));
    // All clients of a process share what they may retry, which the tests would use up.
    let bucket = RetryPartition::custom("tests").token_bucket(TokenBucket::unlimited()).build();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .http_client(wire.client())
        .retry_config(retries)
        .retry_partition(bucket)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(TRY).build())
        .sleep_impl(TokioSleep);
    Client::from_conf(config.build())
}

/// How long a try may take. The server answers within milliseconds, unless all cores are busy.
const TRY: Duration = Duration::from_secs(4);

async fn make_table(client: &Client, name: &str) {
    let attribute = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key =
        |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let request = client
        .create_table()
        .table_name(name)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash).unwrap())
        .key_schema(key("sk", KeyType::Range).unwrap())
        .billing_mode(BillingMode::PayPerRequest);
    match request.send().await.map_err(SdkError::into_service_error) {
        // A try before has made it, though its answer was late.
        Ok(_) | Err(CreateTableError::ResourceInUseException(_)) => {}
        Err(error) => panic!("no table: {error:?}"),
    }
}

/// Timeouts and backoff by tokio's clock.
#[derive(Debug)]
struct TokioSleep;

impl AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
