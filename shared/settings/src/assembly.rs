use std::sync::Arc;
use std::time::Duration;

use berth_ecr_api::{BodyLimits, EcrApi, HostKnownBy, SessionApi};
use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::access::{Authenticator, FailedLogins, RootCredentials, SealingKeys};
use berth_registry::ports::{StoreError, StoreErrorKind, SystemClock, WriteTable};
use berth_registry::{FailedJobs, Ports, Registry, Sessions, Trusts, Users};
use berth_sts::{Hosts, Sts};

use crate::Settings;

/// How long a failed log-in waits for its answer.
const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// The most bytes of a body that reach a function. An event has 6,291,456 bytes, of which base64
/// leaves three quarters, and the headers want some.
const LARGEST_BODY: usize = 4_400_000;

/// Bodies of ECR's API where a function takes them. A part of 3 MiB is 4 MiB of base64, and as much
/// longer again in an event. An answer has 6,291,456 bytes too, of which base64 leaves three
/// quarters; that is more than a request, so that a manifest which came in goes out.
const BODIES_IN_EVENTS: BodyLimits =
    BodyLimits { part: 3 * 1024 * 1024, request: LARGEST_BODY, answer: 4_600_000 };

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

/// Makes the OCI API that a process on AWS serves; the caller adds its parts.
#[must_use]
pub fn oci_api(
    settings: &Settings,
    bodies: Bodies,
    root: RootCredentials,
    keys: SealingKeys,
) -> OciApi {
    let authenticator = Arc::new(authenticator(settings, root, keys));
    let failed_logins = Arc::new(FailedLogins::new(FAILED_LOGIN));
    let (chunk_min_length, largest_body) = match bodies {
        Bodies::InEvents => (CHUNK_OF_A_FUNCTION, Some(LARGEST_BODY as u64)),
        Bodies::Streamed => (CHUNK_OF_A_STREAM, None),
    };
    let upload_host = settings.upload_host.clone();
    let settings = ApiSettings { chunk_min_length, upload_host, largest_body };
    OciApi::new(authenticator, failed_logins, settings)
}

/// Makes the ECR API that a function serves: bodies reach it in events.
#[must_use]
pub fn ecr_api(
    settings: &Settings,
    ports: &Ports,
    failed_jobs: FailedJobs,
    root: RootCredentials,
    keys: SealingKeys,
) -> EcrApi {
    let authenticator = authenticator(settings, root, keys);
    let registry = Registry::new(ports, settings.push_rules);
    let gate = authenticator.gate().sharing(registry.directory());
    let (table, clock) = (ports.table.clone(), ports.clock.clone());
    EcrApi {
        registry,
        users: Users::new(table.clone(), authenticator.known_keys(), clock.clone()),
        trusts: Trusts::new(table, authenticator.known_trusts(), clock.clone()),
        failed_jobs,
        identity: settings.identity(),
        authenticator: Arc::new(authenticator),
        failed_logins: Arc::new(FailedLogins::new(FAILED_LOGIN)),
        gate,
        body_limits: BODIES_IN_EVENTS,
        clock,
    }
}

/// Makes what a function answers `POST /session` with. The gateway says which host a request came to,
/// if the settings don't.
pub fn session_api(
    settings: &Settings,
    table: Arc<dyn WriteTable>,
    keys: SealingKeys,
) -> Result<SessionApi, StoreError> {
    let hosts = match &settings.aws_endpoint {
        Some(url) => Hosts::at(url),
        None => Ok(Hosts::of(&settings.region)),
    };
    let hosts = hosts.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
    let (sts, clock) = (Arc::new(Sts::new(hosts)), Arc::new(SystemClock));
    Ok(SessionApi {
        sessions: Sessions::new(table, Arc::new(keys), sts, clock),
        failed_logins: Arc::new(FailedLogins::new(FAILED_LOGIN)),
        host: HostKnownBy::TheRegistry,
    })
}

fn authenticator(settings: &Settings, root: RootCredentials, keys: SealingKeys) -> Authenticator {
    Authenticator::new(root, keys, settings.identity(), Arc::new(SystemClock))
}
