//! The examples of ECR's user guide, with the outcome that it states.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html>

use berth_lifecycle::Image;
use serde_json::Value;

use crate::support::{
    acted_on, any, expiring, image, more_than, patterns, pushed, reasons, untagged,
};

#[track_caller]
fn check(images: &[Image], selections: &[Value], expected: &[&str]) {
    assert_eq!(acted_on(&expiring(selections), images), expected);
}

fn beta_and_prod() -> Vec<Image> {
    vec![image("A", "beta-1 prod-1", 10), image("B", "beta-2 prod-2", 9), image("C", "beta-3", 8)]
}

#[test]
fn a_higher_rule_claims_images_that_it_leaves_alone() {
    let rules = [more_than(&patterns(&["prod*"]), 1), more_than(&patterns(&["beta*"]), 1)];
    check(&beta_and_prod(), &rules, &["A"]);
    let why = reasons(&expiring(&rules), &beta_and_prod());
    assert_eq!(why[0], "rule 1 expires it: number 2 by age, more than 1");
    assert_eq!(why[1], "rule 1 leaves it alone: number 1 by age, at most 1");
    assert_eq!(why[2], "rule 2 leaves it alone: number 1 by age, at most 1");
}

#[test]
fn a_lower_rule_counts_images_that_higher_rules_marked() {
    let rules = [more_than(&patterns(&["beta*"]), 1), more_than(&patterns(&["prod*"]), 1)];
    check(&beta_and_prod(), &rules, &["A", "B"]);
}

#[test]
fn images_have_a_tag_for_every_pattern() {
    let images = [
        image("A", "alpha-1", 12),
        image("B", "beta-1", 11),
        image("C", "alpha-2 beta-2", 10),
        image("D", "alpha-3", 4),
        image("E", "beta-3", 3),
        image("F", "alpha-4 beta-4", 2),
    ];
    check(&images, &[pushed(&patterns(&["alpha*", "beta*"]), 5)], &["C"]);
}

#[test]
fn images_may_have_more_tags() {
    let images = [
        image("A", "alpha-1 beta-1 gamma-1", 10),
        image("B", "alpha-2 beta-2", 9),
        image("C", "alpha-3 beta-3 gamma-2", 8),
    ];
    check(&images, &[more_than(&patterns(&["alpha*", "beta*"]), 1)], &["A", "B"]);
}

#[test]
fn any_counts_tagged_and_untagged_images() {
    let images = [
        image("A", "alpha-1", 4),
        image("B", "beta-1", 3),
        image("C", "", 2),
        image("D", "alpha-2", 1),
    ];
    check(&images, &[more_than(&any(), 1)], &["A", "B", "C"]);
}

#[test]
fn any_counts_and_spares_what_others_claimed() {
    let images = [
        image("A", "alpha-1 beta-1", 4),
        image("B", "", 3),
        image("C", "alpha-2", 2),
        image("D", "git-hash", 1),
        image("E", "", 1),
    ];
    let rules =
        [more_than(&patterns(&["alpha*"]), 1), pushed(&untagged(), 1), more_than(&any(), 1)];
    check(&images, &rules, &["A", "B", "D"]);
    let expected = [
        "rule 1 expires it: number 2 by age, more than 1",
        "rule 2 expires it: 3 days since its push, more than 1",
        "rule 1 leaves it alone: number 1 by age, at most 1",
        "rule 3 expires it: number 2 by age, more than 1",
        "rule 2 leaves it alone: 1 days since its push, at most 1",
    ];
    assert_eq!(reasons(&expiring(&rules), &images), expected);
    let policy = expiring(&rules);
    let evaluation = policy.evaluate(&images, crate::support::NOW);
    let figures = evaluation.rules.iter().map(|report| {
        (report.rule.priority, report.matching, report.selected, report.acted, report.bytes)
    });
    assert_eq!(figures.collect::<Vec<_>>(), [(1, 2, 1, 1, 1), (2, 2, 1, 1, 1), (3, 5, 4, 1, 1)]);
}
