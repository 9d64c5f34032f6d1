//! Conditions beyond single operators: how they combine, wildcards, variables, types.

use berth_policy::Context;

use crate::support::{allows, context, denies, pushes};

/// Checks conditions against one context.
#[track_caller]
fn check(context: &Context, conditions: &[(&str, bool)]) {
    for (condition, holds) in conditions {
        assert_eq!(allows(condition, context), *holds, "{condition}");
        assert_eq!(denies(condition, context), *holds, "{condition}");
    }
}

#[test]
pub fn operators_and_keys_are_joined_by_and() {
    let context = context(&[("a:x", "1"), ("a:y", "2")]);
    check(
        &context,
        &[
            ("{}", true),
            (r#"{"StringEquals": {}}"#, true),
            (r#"{"StringEquals": {"a:x": "1", "a:y": "2"}}"#, true),
            (r#"{"StringEquals": {"a:x": "1", "a:y": "3"}}"#, false),
            (r#"{"StringEquals": {"a:x": "3", "a:y": "3"}}"#, false),
            (r#"{"StringEquals": {"a:x": "1"}, "NumericLessThan": {"a:y": 3}}"#, true),
            (r#"{"StringEquals": {"a:x": "1"}, "NumericLessThan": {"a:y": 2}}"#, false),
            (r#"{"StringEquals": {"a:x": "1"}, "StringNotEquals": {"a:z": "1"}}"#, true),
            (r#"{"StringEquals": {"a:x": "1"}, "stringequals": {"a:x": "2"}}"#, false),
            (r#"{"Null": {"a:x": "false", "a:z": "true"}}"#, true),
            (r#"{"Null": {"a:x": "false", "a:y": "true"}}"#, false),
        ],
    );
}

#[test]
pub fn values_are_joined_by_or_and_negated_by_nor() {
    check(
        &context(&[("a:x", "b"), ("a:n", "5"), ("a:ip", "10.1.2.3")]),
        &[
            (r#"{"StringEquals": {"a:x": ["a", "b", "c"]}}"#, true),
            (r#"{"StringEquals": {"a:x": ["a", "c"]}}"#, false),
            (r#"{"StringNotEquals": {"a:x": ["a", "b"]}}"#, false),
            (r#"{"StringNotEquals": {"a:x": ["a", "c"]}}"#, true),
            (r#"{"StringNotLike": {"a:x": ["a*", "c*"]}}"#, true),
            (r#"{"StringNotLike": {"a:x": ["a*", "?"]}}"#, false),
            (r#"{"NumericLessThan": {"a:n": [4, 6]}}"#, true),
            (r#"{"NumericNotEquals": {"a:n": [4, 6]}}"#, true),
            (r#"{"NumericNotEquals": {"a:n": [4, 5]}}"#, false),
            (r#"{"NotIpAddress": {"a:ip": ["10.0.0.0/8", "192.168.0.0/16"]}}"#, false),
            (r#"{"NotIpAddress": {"a:ip": ["11.0.0.0/8", "192.168.0.0/16"]}}"#, true),
        ],
    );
}

#[test]
pub fn case_counts_in_values_and_not_in_names() {
    check(
        &context(&[("aws:ResourceTag/Team", "Blue")]),
        &[
            (r#"{"StringEquals": {"aws:ResourceTag/Team": "Blue"}}"#, true),
            (r#"{"stringequals": {"AWS:RESOURCETAG/TEAM": "Blue"}}"#, true),
            (r#"{"StringEquals": {"aws:ResourceTag/Team": "blue"}}"#, false),
            (r#"{"StringLike": {"aws:ResourceTag/Team": "b*"}}"#, false),
            (r#"{"StringLike": {"aws:ResourceTag/Team": "B*"}}"#, true),
            (r#"{"StringEqualsIgnoreCase": {"aws:ResourceTag/Team": "bLUE"}}"#, true),
            (r#"{"StringEqualsIgnoreCase": {"aws:ResourceTag/Team": "b*"}}"#, false),
        ],
    );
}

#[test]
pub fn wildcards_belong_to_like() {
    check(
        &context(&[("a:x", "prod-1"), ("a:star", "*"), ("a:empty", "")]),
        &[
            (r#"{"StringEquals": {"a:x": "prod-*"}}"#, false),
            (r#"{"StringEquals": {"a:star": "*"}}"#, true),
            (r#"{"StringEquals": {"a:star": "?"}}"#, false),
            (r#"{"StringLike": {"a:x": "prod-*"}}"#, true),
            (r#"{"StringLike": {"a:x": "prod-?"}}"#, true),
            (r#"{"StringLike": {"a:x": "prod?"}}"#, false),
            (r#"{"StringLike": {"a:x": "*"}}"#, true),
            (r#"{"StringLike": {"a:empty": "*"}}"#, true),
            (r#"{"StringLike": {"a:empty": "?"}}"#, false),
            (r#"{"StringLike": {"a:empty": ""}}"#, true),
            (r#"{"StringEquals": {"a:empty": ""}}"#, true),
            (r#"{"StringLike": {"a:missing": "*"}}"#, false),
            (r#"{"StringLike": {"a:x": "prod-${*}"}}"#, false),
            (r#"{"StringLike": {"a:star": "${*}"}}"#, true),
            (r#"{"StringLike": {"a:star": "${?}"}}"#, false),
        ],
    );
}

#[test]
pub fn variables_stand_for_values_of_the_request() {
    let mut context =
        context(&[("aws:username", "kim"), ("a:name", "kim"), ("a:home", "home/kim/x")]);
    context.set("a:truth", "true").set("a:also", "TRUE").set("a:dollar", "$5");
    context.set("a:arn", "arn:aws:iam::111122223333:user/kim").set("a:star", "*");
    context.set_list("a:list", ["kim", "lee"]);
    check(
        &context,
        &[
            (r#"{"StringEquals": {"a:name": "${aws:username}"}}"#, true),
            (r#"{"StringEquals": {"a:name": "${AWS:UserName}"}}"#, true),
            (r#"{"StringNotEquals": {"a:name": "${aws:username}"}}"#, false),
            (r#"{"StringLike": {"a:home": "home/${aws:username}/*"}}"#, true),
            (r#"{"StringEqualsIgnoreCase": {"a:name": "${aws:username}"}}"#, true),
            (r#"{"ArnEquals": {"a:arn": "arn:aws:iam::*:user/${aws:username}"}}"#, true),
            (r#"{"ArnLike": {"a:arn": "arn:aws:iam::*:user/${a:star}"}}"#, false),
            (r#"{"StringLike": {"a:name": "${a:star}"}}"#, false),
            (r#"{"Bool": {"a:truth": "${a:also}"}}"#, true),
            (r#"{"Bool": {"a:truth": "${a:name}"}}"#, false),
            (r#"{"StringEquals": {"a:dollar": "${$}5"}}"#, true),
            (r#"{"StringEquals": {"a:dollar": "$5"}}"#, true),
            // A variable without a value is like nothing, and unlike everything.
            (r#"{"StringEquals": {"a:name": "${aws:userid}"}}"#, false),
            (r#"{"StringLike": {"a:name": "*${aws:userid}"}}"#, false),
            (r#"{"StringNotEquals": {"a:name": "${aws:userid}"}}"#, true),
            (r#"{"StringNotLike": {"a:name": "${aws:userid}*"}}"#, true),
            (r#"{"StringEqualsIgnoreCase": {"a:name": "${aws:userid}"}}"#, false),
            (r#"{"ArnNotLike": {"a:arn": "arn:aws:iam::*:user/${aws:userid}"}}"#, true),
            (r#"{"Bool": {"a:truth": "${aws:userid}"}}"#, false),
            (r#"{"StringEquals": {"a:name": ["${aws:userid}", "kim"]}}"#, true),
            (r#"{"StringEquals": {"a:name": "${aws:userid, 'kim'}"}}"#, true),
            (r#"{"StringEquals": {"a:name": "${aws:userid,'kim'}"}}"#, true),
            (r#"{"StringEquals": {"a:name": "${aws:username, 'lee'}"}}"#, true),
            // One of several values can't stand for all.
            (r#"{"StringEquals": {"a:name": "${a:list}"}}"#, false),
        ],
    );
}

#[test]
pub fn variables_stand_in_resources() {
    let statement =
        |resource: &str| format!(r#"{{"Effect": "Allow", "Action": "ecr:*", {resource}}}"#);
    let all = "arn:aws:ecr:*:*:repository";
    for (user, resource, allowed) in [
        (Some("team"), format!(r#""Resource": "{all}/${{aws:username}}/*""#), true),
        (Some("other"), format!(r#""Resource": "{all}/${{aws:username}}/*""#), false),
        (Some("*"), format!(r#""Resource": "{all}/${{aws:username}}/*""#), false),
        (None, format!(r#""Resource": "{all}/${{aws:username}}/*""#), false),
        (None, format!(r#""Resource": "{all}/${{aws:username, 'team'}}/*""#), true),
        (Some("team"), format!(r#""NotResource": "{all}/${{aws:username}}/*""#), false),
        (None, format!(r#""NotResource": "{all}/${{aws:username}}/*""#), true),
        (None, format!(r#""NotResource": ["{all}/${{aws:username}}/*", "*"]"#), false),
    ] {
        let mut context = Context::default();
        if let Some(user) = user {
            context.set("aws:username", user);
        }
        assert_eq!(pushes(&statement(&resource), &context), allowed, "{user:?}, {resource}");
    }
}

#[test]
pub fn arns_compare_part_by_part() {
    check(
        &context(&[("a:arn", "arn:aws:sns:eu-west-1:111122223333:topic:sub"), ("a:x", "text")]),
        &[
            (r#"{"ArnLike": {"a:arn": "arn:aws:sns:*:111122223333:topic:*"}}"#, true),
            (r#"{"ArnLike": {"a:arn": "arn:aws:sns:*:*:*"}}"#, true),
            (r#"{"ArnLike": {"a:arn": "arn:aws:sns:*:topic:sub"}}"#, false),
            (r#"{"ArnLike": {"a:arn": "arn:aws:sns:*"}}"#, false),
            (r#"{"StringLike": {"a:arn": "arn:aws:sns:*"}}"#, true),
            (r#"{"ArnLike": {"a:arn": "arn:aws:SNS:*:*:*"}}"#, false),
            (r#"{"ArnLike": {"a:arn": "*"}}"#, true),
            (r#"{"ArnLike": {"a:x": "*"}}"#, false),
            (r#"{"ArnNotEquals": {"a:x": "arn:aws:sns:*:*:*"}}"#, true),
        ],
    );
}

#[test]
pub fn addresses_of_both_families_are_told_apart() {
    let mixed = r#"{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}}"#;
    let any = r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#;
    let single = r#"{"IpAddress": {"aws:SourceIp": "203.0.113.9"}}"#;
    for (address, in_mixed, in_any, in_single) in [
        ("203.0.113.9", true, true, true),
        ("203.0.114.9", false, true, false),
        ("::ffff:203.0.113.9", true, true, true),
        ("2001:db8:1234:5678:0:0:0:1", true, false, false),
        ("2001:db8:1234:5679::1", false, false, false),
        ("203.0.113.9:443", false, false, false),
        ("[2001:db8::1]", false, false, false),
        ("", false, false, false),
    ] {
        let context = context(&[("aws:SourceIp", address)]);
        check(&context, &[(mixed, in_mixed), (any, in_any), (single, in_single)]);
    }
}

#[test]
pub fn old_versions_take_variables_for_text() {
    use berth_policy::{Principal, Request};

    use crate::support::{REPOSITORY, decide_by, policy, repository};

    let document = |version: &str| {
        format!(
            r#"{{{version}"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "ecr:*",
                "Condition": {{"StringEquals": {{"a:x": "${{a:y}}"}}}}}}}}"#
        )
    };
    for (version, value, allowed) in [
        (r#""Version": "2012-10-17","#, "b", true),
        (r#""Version": "2012-10-17","#, "${a:y}", false),
        (r#""Version": "2008-10-17","#, "b", false),
        (r#""Version": "2008-10-17","#, "${a:y}", true),
        ("", "b", false),
        ("", "${a:y}", true),
    ] {
        let policy = policy(&repository(), &document(version));
        let context = context(&[("a:x", value), ("a:y", "b")]);
        let request =
            Request::new(&Principal::Anonymous, "ecr:BatchGetImage", REPOSITORY, &context);
        let decided = decide_by(&request, &[], &[&policy]).is_allowed();
        assert_eq!(decided, allowed, "{version} {value}");
    }
}

#[test]
fn policies_say_which_keys_they_ask_for() {
    use berth_policy::PolicyKind;

    use crate::support::policy;

    for (rest, asks) in [
        (r#""Resource": "*""#, false),
        (r#""Resource": "*", "Condition": {"StringLike": {"a:X": "1"}}"#, true),
        (r#""Resource": "*", "Condition": {"StringLike": {"a:\u0058": "1"}}"#, true),
        (r#""Resource": "*", "Condition": {"Null": {"A:x": "true"}}"#, true),
        (r#""Resource": "*", "Condition": {"StringLike": {"a:y": "a:x"}}"#, false),
        (r#""Resource": "*", "Condition": {"StringLike": {"a:y": "1-${a:X}"}}"#, true),
        (r#""Resource": "*", "Condition": {"Bool": {"a:y": "${a:x}"}}"#, true),
        (r#""Resource": "*", "Condition": {"StringEqualsIgnoreCase": {"a:y": "${a:x}"}}"#, true),
        (r#""Resource": "*", "Condition": {"ArnLike": {"a:y": "arn:*:*:*:*:${a:x}"}}"#, true),
        (r#""Resource": "*", "Condition": {"NumericEquals": {"a:y": "1"}}"#, false),
        (r#""Resource": "arn:aws:ecr:*:*:repository/${a:x}""#, true),
        (r#""NotResource": "arn:aws:ecr:*:*:repository/${a:x}""#, true),
        (r#""Resource": "arn:aws:ecr:*:*:repository/${a:y}""#, false),
    ] {
        let text = format!(
            r#"{{"Version": "2012-10-17",
                "Statement": {{"Effect": "Deny", "Action": "*", {rest}}}}}"#
        );
        let policy = policy(&PolicyKind::Identity, &text);
        assert_eq!(policy.mentions("a:X"), asks, "{rest}");
    }
}
