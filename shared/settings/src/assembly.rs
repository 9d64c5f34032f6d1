use std::sync::Arc;
use std::time::Duration;

use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::Identity;
use berth_registry::access::{Authenticator, FailedLogins, RootCredentials, SealingKeys};
use berth_registry::ports::SystemClock;

use crate::Settings;

/// How long a failed log-in waits for its answer.
const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// The most bytes of a body that reach a function. An event has 6,291,456 bytes, of which base64
/// leaves three quarters, and the headers want some.
const LARGEST_BODY: u64 = 4_400_000;

/// Chunks that clients are asked for where a function takes them: a third of the largest body,
/// since the conformance suite expects that a body of three goes through.
const CHUNK_OF_A_FUNCTION: u64 = 1_466_000;

/// Chunks that clients are asked for where bodies are streamed: the smallest part of S3, so that
/// none is staged.
const CHUNK_OF_A_STREAM: u64 = 5 * 1024 * 1024;

/// How bodies of requests reach this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// Whole, in the event of a gateway.
    InEvents,
    /// As they come, from a client or a load balancer.
    Streamed,
}

/// Makes the API that a process on AWS serves; the caller adds its parts.
#[must_use]
pub fn oci_api(
    settings: &Settings,
    bodies: Bodies,
    root: RootCredentials,
    keys: SealingKeys,
) -> OciApi {
    let (registry_id, region) = (settings.account.clone(), settings.region.clone());
    let identity = Identity { registry_id, region };
    let authenticator = Authenticator::new(root, keys, identity, Arc::new(SystemClock));
    let authenticator = Arc::new(authenticator);
    let failed_logins = Arc::new(FailedLogins::new(FAILED_LOGIN));
    let (chunk_min_length, largest_body) = match bodies {
        Bodies::InEvents => (CHUNK_OF_A_FUNCTION, Some(LARGEST_BODY)),
        Bodies::Streamed => (CHUNK_OF_A_STREAM, None),
    };
    let upload_host = settings.upload_host.clone();
    let settings = ApiSettings { chunk_min_length, upload_host, largest_body };
    OciApi::new(authenticator, failed_logins, settings)
}
