//! A small client of the ECR API: signs a request with the root's key, and reads the answer.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use berth_registry::access::RootCredentials;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use serde_json::Value;
use ureq::tls::{RootCerts, TlsConfig};

use super::ConnectionOptions;
use super::access_key::access_key;

/// How long a request may take; none of the operations takes long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prefix of ECR's operations.
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";

/// Prefix of Berth's own operations.
const BERTH: &str = "Berth_20261121";

/// Calls operations of one registry.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    endpoint: Uri,
    region: String,
    access_key: RootCredentials,
}

impl Client {
    /// Makes a client of the registry that the options name.
    pub(crate) fn new(options: ConnectionOptions) -> anyhow::Result<Self> {
        let ConnectionOptions { endpoint_url, region, access_key_id, secret_access_key, data_dir } =
            options;
        let mut parts = endpoint_url.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let endpoint = Uri::from_parts(parts)
            .context("--endpoint-url must be a URL such as http://127.0.0.1:5001")?;
        Ok(Self {
            agent: agent(),
            endpoint,
            region,
            access_key: access_key(access_key_id, secret_access_key, &data_dir)?,
        })
    }

    /// Calls an operation of ECR, and returns its output.
    pub(crate) fn call(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.send(&format!("{ECR}.{operation}"), input)
    }

    /// Calls an operation of Berth's own, and returns its output.
    pub(crate) fn administer(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.send(&format!("{BERTH}.{operation}"), input)
    }

    fn send(&self, target: &str, input: &Value) -> anyhow::Result<Value> {
        let request = self.request(target, input)?;
        let answer = self.agent.run(request);
        let mut answer = answer.with_context(|| {
            format!("no answer from {}: is `berth serve` running there?", self.endpoint)
        })?;
        let status = answer.status();
        let output = answer.body_mut().read_json::<Value>();
        let output = output.with_context(|| {
            format!("{} answered {status}, but not as a registry does", self.endpoint)
        })?;
        if !status.is_success() {
            let part = |name: &str| output[name].as_str().unwrap_or_default();
            anyhow::bail!("{} ({})", part("message"), part("__type"));
        }
        Ok(output)
    }

    fn request(&self, target: &str, input: &Value) -> anyhow::Result<Request<Vec<u8>>> {
        let authority = self.endpoint.authority().context("the endpoint has no host")?;
        let mut request = Request::post(&self.endpoint)
            .header("host", authority.as_str())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", target)
            .body(serde_json::to_vec(input)?)?;
        self.sign(&mut request)?;
        Ok(request)
    }

    fn sign(&self, request: &mut Request<Vec<u8>>) -> anyhow::Result<()> {
        let RootCredentials { access_key_id, secret_access_key } = &self.access_key;
        let secret = secret_access_key.reveal();
        let identity = Credentials::new(access_key_id, secret, None, None, "berth").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("ecr")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new("POST", self.endpoint.to_string(), headers, body)?;
        let (instructions, _) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

/// Makes a client of HTTP that believes the machine's own certificates, so that a private authority
/// is trusted here as well.
pub(crate) fn agent() -> ureq::Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE));
    config.build().into()
}
