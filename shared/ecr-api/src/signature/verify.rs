use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use berth_registry::access::Secret;
use http::header::HOST;
use http::request::Parts;
use sha2::{Digest, Sha256};

use super::SignatureError;
use super::claim::{Claim, Place};
use crate::repository_description::host;

/// Bytes that are hashed before other work gets its turn; some 100 µs.
const HASHED_AT_ONCE: usize = 256 * 1024;

const CONTENT_SHA256: &str = "x-amz-content-sha256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Parameters of a query that are the signature's own, and are added when it is made again.
const SIGNATURE_PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// What was signed, as the registry received it.
#[derive(Debug)]
pub(super) struct Request<'a> {
    method: &'a str,
    path_and_query: String,
    /// The signed headers, but the host.
    headers: Vec<(&'a str, &'a str)>,
    /// Names that the client may have signed as the host: what it sent, and what it sees when a
    /// proxy in between has put another name there.
    hosts: [&'a str; 2],
    payload: String,
}

impl<'a> Request<'a> {
    /// Gathers what the claim says was signed.
    pub(super) async fn new(
        parts: &'a Parts,
        body: &[u8],
        base_url: &'a str,
        claim: &'a Claim,
    ) -> Result<Self, SignatureError> {
        let mut headers = Vec::new();
        for name in &claim.signed_headers {
            if name == "host" {
                continue;
            }
            for value in parts.headers.get_all(name) {
                let value = value.to_str().map_err(|_| SignatureError::Mismatch)?;
                headers.push((name.as_str(), value));
            }
        }
        let seen = host(base_url);
        let sent = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let sent = sent.or(parts.uri.authority().map(http::uri::Authority::as_str));
        Ok(Self {
            method: parts.method.as_str(),
            path_and_query: path_and_query(parts),
            payload: payload(&headers, body).await,
            headers,
            hosts: [sent.unwrap_or(seen), seen],
        })
    }

    /// Whether whoever has `secret` made the signature of the claim over this request.
    pub(super) fn is_signed(&self, claim: &Claim, secret: &Secret) -> Result<bool, SignatureError> {
        let [sent, seen] = self.hosts;
        let as_sent = self.signature(sent, claim, secret)?;
        if claim.signature.matches(&as_sent) {
            return Ok(true);
        }
        Ok(sent != seen && claim.signature.matches(&self.signature(seen, claim, secret)?))
    }

    /// Makes the signature that the client should have made.
    fn signature(
        &self,
        host: &str,
        claim: &Claim,
        secret: &Secret,
    ) -> Result<String, SignatureError> {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.excluded_headers = None;
        if let Place::Query { expiry } = claim.place {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(expiry);
        }
        let secret = secret.reveal();
        let credentials = Credentials::new(claim.access_key_id(), secret, None, None, "berth");
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(claim.region())
            .name(claim.service())
            .time(UNIX_EPOCH + Duration::from_millis(claim.signed_at.millis()))
            .settings(settings)
            .build()
            .map_err(|_| SignatureError::Mismatch)?;
        let headers = self.headers.iter().copied().chain([("host", host)]);
        let body = SignableBody::Precomputed(self.payload.clone());
        let request = SignableRequest::new(self.method, &self.path_and_query, headers, body);
        let request = request.map_err(|_| SignatureError::Mismatch)?;
        let output = sign(request, &params.into()).map_err(|_| SignatureError::Mismatch)?;
        Ok(output.signature().to_owned())
    }
}

/// Returns path and query without the signature.
fn path_and_query(parts: &Parts) -> String {
    let query = parts.uri.query().unwrap_or_default().split('&');
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !SIGNATURE_PARAMETERS.contains(&name)
    };
    let query: Vec<_> = query.filter(is_kept).collect();
    if query.is_empty() {
        return parts.uri.path().to_owned();
    }
    format!("{}?{}", parts.uri.path(), query.join("&"))
}

/// Returns what stands for the body in the signature: its hash, unless the client has signed that
/// it left the body out.
async fn payload(signed_headers: &[(&str, &str)], body: &[u8]) -> String {
    if signed_headers.contains(&(CONTENT_SHA256, UNSIGNED_PAYLOAD)) {
        return UNSIGNED_PAYLOAD.to_owned();
    }
    let mut hasher = Sha256::new();
    for chunk in body.chunks(HASHED_AT_ONCE) {
        hasher.update(chunk);
        tokio::task::yield_now().await;
    }
    hex::encode(hasher.finalize())
}
