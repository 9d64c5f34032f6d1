//! Random policies and images, from few words and near the bounds, so that rules meet images.

use berth_lifecycle::{Image, LifecyclePolicy, Storage};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::support::{DAY, NOW, count, rule};

const PATTERNS: [&str; 8] = ["a*", "b*", "*1", "*a*", "a*b", "*", "v1", "a*1*"];
const TAGS: [&str; 6] = ["a1", "a2", "b1", "ab", "v1", "b-a1"];

fn some(texts: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(texts, 1..=most)
}

fn tags() -> impl Strategy<Value = Value> {
    let lists = prop_oneof![
        some(&["a", "b", "v", "ab"], 2).prop_map(|list| json!({"tagPrefixList": list})),
        some(&PATTERNS, 3).prop_map(|list| json!({"tagPatternList": list})),
    ];
    let tagged = lists.prop_map(|mut selection| {
        selection["tagStatus"] = "tagged".into();
        selection
    });
    let others = select(vec!["untagged", "any"]).prop_map(|status| json!({"tagStatus": status}));
    prop_oneof![3 => tagged, 2 => others]
}

/// A selection, and the action that goes with its count.
fn counted(kinds: &'static [(&'static str, &'static str)]) -> BoxedStrategy<(Value, &'static str)> {
    let number = |kind: &str| if kind == "sinceImageTransitioned" { 90 } else { 0 };
    (tags(), select(kinds), 1..7_u64)
        .prop_map(move |(tags, (kind, action), days)| {
            let selection = match kind {
                "" => tags,
                kind => count(&tags, kind, number(kind) + days),
            };
            (selection, action)
        })
        .boxed()
}

fn with_class((mut selection, action): (Value, &str), is_archive: bool) -> (Value, &str) {
    if is_archive || selection["countType"] == "sinceImageTransitioned" {
        selection["storageClass"] = "archive".into();
    }
    (selection, action)
}

fn ecrs_rule() -> impl Strategy<Value = (Value, &'static str)> {
    counted(&[
        ("imageCountMoreThan", "expire"),
        ("imageCountMoreThan", "transition"),
        ("sinceImagePushed", "expire"),
        ("sinceImagePulled", "transition"),
        ("sinceImageTransitioned", "expire"),
    ])
    .prop_map(|rule| with_class(rule, false))
}

fn berths_rule() -> impl Strategy<Value = (Value, &'static str)> {
    let kinds = counted(&[
        ("imageCountMoreThan", "untag"),
        ("sinceImagePulled", "expire"),
        ("sinceImagePulled", "untag"),
        ("sinceImagePushed", "expire"),
        ("sinceImageTransitioned", "expire"),
        ("imageCountAtMost", "retain"),
        ("imagePushedWithin", "retain"),
        ("imagePulledWithin", "retain"),
        ("", "retain"),
    ]);
    let excluded = prop::option::of(some(&PATTERNS, 2));
    (kinds, excluded, any::<bool>(), any::<bool>()).prop_map(|(rule, excluded, one, archive)| {
        let is_retained = rule.1 == "retain";
        let (mut selection, action) = with_class(rule, archive && is_retained);
        if let Some(excluded) = excluded.filter(|_| selection["tagStatus"] != "untagged") {
            selection["excludedTagPatternList"] = excluded.into();
        }
        if one && selection["tagStatus"] == "tagged" {
            selection["tagMatch"] = "any".into();
        }
        (selection, action)
    })
}

fn rules(
    rule_of: impl Strategy<Value = (Value, &'static str)>,
) -> impl Strategy<Value = Vec<Value>> {
    let priorities = subsequence((1..20_u64).collect::<Vec<_>>(), 6).prop_shuffle();
    (prop::collection::vec(rule_of, 1..6), priorities).prop_map(|(rules, priorities)| {
        let rules = rules.iter().zip(priorities);
        rules.map(|((selection, action), priority)| rule(priority, selection, action)).collect()
    })
}

/// A valid policy, of ECR's rules or with some of Berth's own.
pub fn policy() -> impl Strategy<Value = (String, LifecyclePolicy)> {
    let ecrs = rules(ecrs_rule()).prop_map(|rules| json!({ "rules": rules }));
    let berths = rules(prop_oneof![ecrs_rule(), berths_rule(), berths_rule()])
        .prop_map(|rules| json!({"dialect": "berth", "rules": rules}));
    // Rules may get in each other's way, such as two that select all untagged images.
    prop_oneof![ecrs, berths].prop_filter_map("rules that do not go together", |document| {
        let text = document.to_string();
        let policy = text.parse().ok()?;
        Some((text, policy))
    })
}

/// A moment some days ago, often at a bound.
fn days_ago(days: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    (days, 0..3_u64).prop_map(|(days, off)| NOW - days * DAY + off - 1)
}

fn storage() -> impl Strategy<Value = Storage> {
    prop_oneof![
        4 => Just(Storage::Standard { activated_at: None }),
        1 => days_ago(1..9).prop_map(|at| Storage::Standard { activated_at: Some(at) }),
        2 => days_ago(89..99).prop_map(|archived_at| Storage::Archive { archived_at }),
    ]
}

fn image() -> impl Strategy<Value = Image> {
    let tags = subsequence(&TAGS, 0..4);
    let parents = || prop_oneof![5 => Just(0), 1 => 1..3_u64];
    let parents = (parents(), parents());
    (tags, days_ago(1..9), prop::option::of(days_ago(1..9)), storage(), parents).prop_map(
        |(tags, pushed_at, pulled_at, storage, (parents, archived_parents))| Image {
            digest: String::new(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            size: 1,
            pushed_at,
            pulled_at,
            storage,
            parents,
            archived_parents,
            subject: None,
        },
    )
}

/// Images of one repository, some of which refer to others.
pub fn images() -> impl Strategy<Value = Vec<Image>> {
    let subject = prop_oneof![3 => Just(None), 1 => (0..20_usize).prop_map(Some)];
    prop::collection::vec((image(), subject), 0..16).prop_map(|images| {
        // Digests are in no order of time; a subject is there before what refers to it, or gone.
        let digest = |place: usize| format!("sha256:{:02x}", (place * 37) % 64);
        let named = images.into_iter().enumerate().map(|(place, (image, subject))| {
            let subject = subject.filter(|subject| *subject < place || *subject > 16);
            Image { digest: digest(place), subject: subject.map(digest), ..image }
        });
        named.collect()
    })
}
