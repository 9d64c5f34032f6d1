//! Tokens, and the keys that seal them.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::{CountingTable, UnreliableTable};
use berth_embedded::FileKeys;
use berth_registry::access::{
    AuthenticationError, Authenticator, Caller, IssuedToken, Principal, Scope, SealingKeys,
};
use berth_registry::ports::{StoreErrorKind, WriteTable};
use tokio::time::{Instant, advance};

use crate::harness::{KEY_ID, SECRET, Store, TestRegistry, digest, identity, root};

/// Returns an authenticator of a process of its own, which makes keys.
fn process(store: &Store) -> Authenticator {
    process_on(store, store.table.clone())
}

fn process_on(store: &Store, table: Arc<dyn WriteTable>) -> Authenticator {
    let keys = SealingKeys::making(table, store.keys.clone(), store.clock.clone());
    Authenticator::new(root(), keys, identity(), store.clock.clone())
}

/// Returns an authenticator of a process that makes no keys.
fn reader_on(store: &Store, table: Arc<dyn WriteTable>) -> Authenticator {
    let keys = SealingKeys::reading(table, store.keys.clone());
    Authenticator::new(root(), keys, identity(), store.clock.clone())
}

async fn issue(process: &Authenticator) -> String {
    let IssuedToken { token, .. } = process.authorization_token(&Principal::Root).await.unwrap();
    token.reveal().to_owned()
}

/// Returns the part of a token that names its key.
fn key_of(token: &str) -> &str {
    token.split('.').next().unwrap()
}

#[track_caller]
fn is_root(result: Result<Caller, AuthenticationError>) {
    assert_eq!(result.unwrap(), Caller::ROOT);
}

#[track_caller]
fn is_refused(result: &Result<Caller, AuthenticationError>) {
    assert!(matches!(result, Err(AuthenticationError::Token)), "{result:?}");
}

#[tokio::test]
async fn takes_the_roots_key() {
    let process = process(&Store::new());
    is_root(process.basic(KEY_ID, SECRET).await);
    for (user, password) in [(KEY_ID, "wrong"), ("wrong", SECRET), ("", "")] {
        let refused = process.basic(user, password).await;
        assert!(matches!(refused, Err(AuthenticationError::Password)), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_live_their_time() {
    let store = Store::new();
    let process = process(&store);
    let token = issue(&process).await;
    is_root(process.basic("AWS", &token).await);
    store.clock.advance(Duration::from_hours(12) - Duration::from_millis(1));
    is_root(process.token(&token).await);
    store.clock.advance(Duration::from_millis(1));
    let late = process.token(&token).await;
    assert!(matches!(late, Err(AuthenticationError::Expired)), "{late:?}");
}

#[tokio::test]
async fn bearer_tokens_keep_their_scopes() {
    let process = process(&Store::new());
    let scopes = vec![Scope::parse("repository:team/app:pull").unwrap()];
    let issued = process.bearer_token(&Principal::Root, scopes.clone()).await.unwrap();
    let caller = process.token(issued.token.reveal()).await.unwrap();
    assert_eq!(caller, Caller::Scoped(Principal::Root, scopes));
}

#[tokio::test]
async fn refuses_forged_tokens() {
    let store = Store::new();
    let process = process(&store);
    let token = issue(&process).await;
    for place in [0, 10, 22, 23, 40, token.len() - 1] {
        let mut altered = token.clone().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        is_refused(&process.token(&String::from_utf8(altered).unwrap()).await);
    }
    for odd in ["", ".", "A", &"A".repeat(9000), &token[1..], &token[..token.len() - 1]] {
        is_refused(&process.token(odd).await);
    }
    let keys = SealingKeys::making(store.table.clone(), store.keys.clone(), store.clock.clone());
    let mut other = root();
    other.access_key_id = "OTHER".to_owned();
    let other = Authenticator::new(other, keys, identity(), store.clock.clone());
    is_refused(&other.token(&token).await);
}

#[tokio::test]
async fn secrets_stay_out_of_logs() {
    let process = process(&Store::new());
    let token = issue(&process).await;
    let issued = process.authorization_token(&Principal::Root).await.unwrap();
    let text = format!("{process:?} {issued:?}");
    assert!(!text.contains(SECRET) && !text.contains(&token), "{text}");
    assert!(!text.contains(issued.token.reveal()), "{text}");
}

#[tokio::test]
async fn a_restart_keeps_tokens_valid() {
    let store = Store::new();
    let first = process(&store);
    let token = issue(&first).await;
    drop(first);
    let second = process(&store);
    is_root(second.token(&token).await);
    assert_eq!(key_of(&issue(&second).await), key_of(&token), "one key is enough");
}

#[tokio::test]
async fn processes_open_what_others_seal() {
    let store = Store::new();
    // Both make a key at a time, and neither harms the other.
    let (one, two) = (process(&store), process(&store));
    let (first, second) = tokio::join!(issue(&one), issue(&two));
    let reader = reader_on(&store, store.table.clone());
    for process in [&one, &two, &reader] {
        is_root(process.token(&first).await);
        is_root(process.token(&second).await);
    }
    is_root(one.token(&issue(&reader).await).await);
}

#[tokio::test]
async fn a_reader_makes_no_key() {
    let store = Store::new();
    let reader = reader_on(&store, store.table.clone());
    let error = reader.authorization_token(&Principal::Root).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let token = issue(&process(&store)).await;
    is_root(reader.token(&token).await);
    assert_eq!(key_of(&issue(&reader).await), key_of(&token), "it waits for no time to pass");
}

#[tokio::test]
async fn a_key_that_was_seen_costs_nothing() {
    let store = Store::new();
    let token = issue(&process(&store)).await;
    let table = Arc::new(CountingTable::new(store.table.clone()));
    let reader = reader_on(&store, table.clone());
    is_root(reader.token(&token).await);
    assert_eq!(table.take().names(), ["get"]);
    is_root(reader.token(&token).await);
    assert_eq!(table.take().total(), 0);
    issue(&reader).await;
    assert_eq!(table.take().names(), ["query"], "the key itself is not read again");
    issue(&reader).await;
    assert_eq!(table.take().total(), 0);
}

#[tokio::test]
async fn keys_that_are_not_there_cost_little() {
    let store = Store::new();
    let token = issue(&process(&store)).await;
    let table = Arc::new(CountingTable::new(store.table.clone()));
    let reader = reader_on(&store, table.clone());
    let sealed = token.split_once('.').unwrap().1;
    let malformed = ["", "x", "AAAA", &"A".repeat(21), &"A".repeat(23), &"!".repeat(22)];
    for id in malformed.into_iter().chain([&*"A".repeat(4000)]) {
        is_refused(&reader.token(&format!("{id}.{sealed}")).await);
    }
    assert_eq!(table.take().total(), 0, "an id of no form is looked for");
    let unknown = format!("{}.{sealed}", "A".repeat(22));
    is_refused(&reader.token(&unknown).await);
    assert_eq!(table.take().names(), ["get"]);
    is_refused(&reader.token(&unknown).await);
    assert_eq!(table.take().total(), 0, "an id that no key has is looked for again");
}

#[tokio::test(start_paused = true)]
async fn newer_keys_seal_and_older_ones_open() {
    let store = Store::new();
    let (one, two) = (process(&store), process(&store));
    let reader = reader_on(&store, store.table.clone());
    let first = issue(&one).await;
    assert_eq!(key_of(&issue(&two).await), key_of(&first));
    assert_eq!(key_of(&issue(&reader).await), key_of(&first));
    advance(Duration::from_hours(30 * 24) - Duration::from_mins(10)).await;
    let old = issue(&one).await;
    assert_eq!(key_of(&old), key_of(&first), "a key seals for thirty days");
    advance(Duration::from_mins(10)).await;
    let new = issue(&one).await;
    assert_ne!(key_of(&new), key_of(&first), "and no longer");
    for process in [&one, &two, &reader] {
        is_root(process.token(&old).await);
        is_root(process.token(&new).await);
    }
    advance(Duration::from_mins(5)).await;
    assert_eq!(key_of(&issue(&two).await), key_of(&new), "one new key is enough");
    assert_eq!(key_of(&issue(&reader).await), key_of(&new));
}

#[tokio::test]
async fn a_new_master_key_ends_all_tokens() {
    let store = Store::new();
    let token = issue(&process(&store)).await;
    let master: Arc<FileKeys> = Arc::new(FileKeys::new(&[8; FileKeys::MASTER_KEY_BYTES]));
    let keys = SealingKeys::making(store.table.clone(), master, store.clock.clone());
    let process = Authenticator::new(root(), keys, identity(), store.clock.clone());
    is_refused(&process.token(&token).await);
    let new = issue(&process).await;
    assert_ne!(key_of(&new), key_of(&token));
    is_root(process.token(&new).await);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_fails_is_no_wrong_password() {
    let store = Store::new();
    let token = issue(&process(&store)).await;
    let table = UnreliableTable::new(store.table.clone(), 1, StoreErrorKind::Unavailable);
    let registry = TestRegistry::on(&store).table(Arc::new(table)).with_login().build();
    let begin = Instant::now();
    registry.request("GET", "/v2/").bearer(&token).expect(503).await.has_code("UNKNOWN");
    assert!(begin.elapsed() < Duration::from_secs(1), "nothing was guessed");
    registry.request("GET", "/v2/").bearer(&token).expect(200).await;
}

#[tokio::test]
async fn a_downloads_token_is_good_for_its_blob_for_an_hour() {
    let store = Store::new();
    let process = process(&store);
    let (name, other) = ("team/app".parse().unwrap(), "team/b".parse().unwrap());
    let [first, second] = ["first", "second"].map(|text| digest(text.as_bytes()).parse().unwrap());
    let issued = process.download_token(&Principal::Root, &name, &first).await.unwrap();
    let token = issued.token.reveal();
    let caller = process.downloader(token, &name, &first).await.unwrap();
    assert_eq!(caller, Caller::Downloader(Principal::Root, name.clone(), first.clone()));
    is_refused(&process.downloader(token, &name, &second).await);
    is_refused(&process.downloader(token, &other, &first).await);
    is_refused(&process.token(token).await);
    is_refused(&process.basic("AWS", token).await);
    is_refused(&process.downloader(&issue(&process).await, &name, &first).await);
    store.clock.advance(Duration::from_hours(1));
    let expired = process.downloader(token, &name, &first).await;
    assert!(matches!(expired, Err(AuthenticationError::Expired)), "{expired:?}");
}
