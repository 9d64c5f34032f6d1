use std::sync::Arc;
use std::time::Duration;

use berth_types::{Digest, RepositoryName, UploadId};

use super::token::{Claims, Grant, TOKEN};
use super::{Caller, Scope, SealingKeys, Secret};
use crate::ports::{Clock, StoreError, Timestamp};

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
    keys: SealingKeys,
    clock: Arc<dyn Clock>,
    anonymous: Caller,
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
    /// Makes an authenticator of the root's credentials and the keys that seal tokens.
    #[must_use]
    pub fn new(root: RootCredentials, keys: SealingKeys, clock: Arc<dyn Clock>) -> Self {
        Self { root, keys, clock, anonymous: Caller::Anonymous }
    }

    /// Takes callers without credentials for the root, for a registry on one's own machine.
    #[must_use]
    pub fn open(self) -> Self {
        Self { anonymous: Caller::Root, ..self }
    }

    /// Returns the root's credentials, for verifying signatures.
    #[must_use]
    pub fn root(&self) -> &RootCredentials {
        &self.root
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
        let user_matches = Secret::new(user.to_owned()).matches(&self.root.access_key_id);
        let password_matches = self.root.secret_access_key.matches(password);
        match user_matches & password_matches {
            true => Ok(Caller::Root),
            false => Err(AuthenticationError::Password),
        }
    }

    /// Returns who calls with an authorization token or a Bearer token.
    pub async fn token(&self, token: &str) -> Result<Caller, AuthenticationError> {
        match self.grant(token).await? {
            Grant::Everything => Ok(Caller::Root),
            Grant::Scopes(scopes) => Ok(Caller::ScopedRoot(scopes)),
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
            Grant::Upload(name, id) if name == *repository && id == *upload => {
                Ok(Caller::Uploader(name, id))
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
            Grant::Blob(name, blob) if name == *repository && blob == *digest => {
                Ok(Caller::Downloader(name, blob))
            }
            _ => Err(AuthenticationError::Token),
        }
    }

    /// Makes a token that is good for all that the root may do, as `GetAuthorizationToken` gives.
    pub async fn authorization_token(&self) -> Result<IssuedToken, StoreError> {
        self.issue(Grant::Everything, AUTHORIZATION_TOKEN).await
    }

    /// Makes a token that is good for `scopes`, as `/token` gives.
    pub async fn bearer_token(&self, scopes: Vec<Scope>) -> Result<IssuedToken, StoreError> {
        self.issue(Grant::Scopes(scopes), BEARER_TOKEN).await
    }

    /// Makes a token that is good for sending bytes to one upload, and for ending it.
    pub async fn upload_token(
        &self,
        repository: &RepositoryName,
        upload: &UploadId,
    ) -> Result<IssuedToken, StoreError> {
        self.issue(Grant::Upload(repository.clone(), upload.clone()), UPLOAD_TOKEN).await
    }

    /// Makes a token that is good for reading one blob, as `GetDownloadUrlForLayer` gives.
    pub async fn download_token(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<IssuedToken, StoreError> {
        self.issue(Grant::Blob(repository.clone(), digest.clone()), DOWNLOAD_TOKEN).await
    }

    /// Returns what a token is good for now.
    async fn grant(&self, token: &str) -> Result<Grant, AuthenticationError> {
        let claims: Option<Claims> = self.keys.open(TOKEN, token).await?;
        let claims = claims.ok_or(AuthenticationError::Token)?;
        if claims.access_key_id != self.root.access_key_id {
            return Err(AuthenticationError::Token);
        }
        if claims.expires_at <= self.clock.now() {
            return Err(AuthenticationError::Expired);
        }
        Ok(claims.grant)
    }

    async fn issue(&self, grant: Grant, lifetime: Duration) -> Result<IssuedToken, StoreError> {
        let issued_at = self.clock.now();
        let expires_at = issued_at.plus(lifetime);
        let access_key_id = self.root.access_key_id.clone();
        let claims = Claims { access_key_id, grant, expires_at };
        Ok(IssuedToken { token: self.keys.seal(TOKEN, &claims).await?, issued_at, expires_at })
    }
}
