//! Sessions of AWS principals: what they may do, and when they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::access::{
    Action, AuthenticationError, Caller, Facts, IssuedSession, Principal, TrustPermit,
};
use berth_registry::ports::{AwsCaller, Clock, IdentifyCallers, IdentifyError, SignedCall};
use berth_registry::ports::{Consistency, Query, Select};
use berth_registry::{NewTrust, Proof, SessionError, SessionWish, Sessions, Trust};
use futures_util::future::join_all;

use crate::harness::{Store, TestRegistry, image};

pub(crate) const OWN: &str = "arn:aws:sts::123456789012:assumed-role/ci/run-7";
pub(crate) const FOREIGN: &str = "arn:aws:sts::111122223333:assumed-role/ci/run-7";
const ROLES: [&str; 2] = ["arn:aws:iam::123456789012:role/ci", "arn:aws:iam::111122223333:role/c*"];
pub(crate) const PULL: &str = r#"{"Effect": "Allow", "Action": ["ecr:BatchGetImage",
    "ecr:GetAuthorizationToken"], "Resource": "*"}"#;
const MANIFEST: &str = "/v2/team/app/manifests/v1";

/// Starts a registry that asks for credentials, with an image.
async fn registry() -> TestRegistry {
    let store = Store::new();
    TestRegistry::on(&store).build().push("team/app", "v1", &image(1)).await;
    TestRegistry::on(&store).with_login().build()
}

pub(crate) fn permit(registry: &TestRegistry, action: Action, name: &str) -> TrustPermit {
    registry.gate.trust(&Caller::ROOT, action, &name.parse().unwrap(), &Facts::default()).unwrap()
}

/// Makes a trust that lets some roles in, with these statements as its policy.
pub(crate) async fn trust(registry: &TestRegistry, statements: &str) -> Trust {
    let new = NewTrust {
        principals: ROLES.map(|role| role.parse().unwrap()).to_vec(),
        max_session: Duration::from_hours(12),
    };
    let permit = permit(registry, Action::CreateTrust, "builds");
    let trust = registry.trusts.create(&permit, new).await.unwrap();
    put_policy(registry, statements).await;
    trust
}

async fn put_policy(registry: &TestRegistry, statements: &str) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let put = permit(registry, Action::PutTrustPolicy, "builds");
    registry.trusts.put_policy(&put, &"p".parse().unwrap(), &text).await.unwrap();
}

pub(crate) async fn delete(registry: &TestRegistry) {
    registry.trusts.delete(&permit(registry, Action::DeleteTrust, "builds")).await.unwrap();
}

/// A stand-in for AWS: whoever a call names as its host made it, and some are refused.
#[derive(Debug, Default)]
struct FakeAws {
    asked: AtomicUsize,
}

#[async_trait]
impl IdentifyCallers for FakeAws {
    async fn identify(&self, call: SignedCall) -> Result<AwsCaller, IdentifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match call.host.as_str() {
            "nobody" => Err(IdentifyError::Refused("SignatureDoesNotMatch".to_owned())),
            arn => Ok(AwsCaller { arn: arn.to_owned(), user_id: "AROAEXAMPLE:run-7".to_owned() }),
        }
    }
}

/// Returns a proof of `principal`, signed now.
fn proof(registry: &TestRegistry, principal: &str) -> Proof {
    static PROOFS: AtomicUsize = AtomicUsize::new(0);
    let (headers, body) = (Vec::new(), String::new());
    Proof {
        call: SignedCall { host: principal.to_owned(), headers, body },
        signed_at: registry.store.clock.now(),
        signature: PROOFS.fetch_add(1, Ordering::SeqCst).to_string(),
    }
}

fn sessions(registry: &TestRegistry, aws: &Arc<FakeAws>) -> Sessions {
    let (store, keys) = (&registry.store, registry.authenticator.sealing_keys());
    Sessions::new(store.table.clone(), keys, aws.clone(), store.clock.clone())
}

pub(crate) async fn session(
    registry: &TestRegistry,
    trust: &Trust,
    principal: &str,
) -> IssuedSession {
    let (trust, lifetime) = (Some(trust.name.clone()), None);
    let sessions = sessions(registry, &Arc::default());
    let proof = proof(registry, principal);
    sessions.begin(proof, SessionWish { trust, lifetime }).await.unwrap()
}

/// Returns who proved to be in the session.
async fn known(
    registry: &TestRegistry,
    session: &IssuedSession,
) -> Result<Principal, AuthenticationError> {
    let (id, token) = (session.access_key_id.as_str(), session.session_token.reveal());
    let key = registry.authenticator.find_session(id, token).await?;
    assert_eq!(key.secret, session.secret_access_key);
    Ok(key.principal)
}

/// Returns the authorization token of a session.
pub(crate) async fn token(registry: &TestRegistry, session: &IssuedSession) -> String {
    let principal = known(registry, session).await.unwrap();
    let issued = registry.authenticator.authorization_token(&principal).await.unwrap();
    issued.token.reveal().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_session_logs_in_and_ends_in_time() {
    let registry = registry().await;
    let trust = trust(&registry, PULL).await;
    let session = session(&registry, &trust, OWN).await;
    assert!(session.access_key_id.as_str().starts_with("ASIA"));
    let principal = known(&registry, &session).await.unwrap();
    let issued = registry.authenticator.authorization_token(&principal).await.unwrap();
    assert_eq!(issued.expires_at, session.expires_at);
    let token = issued.token.reveal();
    registry.request("GET", MANIFEST).basic("AWS", token).expect(200).await;
    registry.request("DELETE", MANIFEST).basic("AWS", token).expect(403).await;
    let scope = "/token?scope=repository:team/app:pull";
    let bearer = registry.request("GET", scope).basic("AWS", token).expect(200).await;
    let bearer = bearer.json()["token"].as_str().unwrap().to_owned();
    registry.request("GET", MANIFEST).bearer(&bearer).expect(200).await;
    // A session has no password of its own: its key proves nothing without its token.
    let (id, secret) = (session.access_key_id.as_str(), session.secret_access_key.reveal());
    registry.request("GET", MANIFEST).basic(id, secret).expect(401).await;

    registry.store.clock.advance(Duration::from_hours(1) - Duration::from_secs(9));
    known(&registry, &session).await.unwrap();
    registry.request("GET", MANIFEST).basic("AWS", token).expect(200).await;
    registry.store.clock.advance(Duration::from_secs(9));
    let ended = known(&registry, &session).await;
    assert!(matches!(ended, Err(AuthenticationError::Expired)), "{ended:?}");
    registry.request("GET", MANIFEST).basic("AWS", token).expect(401).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_with_its_trust() {
    let registry = registry().await;
    let other = TestRegistry::on(&registry.store).with_login().build();
    let first = trust(&registry, PULL).await;
    let session = session(&registry, &first, OWN).await;
    let token = token(&registry, &session).await;
    let check = async |registry: &TestRegistry, status| {
        let is_known = known(registry, &session).await.is_ok();
        assert_eq!(is_known, status != 401, "{status}");
        registry.request("GET", MANIFEST).basic("AWS", &token).expect(status).await;
    };
    check(&registry, 200).await;
    check(&other, 200).await;
    put_policy(&registry, r#"{"Effect": "Deny", "Action": "*", "Resource": "*"}"#).await;
    check(&registry, 403).await;
    check(&other, 200).await;
    delete(&registry).await;
    check(&registry, 401).await;
    registry.store.clock.advance(Duration::from_secs(30));
    check(&other, 401).await;
    // One that is made anew under the name is another.
    trust(&registry, PULL).await;
    registry.store.clock.advance(Duration::from_secs(30));
    check(&registry, 401).await;
    check(&other, 401).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_makes_a_session_of_another() {
    let registry = registry().await;
    let trust = trust(&registry, PULL).await;
    let ours = session(&registry, &trust, OWN).await;
    let theirs = session(&registry, &trust, FOREIGN).await;
    let refused = async |id: &str, token: &str| {
        let found = registry.authenticator.find_session(id, token).await;
        assert!(matches!(found, Err(AuthenticationError::Token)), "{found:?}");
    };
    let (id, session_token) = (ours.access_key_id.as_str(), ours.session_token.reveal());
    refused(theirs.access_key_id.as_str(), session_token).await;
    refused(id, theirs.session_token.reveal()).await;
    refused(id, "nonsense").await;
    refused(id, &session_token[1..]).await;
    // Tokens of another kind, either way.
    let authorization = token(&registry, &ours).await;
    refused(id, &authorization).await;
    registry.request("GET", MANIFEST).basic("AWS", session_token).expect(401).await;
    registry.request("GET", MANIFEST).bearer(session_token).expect(401).await;
    // Another registry's.
    let elsewhere = self::registry().await;
    let trusted = self::trust(&elsewhere, PULL).await;
    let foreign = session(&elsewhere, &trusted, OWN).await;
    refused(foreign.access_key_id.as_str(), foreign.session_token.reveal()).await;
}

#[tokio::test(start_paused = true)]
async fn another_account_needs_both_sides() {
    let registry = registry().await;
    let trust = trust(&registry, PULL).await;
    let own = token(&registry, &session(&registry, &trust, OWN).await).await;
    let foreign_session = session(&registry, &trust, FOREIGN).await;
    let foreign = token(&registry, &foreign_session).await;
    let check = async |token: &str, status| {
        registry.request("GET", MANIFEST).basic("AWS", token).expect(status).await;
    };
    let set_policy = async |effect: &str, principal: &str, more: &str| {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}",
            "Principal": {{"AWS": "{principal}"}}, "Action": "ecr:*"{more}}}]}}"#
        );
        let permit = crate::harness::permit(Action::SetRepositoryPolicy, "team/app");
        registry.registry.repositories.set_policy(&permit, &text).await.unwrap();
        registry.store.clock.advance(Duration::from_secs(3));
    };
    check(&own, 200).await;
    check(&foreign, 403).await;
    // Everyone asks the own account for a token.
    let caller = Caller::Principal(known(&registry, &foreign_session).await.unwrap());
    let facts = Facts::default();
    let ask = async |action| registry.gate.registry(&caller, action, &facts).await;
    ask(Action::GetAuthorizationToken).await.unwrap();
    ask(Action::DescribeRegistry).await.unwrap_err();

    set_policy("Allow", "111122223333", "").await;
    check(&foreign, 200).await;
    set_policy("Allow", "arn:aws:iam::111122223333:role/path/ci", "").await;
    check(&foreign, 200).await;
    set_policy("Allow", "arn:aws:iam::111122223333:role/cd", "").await;
    check(&foreign, 403).await;
    set_policy("Deny", "arn:aws:iam::123456789012:role/ci", "").await;
    check(&own, 403).await;
    // What AWS says of a role's session.
    for (condition, status) in [
        (r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci"}}"#, 200),
        (r#"{"StringEquals": {"aws:PrincipalAccount": "111122223333"}}"#, 200),
        (r#"{"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}"#, 200),
        (r#"{"StringEquals": {"aws:PrincipalType": "AssumedRole"}}"#, 200),
        (r#"{"DateGreaterThan": {"aws:TokenIssueTime": "2025-12-31T00:00:00Z"}}"#, 200),
        (r#"{"DateGreaterThan": {"aws:TokenIssueTime": "2027-01-01T00:00:00Z"}}"#, 403),
        (r#"{"StringEquals": {"aws:PrincipalAccount": "123456789012"}}"#, 403),
    ] {
        set_policy("Allow", "*", &format!(r#", "Condition": {condition}"#)).await;
        check(&foreign, status).await;
    }
    // The resource's side alone is not enough.
    put_policy(&registry, r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#).await;
    set_policy("Allow", "arn:aws:iam::111122223333:role/ci", "").await;
    check(&foreign, 403).await;
    set_policy("Allow", "arn:aws:iam::123456789012:role/ci", "").await;
    check(&own, 200).await;
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_good_once() {
    let registry = registry().await;
    trust(&registry, PULL).await;
    let aws = Arc::new(FakeAws::default());
    let sessions = sessions(&registry, &aws);
    let replayed = |result: Result<IssuedSession, SessionError>| match result {
        Err(SessionError::Replayed) => {}
        other => panic!("{other:?}"),
    };
    let first = proof(&registry, OWN);
    sessions.begin(first.clone(), SessionWish::default()).await.unwrap();
    replayed(sessions.begin(first.clone(), SessionWish::default()).await);
    assert_eq!(aws.asked.load(Ordering::SeqCst), 1, "a replay costs no question");
    // Another process, and many at once.
    let other = TestRegistry::on(&registry.store).with_login().build();
    replayed(self::sessions(&other, &aws).begin(first, SessionWish::default()).await);
    let second = proof(&registry, OWN);
    let begun = (0..8).map(|_| sessions.begin(second.clone(), SessionWish::default()));
    let begun = join_all(begun).await.into_iter().flatten().count();
    assert_eq!(begun, 1);
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_good_for_five_minutes() {
    let registry = registry().await;
    trust(&registry, PULL).await;
    let sessions = sessions(&registry, &Arc::default());
    let clock = &registry.store.clock;
    let begin = async |proof: Proof| sessions.begin(proof, SessionWish::default()).await;
    let (fresh, stale) = (proof(&registry, OWN), proof(&registry, OWN));
    clock.advance(Duration::from_mins(5));
    begin(fresh).await.unwrap();
    clock.advance(Duration::from_millis(1));
    let refused = begin(stale).await.unwrap_err();
    assert!(matches!(refused, SessionError::Stale { .. }), "{refused:?}");
    let signed_at = clock.now().plus(Duration::from_mins(1));
    begin(Proof { signed_at, ..proof(&registry, OWN) }).await.unwrap();
    let signed_at = signed_at.plus(Duration::from_millis(1));
    let refused = begin(Proof { signed_at, ..proof(&registry, OWN) }).await.unwrap_err();
    assert!(matches!(refused, SessionError::Early { .. }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn proofs_do_not_pile_up() {
    let registry = registry().await;
    trust(&registry, PULL).await;
    let sessions = sessions(&registry, &Arc::default());
    let kept = async || {
        let query = Query {
            partition: "proofs".to_owned(),
            prefix: String::new(),
            after: None,
            limit: 100,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        registry.store.table.query(&query).await.unwrap().items.len()
    };
    for _ in 0..12 {
        sessions.begin(proof(&registry, OWN), SessionWish::default()).await.unwrap();
    }
    assert_eq!(kept().await, 12);
    registry.store.clock.advance(Duration::from_mins(16));
    for left in [3, 2] {
        sessions.begin(proof(&registry, OWN), SessionWish::default()).await.unwrap();
        assert_eq!(kept().await, left);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_trusted_gets_no_session() {
    let registry = registry().await;
    let trust = trust(&registry, PULL).await;
    let sessions = sessions(&registry, &Arc::default());
    let begin = async |principal: &str, wish: SessionWish| {
        sessions.begin(proof(&registry, principal), wish).await
    };
    for stranger in [
        "arn:aws:iam::123456789012:user/ci",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/ci2/run-7",
        "arn:aws:sts::111122223333:assumed-role/dev/run-7",
        "arn:aws:sts::444455556666:assumed-role/ci/run-7",
    ] {
        let refused = begin(stranger, SessionWish::default()).await.unwrap_err();
        assert!(matches!(&refused, SessionError::Untrusted(arn) if arn == stranger), "{refused:?}");
    }
    let refused = begin("nobody", SessionWish::default()).await.unwrap_err();
    let is_refused = matches!(refused, SessionError::Unidentified(IdentifyError::Refused(_)));
    assert!(is_refused, "{refused:?}");
    let refused = begin("no ARN", SessionWish::default()).await.unwrap_err();
    assert!(matches!(refused, SessionError::Store(_)), "{refused:?}");

    let named = |name: &str| SessionWish { trust: Some(name.parse().unwrap()), lifetime: None };
    assert_eq!(begin(OWN, named("builds")).await.unwrap().trust, trust.name);
    let refused = begin(OWN, named("other")).await.unwrap_err();
    assert!(matches!(refused, SessionError::Untrusted(_)), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_as_long_as_its_trust_allows() {
    let registry = registry().await;
    let short = NewTrust {
        principals: vec!["123456789012".parse().unwrap()],
        max_session: Duration::from_mins(30),
    };
    let create = permit(&registry, Action::CreateTrust, "all");
    registry.trusts.create(&create, short).await.unwrap();
    trust(&registry, PULL).await;
    let sessions = sessions(&registry, &Arc::default());
    let lasts = async |trust: Option<&str>, minutes: Option<u64>| {
        let trust = trust.map(|name| name.parse().unwrap());
        let wish = SessionWish { trust, lifetime: minutes.map(Duration::from_mins) };
        let now = registry.store.clock.now();
        let begun = sessions.begin(proof(&registry, OWN), wish).await;
        begun.ok().map(|session| (session.expires_at.millis() - now.millis()) / 60_000)
    };
    // The first by name, which is the short one.
    assert_eq!(lasts(None, None).await, Some(30));
    assert_eq!(lasts(None, Some(31)).await, None);
    assert_eq!(lasts(None, Some(15)).await, Some(15));
    assert_eq!(lasts(None, Some(14)).await, None);
    assert_eq!(lasts(Some("builds"), None).await, Some(60));
    assert_eq!(lasts(Some("builds"), Some(720)).await, Some(720));
    assert_eq!(lasts(Some("builds"), Some(721)).await, None);
}
