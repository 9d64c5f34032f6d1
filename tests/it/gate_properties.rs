//! What holds of the gate whatever the policies of the user, the repository and the registry say.

use std::sync::Arc;

use berth_registry::access::{Action, Caller, Facts, Principal};
use berth_types::Tag;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

use crate::harness::TestRegistry;
use crate::policies::{kim, put_policy, set_repository_policy};

const NAME: &str = "team/app";
const ACTIONS: [Action; 3] = [Action::PutImage, Action::BatchGetImage, Action::DeleteRepository];
const TAGS: [&str; 3] = ["dev-1", "prod-1", "v1"];

/// A registry with a repository and a user, whose policies change from case to case.
struct World {
    runtime: Runtime,
    registry: TestRegistry,
    kim: Caller,
}

/// Statements of one policy, without what only some kinds of policies hold.
type Statements = Vec<String>;

/// The policies of all sides.
#[derive(Clone, Debug, Default)]
struct Sides {
    own: Statements,
    repository: Statements,
    registry: Statements,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (registry, kim) = runtime.block_on(async {
            let registry = TestRegistry::new();
            registry.create(NAME).await.unwrap();
            let key = kim(&registry, &own(&[])).await;
            let found = registry.authenticator.basic(&key.id, &key.secret).await.unwrap();
            (registry, found)
        });
        Self { runtime, registry, kim }
    }

    /// Whether the user may do an action on images of these tags.
    fn allows(&self, sides: &Sides, action: Action, tags: &[&str]) -> bool {
        self.runtime.block_on(async {
            put_policy(&self.registry, &own(&sides.own)).await;
            set_repository_policy(&self.registry, NAME, &attached(&sides.repository, "")).await;
            self.put_registry_policy(&attached(&sides.registry, r#""Resource": "*","#)).await;
            let caller = self.kim_now().await;
            let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
            let facts = Facts { image_tags: tags, ..Facts::default() };
            let name = NAME.parse().unwrap();
            self.registry.gate.repository(&caller, action, &name, &facts).await.is_ok()
        })
    }

    /// Returns the user with the policies that it has now.
    async fn kim_now(&self) -> Caller {
        let Some(Principal::User(user)) = self.kim.principal() else { panic!("kim is no user") };
        let principal = Principal::User(Arc::clone(user));
        let token = self.registry.authenticator.authorization_token(&principal).await.unwrap();
        self.registry.authenticator.basic("AWS", token.token.reveal()).await.unwrap()
    }

    async fn put_registry_policy(&self, statements: &str) {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        let (action, facts) = (Action::PutRegistryPolicy, Facts::default());
        let permit = self.registry.gate.registry(&Caller::ROOT, action, &facts).await.unwrap();
        self.registry.registry.settings.put_registry_policy(permit, &text).await.unwrap();
    }
}

/// Returns statements of an identity policy, with one that says nothing of ECR.
fn own(statements: &[String]) -> String {
    let rest = statements.iter().map(|it| format!(r#"{{"Resource": "*", {it}}}"#));
    let first = r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#.to_owned();
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(",")
}

/// Returns statements of a resource's policy about the user, with one about somebody else.
fn attached(statements: &[String], resource: &str) -> String {
    let about = |account: &str, rest: &str| {
        format!(r#"{{"Principal": {{"AWS": "{account}"}}, {resource} {rest}}}"#)
    };
    let kim = "arn:aws:iam::123456789012:user/kim";
    let rest = statements.iter().map(|it| about(kim, it));
    let first = about("444455556666", r#""Effect": "Deny", "Action": "ecr:*""#);
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join(",")
}

fn everything() -> Statements {
    vec![r#""Effect": "Allow", "Action": "ecr:*""#.to_owned()]
}

fn statements(effect: &'static str) -> impl Strategy<Value = Statements> {
    let action = prop::sample::select(&[
        r#""Action": "ecr:*""#,
        r#""Action": "ecr:PutImage""#,
        r#""Action": ["ecr:Batch*", "ecr:DeleteRepository"]"#,
        r#""NotAction": "ecr:BatchGetImage""#,
    ]);
    let condition = prop::sample::select(&[
        "{}",
        r#"{"StringLike": {"berth:ImageTag": "dev-*"}}"#,
        r#"{"ForAnyValue:StringLike": {"berth:ImageTag": ["prod-*", "v?"]}}"#,
        r#"{"ForAllValues:StringNotLike": {"berth:ImageTag": "prod-*"}}"#,
        r#"{"Null": {"berth:ImageTag": "true"}}"#,
        r#"{"StringEquals": {"aws:username": "kim"}}"#,
        r#"{"Bool": {"aws:SecureTransport": "true"}}"#,
    ]);
    let statement = (action, condition).prop_map(move |(action, condition)| {
        format!(r#""Effect": "{effect}", {action}, "Condition": {condition}"#)
    });
    prop::collection::vec(statement, 0..3)
}

fn sides(effect: &'static str) -> impl Strategy<Value = Sides> {
    (statements(effect), statements(effect), statements(effect))
        .prop_map(|(own, repository, registry)| Sides { own, repository, registry })
}

/// Returns the statements of both, side by side.
fn joined(one: &Sides, other: &Sides) -> Sides {
    let join = |one: &Statements, other: &Statements| [one.clone(), other.clone()].concat();
    Sides {
        own: join(&one.own, &other.own),
        repository: join(&one.repository, &other.repository),
        registry: join(&one.registry, &other.registry),
    }
}

fn question() -> impl Strategy<Value = (Action, Vec<&'static str>)> {
    let tags = prop::sample::subsequence(TAGS.to_vec(), 0..=2);
    (prop::sample::select(ACTIONS.to_vec()), tags)
}

/// Checks a property of many allowances, denials and questions.
fn check(property: impl Fn(&World, &Sides, &Sides, Action, &[&str]) -> Result<(), TestCaseError>) {
    let world = World::new();
    let everything = Sides { own: everything(), ..Sides::default() };
    assert!(world.allows(&everything, Action::PutImage, &TAGS));
    assert!(!world.allows(&Sides::default(), Action::PutImage, &[]));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    let cases = (sides("Allow"), sides("Deny"), question());
    let run = TestRunner::new(config).run(&cases, |(allows, denies, (action, tags))| {
        property(&world, &allows, &denies, action, &tags)
    });
    run.unwrap();
}

#[test]
fn a_denial_on_any_side_wins() {
    check(|world, allows, denies, action, tags| {
        let everything = Sides { own: everything(), ..Sides::default() };
        let is_denied = !world.allows(&joined(&everything, denies), action, tags);
        prop_assert!(!is_denied || !world.allows(&joined(allows, denies), action, tags));
        Ok(())
    });
}

#[test]
fn one_more_allowance_takes_nothing_away() {
    check(|world, allows, denies, action, tags| {
        for fewer in [
            Sides { own: allows.own.clone(), ..Sides::default() },
            Sides { repository: allows.repository.clone(), ..Sides::default() },
            Sides { registry: allows.registry.clone(), ..Sides::default() },
        ] {
            if world.allows(&joined(&fewer, denies), action, tags) {
                prop_assert!(world.allows(&joined(allows, denies), action, tags));
            }
        }
        Ok(())
    });
}

#[test]
fn one_more_denial_gives_nothing() {
    check(|world, allows, denies, action, tags| {
        let all = world.allows(&joined(allows, denies), action, tags);
        prop_assert!(!all || world.allows(allows, action, tags));
        prop_assert!(!world.allows(denies, action, tags));
        Ok(())
    });
}

#[test]
fn tags_are_asked_for_one_by_one() {
    check(|world, allows, denies, action, tags| {
        let sides = joined(allows, denies);
        let each = tags.iter().all(|tag| world.allows(&sides, action, &[tag]));
        prop_assert!(tags.is_empty() || world.allows(&sides, action, tags) == each);
        Ok(())
    });
}
