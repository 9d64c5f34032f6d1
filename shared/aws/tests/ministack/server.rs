//! MiniStack, AWS in one process, for one test.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};

use crate::wire::Wire;

const START: Duration = Duration::from_mins(1);

/// A MiniStack of its own. It ends when dropped.
pub struct MiniStack {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl MiniStack {
    /// Starts one that has `services`, such as `s3,kms`.
    pub async fn start(services: &str) -> Self {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/ministack/bin/ministack");
        assert!(
            program.exists(),
            "MiniStack is not installed; run `tests/tools/install-isolated ministack`"
        );
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("SERVICES", services)
            .env("TMPDIR", folder.path())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { process, folder, port };
        server.wait().await;
        server
    }

    async fn wait(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && started.elapsed() < START, "no MiniStack: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Returns the SDK's configuration for it; requests go through `wire`. Retries wait for
    /// milliseconds.
    pub fn config(&self, wire: &Wire) -> SdkConfig {
        let retries = RetryConfig::standard().with_max_attempts(3);
        let retries = retries.with_initial_backoff(Duration::from_millis(5));
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .http_client(wire.client())
            .retry_config(retries)
            .sleep_impl(aws_sdk_s3::config::SharedAsyncSleep::new(TokioSleep))
            .build()
    }
}

const ACCESS_KEY: &str = "test";
const SECRET_KEY: &str = "secret/of+the-test";

/// Timeouts and backoff by tokio's clock.
#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_s3::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_s3::config::Sleep {
        aws_sdk_s3::config::Sleep::new(tokio::time::sleep(duration))
    }
}

impl Drop for MiniStack {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
