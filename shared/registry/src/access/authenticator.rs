use std::sync::Arc;
use std::time::Duration;

use super::token::Claims;
use super::{Caller, Scope, SealingKey, Secret};
use crate::ports::{Clock, StoreError, StoreErrorKind, Timestamp};

/// How long an authorization token lives, as in ECR.
const AUTHORIZATION_TOKEN: Duration = Duration::from_hours(12);

/// How long a Bearer token lives; clients fetch a new one when it ends.
const BEARER_TOKEN: Duration = Duration::from_mins(15);

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
    key: SealingKey,
    clock: Arc<dyn Clock>,
    anonymous: Caller,
}

/// Credentials that prove nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The user or the password is wrong.
    #[error("user name or password is wrong")]
    Password,
    /// The token is none of this registry's.
    #[error("token is not valid")]
    Token,
    /// The token was valid once.
    #[error("token has expired")]
    Expired,
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
    /// Makes an authenticator of the root's credentials and the key that seals tokens.
    #[must_use]
    pub fn new(root: RootCredentials, key: SealingKey, clock: Arc<dyn Clock>) -> Self {
        Self { root, key, clock, anonymous: Caller::Anonymous }
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
    pub fn basic(&self, user: &str, password: &str) -> Result<Caller, AuthenticationError> {
        if user == TOKEN_USER {
            return self.token(password);
        }
        let user_matches = Secret::new(user.to_owned()).matches(&self.root.access_key_id);
        let password_matches = self.root.secret_access_key.matches(password);
        match user_matches & password_matches {
            true => Ok(Caller::Root),
            false => Err(AuthenticationError::Password),
        }
    }

    /// Returns who calls with a token of either kind.
    pub fn token(&self, token: &str) -> Result<Caller, AuthenticationError> {
        let claims = self.key.open(token).ok_or(AuthenticationError::Token)?;
        if claims.access_key_id != self.root.access_key_id {
            return Err(AuthenticationError::Token);
        }
        if claims.expires_at <= self.clock.now() {
            return Err(AuthenticationError::Expired);
        }
        Ok(claims.scopes.map_or(Caller::Root, Caller::ScopedRoot))
    }

    /// Makes a token that is good for all that the root may do, as `GetAuthorizationToken` gives.
    pub fn authorization_token(&self) -> Result<IssuedToken, StoreError> {
        self.issue(None, AUTHORIZATION_TOKEN)
    }

    /// Makes a token that is good for `scopes`, as `/token` gives.
    pub fn bearer_token(&self, scopes: Vec<Scope>) -> Result<IssuedToken, StoreError> {
        self.issue(Some(scopes), BEARER_TOKEN)
    }

    fn issue(
        &self,
        scopes: Option<Vec<Scope>>,
        lifetime: Duration,
    ) -> Result<IssuedToken, StoreError> {
        let issued_at = self.clock.now();
        let expires_at = issued_at.plus(lifetime);
        let access_key_id = self.root.access_key_id.clone();
        let claims = Claims { access_key_id, scopes, expires_at };
        let token = self.key.seal(&claims);
        let token = token.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        Ok(IssuedToken { token, issued_at, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct TestClock(AtomicU64);

    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn authenticator(id: &str, clock: &Arc<TestClock>) -> Authenticator {
        let secret_access_key = Secret::new("secret".into());
        let root = RootCredentials { access_key_id: id.into(), secret_access_key };
        Authenticator::new(root, SealingKey::new(&[7; SEALING_KEY]), clock.clone())
    }

    const SEALING_KEY: usize = super::super::SEALING_KEY_BYTES;

    #[test]
    fn takes_the_roots_key() {
        let authenticator = authenticator("root", &Arc::default());
        assert_eq!(authenticator.basic("root", "secret"), Ok(Caller::Root));
        let wrong = Err(AuthenticationError::Password);
        assert_eq!(authenticator.basic("root", "secret2"), wrong);
        assert_eq!(authenticator.basic("toor", "secret"), wrong);
        assert_eq!(authenticator.basic("", ""), wrong);
    }

    #[test]
    fn tokens_live_their_time() {
        let clock = Arc::new(TestClock::default());
        let authenticator = authenticator("root", &clock);
        let issued = authenticator.authorization_token().unwrap();
        let token = issued.token.reveal();
        assert_eq!(authenticator.basic("AWS", token), Ok(Caller::Root));
        clock.0.store(12 * 3600 * 1000 - 1, Ordering::SeqCst);
        assert_eq!(authenticator.token(token), Ok(Caller::Root));
        clock.0.store(12 * 3600 * 1000, Ordering::SeqCst);
        assert_eq!(authenticator.token(token), Err(AuthenticationError::Expired));
    }

    #[test]
    fn bearer_tokens_keep_their_scopes() {
        let authenticator = authenticator("root", &Arc::default());
        let scopes = vec![Scope::parse("repository:team/app:pull").unwrap()];
        let issued = authenticator.bearer_token(scopes.clone()).unwrap();
        assert_eq!(authenticator.token(issued.token.reveal()), Ok(Caller::ScopedRoot(scopes)));
    }

    #[test]
    fn refuses_forged_tokens() {
        let clock = Arc::new(TestClock::default());
        let first = authenticator("root", &clock);
        let token = first.authorization_token().unwrap().token;
        assert_eq!(
            authenticator("other", &clock).token(token.reveal()),
            Err(AuthenticationError::Token)
        );
        let mut altered = token.reveal().to_owned().into_bytes();
        altered[20] ^= 1;
        let altered = String::from_utf8(altered).unwrap();
        assert_eq!(first.token(&altered), Err(AuthenticationError::Token));
        assert_eq!(first.token(""), Err(AuthenticationError::Token));
        assert_eq!(first.token(&"A".repeat(9000)), Err(AuthenticationError::Token));
    }

    #[test]
    fn an_open_registry_takes_anyone_for_root() {
        let authenticator = authenticator("root", &Arc::default());
        assert_eq!(authenticator.anonymous(), Caller::Anonymous);
        assert_eq!(authenticator.open().anonymous(), Caller::Root);
    }

    #[test]
    fn secrets_stay_out_of_logs() {
        let text = format!("{:?}", authenticator("root", &Arc::default()));
        assert!(!text.contains("secret\""), "{text}");
    }
}
