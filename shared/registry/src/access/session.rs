use std::fmt;
use std::sync::Arc;

use berth_policy::AwsPrincipal;
use berth_types::{AccessKeyId, TrustName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Secret;
use super::known_trusts::KnownTrust;
use crate::ports::Timestamp;

/// What session tokens are sealed for.
pub(crate) const SESSION: &str = "session";

/// What is known of a session, without asking anyone: it is written into its token, and into the
/// tokens that the session asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionClaims {
    /// Id of its access key.
    pub(crate) access_key_id: AccessKeyId,
    /// ARN of the AWS principal whose session it is.
    pub(crate) principal: String,
    /// What AWS calls the principal's unique id.
    pub(crate) user_id: String,
    /// The trust that let it in, with whose policies it acts, and with which it ends.
    pub(crate) trust: TrustName,
    /// Id of the trust: one that is made anew under an old name has let nobody in yet.
    pub(crate) trust_id: Uuid,
    /// When it began.
    pub(crate) issued_at: Timestamp,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

/// What a session token says, sealed for [`SESSION`].
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionToken {
    /// Secret of its access key.
    pub(crate) secret: String,
    pub(crate) claims: SessionClaims,
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("claims", &self.claims).finish_non_exhaustive()
    }
}

/// Credentials of a session, for whoever proved to be the principal.
#[derive(Clone, Debug)]
pub struct IssuedSession {
    /// Id of the access key.
    pub access_key_id: AccessKeyId,
    /// Secret of the access key.
    pub secret_access_key: Secret,
    /// What comes with every request, as `X-Amz-Security-Token`.
    pub session_token: Secret,
    /// ARN of the AWS principal whose session it is.
    pub principal: String,
    /// The trust that let it in.
    pub trust: TrustName,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session of an AWS principal, which lives and is trusted.
#[derive(Debug)]
pub struct KnownSession {
    claims: SessionClaims,
    principal: AwsPrincipal,
    trust: Arc<KnownTrust>,
}

impl KnownSession {
    pub(super) fn new(
        claims: SessionClaims,
        principal: AwsPrincipal,
        trust: Arc<KnownTrust>,
    ) -> Self {
        Self { claims, principal, trust }
    }

    /// Returns the AWS principal whose session it is.
    #[must_use]
    pub fn principal(&self) -> &AwsPrincipal {
        &self.principal
    }

    /// Returns what its tokens say of it.
    pub(super) fn claims(&self) -> &SessionClaims {
        &self.claims
    }

    /// Returns the trust that let it in.
    pub(super) fn trust(&self) -> &KnownTrust {
        &self.trust
    }
}

/// A session is the same by the same access key, whatever its trust said at that moment.
impl PartialEq for KnownSession {
    fn eq(&self, other: &Self) -> bool {
        self.claims == other.claims
    }
}

impl Eq for KnownSession {}
