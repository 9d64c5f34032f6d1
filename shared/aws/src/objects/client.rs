//! The SDK's client of S3.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};

/// The least bytes a second at which S3 is expected to take a body.
const SLOWEST: u64 = 2 * 1024 * 1024;

/// Makes the client of S3 that [`S3Objects`](super::S3Objects) wants.
///
/// The SDK adds no checksum of its own: it would hash in the stream and send the result behind it
/// (`aws-chunked`), though what is sent is gathered, and its checksum known, before. Buckets are
/// named in the path if there is an endpoint of one's own, else in the host's name.
#[must_use]
pub fn s3_client(config: &SdkConfig) -> Client {
    let settings = Builder::from(config)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(config.endpoint_url().is_some());
    Client::from_conf(settings.build())
}

/// Returns the settings of a request that sends `length` bytes: a try may take as much longer.
pub(super) fn time_to_send(client: &Client, length: u64) -> Builder {
    longer(client, Duration::from_millis(length * 1000 / SLOWEST))
}

/// Returns the settings of a request each try of which may take longer than the client's others.
pub(super) fn longer(client: &Client, more: Duration) -> Builder {
    let usual = client.config().timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
    let mut timeouts = TimeoutConfig::builder();
    timeouts.set_operation_attempt_timeout(usual.map(|usual| usual.saturating_add(more)));
    Builder::new().timeout_config(timeouts.build())
}
