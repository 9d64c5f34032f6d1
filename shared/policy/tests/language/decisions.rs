//! Who may do what, by which policies.

use berth_policy::{
    Cause, Context, Decision, Denial, Grant, Identity, Policies, Policy, PolicyKind, Principal,
    Request, Side,
};

use crate::support::{ACCOUNT, REPOSITORY, USER, aws, counted, policy, registry, repository};

const FOREIGN: &str = "arn:aws:iam::444455556666:user/lee";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/ci/run-7";
const FOREIGN_SESSION: &str = "arn:aws:sts::444455556666:assumed-role/ci/run-7";

/// Builds a policy of one statement of an identity.
fn identity(effect: &str, action: &str, resource: &str) -> Policy {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "I", "Effect": "{effect}",
            "Action": "{action}", "Resource": "{resource}"}}}}"#
    );
    policy(&PolicyKind::Identity, &text)
}

/// Builds a policy of one statement of the repository; `principal` is its whole element.
fn resource(effect: &str, principal: &str) -> Policy {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "R", "Effect": "{effect}",
            {principal}, "Action": "ecr:*"}}}}"#
    );
    policy(&repository(), &text)
}

fn principal(arn: &str) -> Principal {
    match arn {
        "anonymous" => Principal::Anonymous,
        "service" => Principal::Service("codebuild.amazonaws.com".to_owned()),
        "federated" => Principal::Federated("accounts.google.com".to_owned()),
        arn => aws(arn),
    }
}

/// Whether `arn` may push, by policies of its own and of the repository.
fn may(arn: &str, own: Identity<'_>, resource: &[&Policy]) -> bool {
    let (principal, context) = (principal(arn), Context::default());
    let request = Request::new(&principal, "ecr:PutImage", REPOSITORY, &context);
    counted(&request, &Policies { owner: ACCOUNT, identity: own, resource }).is_allowed()
}

/// What the principal's own policies say.
#[derive(Clone, Copy, Debug)]
enum Own {
    Nothing,
    Allows,
    Denies,
    Both,
    Everything,
}

const OWN: [Own; 5] = [Own::Nothing, Own::Allows, Own::Denies, Own::Both, Own::Everything];

/// Checks, for each of [`OWN`], whether `arn` may push to a repository with `resource`.
#[track_caller]
fn check(arn: &str, resource: &[&Policy], expected: [bool; 5]) {
    let (allow, deny) = (identity("Allow", "ecr:*", "*"), identity("Deny", "ecr:*", "*"));
    for (own, expected) in OWN.into_iter().zip(expected) {
        let policies: &[&Policy] = match own {
            Own::Nothing | Own::Everything => &[],
            Own::Allows => &[&allow],
            Own::Denies => &[&deny],
            Own::Both => &[&allow, &deny],
        };
        let identity = match own {
            Own::Everything => Identity::Everything,
            _ => Identity::Policies(policies),
        };
        assert_eq!(may(arn, identity, resource), expected, "{arn}, {own:?}, {resource:?}");
    }
}

/// The same for a repository with one statement.
#[track_caller]
fn check_one(arn: &str, effect: &str, principal: &str, expected: [bool; 5]) {
    check(arn, &[&resource(effect, principal)], expected);
}

/// Expected of [`OWN`], in its order: nothing, allows, denies, both, everything.
const NEVER: [bool; 5] = [false; 5];
const IF_OWN_ALLOWS: [bool; 5] = [false, true, false, false, true];
const UNLESS_OWN_DENIES: [bool; 5] = [true, true, false, false, true];

#[test]
pub fn without_a_policy_of_the_resource_the_own_account_decides() {
    for arn in [USER, SESSION, "arn:aws:iam::111122223333:root"] {
        check(arn, &[], IF_OWN_ALLOWS);
    }
    for arn in [FOREIGN, FOREIGN_SESSION, "arn:aws:iam::444455556666:root", "anonymous"] {
        check(arn, &[], NEVER);
    }
}

#[test]
pub fn in_one_account_either_side_is_enough() {
    for principal in [
        r#""Principal": "*""#,
        r#""Principal": {"AWS": "*"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/kim"}"#,
        r#""Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:user/kim"]}"#,
        r#""NotPrincipal": {"AWS": "444455556666"}"#,
    ] {
        check_one(USER, "Allow", principal, UNLESS_OWN_DENIES);
        check_one(USER, "Deny", principal, NEVER);
    }
    for principal in [
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/lee"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/kim"}"#,
        r#""Principal": {"AWS": "444455556666"}"#,
        r#""Principal": {"Service": "codebuild.amazonaws.com"}"#,
        r#""Principal": {"Federated": "accounts.google.com"}"#,
    ] {
        check_one(USER, "Allow", principal, IF_OWN_ALLOWS);
        check_one(USER, "Deny", principal, IF_OWN_ALLOWS);
    }
}

#[test]
pub fn an_account_passes_permissions_on() {
    for principal in [
        r#""Principal": {"AWS": "111122223333"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:root"}"#,
    ] {
        check_one(USER, "Allow", principal, IF_OWN_ALLOWS);
        check_one(SESSION, "Allow", principal, IF_OWN_ALLOWS);
        check_one("arn:aws:iam::111122223333:root", "Allow", principal, UNLESS_OWN_DENIES);
        // A denial reaches everyone in the account.
        check_one(USER, "Deny", principal, NEVER);
        check_one(SESSION, "Deny", principal, NEVER);
        check_one("arn:aws:iam::111122223333:root", "Deny", principal, NEVER);
    }
}

#[test]
pub fn across_accounts_both_sides_are_needed() {
    for principal in [
        r#""Principal": "*""#,
        r#""Principal": {"AWS": "444455556666"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::444455556666:root"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/lee"}"#,
        r#""NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/kim"}"#,
    ] {
        check_one(FOREIGN, "Allow", principal, IF_OWN_ALLOWS);
        check_one(FOREIGN, "Deny", principal, NEVER);
    }
    for principal in [
        r#""Principal": {"AWS": "111122223333"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/kim"}"#,
        r#""NotPrincipal": {"AWS": "arn:aws:iam::444455556666:user/lee"}"#,
        r#""NotPrincipal": {"AWS": "444455556666"}"#,
    ] {
        check_one(FOREIGN, "Allow", principal, NEVER);
    }
}

#[test]
pub fn sessions_are_their_roles() {
    for principal in [
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/ci"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:role/service-role/ci"}"#,
        r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/ci/run-7"}"#,
    ] {
        check_one(SESSION, "Allow", principal, UNLESS_OWN_DENIES);
        check_one(SESSION, "Deny", principal, NEVER);
    }
    let other = r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/ci/run-8"}"#;
    check_one(SESSION, "Allow", other, IF_OWN_ALLOWS);
    check_one(SESSION, "Deny", other, IF_OWN_ALLOWS);
    let role = r#""Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"}"#;
    check_one(FOREIGN_SESSION, "Allow", role, IF_OWN_ALLOWS);
    check_one(SESSION, "Allow", role, IF_OWN_ALLOWS);
    check_one(SESSION, "Deny", role, IF_OWN_ALLOWS);
}

#[test]
pub fn who_has_no_account_needs_the_resource_alone() {
    let everyone = r#""Principal": "*""#;
    let unless = r#""NotPrincipal": {"AWS": "444455556666"}"#;
    let service = r#""Principal": {"Service": "codebuild.amazonaws.com"}"#;
    let federated = r#""Principal": {"Federated": "accounts.google.com"}"#;
    let always = [true, true, false, false, true];
    for who in ["anonymous", "service", "federated"] {
        check_one(who, "Allow", everyone, always);
        check_one(who, "Allow", unless, always);
        check_one(who, "Deny", everyone, NEVER);
        check_one(who, "Deny", unless, NEVER);
        check_one(who, "Allow", r#""Principal": {"AWS": "111122223333"}"#, NEVER);
    }
    check_one("service", "Allow", service, always);
    check_one("federated", "Allow", federated, always);
    for (who, principal) in [
        ("anonymous", service),
        ("anonymous", federated),
        ("service", federated),
        ("federated", service),
    ] {
        check_one(who, "Allow", principal, NEVER);
    }
}

/// `NotPrincipal` with `Deny` spares those alone that it names themselves; the user guide names
/// their account beside them.
#[test]
pub fn denials_spare_only_whom_they_name() {
    let bob = r#""NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:user/kim",
        "arn:aws:iam::111122223333:root"]}"#;
    check_one(USER, "Deny", bob, IF_OWN_ALLOWS);
    check_one("arn:aws:iam::111122223333:root", "Deny", bob, IF_OWN_ALLOWS);
    check_one("arn:aws:iam::111122223333:user/lee", "Deny", bob, NEVER);
    check_one(FOREIGN, "Deny", bob, NEVER);
    check_one("anonymous", "Deny", bob, NEVER);
    let session = r#""NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/ci",
        "arn:aws:sts::111122223333:assumed-role/ci/run-7"]}"#;
    check_one(SESSION, "Deny", session, IF_OWN_ALLOWS);
    let other = "arn:aws:sts::111122223333:assumed-role/ci/run-8";
    check_one(other, "Deny", session, NEVER);
    check_one(USER, "Deny", r#""NotPrincipal": "*""#, IF_OWN_ALLOWS);
    // To allow all but an account leaves out all of it.
    let others = r#""NotPrincipal": {"AWS": "111122223333"}"#;
    check_one(USER, "Allow", others, IF_OWN_ALLOWS);
    check_one(SESSION, "Allow", others, IF_OWN_ALLOWS);
}

#[test]
pub fn policies_of_a_resource_are_one_side() {
    let allow = resource("Allow", r#""Principal": {"AWS": "444455556666"}"#);
    let deny = resource("Deny", r#""Principal": {"AWS": "444455556666"}"#);
    check(FOREIGN, &[&allow], IF_OWN_ALLOWS);
    check(FOREIGN, &[&allow, &deny], NEVER);
    check(FOREIGN, &[&deny, &allow], NEVER);
    let registry = |resource: &str| {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
                "Principal": {{"AWS": "444455556666"}}, "Action": "ecr:PutImage",
                "Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/{resource}"}}}}"#
        );
        policy(&registry(), &text)
    };
    check(FOREIGN, &[&registry("team/*")], IF_OWN_ALLOWS);
    check(FOREIGN, &[&registry("other/*")], NEVER);
    check(FOREIGN, &[&registry("team/*"), &deny], NEVER);
}

#[test]
pub fn a_policy_without_principal_says_nothing_of_a_resource() {
    let allow = identity("Allow", "*", "*");
    for arn in ["anonymous", "service", USER, FOREIGN] {
        assert!(!may(arn, Identity::Policies(&[]), &[&allow]), "{arn}");
    }
}

#[test]
pub fn actions_and_resources_are_matched() {
    let (user, context) = (aws(USER), Context::default());
    for (action, resource, allowed) in [
        ("ecr:PutImage", REPOSITORY, true),
        ("ECR:putimage", REPOSITORY, true),
        ("ecr:Put*", "*", true),
        ("ecr:*Image", "*", true),
        ("ecr:Pu?Image", "*", true),
        ("*", "*", true),
        ("ecr:PutImages", "*", false),
        ("ecr:Put", "*", false),
        ("ecr-public:PutImage", "*", false),
        ("s3:*", "*", false),
        ("ecr:*", "arn:aws:ecr:*:*:repository/team/*", true),
        ("ecr:*", "arn:aws:ecr:eu-west-1:111122223333:repository/*", true),
        ("ecr:*", "arn:aws:ecr:eu-west-1:111122223333:repository/team", false),
        ("ecr:*", "arn:aws:ecr:eu-west-1:111122223333:repository/TEAM/app", false),
        ("ecr:*", "arn:aws:ecr:us-east-1:*:repository/*", false),
        ("ecr:*", "arn:aws:ecr", true),
        ("ecr:*", "arn:aws:s3:::*", false),
    ] {
        let policy = identity("Allow", action, resource);
        let policies =
            Policies { owner: ACCOUNT, identity: Identity::Policies(&[&policy]), resource: &[] };
        let request = Request::new(&user, "ecr:PutImage", REPOSITORY, &context);
        assert_eq!(counted(&request, &policies).is_allowed(), allowed, "{action} on {resource}");
        let request = Request::new(&user, "ECR:PUTIMAGE", REPOSITORY, &context);
        assert_eq!(counted(&request, &policies).is_allowed(), allowed, "{action} on {resource}");
        // `*` as a resource is that of an action about none.
        let request = Request::new(&user, "ecr:PutImage", "*", &context);
        let anywhere = allowed && resource == "*";
        assert_eq!(counted(&request, &policies).is_allowed(), anywhere, "{action} on {resource}");
    }
}

#[test]
pub fn elements_with_not_turn_round() {
    let (user, context) = (aws(USER), Context::default());
    let request = Request::new(&user, "ecr:PutImage", REPOSITORY, &context);
    for (action, resource, allowed) in [
        (r#""NotAction": "ecr:DeleteRepository""#, r#""Resource": "*""#, true),
        (r#""NotAction": "ecr:Put*""#, r#""Resource": "*""#, false),
        (r#""NotAction": ["ecr:Delete*", "ECR:*IMAGE"]"#, r#""Resource": "*""#, false),
        (r#""NotAction": "*""#, r#""Resource": "*""#, false),
        (r#""Action": "ecr:*""#, r#""NotResource": "arn:aws:ecr:*:*:repository/prod/*""#, true),
        (r#""Action": "ecr:*""#, r#""NotResource": "arn:aws:ecr:*:*:repository/team/*""#, false),
        (r#""Action": "ecr:*""#, r#""NotResource": ["arn:aws:s3:::*", "*"]"#, false),
        (r#""NotAction": "s3:*""#, r#""NotResource": "arn:aws:s3:::*""#, true),
    ] {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {action}, {resource}}}}}"#
        );
        let policy = policy(&PolicyKind::Identity, &text);
        let policies =
            Policies { owner: ACCOUNT, identity: Identity::Policies(&[&policy]), resource: &[] };
        assert_eq!(counted(&request, &policies).is_allowed(), allowed, "{text}");
    }
}

#[test]
fn decisions_name_their_statement() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "No", "Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Sid": "Push", "Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;
    let (first, second) = (identity("Allow", "s3:*", "*"), policy(&PolicyKind::Identity, text));
    let own: &[&Policy] = &[&first, &second];
    let policies = Policies { owner: ACCOUNT, identity: Identity::Policies(own), resource: &[] };
    let (user, mut context) = (aws(USER), Context::default());
    let cause = |statement, sid: Option<&str>| Cause {
        side: Side::Identity,
        policy: 1,
        statement,
        sid: sid.map(str::to_owned),
    };
    let decision = |context: &Context| {
        counted(&Request::new(&user, "ecr:PutImage", REPOSITORY, context), &policies)
    };
    let granted = Grant::Statement(cause(1, Some("Push")));
    assert_eq!(decision(&context), Decision::Allowed(granted));
    context.set("aws:SecureTransport", "false");
    assert_eq!(decision(&context), Decision::Denied(Denial::Explicit(cause(2, None))));
    let everything = Policies { owner: ACCOUNT, identity: Identity::Everything, resource: &[] };
    let request = Request::new(&user, "ecr:PutImage", REPOSITORY, &context);
    assert_eq!(counted(&request, &everything), Decision::Allowed(Grant::Everything));
    let shared = resource("Allow", r#""Principal": "*""#);
    let foreign = principal(FOREIGN);
    let request = Request::new(&foreign, "ecr:PutImage", REPOSITORY, &context);
    let policies = Policies { resource: &[&shared], ..everything };
    let cause = Cause { side: Side::Resource, policy: 0, statement: 0, sid: Some("R".to_owned()) };
    assert_eq!(counted(&request, &policies), Decision::Allowed(Grant::Statement(cause)));
}

#[test]
fn denials_speak_as_aws_does() {
    let context = Context::default();
    let (allow, deny) = (identity("Allow", "ecr:*", "*"), identity("Deny", "ecr:*", "*"));
    let shared = resource("Allow", r#""Principal": {"AWS": "444455556666"}"#);
    let shut = resource("Deny", r#""Principal": "*""#);
    let cases: [(&str, &[&Policy], &[&Policy], &str); 7] = [
        (USER, &[], &[], "because no identity-based policy allows the ecr:PutImage action"),
        (USER, &[&deny], &[], "with an explicit deny in an identity-based policy"),
        (USER, &[&allow], &[&shut], "with an explicit deny in a resource-based policy"),
        (USER, &[&deny], &[&shut], "with an explicit deny in an identity-based policy"),
        (
            FOREIGN,
            &[&allow],
            &[],
            "because no resource-based policy allows the ecr:PutImage action",
        ),
        (
            FOREIGN,
            &[],
            &[&shared],
            "because no identity-based policy allows the ecr:PutImage action",
        ),
        ("anonymous", &[], &[], "because no resource-based policy allows the ecr:PutImage action"),
    ];
    for (arn, own, resource, reason) in cases {
        let principal = principal(arn);
        let request = Request::new(&principal, "ecr:PutImage", REPOSITORY, &context);
        let identity = Identity::Policies(own);
        let decision = counted(&request, &Policies { owner: ACCOUNT, identity, resource });
        let Decision::Denied(denial) = decision else { panic!("{arn} may") };
        let expected = format!(
            "User: {arn} is not authorized to perform: ecr:PutImage on resource: {REPOSITORY} \
             {reason}"
        );
        assert_eq!(denial.message(&request), expected);
    }
}
