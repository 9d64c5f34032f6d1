//! What the user guides of IAM and ECR say about policies, with our resources in theirs' place.

use berth_policy::{Context, Policy, PolicyKind, Principal, Request};

use crate::support::{
    REPOSITORY, USER, allows, aws, context, decide_by, denies, policy, pushes, registry, repository,
};

fn tags(keys: &[&str]) -> Context {
    let mut context = Context::default();
    context.set_list("aws:TagKeys", keys.iter().copied());
    context
}

/// [Evaluation logic for condition set operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
#[test]
pub fn sets_of_values() {
    let listed = r#"{"aws:TagKeys": ["PostDateTime", "Message", "Tags"]}"#;
    let all = format!(r#"{{"ForAllValues:StringLike": {listed}}}"#);
    for (keys, holds) in [
        (&["PostDateTime", "Message"] as &[&str], true),
        (&["PostDateTime", "UserName"], false),
        (&["PostDateTime", "Message", "Tags", "ID"], false),
        (&["ID"], false),
        (&["Tags"], true),
        // The pitfall: no key at all passes.
        (&[], true),
    ] {
        assert_eq!(allows(&all, &tags(keys)), holds, "{keys:?}");
    }
    let any = r#"{"ForAnyValue:StringLike": {"aws:TagKeys": ["ID", "PostDateTime"]}}"#;
    for (keys, holds) in [
        (&["UserName", "Message", "PostDateTime"] as &[&str], true),
        (&["UserName"], false),
        (&[], false),
    ] {
        assert_eq!(denies(any, &tags(keys)), holds, "{keys:?}");
    }
}

/// The user guide's remedy for the pitfall of `ForAllValues`.
#[test]
pub fn sets_that_must_not_be_empty() {
    let condition = r#"{"ForAllValues:StringEquals": {"aws:TagKeys": ["environment", "cost"]},
                        "Null": {"aws:TagKeys": "false"}}"#;
    assert!(allows(condition, &tags(&["cost"])));
    assert!(!allows(condition, &tags(&["cost", "owner"])));
    assert!(!allows(condition, &tags(&[])));
    // Denied is what has a key that does not begin so, and what has none is not.
    let deny = r#"{"ForAnyValue:StringNotLike": {"aws:TagKeys": "key1*"}}"#;
    assert!(denies(deny, &tags(&["key1a", "key2"])));
    assert!(!denies(deny, &tags(&["key1a", "key1"])));
    assert!(!denies(deny, &tags(&[])));
    let deny = r#"{"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}}"#;
    assert!(denies(deny, &tags(&["key2"])));
    assert!(!denies(deny, &tags(&["key1a", "key2"])));
    assert!(denies(deny, &tags(&[])));
}

/// [Conditions with multiple context keys or values](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html).
#[test]
pub fn several_keys_and_values() {
    let condition = r#"{
        "StringEquals": {"aws:PrincipalTag/department": ["finance", "hr", "legal"],
                         "aws:PrincipalTag/role": ["audit", "security"]},
        "ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::222222222222:user/Ana",
                                         "arn:aws:iam::222222222222:user/Mary"]}}"#;
    let of = |department: &str, role: &str, user: &str| {
        let arn = format!("arn:aws:iam::222222222222:user/{user}");
        context(&[
            ("aws:PrincipalTag/department", department),
            ("aws:PrincipalTag/role", role),
            ("aws:PrincipalArn", &arn),
        ])
    };
    assert!(allows(condition, &of("hr", "audit", "Ana")));
    assert!(allows(condition, &of("legal", "security", "Mary")));
    assert!(!allows(condition, &of("hr", "audit", "Nikki")));
    assert!(!allows(condition, &of("it", "audit", "Ana")));
    assert!(!allows(condition, &of("hr", "cleaning", "Ana")));
    assert!(!allows(condition, &context(&[("aws:PrincipalTag/department", "hr")])));
}

/// The same page: values of a negated operator are joined by NOR.
#[test]
pub fn several_values_of_a_negated_operator() {
    let condition = r#"{"StringNotEquals": {"aws:PrincipalTag/department": ["finance", "hr"],
                                            "aws:PrincipalTag/role": ["audit"]}}"#;
    let of = |department, role| {
        context(&[("aws:PrincipalTag/department", department), ("aws:PrincipalTag/role", role)])
    };
    assert!(denies(condition, &of("it", "security")));
    assert!(!denies(condition, &of("hr", "security")));
    assert!(!denies(condition, &of("it", "audit")));
    assert!(denies(condition, &Context::default()));
}

/// [IfExists](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists).
#[test]
pub fn keys_that_need_not_be_there() {
    let plain = r#"{"StringLike": {"ec2:InstanceType": ["t1.*", "t2.*", "m3.*"]}}"#;
    let lenient = plain.replace("StringLike", "StringLikeIfExists");
    let small = context(&[("ec2:InstanceType", "t2.micro")]);
    let large = context(&[("ec2:InstanceType", "x1.32xlarge")]);
    assert!(allows(plain, &small) && !allows(plain, &large));
    assert!(!allows(plain, &Context::default()));
    assert!(allows(&lenient, &small) && !allows(&lenient, &large));
    assert!(allows(&lenient, &Context::default()));
    // A denial by a negated operator reaches requests without the key, with the suffix or not.
    for operator in ["StringNotEquals", "StringNotEqualsIfExists"] {
        let condition = format!(r#"{{"{operator}": {{"aws:RequestTag/team": "blue"}}}}"#);
        assert!(denies(&condition, &Context::default()), "{operator}");
    }
}

/// [Null](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Null).
#[test]
pub fn keys_that_must_not_be_there() {
    let condition = r#"{"Null": {"aws:TokenIssueTime": "true"}}"#;
    assert!(allows(condition, &Context::default()));
    assert!(!allows(condition, &context(&[("aws:TokenIssueTime", "2026-01-01T00:00:00Z")])));
}

/// The pages on dates, truths and addresses.
#[test]
pub fn times_transports_and_networks() {
    let window = r#"{"DateGreaterThan": {"aws:CurrentTime": "2026-07-01T00:00:00Z"},
                     "DateLessThan": {"aws:CurrentTime": "2026-12-31T23:59:59Z"}}"#;
    for (now, holds) in [
        ("2026-07-01T00:00:00Z", false),
        ("2026-07-01T00:00:00.001Z", true),
        ("2026-11-21T10:00:00+02:00", true),
        ("2027-01-01T00:00:00Z", false),
    ] {
        assert_eq!(allows(window, &context(&[("aws:CurrentTime", now)])), holds, "{now}");
    }
    let plain = r#"{"Bool": {"aws:SecureTransport": "false"}}"#;
    assert!(denies(plain, &context(&[("aws:SecureTransport", "false")])));
    assert!(!denies(plain, &context(&[("aws:SecureTransport", "true")])));
    assert!(!denies(plain, &Context::default()));
    let strict = r#"{"BoolIfExists": {"aws:MultiFactorAuthPresent": false}}"#;
    assert!(denies(strict, &Context::default()));
    let outside = r#"{"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}"#;
    assert!(denies(outside, &context(&[("aws:SourceIp", "198.51.100.7")])));
    assert!(!denies(outside, &context(&[("aws:SourceIp", "203.0.113.7")])));
    assert!(denies(outside, &Context::default()));
}

/// [Policy variables with no value](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value).
#[test]
pub fn variables_without_a_value() {
    let condition = r#"{"StringNotEquals": {"aws:ResourceTag/Team": "${aws:PrincipalTag/Team}"}}"#;
    let both = [("aws:ResourceTag/Team", "blue"), ("aws:PrincipalTag/Team", "blue")];
    assert!(!denies(condition, &context(&both)));
    assert!(denies(condition, &context(&both[..1])));
    assert!(denies(condition, &context(&both[1..])));
    let same = condition.replace("StringNotEquals", "StringEquals");
    assert!(allows(&same, &context(&both)));
    assert!(!allows(&same, &context(&both[..1])));
}

/// Whether `principal` may do `action` on our repository by one policy of the resource.
fn shared_with(
    policy: &Policy,
    principal: &Principal,
    own: &[&Policy],
    action: &str,
    context: &Context,
) -> bool {
    let request = Request::new(principal, action, REPOSITORY, context);
    let resource = [policy];
    decide_by(&request, own, &resource).is_allowed()
}

/// [Private repository policy examples](https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html).
#[test]
pub fn repositories_are_shared() {
    let text = r#"{"Version": "2008-10-17", "Statement": [
        {"Sid": "AllowPushPull", "Effect": "Allow",
         "Principal": {"AWS": ["arn:aws:iam::111122223333:user/kim", "444455556666"]},
         "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]},
        {"Sid": "IPAllow", "Effect": "Deny", "Principal": "*", "Action": "ecr:*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "54.240.143.0/24"}}}]}"#;
    let policy = policy(&repository(), text);
    let everything = crate::support::policy(
        &PolicyKind::Identity,
        r#"{"Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#,
    );
    let (inside, outside) = (
        context(&[("aws:SourceIp", "54.240.143.9")]),
        context(&[("aws:SourceIp", "54.240.144.9")]),
    );
    let (user, foreign) = (aws(USER), aws("arn:aws:iam::444455556666:role/lambda"));
    let pull = "ecr:BatchGetImage";
    assert!(shared_with(&policy, &user, &[], pull, &inside));
    assert!(!shared_with(&policy, &user, &[], pull, &outside));
    assert!(!shared_with(&policy, &user, &[], "ecr:PutImage", &inside));
    assert!(shared_with(&policy, &foreign, &[&everything], pull, &inside));
    assert!(!shared_with(&policy, &foreign, &[], pull, &inside));
    assert!(!shared_with(&policy, &foreign, &[&everything], "ecr:PutImage", &inside));
    assert!(!shared_with(&policy, &foreign, &[&everything], pull, &outside));
}

/// The same page: a service, for projects of one account alone.
#[test]
pub fn repositories_are_shared_with_services() {
    let text = r#"{"Version": "2012-10-17", "Statement": {
        "Sid": "CodeBuildAccess", "Effect": "Allow",
        "Principal": {"Service": "codebuild.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:codebuild:eu-west-1:123456789012:project/*"},
            "StringEquals": {"aws:SourceAccount": "123456789012"}}}}"#;
    let policy = policy(&repository(), text);
    let service = Principal::Service("codebuild.amazonaws.com".to_owned());
    let of = |account: &str| {
        let arn = format!("arn:aws:codebuild:eu-west-1:{account}:project/build");
        context(&[("aws:SourceArn", &arn), ("aws:SourceAccount", account)])
    };
    let pull = "ecr:BatchGetImage";
    assert!(shared_with(&policy, &service, &[], pull, &of("123456789012")));
    assert!(!shared_with(&policy, &service, &[], pull, &of("999999999999")));
    assert!(!shared_with(&policy, &service, &[], pull, &Context::default()));
    let other = Principal::Service("ecs.amazonaws.com".to_owned());
    assert!(!shared_with(&policy, &other, &[], pull, &of("123456789012")));
}

/// [Private registry policy examples](https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions-examples.html).
#[test]
pub fn registries_take_replicas() {
    let text = r#"{"Version": "2012-10-17", "Statement": [{
        "Sid": "ReplicationAccessCrossAccount", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": ["arn:aws:ecr:eu-west-1:111122223333:repository/prod-*"]}]}"#;
    let policy = policy(&registry(), text);
    let own = crate::support::policy(
        &PolicyKind::Identity,
        r#"{"Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}"#,
    );
    let (foreign, context) = (aws("arn:aws:iam::444455556666:user/lee"), Context::default());
    let may = |action: &str, name: &str| {
        let resource = format!("arn:aws:ecr:eu-west-1:111122223333:repository/{name}");
        let request = Request::new(&foreign, action, &resource, &context);
        decide_by(&request, &[&own], &[&policy]).is_allowed()
    };
    assert!(may("ecr:ReplicateImage", "prod-app"));
    assert!(may("ecr:CreateRepository", "prod-app"));
    assert!(!may("ecr:ReplicateImage", "dev-app"));
    assert!(!may("ecr:PutImage", "prod-app"));
}

/// Beyond ECR: who may push which tags.
#[test]
pub fn tags_are_pushed_by_some() {
    let statements = r#"[
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*",
         "Condition": {"StringLike": {"berth:ImageTag": "prod-*"},
                       "StringNotEquals": {"aws:PrincipalTag/release": "yes"}}}]"#;
    let tagged = |tag| context(&[("berth:ImageTag", tag)]);
    assert!(pushes(statements, &tagged("dev-1")));
    assert!(!pushes(statements, &tagged("prod-1")));
    assert!(pushes(statements, &Context::default()));
    let manager = context(&[("berth:ImageTag", "prod-1"), ("aws:PrincipalTag/release", "yes")]);
    assert!(pushes(statements, &manager));
}
