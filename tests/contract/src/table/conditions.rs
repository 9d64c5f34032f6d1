//! When operations are refused.

use berth_registry::ports::{Attributes, Condition, Operation};
use bytes::Bytes;

use super::{FIRST, Fixture, assert_failed};

/// Checks which of two items, `here` and `gone` (which is absent), satisfies `condition`.
async fn check(f: &Fixture, condition: Condition, here: bool, gone: bool) {
    for (sort, holds) in [("here", here), ("gone", gone)] {
        let result = f.table.transact(vec![f.check(sort, condition.clone())]).await;
        if holds {
            assert!(result.is_ok(), "{condition:?} of `{sort}`: {result:?}");
        } else {
            assert_failed(&result, &[0]);
        }
    }
}

pub(super) async fn absent(f: &Fixture) {
    f.make(&["here"]).await;
    check(f, Condition::Any, true, true).await;
    check(f, Condition::Absent, false, true).await;
}

pub(super) async fn present(f: &Fixture) {
    f.make(&["here"]).await;
    check(f, Condition::Present, true, false).await;
}

pub(super) async fn version(f: &Fixture) {
    f.make(&["here"]).await;
    check(f, Condition::Version(FIRST), true, false).await;
    check(f, Condition::Version(FIRST + 1), false, false).await;
    check(f, Condition::Version(0), false, false).await;
    f.transact(vec![f.add("here", &[], Condition::Version(FIRST))]).await;
    check(f, Condition::Version(FIRST), false, false).await;
    check(f, Condition::Version(FIRST + 1), true, false).await;
}

pub(super) async fn attribute(f: &Fixture) {
    let put = Operation::Put {
        key: f.key("here"),
        document: Bytes::new(),
        attributes: Attributes::from([("digest".to_owned(), "sha256:a".to_owned())]),
        first_version: FIRST,
        condition: Condition::Any,
    };
    f.transact(vec![put]).await;
    let is = |name, value: &str| Condition::Attribute { name, value: value.to_owned() };
    check(f, is("digest", "sha256:a"), true, false).await;
    check(f, is("digest", "sha256:b"), false, false).await;
    check(f, is("digest", ""), false, false).await;
    check(f, is("other", "sha256:a"), false, false).await;
}

pub(super) async fn add_wants_an_item(f: &Fixture) {
    for condition in [Condition::Any, Condition::Absent, Condition::Present] {
        let result = f.table.transact(vec![f.add("a", &[("pulls", 1)], condition)]).await;
        assert_failed(&result, &[0]);
        assert_eq!(f.get("a").await, None);
    }
}

pub(super) async fn guard_every_operation(f: &Fixture) {
    f.make(&["a"]).await;
    let before = f.item("a").await;
    for operation in [
        f.put("a", "new", Condition::Absent),
        f.put("a", "new", Condition::Version(FIRST + 1)),
        f.add("a", &[("pulls", 1)], Condition::Version(FIRST + 1)),
        f.delete("a", Condition::Absent),
        f.delete("a", Condition::Version(FIRST + 1)),
        f.put("b", "new", Condition::Present),
        f.delete("b", Condition::Present),
    ] {
        let result = f.table.transact(vec![operation]).await;
        assert_failed(&result, &[0]);
    }
    assert_eq!(f.item("a").await, before);
    assert_eq!(f.get("b").await, None);
}

pub(super) async fn all_failures_are_told_in_order(f: &Fixture) {
    f.make(&["a", "b", "c"]).await;
    let operations = vec![
        f.put("d", "new", Condition::Absent),
        f.put("c", "new", Condition::Absent),
        f.check("b", Condition::Present),
        f.delete("a", Condition::Version(1)),
        f.add("e", &[], Condition::Any),
        f.check("f", Condition::Absent),
    ];
    assert_failed(&f.table.transact(operations).await, &[1, 3, 4]);
}

pub(super) async fn a_failure_changes_nothing(f: &Fixture) {
    f.make(&["a", "b", "c"]).await;
    let operations = vec![
        f.put("a", "new", Condition::Any),
        f.put("d", "new", Condition::Any),
        f.add("b", &[("pulls", 1)], Condition::Any),
        f.delete("c", Condition::Any),
        f.check("e", Condition::Present),
    ];
    assert_failed(&f.table.transact(operations).await, &[4]);
    for sort in ["a", "b", "c"] {
        let item = f.item(sort).await;
        assert_eq!((item.document.as_ref(), item.version), (sort.as_bytes(), FIRST));
        assert_eq!(item.counter("pulls"), 0);
    }
    assert_eq!(f.get("d").await, None);
}
