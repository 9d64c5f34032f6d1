//! The port that asks AWS STS who made a call, over HTTPS.
//!
//! It forwards what somebody else signed, so that it needs no credentials and no SDK: `berth serve`
//! and the function that begins sessions share it. It sends to the hosts of STS that it was made for,
//! whatever a request says, follows no redirect, and reads a bounded answer for a bounded time. It
//! knows no rule of the registry.

mod answer;
mod hosts;

pub use hosts::{EndpointError, Hosts};

use std::time::Duration;

use async_trait::async_trait;
use berth_registry::ports::{
    AwsCaller, IdentifyCallers, IdentifyError, SignedCall, StoreError, StoreErrorKind,
};
use http::Request;
use ureq::tls::{RootCerts, TlsConfig};

/// How long AWS may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of an answer.
const LARGEST_ANSWER: u64 = 64 * 1024;

/// Asks STS who made a call.
#[derive(Clone, Debug)]
pub struct Sts {
    hosts: Hosts,
    agent: ureq::Agent,
}

impl Sts {
    /// Asks these hosts, and no others.
    #[must_use]
    pub fn new(hosts: Hosts) -> Self {
        // The machine's own certificates, as everything here that is a client of HTTPS.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        Self { hosts, agent: config.build().into() }
    }

    /// Sends the call, and waits for the answer; its status and its text.
    fn send(&self, request: Request<String>) -> Result<(u16, String), StoreError> {
        let unavailable = |error| StoreError::new(StoreErrorKind::Unavailable, error);
        let mut answer = self.agent.run(request).map_err(unavailable)?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_string();
        Ok((status, body.map_err(unavailable)?))
    }
}

#[async_trait]
impl IdentifyCallers for Sts {
    async fn identify(&self, call: SignedCall) -> Result<AwsCaller, IdentifyError> {
        let SignedCall { host, headers, body } = call;
        let Some(url) = self.hosts.url_of(&host) else {
            return Err(IdentifyError::UnknownHost(host));
        };
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body);
        let request = request.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        let sts = self.clone();
        let answered = tokio::task::spawn_blocking(move || sts.send(request)).await;
        let (status, text) =
            answered.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))??;
        answer::parse(status, &text)
    }
}
