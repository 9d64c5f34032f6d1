//! What Berth's own members do.

use berth_lifecycle::{Action, Image, LifecyclePolicy, Measure, Reason, Storage};
use serde_json::{Value, json};

use crate::support::{
    DAY, NOW, acted_on, any, berths, count, digests, image, more_than, patterns, pushed, reasons,
    rule, untagged,
};

fn with(mut selection: Value, name: &str, member: Value) -> Value {
    selection[name] = member;
    selection
}

fn pulled(image: Image, days: u64) -> Image {
    Image { pulled_at: Some(NOW - days * DAY), ..image }
}

#[test]
fn images_expire_by_their_last_pull() {
    let policy = berths(&[rule(1, &count(&any(), "sinceImagePulled", 5), "expire")]);
    let images = [pulled(image("A", "", 9), 6), pulled(image("B", "", 9), 5), image("C", "", 6)];
    assert_eq!(acted_on(&policy, &images), ["A", "C"]);
    assert_eq!(policy.evaluate(&images, NOW).verdicts[0].action, Some(Action::Expire));
}

#[test]
fn the_youngest_and_the_new_are_retained() {
    let releases = patterns(&["v*"]);
    let policy = berths(&[
        rule(1, &count(&releases, "imageCountAtMost", 1), "retain"),
        rule(2, &count(&releases, "imagePushedWithin", 5), "retain"),
        rule(3, &count(&any(), "imagePulledWithin", 2), "retain"),
        rule(4, &pushed(&any(), 1), "expire"),
    ]);
    let images = [
        image("newest release", "v4", 3),
        image("new release", "v3", 5),
        image("release in use", "v2", 9),
        image("release", "v1", 9),
        image("build", "b", 2),
        image("fresh build", "b", 1),
    ];
    let mut images = images.to_vec();
    images[2].pulled_at = Some(NOW - 2 * DAY);
    assert_eq!(acted_on(&policy, &images), ["release"]);
    let expected = [
        "rule 1 retains it: number 1 by age, at most 1",
        "rule 2 retains it: 5 days since its push, at most 5",
        "rule 3 retains it: 2 days since its last pull, at most 2",
        "rule 4 expires it: 9 days since its push, more than 1",
        // Never pulled: its push counts.
        "rule 3 retains it: 2 days since its last pull, at most 2",
        "rule 3 retains it: 1 days since its last pull, at most 2",
    ];
    assert_eq!(reasons(&policy, &images), expected);
    let report = policy.evaluate(&images, NOW).rules[0];
    assert_eq!((report.matching, report.selected, report.acted), (4, 1, 0));
}

#[test]
fn a_rule_that_retains_leaves_the_others_to_lower_rules() {
    let retain = rule(1, &count(&any(), "imageCountAtMost", 2), "retain");
    let policy = berths(&[retain, rule(2, &more_than(&patterns(&["a*"]), 1), "expire")]);
    let images = [image("A", "a1", 3), image("B", "a2", 2), image("C", "b", 1)];
    // B is counted by the second rule, though the first retains it.
    assert_eq!(acted_on(&policy, &images), ["A"]);
}

#[test]
fn a_rule_without_a_count_retains_all() {
    let policy =
        berths(&[rule(1, &patterns(&["keep"]), "retain"), rule(2, &pushed(&any(), 1), "expire")]);
    let images = [image("A", "keep", 9), image("B", "other", 9)];
    assert_eq!(acted_on(&policy, &images), ["B"]);
    let verdict = policy.evaluate(&images, NOW).verdicts[0];
    assert_eq!(verdict.reason, Reason::Selected(Measure::None));
    assert_eq!(verdict.to_string(), "rule 1 retains it");
}

#[test]
fn images_in_the_archive_are_retained() {
    let archive = |selection: Value| with(selection, "storageClass", json!("archive"));
    let old = count(&archive(any()), "sinceImageTransitioned", 90);
    let policy =
        berths(&[rule(1, &archive(patterns(&["keep"])), "retain"), rule(2, &old, "expire")]);
    let storage = Storage::Archive { archived_at: NOW - 91 * DAY };
    let images = ["keep", "other"].map(|tag| Image { storage, ..image(tag, tag, 99) });
    assert_eq!(acted_on(&policy, &images), ["other"]);
}

#[test]
fn excluded_tags_take_images_from_a_rule() {
    let selection = with(any(), "excludedTagPatternList", json!(["*-keep", "v*"]));
    let policy = berths(&[
        rule(1, &more_than(&selection, 1), "expire"),
        rule(2, &pushed(&patterns(&["v*"]), 5), "expire"),
    ]);
    let images = [
        image("A", "a a-keep", 9),
        image("B", "b", 8),
        image("C", "v1", 6),
        image("D", "v2", 5),
        image("E", "", 1),
    ];
    // A is nobody's; C and D are the second rule's, and not counted by the first.
    assert_eq!(acted_on(&policy, &images), ["B", "C"]);
    assert_eq!(policy.evaluate(&images, NOW).rules[0].matching, 2);
}

#[test]
fn one_of_several_patterns_may_do() {
    let selection = with(patterns(&["dev-*", "*-tmp"]), "tagMatch", json!("any"));
    let policy = berths(&[rule(1, &pushed(&selection, 5), "expire")]);
    let images = [
        image("A", "dev-1", 9),
        image("B", "x-tmp other", 9),
        image("C", "other", 9),
        image("D", "", 9),
    ];
    assert_eq!(acted_on(&policy, &images), ["A", "B"]);
}

#[test]
fn images_lose_the_tags_that_select_them() {
    let policy = berths(&[
        rule(1, &pushed(&patterns(&["dev-*"]), 5), "untag"),
        rule(2, &pushed(&any(), 7), "untag"),
        rule(3, &pushed(&untagged(), 2), "expire"),
    ]);
    let listed = Image { parents: 1, ..image("A", "dev-1 v1 dev-2", 9) };
    let images = [listed, image("B", "v2", 9), image("C", "v3", 6), image("D", "", 9)];
    let evaluation = policy.evaluate(&images, NOW);
    // A list that lists an image does not need its tags.
    assert_eq!(digests(&images, &evaluation), ["A", "B", "D"]);
    let tags = |place: usize| {
        let rule = evaluation.verdicts[place].rule.unwrap();
        rule.selected_tags(&images[place].tags).collect::<Vec<_>>()
    };
    assert_eq!(tags(0), ["dev-1", "dev-2"]);
    assert_eq!(tags(1), ["v2"]);
    assert_eq!(evaluation.verdicts[3].rule.unwrap().priority, 3);
    assert_eq!((evaluation.rules[0].acted, evaluation.rules[0].bytes), (1, 0));
    let why = "rule 1 untags it: 9 days since its push, more than 5";
    assert_eq!(evaluation.verdicts[0].to_string(), why);
}

#[test]
fn referrers_do_not_follow_a_subject_that_loses_its_tags() {
    let policy = berths(&[rule(1, &pushed(&any(), 5), "untag")]);
    let signature = Image { subject: Some("A".to_owned()), ..image("B", "s", 9) };
    assert_eq!(acted_on(&policy, &[image("A", "a", 9), signature]), ["A"]);
}

#[test]
fn the_documented_example_does_what_it_says() {
    let page = include_str!("../../../../docs/lifecycle.md");
    let example = page.split("```json").nth(1).unwrap().split("```").next().unwrap();
    let policy: LifecyclePolicy = example.parse().unwrap();
    let mut images: Vec<_> =
        (1..=12).map(|n| image(&format!("v{n}"), &format!("v{n}"), 50 + n)).collect();
    images[11].pulled_at = Some(NOW - 7 * DAY);
    images.extend([image("old", "build", 91), image("kept", "build-keep", 91)]);
    images.push(pulled(image("used", "build-2", 300), 90));
    assert_eq!(acted_on(&policy, &images), ["v11", "old"]);
}
