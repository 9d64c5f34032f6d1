//! What all the services' clients share.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{IdentityCache, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use berth_types::Region;

/// The most tries of one call, the first one included. With [`TRY`] they end before a function's
/// 29 seconds do, so that the client is still told why.
const TRIES: u32 = 4;

/// How long one try may take, with its answer's body unless that streams. DynamoDB answers within
/// some 10 ms; a read of 16 MB takes a small function a second.
const TRY: Duration = Duration::from_secs(5);

/// How long it may take to connect, with the TLS handshake.
const CONNECT: Duration = Duration::from_secs(3);

/// Longest first pause after a try that was throttled; each further one may be twice as long. The
/// SDK's own is a second, which someone who pulls would notice. After a lost connection it begins
/// with 50 ms. All are at random below that.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Name of the sessions in which a registry replicates to another, as the other's CloudTrail has it.
const SESSION: &str = "berth-replicate";

/// Returns the settings of all clients of a container, without a call over the network.
///
/// Credentials are found at the first call, where the SDK looks for them: at the container's
/// provider, or in the environment. `AWS_ENDPOINT_URL` names another endpoint than AWS's.
pub(crate) async fn container_config(region: &Region) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(region.as_str().to_owned()))
        .http_client(http_client())
        .timeout_config(timeouts())
        .retry_config(retries())
        .load()
        .await
}

/// Returns the settings of all clients of a function. `endpoint` is another endpoint than AWS's.
///
/// Lambda puts credentials into the environment, and nowhere else. What would look for them in files
/// and at other services is not linked: it weighs a tenth of a function.
pub(crate) fn function_config(region: &Region, endpoint: Option<&str>) -> SdkConfig {
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(aws_config::Region::new(region.as_str().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client())
        .timeout_config(timeouts())
        .retry_config(retries());
    config.set_endpoint_url(endpoint.map(ToOwned::to_owned));
    config.build()
}

/// Returns the settings of all clients of another registry, in `region`, that act in `role`. `config`
/// says who assumes it, and everything else.
///
/// The provider's future asks for nothing yet: it would look for a region and for credentials, if
/// `config` had none.
pub(crate) async fn config_in_role(config: &SdkConfig, role: &str, region: &Region) -> SdkConfig {
    // The provider wants to be told the time's source, which clients know by themselves.
    let config = config.to_builder().time_source(SystemTimeSource::new()).build();
    let credentials =
        AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config).build().await;
    config
        .to_builder()
        .region(aws_config::Region::new(region.as_str().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        // One for all its clients, so that the role is assumed once.
        .identity_cache(IdentityCache::lazy().build())
        .build()
}

/// All clients share one HTTP client: one TLS stack, and one pool of connections, which are kept
/// for the next request.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(TRY).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(TRIES)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_role_is_assumed_in_another_region() {
        let region = |name: &str| name.parse::<Region>().expect("a region");
        let config = function_config(&region("us-east-1"), None);
        let role = "arn:aws:iam::123456789012:role/peer";
        let in_role = config_in_role(&config, role, &region("eu-west-1")).await;
        assert_eq!(in_role.region().map(AsRef::as_ref), Some("eu-west-1"));
        assert!(in_role.credentials_provider().is_some());
    }
}
