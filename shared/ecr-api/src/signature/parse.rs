//! Reads what a request says of its signature.

use std::collections::BTreeMap;
use std::time::Duration;

use berth_registry::access::Secret;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::SignatureError;
use super::claim::{Claim, Place, Scope, parse_date};

/// The one algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How long a signature in a query may be good for.
const LONGEST_EXPIRY: Duration = Duration::from_hours(7 * 24);

/// Headers that say who signed what. Of two, one might be signed and the other believed.
const ONCE: [&str; 7] = [
    "authorization",
    "content-type",
    "host",
    "x-amz-content-sha256",
    "x-amz-date",
    SECURITY_TOKEN,
    "x-amz-target",
];

/// Header that the token of a session comes in.
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// The same of a query.
const SECURITY_TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

/// Begin of the names of a query's parameters that say who signed it.
const PARAMETERS: &str = "X-Amz-";

pub(super) const ALGORITHM_PARAMETER: &str = "X-Amz-Algorithm";
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

impl Claim {
    /// Reads what a request to `POST /` says. What the request does must be signed.
    pub(super) fn parse(parts: &Parts) -> Result<Self, SignatureError> {
        let claim = Self::read(parts)?;
        claim.must_sign("host", "'Host' or ':authority'")?;
        claim.must_sign("x-amz-target", "'X-Amz-Target'")?;
        Ok(claim)
    }

    /// Reads the `Authorization` header, or else the query.
    pub(super) fn read(parts: &Parts) -> Result<Self, SignatureError> {
        for name in ONCE {
            if parts.headers.get_all(name).iter().nth(1).is_some() {
                return Err(incomplete(format!("Header '{name}' must not be given twice.")));
            }
        }
        let query = query(parts)?;
        let is_in_query = [ALGORITHM_PARAMETER, SIGNATURE_PARAMETER]
            .into_iter()
            .any(|name| query.contains_key(name));
        let mut claim = match parts.headers.get(AUTHORIZATION) {
            Some(_) if is_in_query => {
                return Err(incomplete(
                    "A request is signed in its Authorization header or in its query, not in both.",
                ));
            }
            Some(header) => Self::parse_header(parts, header.to_str().unwrap_or_default())?,
            None if is_in_query => Self::parse_query(&query)?,
            None => return Err(SignatureError::Missing),
        };
        claim.session_token = claim.session_token_of(parts, &query)?;
        Ok(claim)
    }

    /// Checks that a header is signed, which AWS's messages call `shown`.
    fn must_sign(&self, name: &str, shown: &str) -> Result<(), SignatureError> {
        if self.signed_headers.iter().any(|signed| signed == name) {
            return Ok(());
        }
        let reason = format!("{shown} must be a 'SignedHeader' in the AWS Authorization.");
        Err(SignatureError::Scope(reason))
    }

    /// Returns the session's token, from the header or from the query. It is signed in either:
    /// what is left of the query without the signature is signed as a whole.
    fn session_token_of(
        &self,
        parts: &Parts,
        query: &BTreeMap<String, String>,
    ) -> Result<Option<Secret>, SignatureError> {
        let header = parts.headers.get(SECURITY_TOKEN);
        let token = match (header, query.get(SECURITY_TOKEN_PARAMETER)) {
            (None, None) => return Ok(None),
            (Some(header), None) => {
                self.must_sign(SECURITY_TOKEN, "'X-Amz-Security-Token'")?;
                header.to_str().map_err(|_| SignatureError::UnknownKey)?
            }
            (None, Some(parameter)) => parameter,
            // Two tokens are none.
            (Some(_), Some(_)) => return Err(SignatureError::UnknownKey),
        };
        Ok(Some(Secret::new(token.to_owned())))
    }

    /// Reads an `Authorization` header.
    pub(crate) fn parse_header(parts: &Parts, header: &str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = header.trim().split_once(' ').unwrap_or((header, ""));
        check_algorithm(algorithm)?;
        let mut fields = BTreeMap::new();
        for (name, value) in rest.split(',').filter_map(|field| field.trim().split_once('=')) {
            if fields.insert(name, value).is_some() {
                let reason = format!("Authorization header has the parameter '{name}' twice.");
                return Err(incomplete(reason));
            }
        }
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        let field = |name: &str| fields.get(name).copied();
        match (field("Credential"), field("Signature"), field("SignedHeaders"), date) {
            (Some(credential), Some(signature), Some(headers), Some(date)) => {
                Self::new(credential, headers, signature, date, Place::Header)
            }
            (credential, signature, headers, date) => Err(lacking([
                ("'Credential' parameter", credential),
                ("'Signature' parameter", signature),
                ("'SignedHeaders' parameter", headers),
                ("existence of a 'X-Amz-Date' header", date),
            ])),
        }
    }

    fn parse_query(query: &BTreeMap<String, String>) -> Result<Self, SignatureError> {
        let field = |name: &str| {
            let value = query.get(name).map(String::as_str);
            value.ok_or_else(|| {
                incomplete(format!("AWS query-string parameters must include '{name}'."))
            })
        };
        check_algorithm(field(ALGORITHM_PARAMETER)?)?;
        let expiry = field("X-Amz-Expires")?.parse().map(Duration::from_secs);
        let expiry = expiry.ok().filter(|expiry| *expiry <= LONGEST_EXPIRY);
        let expiry = expiry.ok_or_else(|| {
            incomplete("'X-Amz-Expires' must be a number of seconds, at most a week.")
        })?;
        let (credential, headers) = (field("X-Amz-Credential")?, field("X-Amz-SignedHeaders")?);
        let place = Place::Query { expiry };
        let date = field("X-Amz-Date")?;
        Self::new(credential, headers, field(SIGNATURE_PARAMETER)?, date, place)
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: &str,
        place: Place,
    ) -> Result<Self, SignatureError> {
        let mut parts = credential.split('/').map(str::to_owned);
        let mut part = || parts.next();
        let parts = (part(), part(), part(), part(), part(), part());
        let (Some(access_key_id), Some(date_scope), Some(region), Some(service), Some(end), None) =
            parts
        else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        let signed_at = parse_date(date).ok_or_else(|| {
            incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))
        })?;
        let signed_headers: Vec<_> = signed_headers.split(';').map(str::to_owned).collect();
        // A name that came often would be copied with its value as often.
        if !signed_headers.is_sorted_by(|name, next| name < next) {
            return Err(incomplete("SignedHeaders must be sorted, and have no name twice."));
        }
        Ok(Self {
            access_key_id,
            session_token: None,
            scope: Scope { date: date_scope, region, service, end },
            place,
            signed_headers,
            signature: Secret::new(signature.to_owned()),
            signed_at,
        })
    }
}

/// Returns the parameters of the query, in which those of a signature come once.
fn query(parts: &Parts) -> Result<BTreeMap<String, String>, SignatureError> {
    let mut parameters = BTreeMap::new();
    let query = parts.uri.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        if name.starts_with(PARAMETERS) && parameters.contains_key(&name) {
            let reason = format!("AWS query-string parameter '{name}' must not be given twice.");
            return Err(incomplete(reason));
        }
        parameters.insert(name, value);
    }
    Ok(parameters)
}

fn check_algorithm(algorithm: &str) -> Result<(), SignatureError> {
    match algorithm {
        ALGORITHM => Ok(()),
        _ => Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."))),
    }
}

/// Names everything that a header-borne signature lacks, as AWS does.
fn lacking(parts: [(&str, Option<&str>); 4]) -> SignatureError {
    let missing = parts.into_iter().filter(|(_, value)| value.is_none());
    let reasons = missing.map(|(name, _)| format!("Authorization header requires {name}."));
    incomplete(reasons.collect::<Vec<_>>().join(" "))
}

fn incomplete(reason: impl Into<String>) -> SignatureError {
    SignatureError::Incomplete(reason.into())
}
