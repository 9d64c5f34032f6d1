//! Uploads whose bytes go to another host, with a token in the URL.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::harness::{Answer, KEY_ID, SECRET, Store, TestRegistry, bytes, digest};

const HOST: &str = "https://uploads.test";
const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

fn registry_on(store: &Arc<Store>) -> TestRegistry {
    TestRegistry::on(store).upload_host(HOST).with_login().shared().build()
}

/// Returns the path and query of an answer's `Location`, which is at the upload host.
#[track_caller]
fn location(answer: &Answer) -> String {
    let location = answer.header("location");
    let path = location.strip_prefix(HOST).unwrap_or_else(|| panic!("odd location `{location}`"));
    assert!(path.contains("?_token="), "{path}");
    path.to_owned()
}

/// Begins an upload, with the root's key.
async fn begin(registry: &TestRegistry) -> String {
    location(&registry.request("POST", UPLOADS).basic(KEY_ID, SECRET).expect(202).await)
}

fn path_of(location: &str) -> &str {
    location.split('?').next().unwrap()
}

fn token_of(location: &str) -> &str {
    location.split("_token=").nth(1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_answer_renews_the_token() {
    let store = Store::new();
    let (registry, host) = (registry_on(&store), registry_on(&store));
    let blob = bytes(1, 1000);
    let begun = begin(&registry).await;
    let mut seen = vec![begun.clone()];
    let mut locate = |answer: &Answer| {
        let next = location(answer);
        assert_eq!(path_of(&next), path_of(&begun));
        assert!(!seen.contains(&next), "the token is not new");
        seen.push(next.clone());
        // Each token lives an hour, and together they live longer.
        store.clock.advance(Duration::from_mins(50));
        next
    };
    let patched = host.request("PATCH", &begun).bytes(blob.slice(..400)).expect(202).await;
    let next = locate(&patched);
    let next = locate(&host.get(&next, 204).await);
    let odd = host.request("PATCH", &next).header("content-range", "10-19").bytes(vec![0; 10]);
    let odd = odd.expect(416).await;
    assert_eq!(odd.header("range"), "0-399");
    let next = locate(&odd);
    let end = format!("{next}&digest={}", digest(&blob));
    let done = host.request("PUT", end).bytes(blob.slice(400..)).expect(201).await;
    let stored = format!("/v2/team/app/blobs/{}", digest(&blob));
    assert_eq!(done.header("location"), format!("https://registry.test:5001{stored}"));
    let got = registry.request("GET", stored).basic(KEY_ID, SECRET).expect(200).await;
    assert_eq!(got.body, blob);
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_the_header_says() {
    let registry = registry_on(&Store::new());
    let path = begin(&registry).await;
    let begin = Instant::now();
    registry.request("PATCH", &path).basic(KEY_ID, "wrong").bytes("a").expect(202).await;
    registry.request("PATCH", &path).bearer("wrong").bytes("b").expect(202).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "nothing was guessed");
    // A bad token counts before a good password.
    let bad = format!("{}?_token=wrong", path_of(&path));
    registry.request("PATCH", bad).basic(KEY_ID, SECRET).bytes("c").expect(401).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_for_its_upload_alone() {
    let store = Store::new();
    let registry = registry_on(&store);
    let (first, second) = (begin(&registry).await, begin(&registry).await);
    let token = token_of(&first);
    let swapped = format!("{}?_token={token}", path_of(&second));
    let elsewhere = first.replace("team/app", "team/other");
    for path in [&swapped, &elsewhere] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let begin = Instant::now();
            let call = registry.request(method, format!("{path}&digest={}", digest(b"x")));
            let answer = call.bytes("x").expect(401).await;
            answer.has_code("UNAUTHORIZED");
            let challenge = answer.header("www-authenticate");
            assert!(challenge.ends_with(r#",error="invalid_token""#), "{challenge}");
            assert!(begin.elapsed() >= Duration::from_secs(1), "a guess was not slowed");
        }
    }
    // Elsewhere it is no parameter at all, and no credentials either.
    for path in ["/v2/", UPLOADS, "/v2/team/app/tags/list", "/v2/_catalog", "/token"] {
        let method = if path == UPLOADS { "POST" } else { "GET" };
        registry.request(method, format!("{path}?_token={token}")).expect(401).await;
        registry.request(method, path).bearer(token).expect(401).await;
        registry.request(method, path).basic("AWS", token).expect(401).await;
    }
    registry.request("PATCH", path_of(&first)).bearer(token).bytes("x").expect(401).await;
    let call = registry.request("GET", format!("/v2/_catalog?_token={token}"));
    call.basic(KEY_ID, SECRET).expect(200).await;
    registry.request("PATCH", &first).bytes("x").expect(202).await;
}

#[tokio::test(start_paused = true)]
async fn no_other_token_is_good_in_the_url() {
    let registry = registry_on(&Store::new());
    let path = path_of(&begin(&registry).await).to_owned();
    let scope = "/token?scope=repository:team/app:pull,push";
    let answer = registry.request("GET", scope).basic(KEY_ID, SECRET).expect(200).await;
    let bearer = answer.json()["token"].as_str().unwrap().to_owned();
    registry.request("GET", &path).bearer(&bearer).expect(204).await;
    registry.request("GET", format!("{path}?_token={bearer}")).expect(401).await;
    for odd in ["", "x", ".", "x.y"] {
        registry.request("GET", format!("{path}?_token={odd}")).expect(401).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_lives_an_hour() {
    let registry = registry_on(&Store::new());
    let path = begin(&registry).await;
    registry.store.clock.advance(Duration::from_hours(1) - Duration::from_millis(1));
    registry.get(&path, 204).await;
    registry.store.clock.advance(Duration::from_millis(1));
    let begin = Instant::now();
    let answer = registry.get(&path, 401).await;
    answer.has_code("UNAUTHORIZED");
    assert!(begin.elapsed() < Duration::from_secs(1), "nothing was guessed");
}

#[tokio::test(start_paused = true)]
async fn only_uploads_go_there() {
    let registry = registry_on(&Store::new());
    let blob = Bytes::from_static(b"whole");
    let post = registry.request("POST", format!("{UPLOADS}?digest={}", digest(&blob)));
    let done = post.basic(KEY_ID, SECRET).bytes(blob.clone()).expect(201).await;
    let stored = format!("/v2/team/app/blobs/{}", digest(&blob));
    assert_eq!(done.header("location"), format!("https://registry.test:5001{stored}"));
    let mount = format!("/v2/team/b/blobs/uploads/?mount={}&from=team/app", digest(&blob));
    let mounted = registry.request("POST", mount).basic(KEY_ID, SECRET).expect(201).await;
    let there = format!("https://registry.test:5001/v2/team/b/blobs/{}", digest(&blob));
    assert_eq!(mounted.header("location"), there);
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_uploads_without_a_host_too() {
    let store = Store::new();
    let path = begin(&registry_on(&store)).await;
    let plain = TestRegistry::on(&store).with_login().shared().build();
    let answer = plain.request("PATCH", &path).bytes("x").expect(202).await;
    assert_eq!(answer.header("location"), path_of(&path));
}
