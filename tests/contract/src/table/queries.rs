//! What reads return.

use berth_registry::ports::{Attributes, Condition, Consistency, Item, Key, Page, Query, Select};

use super::Fixture;

/// A query of all of the check's partition.
fn all(f: &Fixture) -> Query {
    Query {
        partition: f.name.to_owned(),
        prefix: String::new(),
        after: None,
        limit: 1000,
        consistency: Consistency::Strong,
        select: Select::Items,
    }
}

async fn page(f: &Fixture, query: Query) -> Page {
    let page = f.table.query(&query).await.expect("a query succeeds");
    assert!(page.items.len() <= query.limit, "a page is within its limit");
    page
}

/// Returns the items of all pages, and the number of pages.
async fn pages(f: &Fixture, mut query: Query) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    for number in 1.. {
        let page = page(f, query.clone()).await;
        items.extend(page.items);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return (items, number),
        }
        assert!(number < 10_000, "pages come to an end");
    }
    unreachable!("the loop returns")
}

fn sorts(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.key.sort.as_str()).collect()
}

async fn check(f: &Fixture, query: Query, expected: &[&str]) {
    let (items, _) = pages(f, query.clone()).await;
    assert_eq!(sorts(&items), expected, "{query:?}");
}

pub(super) async fn get_misses(f: &Fixture) {
    f.make(&["aa"]).await;
    assert_eq!(f.get("a").await, None);
    assert_eq!(f.get("aaa").await, None);
    assert_eq!(f.get("AA").await, None, "keys are compared byte by byte");
    let eventual = f.table.get(&f.key("none"), Consistency::Eventual).await;
    assert_eq!(eventual.expect("a read succeeds"), None);
}

async fn check_batch(f: &Fixture, keys: &[Key]) {
    let items = f.table.batch_get(keys, Consistency::Strong).await.expect("a read succeeds");
    assert_eq!(items.len(), keys.len());
    for (key, item) in keys.iter().zip(items) {
        let is_there = !key.sort.starts_with("gone");
        assert_eq!(item.map(|item| item.key), is_there.then(|| key.clone()));
    }
}

pub(super) async fn batch_get_keeps_places(f: &Fixture) {
    f.make(&["a", "b", "c"]).await;
    check_batch(f, &["c", "gone1", "a", "gone0", "b"].map(|sort| f.key(sort))).await;
}

pub(super) async fn batch_get_of_many(f: &Fixture) {
    let names: Vec<_> = (0..250).map(|n| format!("{n:03}")).collect();
    f.make(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut keys: Vec<_> = names.iter().rev().map(|sort| f.key(sort)).collect();
    for n in (0..250).step_by(7) {
        keys.insert(n, f.key(&format!("gone{n}")));
    }
    check_batch(f, &keys).await;
}

pub(super) async fn batch_get_of_none(f: &Fixture) {
    check_batch(f, &[]).await;
}

pub(super) async fn query_in_order_of_bytes(f: &Fixture) {
    f.make(&["b", "é", "a", "~", "B", "a#", "10", "9", "\u{10000}", "\u{ff5e}", "aa"]).await;
    let order = ["10", "9", "B", "a", "a#", "aa", "b", "~", "é", "\u{ff5e}", "\u{10000}"];
    check(f, all(f), &order).await;
}

pub(super) async fn query_by_prefix(f: &Fixture) {
    f.make(&["sub", "tag", "tag#", "tag#a", "tag#ab", "tag#é", "tag%", "tah", "TAG#a"]).await;
    let by = |prefix: &str| Query { prefix: prefix.to_owned(), ..all(f) };
    check(f, by("tag#"), &["tag#", "tag#a", "tag#ab", "tag#é"]).await;
    check(f, by("tag#a"), &["tag#a", "tag#ab"]).await;
    check(f, by("tag#ab"), &["tag#ab"]).await;
    check(f, by("tag#é"), &["tag#é"]).await;
    check(f, by("tag#abc"), &[]).await;
    check(f, by("tag_"), &[]).await;
}

pub(super) async fn query_of_nothing(f: &Fixture) {
    let page = page(f, all(f)).await;
    assert!(page.items.is_empty());
    assert_eq!(page.next, None);
}

pub(super) async fn query_after(f: &Fixture) {
    f.make(&["a", "tag#a", "tag#b", "tag#d", "z"]).await;
    let after = |prefix: &str, after: &str| Query {
        prefix: prefix.to_owned(),
        after: Some(after.to_owned()),
        ..all(f)
    };
    check(f, after("tag#", "tag#a"), &["tag#b", "tag#d"]).await;
    check(f, after("tag#", "tag#c"), &["tag#d"]).await;
    check(f, after("tag#", "tag#d"), &[]).await;
    check(f, after("", "tag#b"), &["tag#d", "z"]).await;
    // Before and behind all that begins with the prefix.
    check(f, after("tag#", "a"), &["tag#a", "tag#b", "tag#d"]).await;
    check(f, after("tag#", "tag#"), &["tag#a", "tag#b", "tag#d"]).await;
    check(f, after("tag#", "x"), &[]).await;
}

pub(super) async fn query_in_pages(f: &Fixture) {
    let names: Vec<_> = (0..25).map(|n| format!("tag#{n:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    f.make(&["before", "zzz"]).await;
    f.make(&names).await;
    for limit in [1, 2, 5, 24, 25, 26] {
        let query = Query { prefix: "tag#".to_owned(), limit, ..all(f) };
        check(f, query, &names).await;
    }
    let query = Query { prefix: "tag#".to_owned(), limit: 10, ..all(f) };
    let first = page(f, query.clone()).await;
    assert_eq!(first.next.as_deref(), Some("tag#09"), "the last of the page");
    // The cursor need not exist.
    f.transact(vec![f.delete("tag#09", Condition::Present)]).await;
    let second = page(f, Query { after: first.next, ..query }).await;
    assert_eq!(second.items[0].key.sort, "tag#10");
}

pub(super) async fn query_of_keys_alone(f: &Fixture) {
    f.make(&["a", "b"]).await;
    f.transact(vec![f.add("b", &[("pulls", 1)], Condition::Any)]).await;
    let page = page(f, Query { select: Select::Keys, ..all(f) }).await;
    let key_of = |sort| Item {
        key: f.key(sort),
        document: bytes::Bytes::new(),
        version: 0,
        attributes: Attributes::new(),
        counters: berth_registry::ports::Counters::new(),
    };
    assert_eq!(page.items, [key_of("a"), key_of("b")]);
}

pub(super) async fn query_of_all_there_is(f: &Fixture) {
    f.make(&["a", "b"]).await;
    f.transact(vec![f.add("b", &[("pulls", 1)], Condition::Any)]).await;
    let (items, _) = pages(f, all(f)).await;
    assert_eq!(items, [f.item("a").await, f.item("b").await]);
}

pub(super) async fn query_of_large_documents(f: &Fixture) {
    let document = "x".repeat(300 * 1024);
    let names: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    for name in &names {
        f.transact(vec![f.put(name, &document, Condition::Any)]).await;
    }
    // A page may be short; all pages have all.
    let (items, _) = pages(f, all(f)).await;
    assert_eq!(sorts(&items), names);
    assert!(items.iter().all(|item| item.document == document));
}

pub(super) async fn query_sees_writes(f: &Fixture) {
    for n in 0..50 {
        f.make(&[&format!("{n:02}")]).await;
        assert_eq!(page(f, all(f)).await.items.len(), n + 1);
    }
}
