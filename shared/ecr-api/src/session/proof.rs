use std::collections::BTreeMap;
use std::fmt;

use berth_registry::Proof;
use berth_registry::ports::SignedCall;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request, Uri};
use serde::Deserialize;

use super::HostKnownBy;
use super::error::Refusal;
use crate::parameter::InvalidParameter;
use crate::signature::{Claim, SignatureError};

/// The one body that is sent to AWS.
const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// What the body is.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Header that binds a proof to a registry.
const REGISTRY: &str = "x-berth-registry";

/// Header that tells a proof from others of the same second, since each is good once.
const NONCE: &str = "x-berth-nonce";

/// Headers that a proof has, beside its signature; all of them are signed.
const HEADERS: [&str; 5] = ["content-type", "host", "x-amz-date", NONCE, REGISTRY];

/// Header that it has when the credentials are those of a session of AWS.
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// Spaces, commas and `=` in the header of a signature: three of them before each of its parts, less
/// the comma before the first.
const SEPARATORS: usize = 8;

/// The names by which a machine calls itself.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// A request of `sts:GetCallerIdentity`, as a client signed it.
#[derive(Deserialize)]
pub(super) struct SignedRequest {
    headers: BTreeMap<String, String>,
    body: String,
}

/// The headers are credentials.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedRequest(…)")
    }
}

impl SignedRequest {
    /// Returns the proof, if it is a request of `GetCallerIdentity` and nothing else, and is bound
    /// to the registry at `base_url`.
    pub(super) fn proof(self, known_by: HostKnownBy, base_url: &str) -> Result<Proof, Refusal> {
        if self.body != BODY {
            let constraint = format!("must be '{BODY}'");
            return Err(InvalidParameter::new("body", constraint).into());
        }
        let mut headers = lower_case(self.headers)?;
        check_names(&headers)?;
        let claim = claim(&headers)?;
        let signed: Vec<_> = headers.keys().map(String::as_str).collect();
        let signed: Vec<_> = signed.into_iter().filter(|name| *name != "authorization").collect();
        // Nothing is sent to AWS that is not signed, and nothing is missing of what is.
        if claim.signed_headers != signed {
            let constraint = format!("must be signed: {}", signed.join(";"));
            return Err(InvalidParameter::new("headers", constraint).into());
        }
        if claim.service() != "sts" {
            let reason = "Credential should be scoped to correct service: 'sts'.";
            return Err(SignatureError::Scope(reason.to_owned()).into());
        }
        let signature = claim.signature.reveal();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if signature.len() != 64 || !signature.bytes().all(is_hex) {
            let reason = "Signature must be 64 hexadecimal digits in lower case.";
            return Err(SignatureError::Incomplete(reason.to_owned()).into());
        }
        must_be_for(&headers[REGISTRY], known_by, base_url)?;
        let (signed_at, signature) = (claim.signed_at, signature.to_owned());
        headers.insert("authorization".to_owned(), authorization(&claim)?);
        let host = headers["host"].clone();
        let headers = headers.into_iter().collect();
        Ok(Proof { call: SignedCall { host, headers, body: self.body }, signed_at, signature })
    }
}

/// Writes the names of headers in lower case; each may be there once.
fn lower_case(headers: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut lower = BTreeMap::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let at = format!("headers.{name}");
        let is_plain = value.trim() == value && HeaderValue::from_str(&value).is_ok();
        if !is_plain || value.is_empty() {
            return Err(InvalidParameter::new(at, "must be the value of a header").into());
        }
        if lower.insert(name, value).is_some() {
            return Err(InvalidParameter::new(at, "must be given once").into());
        }
    }
    Ok(lower)
}

/// Checks that a proof has its headers, and no others.
fn check_names(headers: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let invalid = |name: &str, constraint: &str| {
        Err(InvalidParameter::new(format!("headers.{name}"), constraint).into())
    };
    for name in HEADERS.iter().chain(&["authorization"]) {
        if !headers.contains_key(*name) {
            return invalid(name, "must not be null");
        }
    }
    for name in headers.keys() {
        let name = name.as_str();
        if !HEADERS.contains(&name) && name != SECURITY_TOKEN && name != "authorization" {
            return invalid(name, "must not be given");
        }
    }
    match headers["content-type"].as_str() {
        FORM => Ok(()),
        _ => invalid("content-type", &format!("must be '{FORM}'")),
    }
}

/// Reads what the proof says of its signature.
fn claim(headers: &BTreeMap<String, String>) -> Result<Claim, Refusal> {
    let mut request = Request::new(());
    for (name, value) in headers {
        let header = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value));
        if let (Ok(name), Ok(value)) = header {
            request.headers_mut().insert(name, value);
        }
    }
    let (parts, ()) = request.into_parts();
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    Ok(Claim::parse_header(&parts, authorization.unwrap_or_default())?)
}

/// Writes the signature anew, so that AWS reads in it what was checked here, and nothing beside it.
fn authorization(claim: &Claim) -> Result<String, Refusal> {
    let header = claim.header();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/;".contains(&byte);
    let is_read_in_one_way = header.split([' ', ',', '=']).flat_map(str::bytes).all(is_plain)
        && header.matches([' ', ',', '=']).count() == SEPARATORS;
    if is_read_in_one_way {
        return Ok(header);
    }
    let reason = "Credential must be letters, digits, '-' and '_', between slashes.";
    Err(SignatureError::Incomplete(reason.to_owned()).into())
}

/// Checks that the registry that a proof names is this one.
fn must_be_for(named: &str, known_by: HostKnownBy, base_url: &str) -> Result<(), Refusal> {
    let here = host(base_url);
    let name = here.rsplit_once(':').map_or(here.as_str(), |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { here.as_str() }
    });
    if known_by == HostKnownBy::TheClient && !OWN_NAMES.contains(&name) {
        return Err(Refusal::Nameless);
    }
    match named == here {
        true => Ok(()),
        false => Err(Refusal::Elsewhere { named: named.to_owned(), here }),
    }
}

/// Returns the host of a URL as proofs name it: in lower case, and without a port that goes without
/// saying.
fn host(base_url: &str) -> String {
    let uri: Uri = base_url.parse().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.to_ascii_lowercase();
    let usual = if uri.scheme_str() == Some("http") { ":80" } else { ":443" };
    host.strip_suffix(usual).unwrap_or(&host).to_owned()
}

#[cfg(test)]
mod tests;
