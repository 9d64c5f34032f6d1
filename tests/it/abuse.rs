//! Tokens of all kinds that are altered, cut, swapped, of another registry, or too old.

use std::time::Duration;

use berth_registry::NewTrust;
use berth_registry::access::{
    Action, AuthenticationError, Caller, Facts, IssuedSession, Principal, Scope,
};
use berth_types::{Digest, RepositoryName, UploadId};

use crate::harness::{Store, TestRegistry, digest};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Authorization,
    Bearer,
    Upload,
    Download,
    Session,
}

const KINDS: [Kind; 5] =
    [Kind::Authorization, Kind::Bearer, Kind::Upload, Kind::Download, Kind::Session];

/// A registry, and one good token of each kind.
struct Tokens {
    registry: TestRegistry,
    name: RepositoryName,
    upload: UploadId,
    blob: Digest,
    session: IssuedSession,
    good: Vec<(Kind, String)>,
}

impl Tokens {
    async fn new() -> Self {
        let registry = TestRegistry::on(&Store::new()).with_login().build();
        let name: RepositoryName = "team/app".parse().unwrap();
        let upload: UploadId = "00000000-0000-4000-8000-000000000000".parse().unwrap();
        let blob: Digest = digest(b"blob").parse().unwrap();
        let session = session(&registry).await;
        let giver = &registry.authenticator;
        let root = Principal::Root;
        let issued = [
            giver.authorization_token(&root).await.unwrap(),
            giver.bearer_token(&root, vec![Scope::Catalog]).await.unwrap(),
            giver.upload_token(&root, &name, &upload).await.unwrap(),
            giver.download_token(&root, &name, &blob).await.unwrap(),
        ];
        let mut tokens: Vec<_> = issued.map(|it| it.token.reveal().to_owned()).to_vec();
        tokens.push(session.session_token.reveal().to_owned());
        let good = KINDS.into_iter().zip(tokens).collect();
        Self { registry, name, upload, blob, session, good }
    }

    /// Uses a token as one of this kind.
    async fn used(&self, token: &str, kind: Kind) -> Result<(), AuthenticationError> {
        let authenticator = &self.registry.authenticator;
        let caller = match kind {
            Kind::Authorization => authenticator.basic("AWS", token).await?,
            Kind::Bearer => authenticator.token(token).await?,
            Kind::Upload => authenticator.uploader(token, &self.name, &self.upload).await?,
            Kind::Download => authenticator.downloader(token, &self.name, &self.blob).await?,
            Kind::Session => {
                let id = self.session.access_key_id.as_str();
                authenticator.find_session(id, token).await?;
                return Ok(());
            }
        };
        assert_ne!(caller, Caller::Anonymous);
        Ok(())
    }

    #[track_caller]
    fn is_refused(result: &Result<(), AuthenticationError>, what: &str) {
        let refused = [AuthenticationError::Token, AuthenticationError::Password];
        let error = result.as_ref().expect_err(what).to_string();
        assert!(refused.iter().any(|it| it.to_string() == error), "{what}: {error}");
    }
}

async fn session(registry: &TestRegistry) -> IssuedSession {
    let role = "arn:aws:iam::123456789012:role/ci";
    let (name, facts) = ("builds".parse().unwrap(), Facts::default());
    let permit = registry.gate.trust(&Caller::ROOT, Action::CreateTrust, &name, &facts).unwrap();
    let new =
        NewTrust { principals: vec![role.parse().unwrap()], max_session: Duration::from_hours(12) };
    let trust = registry.trusts.create(&permit, new).await.unwrap();
    crate::sessions::session(registry, &trust, crate::sessions::OWN).await
}

#[tokio::test]
async fn tokens_are_good_for_one_thing() {
    let tokens = Tokens::new().await;
    for (kind, token) in &tokens.good {
        for used_as in KINDS {
            let result = tokens.used(token, used_as).await;
            // Both say by themselves what they are good for, and open `/v2/` either way.
            let are_alike =
                [*kind, used_as].iter().all(|it| [Kind::Authorization, Kind::Bearer].contains(it));
            match *kind == used_as || are_alike {
                true => result.unwrap(),
                false => Tokens::is_refused(&result, &format!("{kind:?} as {used_as:?}")),
            }
        }
    }
}

#[tokio::test]
async fn altered_tokens_are_refused() {
    let tokens = Tokens::new().await;
    for (kind, token) in &tokens.good {
        for at in 0..token.len() {
            for other in ["A", "_", ".", "%", "\u{0}"] {
                let mut altered = token.clone();
                altered.replace_range(at..=at, other);
                if altered == *token {
                    continue;
                }
                let what = format!("{kind:?} with `{other}` at {at}");
                Tokens::is_refused(&tokens.used(&altered, *kind).await, &what);
            }
        }
    }
}

#[tokio::test]
async fn cut_and_lengthened_tokens_are_refused() {
    let tokens = Tokens::new().await;
    for (kind, token) in &tokens.good {
        for length in 0..token.len() {
            let what = format!("{kind:?} of {length}");
            Tokens::is_refused(&tokens.used(&token[..length], *kind).await, &what);
            Tokens::is_refused(&tokens.used(&token[token.len() - length..], *kind).await, &what);
        }
        for more in ["A", "=", ".", " ", "\n", ".A", "\u{0}", token] {
            let longer = format!("{token}{more}");
            Tokens::is_refused(&tokens.used(&longer, *kind).await, &format!("{kind:?} and {more}"));
        }
    }
}

#[tokio::test]
async fn another_registrys_tokens_are_refused() {
    let (here, there) = (Tokens::new().await, Tokens::new().await);
    for (kind, token) in &there.good {
        there.used(token, *kind).await.unwrap();
        Tokens::is_refused(&here.used(token, *kind).await, &format!("{kind:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn old_tokens_are_refused() {
    let tokens = Tokens::new().await;
    let mut passed = Duration::ZERO;
    for (kind, lifetime) in [
        (Kind::Bearer, Duration::from_mins(15)),
        (Kind::Upload, Duration::from_hours(1)),
        (Kind::Download, Duration::from_hours(1)),
        (Kind::Session, Duration::from_hours(1)),
        (Kind::Authorization, Duration::from_hours(12)),
    ] {
        let (_, token) = tokens.good.iter().find(|(it, _)| *it == kind).unwrap();
        let last = lifetime.saturating_sub(Duration::from_millis(1));
        if passed < last {
            tokens.registry.store.clock.advance(last.saturating_sub(passed));
            passed = last;
            tokens.used(token, kind).await.unwrap();
        }
        tokens.registry.store.clock.advance(lifetime.saturating_sub(passed));
        passed = lifetime;
        let result = tokens.used(token, kind).await;
        assert!(matches!(result, Err(AuthenticationError::Expired)), "{kind:?}: {result:?}");
    }
}
