//! What holds of all policies and requests.

use berth_policy::{
    Context, Decision, Denial, Identity, Policies, Policy, PolicyKind, Principal, RegistryScope,
    Request, decide,
};
use proptest::prelude::*;

use crate::support::{ACCOUNT, REPOSITORY, aws, repository};

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

/// A member of a statement, well formed and from few words, so that many statements apply.
fn principal() -> impl Strategy<Value = String> {
    one_of(&[
        r#""Principal": "*""#,
        r#""Principal": {"AWS": "111122223333"}"#,
        r#""Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:user/kim"]}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/ci"}"#,
        r#""Principal": {"Service": "codebuild.amazonaws.com"}"#,
        r#""NotPrincipal": {"AWS": "111122223333"}"#,
        r#""NotPrincipal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/kim"]}"#,
    ])
}

fn action() -> impl Strategy<Value = String> {
    one_of(&[
        r#""Action": "*""#,
        r#""Action": ["ecr:Get*", "ecr:put?mage"]"#,
        r#""Action": "ecr:BatchGetImage""#,
        r#""NotAction": "ecr:Batch*""#,
    ])
}

fn condition() -> impl Strategy<Value = String> {
    one_of(&[
        "{}",
        r#"{"StringEquals": {"a:x": ["1", "2"]}}"#,
        r#"{"StringNotLike": {"a:x": "${a:y}*"}}"#,
        r#"{"ForAllValues:StringLike": {"a:z": "?"}}"#,
        r#"{"ForAnyValue:NumericLessThanIfExists": {"a:z": 2}}"#,
        r#"{"Null": {"a:y": "true"}, "StringEqualsIfExists": {"a:x": "1"}}"#,
    ])
}

/// Statements of the repository's policy with one effect.
fn statements(effect: &'static str) -> impl Strategy<Value = Vec<String>> {
    let statement = (principal(), action(), condition()).prop_map(move |(who, what, when)| {
        format!(r#"{{"Effect": "{effect}", {who}, {what}, "Condition": {when}}}"#)
    });
    prop::collection::vec(statement, 0..4)
}

/// The same as policies of an identity, one for each statement.
fn own_policies(statements: &[String]) -> Vec<Policy> {
    let identity = |statement: &String| {
        let start = statement.find(r#""Action"#).or_else(|| statement.find(r#""NotAction"#));
        let rest = &statement[start.expect("an action")..];
        let effect = if statement.contains("Deny") { "Deny" } else { "Allow" };
        let text = format!(
            r#"{{"Version": "2012-10-17",
                "Statement": {{"Effect": "{effect}", "Resource": "*", {rest}}}"#
        );
        Policy::parse(&PolicyKind::Identity, &text, 10_000).expect("a valid policy")
    };
    statements.iter().map(identity).collect()
}

fn shared(statements: &[String]) -> Option<Policy> {
    let list = statements.join(",");
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{list}]}}"#);
    let parsed = || Policy::parse(&repository(), &text, 10_000).expect("a valid policy");
    (!statements.is_empty()).then(parsed)
}

fn caller() -> impl Strategy<Value = Principal> {
    prop::sample::select(vec![
        Principal::Anonymous,
        Principal::Service("codebuild.amazonaws.com".to_owned()),
        aws("arn:aws:iam::111122223333:root"),
        aws("arn:aws:iam::111122223333:user/kim"),
        aws("arn:aws:iam::111122223333:user/lee"),
        aws("arn:aws:sts::111122223333:assumed-role/ci/1"),
        aws("arn:aws:iam::444455556666:user/kim"),
    ])
}

fn contexts() -> impl Strategy<Value = Context> {
    let value = || prop::option::of(one_of(&["1", "2", "*", ""]));
    let list = prop::collection::vec(one_of(&["1", "2", "long"]), 0..3);
    (value(), value(), list).prop_map(|(x, y, z)| {
        let mut context = Context::default();
        if let Some(x) = x {
            context.set("a:x", x);
        }
        if let Some(y) = y {
            context.set("a:y", y);
        }
        context.set_list("a:z", z);
        context
    })
}

/// A request, without the strings that it borrows.
#[derive(Clone, Debug)]
struct Question {
    caller: Principal,
    action: String,
    context: Context,
}

fn question() -> impl Strategy<Value = Question> {
    let action = one_of(&["ecr:PutImage", "ecr:BatchGetImage", "ECR:getRepositoryPolicy"]);
    (caller(), action, contexts()).prop_map(|(caller, action, context)| Question {
        caller,
        action,
        context,
    })
}

/// The answer by statements of the caller's and of the resource's policies.
#[derive(Debug, PartialEq)]
enum Answer {
    Allowed,
    DeniedExplicitly,
    Denied,
}

fn answer(question: &Question, own: &[String], resource: &[String]) -> Answer {
    let own = own_policies(own);
    let own: Vec<&Policy> = own.iter().collect();
    let resource = shared(resource);
    let resource: Vec<&Policy> = resource.iter().collect();
    let Question { caller, action, context } = question;
    let request = Request::new(caller, action, REPOSITORY, context);
    let identity = Identity::Policies(&own);
    match decide(&request, &Policies { owner: ACCOUNT, identity, resource: &resource }) {
        Decision::Allowed(_) => Answer::Allowed,
        Decision::Denied(Denial::Explicit(_)) => Answer::DeniedExplicitly,
        Decision::Denied(Denial::Implicit(_)) => Answer::Denied,
    }
}

fn joined(first: &[String], second: &[String]) -> Vec<String> {
    first.iter().chain(second).cloned().collect()
}

/// JSON that resembles a policy, right and wrong in all places.
fn nearly_a_policy() -> impl Strategy<Value = String> {
    let word = one_of(&[
        r#""*""#,
        r#""Allow""#,
        r#""2012-10-17""#,
        r#""ecr:PutImage""#,
        r#""arn:aws:ecr:*:*:repository/${a:x}""#,
        r#""111122223333""#,
        r#""${""#,
        "null",
        "true",
        "-1.5e3",
        "[]",
        "{}",
    ]);
    word.prop_recursive(5, 60, 5, |inner| {
        let key = one_of(&[
            "Version",
            "Id",
            "Statement",
            "Sid",
            "Effect",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Principal",
            "NotPrincipal",
            "Condition",
            "AWS",
            "Service",
            "Bool",
            "StringLike",
            "ForAnyValue:ArnLikeIfExists",
            "DateEquals",
            "IpAddress",
            "Null",
            "a:x",
        ]);
        let list = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| format!("[{}]", items.join(",")));
        let members = (key, inner).prop_map(|(key, value)| format!(r#""{key}": {value}"#));
        let object = prop::collection::vec(members, 0..6)
            .prop_map(|members| format!("{{{}}}", members.join(",")));
        prop_oneof![list, object]
    })
}

fn kinds() -> [PolicyKind; 4] {
    let registry = |scope| PolicyKind::Registry(scope);
    [PolicyKind::Identity, repository(), registry(RegistryScope::V1), registry(RegistryScope::V2)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn parsing_never_panics(
        text in prop_oneof![nearly_a_policy(), any::<String>(), "[{}\\[\\]\",:a*${} ]{0,60}"],
        question in question(),
    ) {
        for kind in kinds() {
            let Ok(policy) = Policy::parse(&kind, &text, 100_000) else { continue };
            prop_assert_eq!(policy.text(), text.as_str());
            let Question { caller, action, context } = &question;
            let request = Request::new(caller, action, REPOSITORY, context);
            let _ = decide(&request, &Policies {
                owner: ACCOUNT,
                identity: Identity::Policies(&[&policy]),
                resource: &[&policy],
            });
        }
    }

    #[test]
    fn a_denial_always_wins(
        question in question(),
        own in statements("Allow"),
        resource in statements("Allow"),
        denials in statements("Deny"),
    ) {
        let alone = answer(&question, &denials, &[]);
        let expected = alone == Answer::DeniedExplicitly;
        let found = answer(&question, &joined(&own, &denials), &resource);
        prop_assert_eq!(found == Answer::DeniedExplicitly, expected);
        let alone = answer(&question, &[], &denials);
        let expected = alone == Answer::DeniedExplicitly;
        let found = answer(&question, &own, &joined(&resource, &denials));
        prop_assert_eq!(found == Answer::DeniedExplicitly, expected);
    }

    #[test]
    fn one_more_allow_takes_nothing_away(
        question in question(),
        own in (statements("Allow"), statements("Deny")),
        resource in (statements("Allow"), statements("Deny")),
        more in statements("Allow"),
    ) {
        let (own, resource) = (joined(&own.0, &own.1), joined(&resource.0, &resource.1));
        if answer(&question, &own, &resource) == Answer::Allowed {
            prop_assert_eq!(answer(&question, &joined(&own, &more), &resource), Answer::Allowed);
            prop_assert_eq!(answer(&question, &own, &joined(&resource, &more)), Answer::Allowed);
        }
    }

    #[test]
    fn one_more_deny_gives_nothing(
        question in question(),
        own in statements("Allow"),
        resource in statements("Allow"),
        denials in statements("Deny"),
    ) {
        if answer(&question, &own, &resource) != Answer::Allowed {
            prop_assert_ne!(answer(&question, &joined(&own, &denials), &resource), Answer::Allowed);
            prop_assert_ne!(answer(&question, &own, &joined(&resource, &denials)), Answer::Allowed);
        }
    }

    #[test]
    fn order_does_not_matter(
        question in question(),
        own in (statements("Allow"), statements("Deny")),
        resource in (statements("Allow"), statements("Deny")),
    ) {
        prop_assert_eq!(
            answer(&question, &joined(&own.0, &own.1), &joined(&resource.0, &resource.1)),
            answer(&question, &joined(&own.1, &own.0), &joined(&resource.1, &resource.0))
        );
    }

    #[test]
    fn nothing_is_allowed_by_nothing(question in question(), denials in statements("Deny")) {
        prop_assert_ne!(answer(&question, &denials, &denials), Answer::Allowed);
    }
}
