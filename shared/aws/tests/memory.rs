//! The memory of uploads is bounded, however many there are and however long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{Credentials, RuntimeComponents, SharedCredentialsProvider};
use aws_sdk_s3::primitives::{ByteStream as SdkStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use berth_aws::{S3Objects, s3_client};
use berth_registry::ports::{NewObject, ObjectKey, WriteObjects as _};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};

const MIB: u64 = 1024 * 1024;

/// What the uploads may use, and what everything else of the process may grow by meanwhile:
/// connections, pieces on their way, what the allocator keeps.
const BOUND: u64 = 96 * MIB;
const SLACK: u64 = 16 * MIB;

const UPLOADS: u64 = 8;
const LENGTH: u64 = 200 * MIB;

const CREATED: &str =
    "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>";

/// An S3 that takes parts, slower than they come, and keeps none.
#[derive(Clone, Debug, Default)]
struct Sink {
    received: Arc<AtomicU64>,
}

impl HttpConnector for Sink {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let received = Arc::clone(&self.received);
        HttpConnectorFuture::new(async move {
            let is_part = request.uri().contains("partNumber=");
            let mut body = SdkStream::new(request.take_body());
            while let Some(piece) = body.next().await {
                let piece = piece.expect("a body");
                if is_part {
                    received.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            let answer = match request.method() {
                "POST" if request.uri().contains("uploadId=") => "<CompleteMultipartUploadResult/>",
                "POST" => CREATED,
                _ => "",
            };
            let mut response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer));
            response.headers_mut().insert("etag", "\"etag\"");
            Ok(response)
        })
    }
}

fn objects(sink: &Sink) -> S3Objects {
    let connector = SharedHttpConnector::new(sink.clone());
    let client =
        http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone());
    let credentials = Credentials::new("id", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .build();
    let bound = usize::try_from(BOUND).unwrap();
    S3Objects::new(s3_client(&config), "bucket".to_owned()).with_upload_memory(bound)
}

/// Returns one figure of the process's memory, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kibibytes: u64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().unwrap();
    kibibytes * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_unknown_length_stay_within_their_bound() {
    let sink = Sink::default();
    let objects = objects(&sink);
    let before = memory("VmRSS");
    let upload = |n: u64| {
        let objects = objects.clone();
        tokio::spawn(async move {
            let key = ObjectKey::new(format!("blobs/{n}"));
            let piece = Bytes::from(vec![7; 64 * 1024]);
            let pieces = LENGTH / piece.len() as u64;
            let body = stream::iter(0..pieces).map(move |_| Ok(piece.clone()));
            objects.put(NewObject::new(&key), body.boxed()).await.expect("a put succeeds")
        })
    };
    for size in join_all((0..UPLOADS).map(upload)).await {
        assert_eq!(size.expect("no task panics"), LENGTH);
    }
    assert_eq!(sink.received.load(Ordering::Relaxed), UPLOADS * LENGTH);
    let growth = memory("VmHWM") - before;
    println!("grew by {} MiB", growth / MIB);
    assert!(growth <= BOUND + SLACK, "grew by {growth} bytes");
    assert!(growth > BOUND / 2, "what is measured is not the uploads' memory: {growth} bytes");
}
