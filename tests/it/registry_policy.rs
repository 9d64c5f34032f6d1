//! The registry's policy: whom it lets in and keeps out, together with the other policies.

use std::time::Duration;

use berth_registry::access::{Action, Caller, Facts, RegistryPermit};
use berth_registry::{AccountSetting, RegistryError, RegistryPolicyScope};

use crate::harness::TestRegistry;
use crate::policies::{Known, PULL, kim, registry, set_repository_policy};
use crate::sessions::{FOREIGN, OWN, session, token, trust};

async fn permit(registry: &TestRegistry, action: Action) -> RegistryPermit {
    registry.gate.registry(&Caller::ROOT, action, &Facts::default()).await.unwrap()
}

async fn try_put(registry: &TestRegistry, statement: &str) -> Result<(), RegistryError> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#);
    let permit = permit(registry, Action::PutRegistryPolicy).await;
    registry.registry.settings.put_registry_policy(permit, &text).await
}

async fn put(registry: &TestRegistry, statement: &str) {
    try_put(registry, statement).await.unwrap();
}

async fn set_scope(registry: &TestRegistry, scope: RegistryPolicyScope) {
    let permit = permit(registry, Action::PutAccountSetting).await;
    let setting = AccountSetting::RegistryPolicyScope(scope);
    registry.registry.settings.put_account_setting(permit, setting).await.unwrap();
}

/// Writes a statement about kim.
fn about_kim(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Effect": "{effect}", "Action": "{action}",
            "Principal": {{"AWS": "arn:aws:iam::123456789012:user/kim"}},
            "Resource": "arn:aws:ecr:us-east-1:123456789012:{resource}"}}"#
    )
}

async fn pull(registry: &TestRegistry, kim: &Known, name: &str, status: u16) -> String {
    let path = format!("/v2/{name}/manifests/v1");
    let call = registry.request("GET", path).basic(&kim.id, &kim.secret);
    let answer = call.expect(status).await;
    answer.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn it_allows_and_denies() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    pull(&registry, &kim, "other/app", 403).await;
    put(&registry, &about_kim("Allow", "ecr:BatchGetImage", "repository/other/*")).await;
    pull(&registry, &kim, "other/app", 200).await;
    put(&registry, &about_kim("Deny", "ecr:*", "repository/team/*")).await;
    pull(&registry, &kim, "other/app", 403).await;
    let message = pull(&registry, &kim, "team/app", 403).await;
    assert!(message.ends_with("with an explicit deny in a resource-based policy"), "{message}");
    let permit = permit(&registry, Action::DeleteRegistryPolicy).await;
    registry.registry.settings.delete_registry_policy(permit).await.unwrap();
    pull(&registry, &kim, "team/app", 200).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_together_with_the_repositorys() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let statement = |effect: &str| {
        format!(r#"{{"Effect": "{effect}", "Action": "ecr:BatchGetImage", "Principal": "*"}}"#)
    };
    let allow = about_kim("Allow", "ecr:BatchGetImage", "repository/other/app");
    put(&registry, &allow).await;
    set_repository_policy(&registry, "other/app", &statement("Deny")).await;
    pull(&registry, &kim, "other/app", 403).await;
    set_repository_policy(&registry, "other/app", &statement("Allow")).await;
    pull(&registry, &kim, "other/app", 200).await;
    put(&registry, &allow.replace("Allow", "Deny")).await;
    pull(&registry, &kim, "other/app", 403).await;
}

#[tokio::test(start_paused = true)]
async fn it_speaks_of_the_registry_as_a_whole() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let catalog = async |status| {
        registry.request("GET", "/v2/_catalog").basic(&kim.id, &kim.secret).expect(status).await;
    };
    catalog(403).await;
    put(&registry, &about_kim("Allow", "ecr:DescribeRepositories", "repository/*")).await;
    catalog(200).await;
}

#[tokio::test(start_paused = true)]
async fn it_has_no_say_about_users() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let all = about_kim("Allow", "*", "*").replace("arn:aws:ecr:us-east-1:123456789012:*", "*");
    put(&registry, &all).await;
    let caller = registry.authenticator.basic(&kim.id, &kim.secret).await.unwrap();
    let (gate, facts) = (&registry.gate, Facts::default());
    assert!(gate.registry(&caller, Action::DescribeRegistry, &facts).await.is_ok());
    assert!(gate.registry(&caller, Action::ListUsers, &facts).await.is_err());
    assert!(gate.user(&caller, Action::CreateUser, &"kim".parse().unwrap(), &facts).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_root_is_beyond_it() {
    let registry = registry().await;
    put(&registry, r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}"#).await;
    let permit = permit(&registry, Action::DeleteRegistryPolicy).await;
    registry.registry.settings.delete_registry_policy(permit).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_scope_v1_it_is_about_replication_and_caches_alone() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let allow_all = about_kim("Allow", "ecr:*", "repository/other/*");
    put(&registry, &allow_all).await;
    pull(&registry, &kim, "other/app", 200).await;
    set_scope(&registry, RegistryPolicyScope::V1).await;
    pull(&registry, &kim, "other/app", 403).await;
    let caller = registry.authenticator.basic(&kim.id, &kim.secret).await.unwrap();
    let (name, facts) = ("other/new".parse().unwrap(), Facts::default());
    let create = registry.gate.repository(&caller, Action::CreateRepository, &name, &facts).await;
    assert!(create.is_ok(), "{create:?}");
    // What V1 takes and V2 would not is kept when the scope changes.
    let pull_statement = about_kim("Allow", "ecr:BatchGetImage", "repository/other/*");
    let refused = try_put(&registry, &pull_statement).await;
    assert!(matches!(refused, Err(RegistryError::PolicyInvalid(_))), "{refused:?}");
    put(&registry, &about_kim("Allow", "*:CreateRepository", "repository/other/*")).await;
    set_scope(&registry, RegistryPolicyScope::V2).await;
    pull(&registry, &kim, "other/app", 403).await;
    assert!(
        registry.gate.repository(&caller, Action::CreateRepository, &name, &facts).await.is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn another_process_sees_a_change_after_three_seconds() {
    let registry = registry().await;
    let kim = kim(&registry, PULL).await;
    let other = TestRegistry::on(&registry.store).with_login().build();
    pull(&other, &kim, "team/app", 200).await;
    put(&registry, &about_kim("Deny", "ecr:BatchGetImage", "repository/team/app")).await;
    pull(&registry, &kim, "team/app", 403).await;
    pull(&other, &kim, "team/app", 200).await;
    registry.store.clock.advance(Duration::from_secs(3));
    pull(&other, &kim, "team/app", 403).await;
}

#[tokio::test(start_paused = true)]
async fn it_lets_another_account_in_whose_own_policies_do() {
    let registry = registry().await;
    let pull = r#"{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}"#;
    let trust = trust(&registry, pull).await;
    let check = async |principal: &str, status| {
        let session = session(&registry, &trust, principal).await;
        let token = token(&registry, &session).await;
        let path = "/v2/team/app/manifests/v1";
        registry.request("GET", path).basic("AWS", &token).expect(status).await;
        registry.request("GET", "/v2/team/app/tags/list").basic("AWS", &token).expect(403).await;
    };
    check(OWN, 200).await;
    check(FOREIGN, 403).await;
    let statement = |effect: &str, account: &str| {
        format!(
            r#"{{"Effect": "{effect}", "Principal": {{"AWS": "{account}"}}, "Action": "ecr:*",
                "Resource": "arn:aws:ecr:*:*:repository/team/*"}}"#
        )
    };
    put(&registry, &statement("Allow", "111122223333")).await;
    check(FOREIGN, 200).await;
    put(&registry, &statement("Deny", "123456789012")).await;
    check(OWN, 403).await;
    check(FOREIGN, 403).await;
}
