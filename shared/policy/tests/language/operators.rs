//! Every operator in every form: plain, `IfExists`, `ForAllValues`, `ForAnyValue`; the key there,
//! missing, with several values; against one value of the policy and against two.

use berth_policy::Context;

use crate::support::{allows, denies};

/// An operator, a value of the policy, request values that match it and one that doesn't, and
/// a second value of the policy that the mismatch doesn't match either.
struct Row {
    operator: &'static str,
    negated: bool,
    policy: &'static str,
    other: &'static str,
    matching: &'static str,
    mismatching: &'static str,
}

/// Builds a row from `operator | policy | other | matching | mismatching`.
fn row(line: &'static str) -> Row {
    let mut fields = line.split('|').map(str::trim);
    let mut field = || fields.next().expect("five fields");
    let operator = field();
    Row {
        operator,
        negated: operator.contains("Not"),
        policy: field(),
        other: field(),
        matching: field(),
        mismatching: field(),
    }
}

const OPERATORS: &[&str] = &[
    "StringEquals | a b | c | a b | A b",
    "StringNotEquals | a b | c | a b | A b",
    "StringEqualsIgnoreCase | Straße | c | STRAßE | Strasse",
    "StringNotEqualsIgnoreCase | Straße | c | STRAßE | Strasse",
    "StringLike | pro?-* | c | prod-1 | Prod-1",
    "StringNotLike | pro?-* | c | prod-1 | Prod-1",
    "NumericEquals | 10 | 7 | 10.0 | 10.5",
    "NumericNotEquals | 10 | 7 | 1e1 | 10.5",
    "NumericLessThan | 10 | 7 | -9.5 | 10",
    "NumericLessThanEquals | 10 | 7 | 10 | 10.01",
    "NumericGreaterThan | 10 | 70 | 10.01 | 10",
    "NumericGreaterThanEquals | 10 | 70 | 10 | 9",
    "DateEquals | 2023-11-14T22:13:20Z | 0 | 1700000000 | 1700000001",
    "DateNotEquals | 2023-11-14T22:13:20Z | 0 | 2023-11-14T23:13:20+01:00 | 2023-11-14",
    "DateLessThan | 2023-11-14T22:13:20Z | 0 | 2023-11-14 | 1700000000",
    "DateLessThanEquals | 2023-11-14T22:13:20Z | 0 | 1700000000 | 2023-11-14T22:13:20.5Z",
    "DateGreaterThan | 1700000000 | 2030-01 | 2023-11-14T22:13:20.5Z | 1700000000",
    "DateGreaterThanEquals | 1700000000 | 2030-01 | 1700000000 | 1699999999",
    "Bool | true | TRUE | True | false",
    "BinaryEquals | QmluYXJ5VmFsdWVJbkJhc2U2NA== | AAAA | QmluYXJ5VmFsdWVJbkJhc2U2NA== | qmluYXJ5",
    "IpAddress | 203.0.113.0/24 | 2001:DB8:1234:5678::/64 | 203.0.113.255 | 203.0.114.1",
    "NotIpAddress | 2001:DB8:1234:5678::/64 | 203.0.113.0/24 | 2001:db8:1234:5678::1 | 2001:db8::1",
    "ArnEquals | arn:aws:iam::*:role/ci-? | arn:aws:s3:::b | arn:aws:iam::1:role/ci-1 | arn:aws:iam::1:role/ci-10",
    "ArnNotEquals | arn:aws:iam::*:role/ci-? | arn:aws:s3:::b | arn:aws:iam::1:role/ci-1 | arn:aws:iam::1:role/ci-10",
    "ArnLike | arn:aws:iam::1:role/* | arn:aws:s3:::b | arn:aws:iam::1:role/a:b | arn:aws:iam::1:user/a",
    "ArnNotLike | arn:aws:iam::1:role/* | arn:aws:s3:::b | arn:aws:iam::1:role/a:b | arn:aws:iam::1:user/a",
];

/// Values of the key in a request: none, or such that match (`+`) and don't (`-`).
const VALUES: [&str; 6] = ["", "+", "-", "++", "+-", "--"];

/// Forms of an operator and, for each of [`VALUES`], whether the condition holds (`h`), does not
/// (`.`), or holds in a statement that denies alone (`d`): first for an operator that is not
/// negated, then for its negation.
///
/// Without a quantifier, all of several values must pass to allow, and any of them denies. Without
/// a key, `ForAnyValue` with `IfExists` allows nothing and denies.
const FORMS: [(&str, &str, &str); 6] = [
    ("#", ".h.hd.", "h.h.dh"),
    ("#IfExists", "hh.hd.", "h.h.dh"),
    ("ForAllValues:#", "hh.h..", "h.h..h"),
    ("ForAllValues:#IfExists", "hh.h..", "h.h..h"),
    ("ForAnyValue:#", ".h.hh.", "..h.hh"),
    ("ForAnyValue:#IfExists", "dh.hh.", "d.h.hh"),
];

fn values(row: &Row, signs: &str) -> Context {
    let value = |sign| if sign == '+' { row.matching } else { row.mismatching };
    let mut context = Context::default();
    context.set_list("test:Key", signs.chars().map(value));
    context
}

fn condition(row: &Row, form: &str, policy: &str) -> String {
    format!(r#"{{"{}": {{"Test:kEY": {policy}}}}}"#, form.replace('#', row.operator))
}

#[test]
pub fn every_operator_in_every_form() {
    for row in OPERATORS.iter().map(|line| row(line)) {
        let one = format!(r#""{}""#, row.policy);
        let two = format!(r#"["{}", "{}"]"#, row.other, row.policy);
        for (form, plain, negated) in FORMS {
            let expected = if row.negated { negated } else { plain };
            for (signs, expected) in VALUES.iter().zip(expected.chars()) {
                let context = values(&row, signs);
                for policy in [&one, &two] {
                    let condition = condition(&row, form, policy);
                    let (allowed, denied) = (expected == 'h', expected != '.');
                    assert_eq!(
                        allows(&condition, &context),
                        allowed,
                        "allow, {condition}, {signs}"
                    );
                    assert_eq!(denies(&condition, &context), denied, "deny, {condition}, {signs}");
                }
            }
        }
    }
}

#[test]
fn every_operator_of_the_user_guide_stands_in_the_table() {
    let names: Vec<&str> = OPERATORS.iter().map(|line| row(line).operator).collect();
    let mut expected = vec!["Bool", "BinaryEquals", "IpAddress", "NotIpAddress"];
    expected.extend(["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"]);
    expected.extend(["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]);
    expected.extend(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]);
    for family in ["Numeric", "Date"] {
        for comparison in [
            "Equals",
            "NotEquals",
            "LessThan",
            "LessThanEquals",
            "GreaterThan",
            "GreaterThanEquals",
        ] {
            let name = format!("{family}{comparison}");
            assert!(names.contains(&name.as_str()), "{name}");
        }
    }
    for name in &expected {
        assert!(names.contains(name), "{name}");
    }
    assert_eq!(names.len(), expected.len() + 12);
}

#[test]
pub fn no_value_of_the_policy_matches_nothing() {
    for row in OPERATORS.iter().map(|line| row(line)) {
        let condition = condition(&row, "#", "[]");
        assert_eq!(allows(&condition, &values(&row, "+")), row.negated, "{condition}");
    }
}

#[test]
pub fn values_of_another_type_match_nothing() {
    for row in OPERATORS.iter().map(|line| row(line)) {
        if row.operator.starts_with("String") {
            continue;
        }
        let condition = condition(&row, "#", &format!(r#""{}""#, row.policy));
        for value in ["", "text of no type", "arn:aws:iam", "1.2.3", "Infinity", "NaN", "*"] {
            let mut context = Context::default();
            context.set("test:Key", value);
            assert_eq!(allows(&condition, &context), row.negated, "{condition}, {value}");
        }
    }
}

#[test]
pub fn null_asks_whether_a_key_is_there() {
    let there = |values: &[&str]| {
        let mut context = Context::default();
        context.set_list("test:Key", values.iter().copied());
        context
    };
    for (wanted, values, holds) in [
        (r#""true""#, &[] as &[&str], true),
        (r#""true""#, &["a"], false),
        (r#""true""#, &["a", "b"], false),
        (r#""true""#, &[""], false),
        (r#""false""#, &[], false),
        (r#""false""#, &["a"], true),
        (r#""False""#, &["a"], true),
        ("false", &["a"], true),
        ("true", &[], true),
        (r#"["true", "false"]"#, &[], true),
        (r#"["true", "false"]"#, &["a"], true),
        ("[]", &["a"], false),
    ] {
        let condition = format!(r#"{{"Null": {{"test:Key": {wanted}}}}}"#);
        assert_eq!(allows(&condition, &there(values)), holds, "{condition}, {values:?}");
        assert_eq!(denies(&condition, &there(values)), holds, "{condition}, {values:?}");
        let quantified = condition.replace("Null", "ForAnyValue:Null");
        assert_eq!(allows(&quantified, &there(values)), holds, "{quantified}, {values:?}");
    }
}
