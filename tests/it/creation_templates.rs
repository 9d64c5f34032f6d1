//! Templates of the repositories that a push makes.

use std::sync::Arc;

use berth_registry::access::{Action, Caller, Facts, RegistryPermit};
use berth_registry::{CreationReason, RegistryError, Repository, TemplateChange};
use berth_types::{RepositoryPrefix, TagMutabilitySetting};

use crate::harness::{ShortPages, Store, TestRegistry, bytes, image, permit};

const LIFECYCLE: &str = r#"{"rules": [{"rulePriority": 1, "description": "few",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
    "action": {"type": "expire"}}]}"#;

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": "*", "Action": "ecr:ListImages"}]}"#;

async fn registry_permit(registry: &TestRegistry, action: Action) -> RegistryPermit {
    registry.gate.registry(&Caller::ROOT, action, &Facts::default()).await.unwrap()
}

async fn template(registry: &TestRegistry, prefix: &str, changes: &[TemplateChange]) {
    let permit = registry_permit(registry, Action::CreateRepositoryCreationTemplate).await;
    let settings = &registry.registry.settings;
    settings.create_template(permit, prefix.parse().unwrap(), changes).await.unwrap();
}

fn applied_for(reason: CreationReason) -> TemplateChange {
    TemplateChange::AppliedFor(vec![reason])
}

/// Marks a template by a resource tag.
fn named(name: &str) -> TemplateChange {
    TemplateChange::Tags([("template".to_owned(), name.to_owned())].into())
}

/// Pushes a blob, and returns the repository.
async fn push(registry: &TestRegistry, name: &str) -> Repository {
    registry.push_blob(name, &bytes(10, 1)).await;
    let describe = permit(Action::DescribeRepositories, name);
    Repository::clone(&*registry.registry.repositories.describe(&describe).await.unwrap())
}

#[tokio::test]
async fn a_push_makes_what_the_template_says() {
    let registry = TestRegistry::new();
    let mutability = TemplateChange::TagMutability {
        setting: Some(TagMutabilitySetting::Immutable),
        exclusions: None,
    };
    let changes = [
        applied_for(CreationReason::CreateOnPush),
        named("prod"),
        mutability,
        TemplateChange::Policy(Some(POLICY.to_owned())),
        TemplateChange::LifecyclePolicy(Some(LIFECYCLE.parse().unwrap())),
    ];
    template(&registry, "prod", &changes).await;
    registry.push("prod/app", "v1", &image(1)).await;
    let made = push(&registry, "prod/app").await;
    assert_eq!(made.tags["template"], "prod");
    assert_eq!(made.policy.as_deref(), Some(POLICY));
    let get = permit(Action::GetLifecyclePolicy, "prod/app");
    let lifecycle = registry.registry.repositories.lifecycle_policy(&get).await.unwrap();
    assert_eq!(lifecycle.text, LIFECYCLE);
    registry.push_blobs("prod/app", &image(2)).await;
    assert_eq!(registry.put("prod/app", "v1", &image(2)).await.status, 400);
}

#[tokio::test]
async fn the_longest_prefix_that_is_for_pushes_counts() {
    let registry = TestRegistry::new();
    for (prefix, reason) in [
        ("ROOT", CreationReason::CreateOnPush),
        ("prod/", CreationReason::CreateOnPush),
        ("prod/team", CreationReason::CreateOnPush),
        ("prod/team/cached", CreationReason::PullThroughCache),
    ] {
        template(&registry, prefix, &[applied_for(reason), named(prefix)]).await;
    }
    for (name, prefix) in [
        ("app", "ROOT"),
        ("prod", "ROOT"),
        ("production/app", "ROOT"),
        ("prod/app", "prod/"),
        ("prod/teams/app", "prod/"),
        ("prod/team", "prod/"),
        ("prod/team/app", "prod/team"),
        ("prod/team/cached/app", "prod/team"),
    ] {
        let made = push(&registry, name).await;
        assert_eq!(made.tags["template"], prefix, "{name}");
    }
    // Who makes a repository says what it is like.
    registry.create("made/app").await.unwrap();
    assert!(push(&registry, "made/app").await.tags.is_empty());
}

#[tokio::test]
async fn without_a_template_nothing_is_special() {
    let registry = TestRegistry::new();
    template(&registry, "ROOT", &[applied_for(CreationReason::Replication), named("r")]).await;
    let made = push(&registry, "app").await;
    assert!(made.tags.is_empty() && made.policy.is_none());
    assert_eq!(made.tag_mutability.setting(), TagMutabilitySetting::Mutable);
}

#[tokio::test]
async fn a_template_is_changed_by_what_is_given() {
    let registry = TestRegistry::new();
    template(&registry, "a/", &[applied_for(CreationReason::CreateOnPush), named("a")]).await;
    let settings = &registry.registry.settings;
    let permit = registry_permit(&registry, Action::UpdateRepositoryCreationTemplate).await;
    let prefix: RepositoryPrefix = "a".parse().unwrap();
    let mutability = |setting, exclusions| TemplateChange::TagMutability { setting, exclusions };
    let filters = |text: &str| Some(vec![text.parse().unwrap()]);
    let update = async |change| settings.update_template(permit, &prefix, &[change]).await;
    let refused = update(mutability(None, filters("dev-*"))).await;
    assert!(matches!(refused, Err(RegistryError::TagMutability(_))), "{refused:?}");
    let excluding = Some(TagMutabilitySetting::ImmutableWithExclusion);
    update(mutability(excluding, filters("dev-*"))).await.unwrap();
    let updated = update(mutability(None, filters("test-*"))).await.unwrap();
    assert_eq!(updated.tag_mutability.exclusions(), ["test-*".parse().unwrap()]);
    let updated = update(mutability(excluding, None)).await.unwrap();
    assert_eq!(updated.tag_mutability.exclusions(), ["test-*".parse().unwrap()]);
    let updated = update(mutability(Some(TagMutabilitySetting::Mutable), None)).await.unwrap();
    assert!(updated.tag_mutability.exclusions().is_empty());
    assert_eq!((updated.tags["template"].as_str(), updated.prefix.as_str()), ("a", "a/"));
    let refused = update(TemplateChange::Policy(Some("{}".to_owned()))).await;
    assert!(matches!(refused, Err(RegistryError::PolicyInvalid(_))), "{refused:?}");
}

#[tokio::test]
async fn there_are_as_many_as_the_quota_allows_however_short_the_pages_are() {
    let store = Store::new();
    let table = Arc::new(ShortPages(Arc::clone(&store.table)));
    let quotas = "creation-templates=30".parse().unwrap();
    let registry = TestRegistry::on(&store).table(table).quotas(quotas).build();
    let settings = &registry.registry.settings;
    let creation = registry_permit(&registry, Action::CreateRepositoryCreationTemplate).await;
    let create = async |number: usize| {
        let prefix = format!("team-{number:02}/").parse().unwrap();
        settings.create_template(creation, prefix, &[named("t")]).await
    };
    for number in 0..30 {
        create(number).await.unwrap();
    }
    let refused = create(30).await;
    assert!(matches!(refused, Err(RegistryError::TooManyPrefixes { most: 30, .. })), "{refused:?}");
    let refused = create(0).await;
    assert!(matches!(refused, Err(RegistryError::PrefixTaken { .. })), "{refused:?}");

    let description = registry_permit(&registry, Action::DescribeRepositoryCreationTemplates).await;
    let mut found = Vec::new();
    let mut after: Option<RepositoryPrefix> = None;
    loop {
        let page = settings.templates(description, after.as_ref(), 7).await.unwrap();
        found.extend(page.settings.into_iter().map(|template| String::from(template.prefix)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..30).map(|number| format!("team-{number:02}/")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_template_has_a_size() {
    let registry = TestRegistry::new();
    let settings = &registry.registry.settings;
    let permit = registry_permit(&registry, Action::CreateRepositoryCreationTemplate).await;
    let sid = format!(r#"{{"Sid": "{}", "#, "\u{1f980}".repeat(80_000));
    let policy = POLICY.replacen(r#"{"Effect""#, &format!(r#"{sid}"Effect""#), 1);
    let changes = [TemplateChange::Policy(Some(policy))];
    let refused = settings.create_template(permit, "a".parse().unwrap(), &changes).await;
    assert!(matches!(refused, Err(RegistryError::SettingTooLarge { .. })), "{refused:?}");
}
