//! What the tests share: short ways to ask.

use std::cell::Cell;

use berth_policy::{
    AwsPrincipal, Context, Decision, Identity, Policies, Policy, PolicyKind, Principal,
    RegistryScope, Request, decide,
};

thread_local! {
    static DECISIONS: Cell<usize> = const { Cell::new(0) };
}

/// Returns how many decisions the thread has made since the last time.
pub fn take_decisions() -> usize {
    DECISIONS.take()
}

/// Decides, and counts.
pub fn counted(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    DECISIONS.set(DECISIONS.get() + 1);
    decide(request, policies)
}

pub const ACCOUNT: &str = "111122223333";
pub const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app";
pub const USER: &str = "arn:aws:iam::111122223333:user/kim";

/// Returns the kind of the policy of [`REPOSITORY`].
pub fn repository() -> PolicyKind {
    PolicyKind::Repository { arn: REPOSITORY.to_owned() }
}

/// Returns the kind of the registry's policy.
pub fn registry() -> PolicyKind {
    PolicyKind::Registry(RegistryScope::V2)
}

/// Parses a policy, which must be valid.
#[track_caller]
pub fn policy(kind: &PolicyKind, text: &str) -> Policy {
    Policy::parse(kind, text, kind.usual_size()).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Returns the principal of an ARN.
#[track_caller]
pub fn aws(arn: &str) -> Principal {
    Principal::Aws(arn.parse::<AwsPrincipal>().unwrap())
}

/// Returns a context of keys with one value each.
pub fn context(values: &[(&str, &str)]) -> Context {
    let mut context = Context::default();
    for (key, value) in values {
        context.set(key, *value);
    }
    context
}

/// Whether an identity policy with this one statement lets its user push to [`REPOSITORY`].
#[track_caller]
pub fn pushes(statement: &str, context: &Context) -> bool {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#);
    let policy = policy(&PolicyKind::Identity, &text);
    let principal = aws(USER);
    let request = Request::new(&principal, "ecr:PutImage", REPOSITORY, context);
    let policies =
        Policies { owner: ACCOUNT, identity: Identity::Policies(&[&policy]), resource: &[] };
    counted(&request, &policies).is_allowed()
}

/// Whether an identity policy that allows on `condition` alone lets its user push.
#[track_caller]
pub fn allows(condition: &str, context: &Context) -> bool {
    let statement = format!(
        r#"{{"Effect": "Allow", "Action": "ecr:*", "Resource": "*", "Condition": {condition}}}"#
    );
    pushes(&statement, context)
}

/// Whether an identity policy that allows all, and denies on `condition`, denies a push.
#[track_caller]
pub fn denies(condition: &str, context: &Context) -> bool {
    let statements = format!(
        r#"[{{"Effect": "Allow", "Action": "*", "Resource": "*"}},
            {{"Effect": "Deny", "Action": "ecr:*", "Resource": "*", "Condition": {condition}}}]"#
    );
    !pushes(&statements, context)
}

/// Decides by one policy of an identity and one of the resource, each of them if it is given.
pub fn decide_by(request: &Request<'_>, identity: &[&Policy], resource: &[&Policy]) -> Decision {
    let identity = Identity::Policies(identity);
    counted(request, &Policies { owner: ACCOUNT, identity, resource })
}
