//! Which documents are policies, of which kind, and what is answered to those that aren't.

use berth_policy::{Fault, NamedPrincipal, Policy, PolicyKind, RegistryScope};

use crate::support::{REPOSITORY, registry, repository};

/// A statement that every kind of policy accepts once the kind's own elements are added.
const ACTION: &str = r#""Effect": "Allow", "Action": "ecr:PutImage""#;

fn document(statement: &str) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": {{{statement}}}}}"#)
}

#[track_caller]
fn accepts(kind: &PolicyKind, text: &str) {
    let parsed = Policy::parse(kind, text, kind.usual_size());
    let policy = parsed.unwrap_or_else(|error| panic!("{error} in {text}"));
    assert_eq!(policy.text(), text);
}

#[track_caller]
fn refusal(kind: &PolicyKind, text: &str) -> Fault {
    let refused = Policy::parse(kind, text, kind.usual_size());
    let error = refused.err().unwrap_or_else(|| panic!("accepted {text}"));
    assert_eq!(error.to_string(), error.fault.to_string());
    let message = match kind {
        PolicyKind::Identity => return error.fault,
        PolicyKind::Repository { .. } | PolicyKind::RepositoryTemplate => {
            "Invalid repository policy provided"
        }
        PolicyKind::Registry(_) => "Invalid registry policy provided",
    };
    let expected =
        format!("Invalid parameter at 'PolicyText' failed to satisfy constraint: '{message}'");
    assert_eq!(error.aws_message(), expected);
    error.fault
}

/// What IAM answers to a document, in its own words.
#[track_caller]
fn answers(text: &str, message: &str) {
    let refused = Policy::parse(&PolicyKind::Identity, text, 6_144);
    let error = refused.err().unwrap_or_else(|| panic!("accepted {text}"));
    assert_eq!(error.aws_message(), message, "{text}");
}

#[test]
fn every_part_may_be_written_in_several_ways() {
    let anything = r#""Resource": "*""#;
    for statement in [
        format!("{ACTION}, {anything}"),
        format!(r#"{anything}, {ACTION}, "Sid": "a1""#),
        r#""Effect": "Deny", "NotAction": ["*", "iam:*"], "NotResource": ["arn:aws:s3:::b/*"]"#
            .to_owned(),
        r#""Effect": "Allow", "Action": "*", "Resource": "arn:aws:ecr""#.to_owned(),
        r#""Effect": "Allow", "Action": "ecr: odd na?me*", "Resource": "arn:aws-cn:ecr:*""#
            .to_owned(),
        format!(r#"{ACTION}, {anything}, "Condition": {{}}"#),
        format!(r#"{ACTION}, {anything}, "Condition": {{"unknown": {{}}}}"#),
        format!(r#"{ACTION}, {anything}, "Condition": {{"StringEquals": {{"a": []}}}}"#),
        format!(r#"{ACTION}, {anything}, "Condition": {{"bool": {{"a:b": [true, "FALSE"]}}}}"#),
        format!(r#"{ACTION}, {anything}, "Condition": {{"NumericEquals": {{"a:b": [1, 2.5]}}}}"#),
        format!(r#"{ACTION}, {anything}, "Condition": {{"Bool": {{"a:b": "${{a:c}}"}}}}"#),
    ] {
        accepts(&PolicyKind::Identity, &document(&statement));
    }
    let list = format!(
        " {{\n\t\"Statement\" : [ {{{ACTION}, {anything}}} , {{{ACTION}, {anything}}} ] ,\r\n \
         \"Id\": \"any id\", \"Version\" : \"2012-10-17\" }} "
    );
    accepts(&PolicyKind::Identity, &list);
}

#[test]
fn grammar_is_checked_first() {
    let statement = |text: &str| document(&format!("{ACTION}, \"Resource\": \"*\", {text}"));
    let whole = |text: &str| text.to_owned();
    for text in [
        whole(""),
        whole("no JSON"),
        whole("null"),
        whole("[]"),
        whole("{}"),
        whole(r#"{"Version": "2012-10-17"}"#),
        whole(r#"{"Version": "2012-10-17", "Statement": []}"#),
        whole(r#"{"Version": "2012-10-17", "Statement": ["a"]}"#),
        whole(r#"{"Version": "2012-10-17", "Statement": "a"}"#),
        document(&format!("{ACTION}, \"Resource\": \"*\"")).replace("2012", "2013"),
        document(&format!("{ACTION}, \"Resource\": \"*\"")).replace("Statement", "statement"),
        document(&format!("{ACTION}, \"Resource\": \"*\"")).replace("\"2012-10-17\"", "2012"),
        document(&format!("{ACTION}, \"Resource\": \"*\"")) + "{}",
        document(r#""Action": "ecr:PutImage", "Resource": "*""#),
        document(r#""Effect": "Permit", "Action": "ecr:PutImage", "Resource": "*""#),
        document(r#""Effect": true, "Action": "ecr:PutImage", "Resource": "*""#),
        statement(r#""Effect": "Deny""#),
        statement(r#""NotAction": []"#),
        statement(r#""NotResource": "*""#),
        statement(r#""Sid": []"#),
        statement(r#""Sid": null"#),
        statement(r#""Comment": "none""#),
        statement(r#""Condition": []"#),
        statement(r#""Condition": "a""#),
        statement(r#""Condition": {"DateGreaterThan": []}"#),
        statement(r#""Condition": {"DateGreaterThan": {"a": {}}}"#),
        statement(r#""Condition": {"StringEquals": {"a": [["b"]]}}"#),
        statement(r#""Condition": {"StringEquals": {"a": null}}"#),
        statement(r#""Condition": {"StringEqual": {"a": "b"}}"#),
        statement(r#""Condition": {"NullIfExists": {"a": "true"}}"#),
        statement(r#""Condition": {"ForAnyValue::StringEqualsIfExists": {"a": "b"}}"#),
        statement(r#""Condition": {"StringEquals": {"a": "b", "a": "c"}}"#),
        statement(r#""Condition": {"Bool": {"a": "b"}, "Bool": {"c": "d"}}"#),
        document(r#""Effect": "Allow", "Action": {}, "Resource": "*""#),
        document(r#""Effect": "Allow", "Action": [["a:b"]], "Resource": "*""#),
        document(r#""Effect": "Allow", "Action": 7, "Resource": "*""#),
        document(r#""Effect": "Allow", "Action": "a:b", "Resource": ["*", {}]"#),
    ] {
        answers(&text, "Syntax errors in policy.");
        assert!(matches!(refusal(&repository(), &text), Fault::Syntax(_)), "{text}");
    }
}

#[test]
fn identity_policies_are_of_the_newer_version() {
    let text = document(&format!("{ACTION}, \"Resource\": \"*\""));
    let message = "Policy document must be version 2012-10-17 or greater.";
    answers(&text.replace("2012", "2008"), message);
    answers(&text.replace(r#""Version": "2012-10-17", "#, ""), message);
    // It is missed before values are looked at.
    answers(&text.replace("2012", "2008").replace("Allow", "allow"), message);
}

#[test]
fn values_are_checked_next() {
    let statement = |text: &str| document(&format!("{ACTION}, \"Resource\": \"*\", {text}"));
    let resource = |text: &str| document(&format!("{ACTION}, \"Resource\": \"{text}\""));
    for text in [
        document(&format!("{ACTION}, \"Resource\": \"*\"")).replace("Allow", "allow"),
        document(&format!("{ACTION}, \"Resource\": \"*\"")).replace("Allow", "dENY"),
        document(r#""Effect": "allow", "Resource": "arn:aws:ecr""#),
        statement(r#""Condition": {"DateGreaterThan": {"a": "soon"}}"#),
        statement(r#""Condition": {"DateLessThanEquals": {"a": "234-13"}}"#),
        statement(r#""Condition": {"DateLessThan": {"a": "9223372036854775808"}}"#),
        statement(r#""Condition": {"NumericEquals": {"a": "ten"}}"#),
        statement(r#""Condition": {"NumericEquals": {"a": "${aws:EpochTime}"}}"#),
        statement(r#""Condition": {"Bool": {"a": "yes"}}"#),
        statement(r#""Condition": {"Null": {"a": "${aws:username}"}}"#),
        statement(r#""Condition": {"BinaryEquals": {"a": "not Base64!"}}"#),
        statement(r#""Condition": {"IpAddress": {"a": "10.0.0.0/33"}}"#),
        statement(r#""Condition": {"IpAddress": {"a": "10.0.0.*"}}"#),
        statement(r#""Condition": {"StringLike": {"a": "${aws:username"}}"#),
        statement(r#""Condition": {"ArnLike": {"a": "arn:aws:iam::1:user/${}"}}"#),
        resource("arn:aws:s3::bucket"),
        resource("arn:aws::::bucket"),
        resource("arn:aws:ecr:*:*:repository/${aws:username"),
    ] {
        answers(&text, "The policy failed legacy parsing");
        assert!(matches!(refusal(&PolicyKind::Identity, &text), Fault::Legacy(_)), "{text}");
    }
}

#[test]
fn statements_of_identities_have_ids_of_their_own() {
    let one = |sid: &str| format!(r#"{{"Sid": "{sid}", {ACTION}, "Resource": "*"}}"#);
    let text = |first: &str, second: &str| {
        let (first, second) = (one(first), one(second));
        format!(r#"{{"Version": "2012-10-17", "Statement": [{first}, {second}]}}"#)
    };
    accepts(&PolicyKind::Identity, &text("a", "A"));
    accepts(&PolicyKind::Identity, &text("", ""));
    answers(&text("a", "a"), "Statement IDs (SID) in a single policy must be unique.");
    answers(
        &text("new statement", "b"),
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
         expression [0-9A-Za-z]*",
    );
    let shared = text("new statement", "new statement").replace('*', REPOSITORY);
    let shared = shared.replace("\"Effect\"", "\"Principal\": \"*\", \"Effect\"");
    accepts(&repository(), &shared);
    accepts(&registry(), &shared);
}

#[test]
fn statements_name_actions_and_resources() {
    let action = "Policy statement must contain actions.";
    answers(&document(r#""Effect": "Allow""#), action);
    answers(&document(r#""Effect": "Allow", "Resource": "*""#), action);
    answers(&document(r#""Effect": "Allow", "Action": [], "Resource": "*""#), action);
    answers(&document(r#""Effect": "Allow", "NotAction": [], "Resource": "*""#), action);
    let resource = "Policy statement must contain resources.";
    answers(&document(ACTION), resource);
    answers(&document(&format!(r#"{ACTION}, "Resource": []"#)), resource);
    answers(&document(&format!(r#"{ACTION}, "NotResource": []"#)), resource);
}

#[test]
fn resources_are_arns() {
    for (resource, message) in [
        ("", "Resource  must be in ARN format or \"*\"."),
        ("team/app", "Resource team/app must be in ARN format or \"*\"."),
        ("**", "Resource ** must be in ARN format or \"*\"."),
        ("x:aws:ecr", "Resource x:aws:ecr must be in ARN format or \"*\"."),
        ("a:b", "Partition \"b\" is not valid for resource \"arn:b:*:*:*:*\"."),
        ("a:b:c", "Partition \"b\" is not valid for resource \"arn:b:c:*:*:*\"."),
        ("a:b:c:d:e:f:g:h", "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."),
        ("aws:s3:::bucket", "Partition \"s3\" is not valid for resource \"arn:s3:::bucket:*\"."),
        ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("arn:aws:*", "Resource vendor must be fully qualified and cannot contain regexes."),
        (
            "arn:aws:ec?:*:*:x",
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
    ] {
        answers(&document(&format!(r#"{ACTION}, "Resource": "{resource}""#)), message);
        answers(&document(&format!(r#"{ACTION}, "NotResource": ["*", "{resource}"]"#)), message);
    }
}

#[test]
fn actions_name_a_service() {
    let prefix = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
    let colons = "Actions/Condition can contain only one colon.";
    for (action, message) in [
        ("", prefix),
        ("PutImage", prefix),
        ("**", prefix),
        ("ecr:Put:Image", colons),
        ("e:c:r", colons),
        ("e cr:PutImage", "Vendor e cr is not valid"),
        ("ec?:PutImage", "Vendor ec? is not valid"),
    ] {
        let text = format!(r#""Effect": "Allow", "Action": "{action}", "Resource": "*""#);
        answers(&document(&text), message);
        answers(&document(&text.replace("Action", "NotAction")), message);
    }
    // Resources are checked before actions.
    let both = r#""Effect": "Allow", "Action": "e:c:r", "Resource": "x""#;
    answers(&document(both), "Resource x must be in ARN format or \"*\".");
    // But that there are any after them.
    answers(&document(r#""Effect": "Allow", "Action": "e:c:r""#), colons);
}

#[test]
fn principals_stand_in_policies_of_resources_alone() {
    let without = format!(r#"{ACTION}, "Resource": "{REPOSITORY}""#);
    let with = format!(r#"{without}, "Principal": "*""#);
    accepts(&PolicyKind::Identity, &document(&without));
    answers(&document(&with), "Policy document should not specify a principal.");
    let not = with.replace("Principal", "NotPrincipal");
    answers(&document(&not), "Policy document should not specify a principal.");
    for kind in [repository(), registry()] {
        accepts(&kind, &document(&with));
        accepts(&kind, &document(&not));
        accepts(&kind, &document(&with).replace("2012", "2008"));
        accepts(&kind, &document(&with).replace(r#""Version": "2012-10-17", "#, ""));
        assert_eq!(refusal(&kind, &document(&without)), Fault::PrincipalMissing);
        let both = format!(r#"{with}, "NotPrincipal": "*""#);
        assert!(matches!(refusal(&kind, &document(&both)), Fault::Syntax(_)));
        let wild = with.replace(r#""*""#, r#"{"AWS": "arn:aws:iam::111122223333:*"}"#);
        assert!(matches!(refusal(&kind, &document(&wild)), Fault::Principal(_)));
    }
}

#[test]
fn repository_policies_are_about_their_repository() {
    let statement = format!(r#"{ACTION}, "Principal": {{"AWS": "111122223333"}}"#);
    accepts(&repository(), &document(&statement));
    accepts(&repository(), &document(&format!(r#"{statement}, "Resource": ["{REPOSITORY}"]"#)));
    for resource in [
        r#""Resource": "*""#.to_owned(),
        r#""Resource": []"#.to_owned(),
        format!(r#""Resource": "{REPOSITORY}2""#),
        format!(r#""Resource": ["{REPOSITORY}", "*"]"#),
        format!(r#""NotResource": "{REPOSITORY}""#),
    ] {
        let fault = refusal(&repository(), &document(&format!("{statement}, {resource}")));
        assert!(matches!(fault, Fault::ForeignResource(_)), "{resource}: {fault}");
    }
    for action in ["s3:GetObject", "ecr-public:PutImage", "berth:ListUsers"] {
        let text = document(&statement.replace("ecr:PutImage", action));
        assert_eq!(refusal(&repository(), &text), Fault::ForeignAction(action.to_owned()));
    }
}

#[test]
fn registry_policies_name_repositories_and_actions_of_their_scope() {
    let statement = |action: &str, resource: &str| {
        document(&format!(
            r#""Effect": "Allow", "Principal": {{"AWS": "444455556666"}}, "Action": "{action}",
               "Resource": "{resource}""#
        ))
    };
    let all = "arn:aws:ecr:eu-west-1:111122223333:repository/*";
    let old = PolicyKind::Registry(RegistryScope::V1);
    accepts(&old, &statement("ecr:ReplicateImage", all));
    accepts(&old, &statement("ecr:*", all));
    accepts(&registry(), &statement("ecr:PutImage", all));
    let fault = refusal(&old, &statement("ecr:PutImage", all));
    assert_eq!(fault, Fault::ForeignAction("ecr:PutImage".to_owned()));
    let fault = refusal(&registry(), &statement("s3:PutObject", all));
    assert_eq!(fault, Fault::ForeignAction("s3:PutObject".to_owned()));
    let fault = refusal(&registry(), &statement("ecr:PutImage", "team"));
    assert_eq!(fault, Fault::Resource("team".to_owned()));
    let missing = document(&format!(r#"{ACTION}, "Principal": "*""#));
    assert_eq!(refusal(&registry(), &missing), Fault::ResourceMissing);
}

#[test]
fn sizes_are_bounded() {
    let text = document(&format!("{ACTION}, \"Resource\": \"*\""));
    let dense = text.chars().filter(|character| *character != ' ').count();
    // IAM does not count white space.
    assert!(Policy::parse(&PolicyKind::Identity, &text, dense).is_ok());
    let error = Policy::parse(&PolicyKind::Identity, &text, dense - 1).unwrap_err();
    assert_eq!(error.fault, Fault::TooLong { characters: dense, most: dense - 1 });
    assert_eq!(error.aws_message(), format!("Maximum policy size of {} bytes exceeded", dense - 1));
    // ECR does.
    let text = document(&format!("{ACTION}, \"Principal\": \"*\""));
    assert!(Policy::parse(&repository(), &text, text.len()).is_ok());
    let error = Policy::parse(&repository(), &text, text.len() - 1).unwrap_err();
    assert_eq!(error.fault, Fault::TooLong { characters: text.len(), most: text.len() - 1 });
}

#[test]
fn principals_can_be_listed() {
    let text = format!(
        r#"{{"Statement": [
            {{{ACTION}, "Principal": {{"AWS": ["111122223333", "arn:aws:iam::111122223333:user/a"]}}}},
            {{{ACTION}, "NotPrincipal": {{"Service": "codebuild.amazonaws.com"}}}}]}}"#
    );
    let policy = Policy::parse(&repository(), &text, text.len()).unwrap();
    let principals: Vec<_> = policy.principals().cloned().collect();
    let expected = vec![
        NamedPrincipal::Account("111122223333".to_owned()),
        NamedPrincipal::Aws("arn:aws:iam::111122223333:user/a".parse().unwrap()),
        NamedPrincipal::Service("codebuild.amazonaws.com".to_owned()),
    ];
    assert_eq!(principals, expected);
}

#[test]
fn a_template_names_no_resource() {
    let kind = PolicyKind::RepositoryTemplate;
    let statement = |more: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*",
            "Action": "ecr:PutImage"{more}}}]}}"#
        )
    };
    accepts(&kind, &statement(""));
    for resource in [
        r#""Resource": "*""#,
        r#""NotResource": "*""#,
        r#""Resource": "arn:aws:ecr:us-east-1:123456789012:repository/app""#,
    ] {
        let fault = refusal(&kind, &statement(&format!(", {resource}")));
        assert!(matches!(fault, Fault::ForeignResource(_)), "{fault:?}");
    }
    let other = statement("").replace("ecr:PutImage", "s3:GetObject");
    assert!(matches!(refusal(&kind, &other), Fault::ForeignAction(_)));
}
