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

fn parse_berths(rules: &[Value]) -> Result<LifecyclePolicy, InvalidLifecyclePolicy> {
    json!({"dialect": "berth", "rules": rules}).to_string().parse()
}

#[track_caller]
fn refuses_berths(rules: &[Value], reason: &str) {
    let error = parse_berths(rules).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

fn acting(kind: &str, selection: &Value) -> Value {
    with(&rule(1, selection), json!({"action": {"type": kind}}))
}

#[test]
fn members_of_berths_own_ask_for_its_dialect() {
    let other = json!({"dialect": "other", "rules": [rule(1, &any(1))]}).to_string();
    let reason = r#"instance value ("other") not found in enum :(possible values: ["berth"])"#;
    refuses_text(&other, reason);
    assert!(parse_berths(&[rule(1, &any(1))]).is_ok());
    let tagged = with(&any(1), json!({"tagStatus": "tagged", "tagPrefixList": ["a"]}));
    let unpulled = with(&any(1), json!({"countType": "sinceImagePulled", "countUnit": "days"}));
    let own = [
        rule(1, &with(&tagged, json!({"tagMatch": "any"}))),
        rule(1, &with(&any(1), json!({"excludedTagPatternList": ["a"]}))),
        rule(1, &unpulled),
        acting("untag", &any(1)),
        acting("retain", &with(&any(1), json!({"countType": "imageCountAtMost"}))),
    ];
    for rule in own {
        assert!(parse(std::slice::from_ref(&rule)).is_err(), "{rule}");
        assert!(parse_berths(std::slice::from_ref(&rule)).is_ok(), "{rule}");
    }
    let reason = r#"(["excludedTagPatternList","tagMatch"])"#;
    let both = with(&tagged, json!({"tagMatch": "any", "excludedTagPatternList": ["a"]}));
    refuses(&[rule(1, &both)], reason);
}

#[test]
fn retaining_rules_count_what_they_keep() {
    let kept = |members: Value| {
        let selection = with(&any(1), json!({"countType": null, "countNumber": null}));
        let parsed = parse_berths(&[acting("retain", &with(&selection, members))])?;
        Ok::<_, InvalidLifecyclePolicy>(parsed.rules()[0].selection.count)
    };
    assert_eq!(kept(json!({})), Ok(Count::All));
    let most = json!({"countType": "imageCountAtMost", "countNumber": 2});
    assert_eq!(kept(most), Ok(Count::ImagesAtMost(2)));
    let days = |kind: &str| json!({"countType": kind, "countUnit": "days", "countNumber": 2});
    assert_eq!(kept(days("imagePushedWithin")), Ok(Count::PushedWithinDays(2)));
    assert_eq!(kept(days("imagePulledWithin")), Ok(Count::PulledWithinDays(2)));
    for incomplete in ["countType", "countNumber", "countUnit"] {
        let members = with(&days("imagePushedWithin"), json!({incomplete: null}));
        assert!(kept(members).is_err(), "{incomplete}");
    }
    let missing = r#"properties (["countNumber","countType"])"#;
    assert!(kept(json!({"countUnit": "days"})).unwrap_err().to_string().contains(missing));
    assert!(kept(days("imageCountAtMost")).is_err());
    refuses_berths(&[acting("retain", &any(1))], r#"("imageCountMoreThan") not found in enum"#);
    let within = with(&any(1), days("imagePushedWithin"));
    refuses_berths(&[acting("expire", &within)], r#"("imagePushedWithin") not found in enum"#);
}

#[test]
fn members_of_berths_own_are_where_they_mean_something() {
    let untagged = with(&any(1), json!({"tagStatus": "untagged"}));
    refuses_berths(&[acting("untag", &untagged)], "The action untag must not be");
    let excluded = json!({"excludedTagPatternList": ["a"]});
    refuses_berths(&[rule(1, &with(&untagged, excluded))], "must not be in a rule");
    let many = json!({"excludedTagPatternList": ["*a*b*c*d*"]});
    refuses_berths(&[rule(1, &with(&any(1), many))], "at most 4 wildcards");
    let matched = with(&any(1), json!({"tagMatch": "any"}));
    refuses_berths(&[rule(1, &matched)], "tagMatch must only be in a rule");
    let target = json!({"type": "retain", "targetStorageClass": "archive"});
    let retain = with(&rule(1, &any(1)), json!({"action": target}));
    refuses_berths(&[retain], "matched 0 out of 2");
    let archived = with(&any(1), json!({"storageClass": "archive"}));
    refuses_berths(&[acting("untag", &archived)], "countType=sinceImageTransitioned");
}

#[test]
fn rules_of_berths_own_may_select_what_others_select() {
    let tagged = with(&any(1), json!({"tagStatus": "tagged", "tagPrefixList": ["a"]}));
    let keep = |priority: u32, selection: &Value| {
        let selection = with(selection, json!({"countType": "imageCountAtMost"}));
        with(&acting("retain", &selection), json!({"rulePriority": priority}))
    };
    let rules = [keep(1, &any(1)), keep(2, &tagged), rule(3, &tagged), rule(4, &any(1))];
    assert!(parse_berths(&rules).is_ok());
    let dead = "Rule for tagStatus=ANY must have the lowest priority";
    refuses_berths(&[rule(1, &any(1)), keep(2, &tagged)], dead);
    let unpulled = with(&any(1), json!({"countType": "sinceImagePulled", "countUnit": "days"}));
    refuses_berths(&[rule(1, &unpulled), rule(2, &tagged)], dead);
    let some = with(&any(1), json!({"excludedTagPatternList": ["b"]}));
    assert!(parse_berths(&[rule(1, &some), rule(2, &any(1))]).is_ok());
    refuses_berths(&[rule(1, &tagged), rule(2, &tagged)], "unique across rules");
}
