use std::collections::BTreeMap;
use std::time::Duration;

use berth_registry::access::Secret;
use berth_registry::ports::Timestamp;
use berth_types::Region;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::SignatureError;
use crate::operation::Operation;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How much the clocks of a client and of the registry may differ.
const SKEW: Duration = Duration::from_mins(15);

/// How long a signature in a query may be good for.
const LONGEST_EXPIRY: Duration = Duration::from_hours(7 * 24);

/// Headers that must be signed, for they say what the request does.
const MUST_BE_SIGNED: [&str; 2] = ["host", "x-amz-target"];

/// Header that the token of a session comes in.
const SECURITY_TOKEN: &str = "x-amz-security-token";

/// The same of a query.
const SECURITY_TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

/// ISO 8601's basic format, as `X-Amz-Date` has it.
const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What a request says of its signature, not yet verified.
#[derive(Debug)]
pub(crate) struct Claim {
    access_key_id: String,
    /// Token of the session that the access key belongs to.
    session_token: Option<Secret>,
    scope: Scope,
    pub(super) place: Place,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: Secret,
    /// When it was signed, by the client's clock.
    pub(crate) signed_at: Timestamp,
}

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query, which says how long it is good for.
    Query {
        /// Time from signing to the end.
        expiry: Duration,
    },
}

/// What the signing key is good for.
#[derive(Debug)]
struct Scope {
    date: String,
    region: String,
    service: String,
    end: String,
}

impl Claim {
    /// Reads the `Authorization` header, or else the query.
    pub(super) fn parse(parts: &Parts) -> Result<Self, SignatureError> {
        let query = parts.uri.query().unwrap_or_default();
        let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut claim = match parts.headers.get(AUTHORIZATION) {
            Some(header) => Self::parse_header(parts, header.to_str().unwrap_or_default())?,
            None if query.contains_key("X-Amz-Algorithm") => Self::parse_query(&query)?,
            None => return Err(SignatureError::Missing),
        };
        for name in MUST_BE_SIGNED {
            claim.must_sign(name)?;
        }
        claim.session_token = claim.session_token_of(parts, &query)?;
        Ok(claim)
    }

    fn must_sign(&self, name: &str) -> Result<(), SignatureError> {
        if self.signed_headers.iter().any(|signed| signed == name) {
            return Ok(());
        }
        let reason = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        Err(SignatureError::Scope(reason))
    }

    /// Returns the session's token, from the header or from the query. It is signed in either:
    /// what is left of the query without the signature is signed as a whole.
    fn session_token_of(
        &self,
        parts: &Parts,
        query: &BTreeMap<String, String>,
    ) -> Result<Option<Secret>, SignatureError> {
        let mut headers = parts.headers.get_all(SECURITY_TOKEN).iter();
        let in_query = query.get(SECURITY_TOKEN_PARAMETER);
        let token = match (headers.next(), in_query, headers.next()) {
            (None, None, _) => return Ok(None),
            (Some(header), None, None) => {
                self.must_sign(SECURITY_TOKEN)?;
                header.to_str().map_err(|_| SignatureError::UnknownKey)?
            }
            (None, Some(parameter), _) => parameter,
            // Two tokens are none.
            (Some(_), _, _) => return Err(SignatureError::UnknownKey),
        };
        Ok(Some(Secret::new(token.to_owned())))
    }

    /// Reads an `Authorization` header.
    pub(crate) fn parse_header(parts: &Parts, header: &str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = header.trim().split_once(' ').unwrap_or((header, ""));
        check_algorithm(algorithm)?;
        let fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
        let fields: BTreeMap<_, _> = fields.collect();
        let field = |name: &str| {
            let value = fields.get(name).copied();
            value.ok_or_else(|| {
                incomplete(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let date = parts.headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        let date = date.ok_or_else(|| {
            incomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
        })?;
        let place = Place::Header;
        let (credential, headers) = (field("Credential")?, field("SignedHeaders")?);
        Self::new(credential, headers, field("Signature")?, date, place)
    }

    fn parse_query(query: &BTreeMap<String, String>) -> Result<Self, SignatureError> {
        let field = |name: &str| {
            let value = query.get(name).map(String::as_str);
            value.ok_or_else(|| {
                incomplete(format!("AWS query-string parameters must include '{name}'."))
            })
        };
        check_algorithm(field("X-Amz-Algorithm")?)?;
        let expiry = field("X-Amz-Expires")?.parse().map(Duration::from_secs);
        let expiry = expiry.ok().filter(|expiry| *expiry <= LONGEST_EXPIRY);
        let expiry = expiry.ok_or_else(|| {
            incomplete("'X-Amz-Expires' must be a number of seconds, at most a week.")
        })?;
        let (credential, headers) = (field("X-Amz-Credential")?, field("X-Amz-SignedHeaders")?);
        let place = Place::Query { expiry };
        let date = field("X-Amz-Date")?;
        Self::new(credential, headers, field("X-Amz-Signature")?, date, place)
    }

    fn new(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        date: &str,
        place: Place,
    ) -> Result<Self, SignatureError> {
        let parts: Vec<_> = credential.split('/').map(str::to_owned).collect();
        let Ok([access_key_id, date_scope, region, service, end]) = <[String; 5]>::try_from(parts)
        else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        let signed_at = parse_date(date).ok_or_else(|| {
            incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{date}'."))
        })?;
        Ok(Self {
            access_key_id,
            session_token: None,
            scope: Scope { date: date_scope, region, service, end },
            place,
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: Secret::new(signature.to_owned()),
            signed_at,
        })
    }

    /// Checks that the signature is neither too old nor from the future.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let signed_at = self.signed_at;
        let (good_for, bound) = match self.place {
            Place::Header => (SKEW, "15 min."),
            Place::Query { expiry } => (expiry, "X-Amz-Expires"),
        };
        let (signed, present) = (format_date(signed_at), format_date(now));
        if now > signed_at.plus(good_for) {
            let earliest = now.millis().saturating_sub(millis(good_for));
            let earliest = format_date(Timestamp::from_millis(earliest));
            return Err(SignatureError::Scope(format!(
                "Signature expired: {signed} is now earlier than {earliest} ({present} - {bound})"
            )));
        }
        if signed_at > now.plus(SKEW) {
            let latest = format_date(now.plus(SKEW));
            return Err(SignatureError::Scope(format!(
                "Signature not yet current: {signed} is still later than {latest} ({present} + 15 min.)"
            )));
        }
        Ok(())
    }

    /// Checks that the signature is meant for this region and this API.
    pub(super) fn check_scope(
        &self,
        operation: Operation,
        region: &Region,
    ) -> Result<(), SignatureError> {
        let scope = &self.scope;
        let service = operation.signing_name();
        let signed = format_date(self.signed_at);
        let mut reasons = Vec::new();
        if scope.region != region.as_str() {
            reasons.push(format!(
                "Credential should be scoped to a valid region, not '{}'; this registry's is '{region}'.",
                scope.region
            ));
        }
        if scope.service != service {
            reasons.push(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if scope.end != "aws4_request" {
            let end = &scope.end;
            reasons.push(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{end}'."
            ));
        }
        if !signed.starts_with(&scope.date) || scope.date.len() != "YYYYMMDD".len() {
            reasons.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{signed}'.",
                scope.date,
                &signed[..8]
            ));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(SignatureError::Scope(reasons.join(" ")))
    }

    /// Returns the id of the access key.
    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the token of the session that the access key belongs to, if it is a session's.
    pub(super) fn session_token(&self) -> Option<&Secret> {
        self.session_token.as_ref()
    }

    /// Returns the region of the scope.
    pub(super) fn region(&self) -> &str {
        &self.scope.region
    }

    /// Returns the service of the scope.
    pub(crate) fn service(&self) -> &str {
        &self.scope.service
    }
}

fn check_algorithm(algorithm: &str) -> Result<(), SignatureError> {
    match algorithm {
        ALGORITHM => Ok(()),
        _ => Err(incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'."))),
    }
}

fn incomplete(reason: impl Into<String>) -> SignatureError {
    SignatureError::Incomplete(reason.into())
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let moment = DateTime::strptime(BASIC_FORMAT, text).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let millis = u64::try_from(moment.as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// Writes a moment as `X-Amz-Date` has it.
pub(crate) fn format_date(moment: Timestamp) -> String {
    let millis = i64::try_from(moment.millis()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    moment.strftime(BASIC_FORMAT).to_string()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
