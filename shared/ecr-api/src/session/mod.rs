//! `POST /session`: a proof of an AWS principal for a session's credentials.
//!
//! A proof is a request of `sts:GetCallerIdentity` that the principal signed, with a header that names
//! this registry, as [Vault](https://developer.hashicorp.com/vault/docs/auth/aws#iam-auth-method) and
//! EKS have it. The request is checked to be just that, and AWS is asked who signed it.

mod error;
mod proof;

use std::sync::Arc;
use std::time::Duration;

use berth_registry::access::{FailedLogins, IssuedSession};
use berth_registry::{SessionWish, Sessions};
use berth_types::TrustName;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use self::error::Refusal;
use self::proof::SignedRequest;
use crate::parameter::InvalidParameter;

/// Longest body of a request; the caller reads no more than that. AWS's session tokens have some
/// thousand characters.
pub const MOST_SESSION_BYTES: usize = 16 * 1024;

/// Answers `POST /session`.
#[derive(Clone, Debug)]
pub struct SessionApi {
    /// The use case.
    pub sessions: Sessions,
    /// Slows guesses down.
    pub failed_logins: Arc<FailedLogins>,
    /// Whose word it is, which host a request came to.
    pub host: HostKnownBy,
}

/// Whose word it is, which host a request came to. A proof for another host must not be taken: who
/// received one there would bring it here, and might say that this is the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKnownBy {
    /// The registry's settings, or the gateway in front of it.
    TheRegistry,
    /// The client. Proofs are taken for this machine's own names alone.
    TheClient,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    request: SignedRequest,
    trust_name: Option<String>,
    duration_seconds: Option<u64>,
}

impl SessionApi {
    /// Answers one request, which came to the registry at `base_url`, such as
    /// `https://registry.example.com`.
    pub async fn handle(&self, request: Request<Bytes>, base_url: &str) -> Response<Bytes> {
        match self.begin(&request, base_url).await {
            Ok(session) => response(StatusCode::OK, &describe(&session)),
            Err(refusal) => self.refuse(&refusal).await,
        }
    }

    /// Makes an answer of whatever carries requests here, in the form of the API's errors.
    #[must_use]
    pub fn failure(status: StatusCode, message: &str) -> Response<Bytes> {
        let code = match status.is_server_error() {
            true => "ServerException",
            false => "SerializationException",
        };
        response(status, &json!({ "__type": code, "message": message }))
    }

    async fn begin(
        &self,
        request: &Request<Bytes>,
        base_url: &str,
    ) -> Result<IssuedSession, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        if request.body().len() > MOST_SESSION_BYTES {
            return Err(Refusal::TooLong);
        }
        let input: Input = serde_json::from_slice(request.body())
            .map_err(|error| Refusal::Serialization(error.to_string()))?;
        let proof = input.request.proof(self.host, base_url)?;
        let trust = input.trust_name.map(TrustName::try_from).transpose();
        let trust = trust.map_err(|it| InvalidParameter::new("trustName", it.to_string()))?;
        let lifetime = input.duration_seconds.map(Duration::from_secs);
        let issued = self.sessions.begin(proof, SessionWish { trust, lifetime }).await?;
        tracing::info!(
            principal = issued.principal,
            trust = %issued.trust,
            access_key_id = %issued.access_key_id,
            "a session begins"
        );
        Ok(issued)
    }

    async fn refuse(&self, refusal: &Refusal) -> Response<Bytes> {
        if refusal.may_be_a_guess() {
            self.failed_logins.slow_down().await;
        }
        let (status, code, message) = refusal.answer();
        if status.is_server_error() {
            tracing::error!(cause = refusal.cause(), "a session does not begin");
        }
        response(status, &json!({ "__type": code, "message": message }))
    }
}

fn describe(session: &IssuedSession) -> Value {
    let millis = i64::try_from(session.expires_at.millis()).unwrap_or(i64::MAX);
    let expiration = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    json!({
        "credentials": {
            "accessKeyId": session.access_key_id,
            "secretAccessKey": session.secret_access_key.reveal(),
            "sessionToken": session.session_token.reveal(),
            "expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        },
        "principalArn": session.principal,
        "trustName": session.trust,
    })
}

fn response(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
