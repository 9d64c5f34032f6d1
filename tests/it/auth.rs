//! Who is let in: challenges, Basic credentials, Bearer tokens and their scopes.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::harness::{Answer, KEY_ID, SECRET, Store, TestRegistry, digest, image};

/// Starts a registry that asks for credentials, with an image in it.
async fn registry() -> TestRegistry {
    let store = Store::new();
    TestRegistry::on(&store).build().push("team/app", "v1", &image(1)).await;
    TestRegistry::on(&store).with_login().build()
}

/// Gets a Bearer token for some scopes.
async fn token(registry: &TestRegistry, scopes: &[&str]) -> String {
    let scopes = scopes.join("&scope=");
    let path = format!("/token?service=registry.test&scope={scopes}");
    let answer = registry.request("GET", path).basic(KEY_ID, SECRET).expect(200).await;
    token_of(&answer)
}

fn token_of(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["issued_at"], "2026-01-01T00:00:00Z");
    assert_eq!(answer.header("cache-control"), "no-store");
    body["token"].as_str().unwrap().to_owned()
}

/// Returns the challenge after its realm and service.
#[track_caller]
fn challenge(answer: &Answer) -> &str {
    answer.has_code("UNAUTHORIZED");
    let begin = r#"Bearer realm="https://registry.test:5001/token",service="registry.test:5001""#;
    let challenge = answer.header("www-authenticate");
    challenge.strip_prefix(begin).unwrap_or_else(|| panic!("odd challenge `{challenge}`"))
}

#[tokio::test(start_paused = true)]
async fn strangers_are_told_where_to_get_a_token() {
    let registry = registry().await;
    let base = registry.get("/v2/", 401).await;
    assert_eq!(challenge(&base), "");
    let manifest = registry.get("/v2/team/app/manifests/v1", 401).await;
    assert!(challenge(&manifest).starts_with(r#",scope="repository:team/app:pull""#));
    let upload = registry.request("POST", "/v2/team/app/blobs/uploads/").expect(401).await;
    assert!(challenge(&upload).starts_with(r#",scope="repository:team/app:pull,push""#));
    let delete = registry.remove("/v2/team/app/manifests/v1", 401).await;
    assert!(challenge(&delete).starts_with(r#",scope="repository:team/app:delete""#));
    let catalog = registry.get("/v2/_catalog", 401).await;
    assert!(challenge(&catalog).starts_with(r#",scope="registry:catalog:*""#));
}

#[tokio::test(start_paused = true)]
async fn strangers_learn_nothing() {
    let registry = registry().await;
    let zero = format!("sha256:{:064}", 0);
    let (config, subject) = (digest(&image(1).blobs[0]), image(1).digest());
    for (there, not_there) in [
        ("team/app/manifests/v1", "team/app/manifests/v2"),
        ("team/app/tags/list", "team/bad/tags/list"),
        (&format!("team/app/blobs/{config}"), &format!("team/app/blobs/{zero}")),
        (&format!("team/app/referrers/{subject}"), &format!("team/bad/referrers/{zero}")),
    ] {
        let there = registry.get(format!("/v2/{there}"), 401).await;
        let not_there = registry.get(format!("/v2/{not_there}"), 401).await;
        let text = |answer: &Answer| format!("{answer:?}").replace("team/bad", "team/app");
        assert_eq!(text(&there), text(&not_there));
    }
    for path in ["/", "/v2/UPPER/tags/list", "/v2/team/app/blobs/sha256:0", "/etc/passwd"] {
        registry.get(path, 401).await;
    }
    registry.get("/token", 401).await;
}

#[tokio::test(start_paused = true)]
async fn the_roots_key_opens_everything() {
    let registry = registry().await;
    for path in ["/v2/", "/v2/_catalog", "/v2/team/app/manifests/v1"] {
        registry.request("GET", path).basic(KEY_ID, SECRET).expect(200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_slowed() {
    let registry = registry().await;
    let wrong = ["Basic", "Basic !", "Basic AAAA", "Digest x", "Bearer x", "Bearer ", "\u{e9}"];
    for path in ["/v2/", "/v2/team/app/manifests/v1", "/v2/UPPER/tags/list", "/", "/token"] {
        for call in wrong
            .iter()
            .map(|value| registry.request("GET", path).header("authorization", value))
            .chain([
                registry.request("GET", path).basic(KEY_ID, "wrong"),
                registry.request("GET", path).basic("wrong", SECRET),
                registry.request("GET", path).basic("AWS", "wrong"),
                registry.request("GET", path).basic("", ""),
            ])
        {
            let begin = Instant::now();
            let answer = call.expect(401).await;
            assert!(challenge(&answer).ends_with(r#",error="invalid_token""#), "{path}");
            assert!(begin.elapsed() >= Duration::from_secs(1), "{path} was not slowed");
        }
    }
    let begin = Instant::now();
    registry.request("GET", "/v2/").basic(KEY_ID, SECRET).expect(200).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_good_for_their_scopes() {
    let registry = registry().await;
    let pull = token(&registry, &["repository:team/app:pull"]).await;
    let manifest = "/v2/team/app/manifests/v1";
    registry.request("GET", "/v2/").bearer(&pull).expect(200).await;
    registry.request("GET", manifest).bearer(&pull).expect(200).await;
    for (method, path, scope) in [
        ("POST", "/v2/team/app/blobs/uploads/", "repository:team/app:pull,push"),
        ("DELETE", manifest, "repository:team/app:delete"),
        ("GET", "/v2/team/other/tags/list", "repository:team/other:pull"),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
    ] {
        let answer = registry.request(method, path).bearer(&pull).expect(401).await;
        let expected = format!(r#",scope="{scope}",error="insufficient_scope""#);
        assert_eq!(challenge(&answer), expected);
        let more = token(&registry, &[scope, "repository:team/third:*"]).await;
        let answer = registry.request(method, path).bearer(&more).send().await;
        assert_ne!(answer.status, 401, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_buys_no_token() {
    let registry = registry().await;
    let pull = token(&registry, &["repository:team/app:pull"]).await;
    registry.request("GET", "/token?scope=repository:x/y:*").bearer(&pull).expect(401).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_expire() {
    let registry = registry().await;
    let pull = token(&registry, &["repository:team/app:pull"]).await;
    let path = "/v2/team/app/manifests/v1";
    registry.store.clock.advance(Duration::from_mins(15) - Duration::from_millis(1));
    registry.request("GET", path).bearer(&pull).expect(200).await;
    registry.store.clock.advance(Duration::from_millis(1));
    let answer = registry.request("GET", path).bearer(&pull).expect(401).await;
    assert_eq!(challenge(&answer), r#",error="invalid_token""#);
}

#[tokio::test(start_paused = true)]
async fn the_oauth_form_gives_tokens() {
    let registry = registry().await;
    let form = |grant: &str, password: &str| {
        let form = form(&[
            ("grant_type", grant),
            ("service", "registry.test"),
            ("client_id", "docker"),
            ("scope", "repository:team/app:pull,push repository:team/base:pull"),
            ("username", KEY_ID),
            ("password", password),
        ]);
        registry
            .request("POST", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .bytes(form)
    };
    let token = token_of(&form("password", SECRET).expect(200).await);
    let push = registry.request("POST", "/v2/team/app/blobs/uploads/").bearer(&token);
    push.expect(202).await;
    registry.request("GET", "/v2/team/base/tags/list").bearer(&token).expect(404).await;
    let begin = Instant::now();
    form("password", "wrong").expect(401).await;
    assert!(begin.elapsed() >= Duration::from_secs(1), "a wrong password was not slowed");
    form("refresh_token", SECRET).expect(400).await.has_code("UNSUPPORTED");
    registry.request("POST", "/token").expect(400).await;
    let large = Bytes::from(vec![b'a'; 64 * 1024 + 1]);
    registry.request("POST", "/token").bytes(large).expect(413).await;
}

/// Encodes a form.
fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.replace('/', "%2F").replace('+', "%2B").replace(' ', "+");
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

#[tokio::test(start_paused = true)]
async fn an_open_registry_asks_for_nothing() {
    let registry = TestRegistry::new();
    registry.get("/v2/", 200).await;
    registry.push("team/app", "v1", &image(1)).await;
    registry.get("/token", 200).await;
    // Who shows credentials all the same must have the right ones.
    registry.request("GET", "/v2/").basic(KEY_ID, "wrong").expect(401).await;
}
