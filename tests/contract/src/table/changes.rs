//! What each operation does.

use berth_registry::ports::{Attributes, Condition, Counters, Operation};
use bytes::Bytes;

use super::{FIRST, Fixture};

pub(super) async fn put_makes_an_item(f: &Fixture) {
    let attributes = Attributes::from([("kind".to_owned(), "tag".to_owned())]);
    let put = Operation::Put {
        key: f.key("a"),
        document: Bytes::from_static(b"one"),
        attributes: attributes.clone(),
        first_version: 7,
        condition: Condition::Any,
    };
    f.transact(vec![put]).await;
    let item = f.item("a").await;
    assert_eq!(item.key, f.key("a"));
    assert_eq!(item.document, "one");
    assert_eq!(item.version, 7, "a new item has the version that was passed");
    assert_eq!(item.attributes, attributes);
    assert_eq!(item.counters, Counters::new());
    assert_eq!(item.counter("pulls"), 0);
}

pub(super) async fn put_replaces_but_keeps_counters(f: &Fixture) {
    let put = |document: &'static str, attribute: &str, first_version| Operation::Put {
        key: f.key("a"),
        document: Bytes::from_static(document.as_bytes()),
        attributes: Attributes::from([(attribute.to_owned(), "yes".to_owned())]),
        first_version,
        condition: Condition::Any,
    };
    f.transact(vec![put("one", "old", 7)]).await;
    f.transact(vec![f.add("a", &[("pulls", 3)], Condition::Any)]).await;
    f.transact(vec![put("two", "new", 100)]).await;
    let item = f.item("a").await;
    assert_eq!(item.document, "two");
    assert_eq!(item.version, 9, "an item that is replaced goes up by one");
    assert_eq!(item.attributes, Attributes::from([("new".to_owned(), "yes".to_owned())]));
    assert_eq!(item.counter("pulls"), 3, "counters stay");

    f.transact(vec![f.put("a", "three", Condition::Any)]).await;
    assert_eq!(f.item("a").await.attributes, Attributes::new(), "attributes go");
}

pub(super) async fn version_starts_anew_after_delete(f: &Fixture) {
    f.make(&["a"]).await;
    f.transact(vec![f.add("a", &[("pulls", 1)], Condition::Any)]).await;
    f.transact(vec![f.delete("a", Condition::Any)]).await;
    f.make(&["a"]).await;
    let item = f.item("a").await;
    assert_eq!(item.version, FIRST);
    assert_eq!(item.counters, Counters::new(), "counters went with the item");
}

pub(super) async fn add_counts(f: &Fixture) {
    f.make(&["a"]).await;
    f.transact(vec![f.add("a", &[("images", 1), ("bytes", 5_000_000_000)], Condition::Any)]).await;
    f.transact(vec![f.add("a", &[("bytes", -1), ("pulls", -2)], Condition::Present)]).await;
    let item = f.item("a").await;
    assert_eq!(item.counter("images"), 1);
    assert_eq!(item.counter("bytes"), 4_999_999_999);
    assert_eq!(item.counter("pulls"), -2);
    assert_eq!(item.counter("other"), 0);
    assert_eq!(item.version, FIRST + 2, "each operation raises the version by one");
    assert_eq!(item.document, "a", "the document stays");
}

pub(super) async fn add_without_counters_raises_the_version(f: &Fixture) {
    f.make(&["a"]).await;
    f.transact(vec![f.add("a", &[], Condition::Any)]).await;
    let item = f.item("a").await;
    assert_eq!(item.version, FIRST + 1);
    assert_eq!(item.counters, Counters::new());
}

pub(super) async fn delete_removes_and_repeats(f: &Fixture) {
    f.make(&["a", "b"]).await;
    f.transact(vec![f.delete("a", Condition::Present)]).await;
    assert_eq!(f.get("a").await, None);
    f.transact(vec![f.delete("a", Condition::Any)]).await;
    f.transact(vec![f.delete("a", Condition::Absent)]).await;
    assert_eq!(f.item("b").await.document, "b", "others stay");
}

pub(super) async fn check_changes_nothing(f: &Fixture) {
    f.make(&["a"]).await;
    let before = f.item("a").await;
    let checks = vec![f.check("a", Condition::Present), f.check("b", Condition::Absent)];
    f.transact(checks).await;
    f.transact(vec![f.check("c", Condition::Any)]).await;
    assert_eq!(f.item("a").await, before);
    assert_eq!(f.get("b").await, None);
    assert_eq!(f.get("c").await, None);
}

pub(super) async fn keeps_any_bytes(f: &Fixture) {
    let document: Bytes = (0..=255).collect::<Vec<u8>>().into();
    let put = |sort: &str, document: &Bytes| Operation::Put {
        key: f.key(sort),
        document: document.clone(),
        attributes: Attributes::from([("naïve \"name\"".to_owned(), "é\\\n'".to_owned())]),
        first_version: FIRST,
        condition: Condition::Any,
    };
    f.transact(vec![put("bytes", &document), put("né#\"'%_", &document)]).await;
    f.transact(vec![put("empty", &Bytes::new())]).await;
    assert_eq!(f.item("bytes").await.document, document);
    assert_eq!(f.item("bytes").await.attributes["naïve \"name\""], "é\\\n'");
    assert_eq!(f.item("né#\"'%_").await.document, document);
    assert_eq!(f.item("empty").await.document, Bytes::new());
}

pub(super) async fn keeps_a_document_of_300_kib(f: &Fixture) {
    let document = "0123456789abcdef".repeat(300 * 1024 / 16);
    f.transact(vec![f.put("a", &document, Condition::Any)]).await;
    assert_eq!(f.item("a").await.document, document);
}

pub(super) async fn keeps_great_numbers(f: &Fixture) {
    let great = 1_i64 << 53;
    f.make(&["a"]).await;
    f.transact(vec![f.add("a", &[("bytes", great)], Condition::Any)]).await;
    f.transact(vec![f.add("a", &[("bytes", 1)], Condition::Any)]).await;
    assert_eq!(f.item("a").await.counter("bytes"), great + 1);
}

pub(super) async fn partitions_are_apart(f: &Fixture) {
    let other = Fixture { table: f.table.clone(), name: "changes-another-partition" };
    f.make(&["a"]).await;
    other.transact(vec![other.put("a", "other", Condition::Absent)]).await;
    other.transact(vec![other.delete("a", Condition::Present)]).await;
    assert_eq!(f.item("a").await.document, "a");

    let both = vec![f.add("a", &[], Condition::Any), other.put("a", "again", Condition::Any)];
    f.transact(both).await;
    assert_eq!(other.item("a").await.document, "again", "a transaction spans partitions");
    other.transact(vec![other.delete("a", Condition::Any)]).await;
}

pub(super) async fn an_hundred_operations_fit(f: &Fixture) {
    let sorts: Vec<_> = (0..100).map(|n| format!("{n:03}")).collect();
    let put = |sort: &String| f.put(sort, "hundred", Condition::Absent);
    f.transact(sorts.iter().map(put).collect()).await;
    for sort in &sorts {
        assert_eq!(f.item(sort).await.document, "hundred");
    }
}
