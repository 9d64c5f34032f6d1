use serde_json::{Value, json};

use super::*;

fn rule(priority: i64, selection: &Value) -> Value {
    json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
}

fn any(count: i64) -> Value {
    json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count})
}

fn parse(rules: &[Value]) -> Result<LifecyclePolicy, InvalidLifecyclePolicy> {
    json!({ "rules": rules }).to_string().parse()
}

/// Returns `value` with other members; `null` takes one away.
fn with(value: &Value, members: Value) -> Value {
    let mut value = value.clone();
    let Value::Object(members) = members else { panic!("no object") };
    for (name, member) in members {
        match member {
            Value::Null => value.as_object_mut().unwrap().remove(&name),
            member => value.as_object_mut().unwrap().insert(name, member),
        };
    }
    value
}

#[track_caller]
fn refuses(rules: &[Value], reason: &str) {
    let error = parse(rules).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

#[track_caller]
fn refuses_text(text: &str, reason: &str) {
    assert_eq!(text.parse::<LifecyclePolicy>().unwrap_err().to_string(), reason);
}

#[test]
fn documents_follow_the_schema() {
    refuses_text("{", "Could not map policyString into LifecyclePolicy.");
    refuses_text("{}", r#"object has missing required properties (["rules"])"#);
    let text = r#"{"rules":[],"x":1}"#;
    let reason = r#"object instance has properties which are not allowed by the schema: (["x"])"#;
    refuses_text(text, reason);
    let type_of = |found: &str, expected: &str| {
        format!(
            "instance type ({found}) does not match any allowed primitive type (allowed: [\"{expected}\"])"
        )
    };
    refuses_text("[]", &type_of("array", "object"));
    refuses_text(r#"{"rules":{}}"#, &type_of("object", "array"));
    refuses(&[], "array is too short: must have at least 1 elements but instance has 0 elements");
    let many: Vec<_> = (1..=51).map(|n| rule(n, &any(1))).collect();
    refuses(&many, "must have at most 50 elements but instance has 51");
}

#[test]
fn rules_follow_the_schema() {
    refuses(&[json!({})], r#"properties (["action","rulePriority","selection"])"#);
    let good = rule(1, &any(1));
    assert!(parse(std::slice::from_ref(&good)).is_ok());
    refuses(&[rule(0, &any(1))], "minimum (minimum: 1, found: 0)");
    refuses(&[rule(1, &any(-3))], "minimum (minimum: 1, found: -3)");
    refuses(&[rule(1, &any(1 << 31))], "maximum (maximum: 2147483647, found: 2147483648)");
    refuses(&[with(&good, json!({"rulePriority": 1.5}))], "type (number)");
    refuses(&[with(&good, json!({"description": 1}))], "type (integer)");
    refuses(&[with(&good, json!({"note": 1}))], r#"schema: (["note"])"#);
    let status = with(&any(1), json!({"tagStatus": "some"}));
    let reason = r#"instance value ("some") not found in enum :(possible values: ["any","tagged","untagged"])"#;
    refuses(&[rule(1, &status)], reason);
}

#[test]
fn actions_have_their_storage_class() {
    let no_schema = "instance failed to match exactly one schema (matched 0 out of 2)";
    let act = |action: Value| with(&rule(1, &any(1)), json!({ "action": action }));
    let archive = act(json!({"type": "transition", "targetStorageClass": "archive"}));
    assert_eq!(parse(&[archive]).unwrap().rules()[0].action, Action::Archive);
    refuses(&[act(json!({"type": "transition"}))], no_schema);
    refuses(&[act(json!({"type": "expire", "targetStorageClass": "archive"}))], no_schema);
    let elsewhere = json!({"type": "transition", "targetStorageClass": "standard"});
    refuses(&[act(elsewhere)], r#"("standard") not found"#);
    refuses(&[act(json!({"type": "retain"}))], r#"("retain") not found"#);
}

#[test]
fn tags_are_named_where_images_have_some() {
    let tagged = with(&any(1), json!({"tagStatus": "tagged"}));
    let one = |members: Value| [rule(1, &with(&tagged, members))];
    let tags = |members: Value| parse(&one(members)).unwrap().rules()[0].selection.tags.clone();
    let texts = || vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(tags(json!({"tagPrefixList": ["a", "b"]})), TagSelection::Prefixes(texts()));
    assert_eq!(tags(json!({"tagPatternList": ["a", "b"]})), TagSelection::Patterns(texts()));
    assert!(parse(&one(json!({"tagPatternList": ["*a*b*c*"]}))).is_ok());
    refuses(&one(json!({"tagPatternList": ["*a*b*c*d*"]})), "at most 4 wildcards");
    refuses(&one(json!({})), "Must specify tagPrefixList or tagPatternList");
    let both = json!({"tagPrefixList": ["a"], "tagPatternList": ["a"]});
    refuses(&one(both), "must not be in one rule");
    refuses(&one(json!({"tagPrefixList": []})), "array is too short");
    refuses(&one(json!({"tagPrefixList": [""]})), "is too short (length: 0");
    for status in ["untagged", "any"] {
        let lists = json!({"tagStatus": status, "tagPrefixList": ["a"]});
        refuses(&one(lists), "only be in a rule with tagStatus=TAGGED");
    }
}

#[test]
fn counts_have_their_unit_class_and_action() {
    let no_schema = "instance failed to match exactly one schema (matched 0 out of 2)";
    let since = |kind: &str| with(&any(90), json!({"countType": kind, "countUnit": "days"}));
    let archived = |kind| with(&since(kind), json!({"storageClass": "archive"}));
    let transition = |selection: &Value| {
        let action = json!({"type": "transition", "targetStorageClass": "archive"});
        with(&rule(1, selection), json!({ "action": action }))
    };
    let count = |rule: Value| parse(&[rule]).unwrap().rules()[0].selection.count;
    assert_eq!(count(rule(1, &any(90))), Count::ImagesMoreThan(90));
    assert_eq!(count(rule(1, &since("sinceImagePushed"))), Count::DaysSincePush(90));
    assert_eq!(count(transition(&since("sinceImagePulled"))), Count::DaysSincePull(90));
    let left = archived("sinceImageTransitioned");
    assert_eq!(count(rule(1, &left)), Count::DaysSinceTransition(90));

    refuses(&[rule(1, &with(&any(1), json!({"countUnit": "days"})))], no_schema);
    let unitless = with(&since("sinceImagePushed"), json!({"countUnit": null}));
    refuses(&[rule(1, &unitless)], no_schema);
    let hours = with(&since("sinceImagePushed"), json!({"countUnit": "hours"}));
    refuses(&[rule(1, &hours)], r#"("hours") not found"#);
    refuses(&[rule(1, &since("sinceImagePulled"))], "must have the action transition");
    refuses(&[rule(1, &since("sinceImageTransitioned"))], "storageClass=archive");
    refuses(&[transition(&left)], "must have the action expire");
    refuses(&[rule(1, &archived("sinceImagePushed"))], "countType=sinceImageTransitioned");
    let early = with(&left, json!({"countNumber": 89}));
    refuses(&[rule(1, &early)], "minimum (minimum: 90, found: 89)");
}

#[test]
fn rules_go_together() {
    let selection = |members: Value| with(&any(1), members);
    let untagged = selection(json!({"tagStatus": "untagged"}));
    let prefix =
        |name: &str| selection(json!({"tagStatus": "tagged", "tagPrefixList": [name, name]}));
    let sorted = parse(&[rule(30, &any(1)), rule(2, &prefix("a")), rule(10, &untagged)]).unwrap();
    let priorities: Vec<_> = sorted.rules().iter().map(|rule| rule.priority).collect();
    assert_eq!(priorities, [2, 10, 30]);
    refuses(&[rule(1, &untagged), rule(1, &prefix("a"))], "rulePriority must be unique");
    refuses(&[rule(1, &untagged), rule(2, &untagged)], "Only one rule can select Untagged");
    refuses(&[rule(1, &any(1)), rule(2, &any(2))], "Only one rule can select Any");
    refuses(&[rule(1, &any(1)), rule(2, &untagged)], "must have the lowest priority");
    refuses(&[rule(1, &prefix("a")), rule(2, &prefix("a"))], "unique across rules");
    assert!(parse(&[rule(1, &prefix("a")), rule(2, &prefix("ab"))]).is_ok());
}

#[test]
fn storage_classes_are_apart() {
    let archived = json!({
        "storageClass": "archive", "tagStatus": "any",
        "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 365,
    });
    let untagged = with(&any(1), json!({"tagStatus": "untagged"}));
    assert!(parse(&[rule(1, &archived), rule(2, &untagged), rule(3, &any(1))]).is_ok());
}

#[test]
fn texts_stay_as_they_were_written() {
    let text = format!("  {}\n", json!({"rules": [rule(1, &any(1))]}));
    assert_eq!(text.parse::<LifecyclePolicy>().unwrap().text(), text);
}
