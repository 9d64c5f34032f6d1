use std::time::Duration;

use berth_registry::access::Secret;
use berth_registry::ports::Timestamp;
use berth_types::Region;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::SignatureError;
use super::parse::ALGORITHM;
use crate::operation::Operation;

/// How much the clocks of a client and of the registry may differ.
const SKEW: Duration = Duration::from_mins(15);

/// ISO 8601's basic format, as `X-Amz-Date` has it.
const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What a request says of its signature, not yet verified.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(super) access_key_id: String,
    /// Token of the session that the access key belongs to.
    pub(super) session_token: Option<Secret>,
    pub(super) scope: Scope,
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
pub(super) struct Scope {
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) end: String,
}

impl Claim {
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

    /// Writes the `Authorization` header anew. The one that came may have said things twice, and
    /// whoever reads it next might believe the other one.
    pub(crate) fn header(&self) -> String {
        let Scope { date, region, service, end } = &self.scope;
        format!(
            "{ALGORITHM} Credential={}/{date}/{region}/{service}/{end}, SignedHeaders={}, Signature={}",
            self.access_key_id,
            self.signed_headers.join(";"),
            self.signature.reveal()
        )
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

/// Reads a moment in ISO 8601's basic format.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
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
