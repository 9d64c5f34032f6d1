use std::sync::Arc;
use std::time::Duration;

use berth_policy::AwsPrincipal;
use berth_types::{Digest, RepositoryName, UploadId};

use super::session::{SESSION, SessionClaims, SessionToken};
use super::token::{Claims, Grant, TOKEN};
use super::{
    Caller, Gate, KnownKeys, KnownSession, KnownTrusts, Principal, Scope, SealingKeys, Secret,
};
use crate::ports::{Clock, StoreError, Timestamp};
use crate::registry::Identity;

/// How long an authorization token lives, as in ECR.
const AUTHORIZATION_TOKEN: Duration = Duration::from_hours(12);

/// How long a Bearer token lives; clients fetch a new one when it ends.
const BEARER_TOKEN: Duration = Duration::from_mins(15);

/// How long an upload's token lives. Every answer about the upload brings a new one.
const UPLOAD_TOKEN: Duration = Duration::from_hours(1);

/// How long a download's token lives.
const DOWNLOAD_TOKEN: Duration = Duration::from_hours(1);

/// User name under which `/v2/` takes an authorization token as the password, as in ECR.
const TOKEN_USER: &str = "AWS";

/// The root's access key.
#[derive(Clone, Debug)]
pub struct RootCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
}

/// Turns credentials into a [`Caller`], and callers into tokens.
#[derive(Debug)]
pub struct Authenticator {
    root: RootCredentials,
    keys: Arc<SealingKeys>,
    known: Arc<KnownKeys>,
    trusts: Arc<KnownTrusts>,
    identity: Identity,
    clock: Arc<dyn Clock>,
    anonymous: Caller,
}

/// An access key that this registry knows; whether the client has its secret is to be proved.
#[derive(Clone, Debug)]
pub struct FoundKey {
    /// Whose it is.
    pub principal: Principal,
    /// Its secret.
    pub secret: Secret,
}

/// Credentials that prove nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// The user or the password is wrong.
    #[error("user name or password is wrong")]
    Password,
    /// The token is none of this registry's, or not good for what it is used for.
    #[error("token is not valid")]
    Token,
    /// The token was valid once.
    #[error("token has expired")]
    Expired,
    /// The key that may have sealed the token can't be read, so that nobody knows.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A token, and when it ends.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: Secret,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Authenticator {
    /// Makes an authenticator of the root's credentials, the keys that seal tokens and secrets, and
    /// the registry's identity, of which users have their ARNs.
    #[must_use]
    pub fn new(
        root: RootCredentials,
        keys: SealingKeys,
        identity: Identity,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let keys = Arc::new(keys);
        let known = KnownKeys::new(keys.clone(), identity.clone(), clock.clone());
        let trusts = KnownTrusts::new(keys.clone(), clock.clone());
        let (known, trusts) = (Arc::new(known), Arc::new(trusts));
        Self { root, keys, known, trusts, identity, clock, anonymous: Caller::Anonymous }
    }

    /// Takes callers without credentials for the root, for a registry on one's own machine.
    #[must_use]
    pub fn open(self) -> Self {
        Self { anonymous: Caller::ROOT, ..self }
    }

    /// Returns the keys that seal tokens, sessions and secrets.
    #[must_use]
    pub fn sealing_keys(&self) -> Arc<SealingKeys> {
        self.keys.clone()
    }

    /// Returns what the process knows of access keys.
    #[must_use]
    pub fn known_keys(&self) -> Arc<KnownKeys> {
        self.known.clone()
    }

    /// Returns what the process knows of trusts.
    #[must_use]
    pub fn known_trusts(&self) -> Arc<KnownTrusts> {
        self.trusts.clone()
    }

    /// Returns the gate of the registry that the callers call.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate::new(self.identity.clone(), self.keys.table().clone(), self.clock.clone())
    }

    /// Returns an access key, the root's or an active one of a user; `None` if there is none.
    pub async fn find_key(&self, id: &str) -> Result<Option<FoundKey>, StoreError> {
        if Secret::new(id.to_owned()).matches(&self.root.access_key_id) {
            let secret = self.root.secret_access_key.clone();
            return Ok(Some(FoundKey { principal: Principal::Root, secret }));
        }
        let found = self.known.find(id).await?;
        Ok(found.map(|key| FoundKey {
            principal: Principal::User(key.user.clone()),
            secret: key.secret.clone(),
        }))
    }

    /// Returns the access key of a session that lives, by the token that comes with it.
    pub async fn find_session(
        &self,
        id: &str,
        token: &str,
    ) -> Result<FoundKey, AuthenticationError> {
        let token: Option<SessionToken> = self.keys.open(SESSION, token).await?;
        let token = token.filter(|token| token.claims.access_key_id.as_str() == id);
        let SessionToken { secret, claims } = token.ok_or(AuthenticationError::Token)?;
        let session = self.live(claims).await?;
        Ok(FoundKey { principal: Principal::Session(session), secret: Secret::new(secret) })
    }

    /// Returns the session of these claims, if it lives and its trust still lets it in.
    async fn live(&self, claims: SessionClaims) -> Result<Arc<KnownSession>, AuthenticationError> {
        if claims.expires_at <= self.clock.now() {
            return Err(AuthenticationError::Expired);
        }
        let principal = claims.principal.parse::<AwsPrincipal>();
        let principal = principal.map_err(|_| AuthenticationError::Token)?;
        let trust = self.trusts.find(&claims.trust).await?;
        let trust = trust.filter(|trust| trust.lets_in(claims.trust_id, &principal));
        let trust = trust.ok_or(AuthenticationError::Token)?;
        Ok(Arc::new(KnownSession::new(claims, principal, trust)))
    }

    /// Returns who calls without credentials.
    #[must_use]
    pub fn anonymous(&self) -> Caller {
        self.anonymous.clone()
    }

    /// Returns who calls with a user name and password: an access key, or `AWS` and an
    /// authorization token.
    pub async fn basic(&self, user: &str, password: &str) -> Result<Caller, AuthenticationError> {
        if user == TOKEN_USER {
            return self.token(password).await;
        }
        match self.find_key(user).await? {
            Some(key) if key.secret.matches(password) => Ok(Caller::Principal(key.principal)),
            _ => Err(AuthenticationError::Password),
        }
    }

    /// Returns who calls with an authorization token or a Bearer token.
    pub async fn token(&self, token: &str) -> Result<Caller, AuthenticationError> {
        let (principal, grant) = self.grant(token).await?;
        match grant {
            Grant::Everything => Ok(Caller::Principal(principal)),
            Grant::Scopes(scopes) => Ok(Caller::Scoped(principal, scopes)),
            Grant::Upload(..) | Grant::Blob(..) => Err(AuthenticationError::Token),
        }
    }

    /// Returns who calls with the token of an upload, on that very upload of that repository.
    pub async fn uploader(
        &self,
        token: &str,
        repository: &RepositoryName,
        upload: &UploadId,
    ) -> Result<Caller, AuthenticationError> {
        match self.grant(token).await? {
            (principal, Grant::Upload(name, id)) if name == *repository && id == *upload => {
                Ok(Caller::Uploader(principal, name, id))
            }
            _ => Err(AuthenticationError::Token),
        }
    }

    /// Returns who calls with the token of a download, for that very blob of that repository.
    pub async fn downloader(
        &self,
        token: &str,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Caller, AuthenticationError> {
        match self.grant(token).await? {
            (principal, Grant::Blob(name, blob)) if name == *repository && blob == *digest => {
                Ok(Caller::Downloader(principal, name, blob))
            }
            _ => Err(AuthenticationError::Token),
        }
    }

    /// Makes a token that is good for all that the principal may do, as `GetAuthorizationToken`
    /// gives.
    pub async fn authorization_token(
        &self,
        principal: &Principal,
    ) -> Result<IssuedToken, StoreError> {
        self.issue(principal, Grant::Everything, AUTHORIZATION_TOKEN).await
    }

    /// Makes a token that is good for `scopes`, as `/token` gives.
    pub async fn bearer_token(
        &self,
        principal: &Principal,
        scopes: Vec<Scope>,
    ) -> Result<IssuedToken, StoreError> {
        self.issue(principal, Grant::Scopes(scopes), BEARER_TOKEN).await
    }

    /// Makes a token that is good for sending bytes to one upload, and for ending it.
    pub async fn upload_token(
        &self,
        principal: &Principal,
        repository: &RepositoryName,
        upload: &UploadId,
    ) -> Result<IssuedToken, StoreError> {
        let grant = Grant::Upload(repository.clone(), upload.clone());
        self.issue(principal, grant, UPLOAD_TOKEN).await
    }

    /// Makes a token that is good for reading one blob, as `GetDownloadUrlForLayer` gives.
    pub async fn download_token(
        &self,
        principal: &Principal,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<IssuedToken, StoreError> {
        let grant = Grant::Blob(repository.clone(), digest.clone());
        self.issue(principal, grant, DOWNLOAD_TOKEN).await
    }

    /// Returns whose a token is, and what it is good for now.
    async fn grant(&self, token: &str) -> Result<(Principal, Grant), AuthenticationError> {
        let claims: Option<Claims> = self.keys.open(TOKEN, token).await?;
        let claims = claims.ok_or(AuthenticationError::Token)?;
        let principal = if let Some(session) = claims.session {
            Principal::Session(self.live(session).await?)
        } else {
            let key = self.find_key(&claims.access_key_id).await?;
            key.ok_or(AuthenticationError::Token)?.principal
        };
        if claims.expires_at <= self.clock.now() {
            return Err(AuthenticationError::Expired);
        }
        Ok((principal, claims.grant))
    }

    async fn issue(
        &self,
        principal: &Principal,
        grant: Grant,
        lifetime: Duration,
    ) -> Result<IssuedToken, StoreError> {
        let issued_at = self.clock.now();
        let mut expires_at = issued_at.plus(lifetime);
        let mut session = None;
        let access_key_id = match principal {
            Principal::Root => self.root.access_key_id.clone(),
            Principal::User(user) => user.access_key_id().to_string(),
            Principal::Session(known) => {
                let claims = known.claims();
                expires_at = expires_at.min(claims.expires_at);
                session = Some(claims.clone());
                claims.access_key_id.to_string()
            }
        };
        let claims = Claims { access_key_id, session, grant, expires_at };
        Ok(IssuedToken { token: self.keys.seal(TOKEN, &claims).await?, issued_at, expires_at })
    }
}
