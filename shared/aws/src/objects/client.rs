//! The SDK's client of S3.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};

/// How long one try may take until the answer begins, with all the bytes that it sends: a part of
/// 21 MiB at a slow 1 MiB/s.
const TRY: Duration = Duration::from_secs(25);

/// Makes the client of S3 that [`S3Objects`](super::S3Objects) wants.
///
/// The SDK adds no checksum of its own: it would hash in the stream and send the result behind it
/// (`aws-chunked`), though what is sent is gathered, and its checksum known, before. Buckets are
/// named in the path if there is an endpoint of one's own, else in the host's name.
#[must_use]
pub fn s3_client(config: &SdkConfig) -> Client {
    let timeouts = config
        .timeout_config()
        .map_or_else(TimeoutConfig::builder, |timeouts| timeouts.to_builder());
    let settings = Builder::from(config)
        .timeout_config(timeouts.operation_attempt_timeout(TRY).build())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(config.endpoint_url().is_some());
    Client::from_conf(settings.build())
}
