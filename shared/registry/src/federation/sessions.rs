use std::sync::Arc;
use std::time::Duration;

use berth_policy::AwsPrincipal;
use berth_types::TrustName;
use tokio::sync::Semaphore;

use super::proofs::Proofs;
use super::trusts::{SHORTEST_SESSION, page};
use super::{SessionError, Trust};
use crate::access::{IssuedSession, SESSION, SealingKeys, SessionClaims, SessionToken};
use crate::identity::new_access_key;
use crate::ports::{
    Clock, IdentifyCallers, SignedCall, StoreError, StoreErrorKind, Timestamp, WriteTable,
};

/// How old a proof may be.
const FRESH: Duration = Duration::from_mins(5);

/// How far the clock of who makes a proof may be ahead.
const AHEAD: Duration = Duration::from_mins(1);

/// How long a session lasts, if its trust allows it and nobody asks for less or more, as in
/// [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const USUAL_SESSION: Duration = Duration::from_hours(1);

/// How many proofs are shown to AWS at once.
const ASKED_AT_ONCE: usize = 16;

/// Begin of the ids of sessions' access keys, as in
/// [AWS](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
const SESSION_KEY: &str = "ASIA";

/// A request of `sts:GetCallerIdentity` whose signature proves an AWS principal. That it is bound to
/// this registry was checked where it came in.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The request.
    pub call: SignedCall,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// Its signature, by which a proof that was used is known again.
    pub signature: String,
}

/// What a session is to be like.
#[derive(Clone, Debug, Default)]
pub struct SessionWish {
    /// The trust that is to let it in; the first that does, by name, if there is no wish.
    pub trust: Option<TrustName>,
    /// How long it is to last: an hour, or as long as the trust allows if that is less, if there is
    /// no wish.
    pub lifetime: Option<Duration>,
}

/// The use case of sessions: it lets AWS principals in, for a while, as trusts say.
#[derive(Clone, Debug)]
pub struct Sessions {
    table: Arc<dyn WriteTable>,
    keys: Arc<SealingKeys>,
    callers: Arc<dyn IdentifyCallers>,
    clock: Arc<dyn Clock>,
    proofs: Proofs,
    places: Arc<Semaphore>,
}

impl Sessions {
    /// Puts the use case on a table that holds the trusts, the keys that seal sessions, and what asks
    /// AWS.
    #[must_use]
    pub fn new(
        table: Arc<dyn WriteTable>,
        keys: Arc<SealingKeys>,
        callers: Arc<dyn IdentifyCallers>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let proofs = Proofs::new(table.clone(), clock.clone());
        let places = Arc::new(Semaphore::new(ASKED_AT_ONCE));
        Self { table, keys, callers, clock, proofs, places }
    }

    /// Lets in whoever made the proof, if AWS vouches for them and a trust means them. A proof is
    /// good for one session.
    pub async fn begin(
        &self,
        proof: Proof,
        wish: SessionWish,
    ) -> Result<IssuedSession, SessionError> {
        let Proof { call, signed_at, signature } = proof;
        self.check_time(signed_at)?;
        self.proofs.must_be_unused(signed_at, &signature).await?;
        let caller = {
            // The semaphore is never closed.
            let _place = self.places.acquire().await.ok();
            self.callers.identify(call).await?
        };
        let principal = caller.arn.parse::<AwsPrincipal>();
        let principal = principal.map_err(|it| StoreError::new(StoreErrorKind::Damaged, it))?;
        let trust = self.trust_of(&principal, wish.trust.as_ref()).await?;
        let usual = USUAL_SESSION.min(trust.max_session);
        let lifetime = wish.lifetime.unwrap_or(usual);
        if !(SHORTEST_SESSION..=trust.max_session).contains(&lifetime) {
            let (least, most) = (SHORTEST_SESSION, trust.max_session);
            return Err(SessionError::Duration { least, most });
        }
        self.proofs.use_up(signed_at, &signature).await?;
        Ok(self.issue(&trust, &principal, caller.user_id, lifetime).await?)
    }

    fn check_time(&self, signed_at: Timestamp) -> Result<(), SessionError> {
        let now = self.clock.now();
        if signed_at.plus(FRESH) < now {
            return Err(SessionError::Stale { signed_at, now, most: FRESH });
        }
        if signed_at > now.plus(AHEAD) {
            return Err(SessionError::Early { signed_at, now, most: AHEAD });
        }
        Ok(())
    }

    /// Returns the trust that lets `principal` in: the one of that name, or the first.
    async fn trust_of(
        &self,
        principal: &AwsPrincipal,
        name: Option<&TrustName>,
    ) -> Result<Trust, SessionError> {
        let mut after = None;
        loop {
            let page = page(self.table.as_ref(), after.as_ref(), 1000).await?;
            for trust in page.trusts {
                let is_wanted = name.is_none_or(|name| *name == trust.name);
                if is_wanted && trust.principals.iter().any(|it| it.matches(principal)) {
                    return Ok(trust);
                }
            }
            after = page.next;
            if after.is_none() {
                return Err(SessionError::Untrusted(principal.arn().to_owned()));
            }
        }
    }

    /// Makes a session of a principal that the trust lets in.
    async fn issue(
        &self,
        trust: &Trust,
        principal: &AwsPrincipal,
        user_id: String,
        lifetime: Duration,
    ) -> Result<IssuedSession, StoreError> {
        let (access_key_id, secret) = new_access_key(SESSION_KEY)?;
        let issued_at = self.clock.now();
        let claims = SessionClaims {
            access_key_id: access_key_id.clone(),
            principal: principal.arn().to_owned(),
            user_id,
            trust: trust.name.clone(),
            trust_id: trust.id,
            issued_at,
            expires_at: issued_at.plus(lifetime),
        };
        let (principal, expires_at) = (claims.principal.clone(), claims.expires_at);
        let token = SessionToken { secret: secret.reveal().to_owned(), claims };
        Ok(IssuedSession {
            access_key_id,
            secret_access_key: secret,
            session_token: self.keys.seal(SESSION, &token).await?,
            principal,
            trust: trust.name.clone(),
            expires_at,
        })
    }
}
