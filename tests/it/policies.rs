//! What users may do: their own policies, the repository's, and the limits of tokens.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::CountingTable;
use berth_registry::access::{Action, Caller, Facts, Principal, Scope, UserPermit};
use berth_registry::{AccessKeyStatus, RepositoryChange};
use berth_types::RepositoryName;
use bytes::Bytes;

use crate::harness::{Store, TestRegistry, digest, image};

/// A user with an access key.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// Starts a registry that asks for credentials, with an image in each of two repositories.
pub(crate) async fn registry() -> TestRegistry {
    let store = Store::new();
    let open = TestRegistry::on(&store).build();
    open.push("team/app", "v1", &image(1)).await;
    open.push("other/app", "v1", &image(1)).await;
    TestRegistry::on(&store).with_login().build()
}

fn permit(registry: &TestRegistry, action: Action) -> UserPermit {
    let name = "kim".parse().unwrap();
    registry.gate.user(&Caller::ROOT, action, &name, &Facts::default()).unwrap()
}

/// Makes the user kim, with these statements as the policy.
pub(crate) async fn kim(registry: &TestRegistry, statements: &str) -> Known {
    let users = &registry.users;
    users.create(&permit(registry, Action::CreateUser)).await.unwrap();
    put_policy(registry, statements).await;
    let creation = permit(registry, Action::CreateAccessKey);
    let new = users.create_access_key(&creation).await.unwrap();
    Known { id: new.key.id.to_string(), secret: new.secret.reveal().to_owned() }
}

pub(crate) async fn put_policy(registry: &TestRegistry, statements: &str) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    let put = permit(registry, Action::PutUserPolicy);
    registry.users.put_policy(&put, &"p".parse().unwrap(), &text).await.unwrap();
}

pub(crate) async fn set_repository_policy(registry: &TestRegistry, name: &str, statement: &str) {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#);
    let permit = crate::harness::permit(Action::SetRepositoryPolicy, name);
    registry.registry.repositories.set_policy(&permit, &text).await.unwrap();
}

pub(crate) const PULL: &str = r#"{"Effect": "Allow", "Action": ["ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer"], "Resource": "arn:aws:ecr:*:*:repository/team/*"}"#;

const ALL: &str = r#"{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}"#;

#[tokio::test(start_paused = true)]
async fn users_do_what_their_policies_allow() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let request =
        |method: &str, path: &str| registry.request(method, path).basic(&kim.id, &kim.secret);
    request("GET", "/v2/").expect(200).await;
    request("GET", "/v2/team/app/manifests/v1").expect(200).await;
    let denied = request("GET", "/v2/other/app/manifests/v1").expect(403).await;
    denied.has_code("DENIED");
    assert_eq!(
        denied.json()["errors"][0]["message"],
        "User: arn:aws:iam::123456789012:user/kim is not authorized to perform: \
         ecr:BatchGetImage on resource: \
         arn:aws:ecr:us-east-1:123456789012:repository/other/app because no identity-based \
         policy allows the ecr:BatchGetImage action"
    );
    request("POST", "/v2/team/app/blobs/uploads/").expect(403).await;
    request("GET", "/v2/team/app/tags/list").expect(403).await;
    request("GET", "/v2/_catalog").expect(403).await;
    request("DELETE", "/v2/team/app/manifests/v1").expect(403).await;
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_hidden_looks_like_none() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let deny = r#"{"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}"#;
    set_repository_policy(&registry, "other/app", deny).await;
    let message = async |name: &str| {
        let path = format!("/v2/{name}/manifests/v1");
        let answer = registry.request("GET", &path).basic(&kim.id, &kim.secret).expect(403).await;
        answer.json()["errors"][0]["message"].as_str().unwrap().replace(name, "NAME")
    };
    assert_eq!(message("other/app").await, message("none/such").await);
}

#[tokio::test(start_paused = true)]
async fn a_denial_tells_nothing_of_resource_tags() {
    let registry = registry().await;
    let statement = |effect: &str, tag: &str| {
        format!(
            r#"{{"Effect": "{effect}", "Action": "ecr:*", "Resource": "*",
                "Condition": {{"StringEquals": {{"ecr:ResourceTag/{tag}": "yes"}}}}}}"#
        )
    };
    let statements = [statement("Allow", "open"), statement("Deny", "secret")].join(",");
    let kim = kim(&registry, &statements).await;
    let tag = RepositoryChange::Tag([("secret".to_owned(), "yes".to_owned())].into());
    let permit = crate::harness::permit(Action::TagResource, "other/app");
    registry.registry.repositories.change(&permit, tag).await.unwrap();
    let message = async |name: &str| {
        let path = format!("/v2/{name}/manifests/v1");
        let answer = registry.request("GET", &path).basic(&kim.id, &kim.secret).expect(403).await;
        answer.json()["errors"][0]["message"].as_str().unwrap().replace(name, "NAME")
    };
    assert_eq!(message("other/app").await, message("none/such").await);
}

#[tokio::test(start_paused = true)]
async fn a_repositorys_policy_allows_and_denies() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let pull = async |name: &str, status| {
        let path = format!("/v2/{name}/manifests/v1");
        registry.request("GET", path).basic(&kim.id, &kim.secret).expect(status).await;
    };
    let principal = r#""Principal": {"AWS": "arn:aws:iam::123456789012:user/kim"}"#;
    let statement = |effect: &str| {
        format!(r#"{{"Effect": "{effect}", {principal}, "Action": "ecr:BatchGetImage"}}"#)
    };
    pull("other/app", 403).await;
    set_repository_policy(&registry, "other/app", &statement("Allow")).await;
    pull("other/app", 200).await;
    pull("team/app", 200).await;
    set_repository_policy(&registry, "team/app", &statement("Deny")).await;
    pull("team/app", 403).await;
    let delete = crate::harness::permit(Action::DeleteRepositoryPolicy, "other/app");
    registry.registry.repositories.delete_policy(&delete).await.unwrap();
    pull("other/app", 403).await;
}

#[tokio::test(start_paused = true)]
async fn tokens_narrow_what_policies_allow() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let scope = "repository:team/app:pull,push&scope=repository:other/app:pull";
    let path = format!("/token?scope={scope}");
    let answer = registry.request("GET", path).basic(&kim.id, &kim.secret).expect(200).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let request = |method: &str, path: &str| registry.request(method, path).bearer(&token);
    request("GET", "/v2/team/app/manifests/v1").expect(200).await;
    // The token is good for it, and kim may not: a better token would not help.
    request("POST", "/v2/team/app/blobs/uploads/").expect(403).await;
    request("GET", "/v2/other/app/manifests/v1").expect(403).await;
    // The token is not good for it: the client is told to get another.
    request("DELETE", "/v2/team/app/manifests/v1").expect(401).await;
    put_policy(&registry, ALL).await;
    request("GET", "/v2/other/app/manifests/v1").expect(200).await;
    request("DELETE", "/v2/team/app/manifests/v1").expect(401).await;
}

#[tokio::test(start_paused = true)]
async fn an_access_keys_end_is_that_of_its_tokens() {
    let registry = registry().await;
    let kim = kim(&registry, ALL).await;
    // Another process, which hears of nothing and looks again after half a minute.
    let other = TestRegistry::on(&registry.store).with_login().build();
    let caller = registry.authenticator.basic(&kim.id, &kim.secret).await.unwrap();
    let principal = caller.principal().unwrap();
    let scopes = vec![Scope::parse("repository:team/app:pull").unwrap()];
    let everything = registry.authenticator.authorization_token(principal).await.unwrap();
    let bearer = registry.authenticator.bearer_token(principal, scopes).await.unwrap();
    let path = "/v2/team/app/manifests/v1";
    let check = async |registry: &TestRegistry, status| {
        registry.request("GET", path).basic(&kim.id, &kim.secret).expect(status).await;
        registry.request("GET", path).basic("AWS", everything.token.reveal()).expect(status).await;
        registry.request("GET", path).bearer(bearer.token.reveal()).expect(status).await;
    };
    check(&registry, 200).await;
    check(&other, 200).await;
    let id = kim.id.parse().unwrap();
    let update = permit(&registry, Action::UpdateAccessKey);
    let users = &registry.users;
    users.update_access_key(&update, &id, AccessKeyStatus::Inactive).await.unwrap();
    check(&registry, 401).await;
    check(&other, 200).await;
    registry.store.clock.advance(Duration::from_secs(30));
    check(&other, 401).await;
    users.update_access_key(&update, &id, AccessKeyStatus::Active).await.unwrap();
    check(&registry, 200).await;
    users.delete(&permit(&registry, Action::DeleteUser)).await.unwrap();
    check(&registry, 401).await;
    registry.store.clock.advance(Duration::from_secs(30));
    check(&other, 401).await;
}

#[tokio::test(start_paused = true)]
async fn the_token_of_an_upload_ends_with_its_access_key() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).with_login().upload_host("https://up.test").build();
    let kim = kim(&registry, ALL).await;
    let post = registry.request("POST", "/v2/team/app/blobs/uploads/");
    let begun = post.basic(&kim.id, &kim.secret).expect(202).await;
    let location = begun.header("location").strip_prefix("https://up.test").unwrap().to_owned();
    let sent = registry.request("PATCH", &location).bytes("abc").expect(202).await;
    let location = sent.header("location").strip_prefix("https://up.test").unwrap().to_owned();
    put_policy(&registry, PULL).await;
    registry.request("PATCH", &location).bytes("def").expect(403).await;
    put_policy(&registry, ALL).await;
    let blob = Bytes::from_static(b"abc");
    users_end(&registry).await;
    let path = format!("{location}&digest={}", digest(&blob));
    registry.request("PUT", path).expect(401).await;
}

async fn users_end(registry: &TestRegistry) {
    registry.users.delete(&permit(registry, Action::DeleteUser)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn policies_say_who_pushes_which_tags() {
    let registry = registry().await;
    let deny = r#"{"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*",
        "Condition": {"ForAnyValue:StringLike": {"berth:ImageTag": "prod-*"}}}"#;
    let kim = kim(&registry, &format!("{ALL}, {deny}")).await;
    let manifest = image(1);
    let push = |path: String| {
        let call = registry.request("PUT", path).basic(&kim.id, &kim.secret);
        call.header("content-type", &manifest.media_type).bytes(manifest.bytes.clone())
    };
    push("/v2/team/app/manifests/dev-1".to_owned()).expect(201).await;
    push("/v2/team/app/manifests/prod-1".to_owned()).expect(403).await;
    let by_digest = format!("/v2/team/app/manifests/{}", manifest.digest());
    push(by_digest.clone()).expect(201).await;
    push(format!("{by_digest}?tag=dev-2&tag=prod-2")).expect(403).await;
}

#[tokio::test(start_paused = true)]
async fn a_mount_takes_from_nowhere_that_its_user_may_not_read() {
    let registry = registry().await;
    let push = r#"{"Effect": "Allow", "Action": "ecr:*",
        "Resource": "arn:aws:ecr:*:*:repository/team/*"}"#;
    let kim = kim(&registry, push).await;
    let layer = Bytes::from_static(b"a layer of another team");
    let open = TestRegistry::on(&registry.store).build();
    open.push_blob("other/app", &layer).await;
    let digest = digest(&layer);
    let mount = async |query: &str, status| {
        let path = format!("/v2/team/app/blobs/uploads/?mount={digest}{query}");
        registry.request("POST", path).basic(&kim.id, &kim.secret).expect(status).await;
    };
    mount("&from=other/app", 202).await;
    mount("", 202).await;
    let all = r#"{"Effect": "Allow", "Action": "ecr:GetDownloadUrlForLayer", "Resource": "*"}"#;
    put_policy(&registry, &format!("{push}, {all}")).await;
    mount("", 201).await;
}

#[tokio::test(start_paused = true)]
async fn a_pull_by_a_user_costs_two_reads_more_and_those_are_kept() {
    let store = Store::new();
    TestRegistry::on(&store).build().push("team/app", "v1", &image(1)).await;
    let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
    let registry = TestRegistry::on(&store).table(table.clone()).with_login().build();
    let kim = kim(&registry, PULL).await;
    let head = async || {
        let call = registry.request("HEAD", "/v2/team/app/manifests/v1");
        call.basic(&kim.id, &kim.secret).expect(200).await;
    };
    table.take();
    head().await;
    assert_eq!(table.take().names(), ["get", "query", "batch_get", "get"]);
    head().await;
    assert_eq!(table.take().names(), ["get"]);
    registry.store.clock.advance(Duration::from_secs(3));
    head().await;
    assert_eq!(table.take().names(), ["batch_get", "get"]);
    // Ids that are none's are not asked for again and again.
    for _ in 0..3 {
        let call = registry.request("HEAD", "/v2/team/app/manifests/v1");
        call.basic("BRTHABCDEFGHIJKLMNOP", "secret").expect(401).await;
    }
    assert_eq!(table.take().names(), ["get"]);
}

#[tokio::test]
async fn the_token_in_a_url_is_good_for_one_thing_alone() {
    let registry = registry().await;
    let (app, other) = ("team/app".parse().unwrap(), "other/app".parse().unwrap());
    let upload = "2f5a1c2e-8a5b-4c53-9a0e-3f8d9f0c6b11".parse().unwrap();
    let blob = digest(b"x").parse().unwrap();
    let uploads = [Action::UploadLayerPart, Action::CompleteLayerUpload];
    let downloads = [Action::BatchCheckLayerAvailability, Action::GetDownloadUrlForLayer];
    let facts = Facts::default();
    let team: RepositoryName = "team/app".parse().unwrap();
    for (caller, good_for) in [
        (Caller::Uploader(Principal::Root, team.clone(), upload), uploads),
        (Caller::Downloader(Principal::Root, team, blob), downloads),
    ] {
        for action in [uploads, downloads, [Action::InitiateLayerUpload, Action::PutImage]].concat()
        {
            let here = registry.gate.repository(&caller, action, &app, &facts).await;
            assert_eq!(here.is_ok(), good_for.contains(&action), "{action}");
            assert!(registry.gate.repository(&caller, action, &other, &facts).await.is_err());
            assert!(registry.gate.registry(&caller, action, &facts).await.is_err());
        }
    }
}

#[tokio::test]
async fn policies_ask_where_a_request_comes_from() {
    let registry = registry().await;
    let statement = |operator: &str| {
        format!(
            r#"{{"Effect": "Allow", "Action": "ecr:*", "Resource": "*",
                "Condition": {{"{operator}": {{"aws:SourceIp": "10.0.0.0/8"}}}}}}"#
        )
    };
    let kim = kim(&registry, &statement("IpAddress")).await;
    let path = "/v2/team/app/manifests/v1";
    for (address, status) in [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("192.0.2.1", 403)] {
        let call = registry.request("HEAD", path).basic(&kim.id, &kim.secret);
        call.at_address(address).expect(status).await;
    }
    // A server that does not know the address lets nobody in by it.
    registry.request("HEAD", path).basic(&kim.id, &kim.secret).expect(403).await;
}
