//! Where ages and numbers begin to count, and what images are ordered by.

use berth_lifecycle::{Image, Reason};

use crate::support::{DAY, NOW, acted_on, any, expiring, image, more_than, pushed, untagged};

#[test]
fn ages_are_more_than_their_days() {
    let policy = expiring(&[pushed(&any(), 2)]);
    let at = |pushed_at: u64| Image { pushed_at, ..image("A", "", 0) };
    assert!(acted_on(&policy, &[at(NOW - 2 * DAY)]).is_empty());
    assert_eq!(acted_on(&policy, &[at(NOW - 2 * DAY - 1)]), ["A"]);
    // A clock that goes wrong makes nothing old.
    assert!(acted_on(&policy, &[at(NOW + 9 * DAY)]).is_empty());
    assert!(policy.evaluate(&[at(0)], u64::MAX).verdicts[0].action.is_some());
    let longest = expiring(&[pushed(&any(), i32::MAX as u64)]);
    assert!(acted_on(&longest, &[at(0)]).is_empty());
}

#[test]
fn counts_keep_the_youngest() {
    let images: Vec<_> = (1..=4).map(|days| image(&days.to_string(), "", days)).collect();
    assert_eq!(acted_on(&expiring(&[more_than(&any(), 3)]), &images), ["4"]);
    assert!(acted_on(&expiring(&[more_than(&any(), 4)]), &images).is_empty());
}

#[test]
fn images_of_one_moment_are_ordered_by_their_digests() {
    let mut images = vec![image("b", "", 1), image("c", "", 1), image("a", "", 1)];
    let policy = expiring(&[more_than(&any(), 1)]);
    assert_eq!(acted_on(&policy, &images), ["b", "a"]);
    images.reverse();
    assert_eq!(acted_on(&policy, &images), ["a", "b"]);
}

#[test]
fn what_no_rule_matches_stays() {
    let evaluation = expiring(&[more_than(&untagged(), 1)]);
    let evaluation = evaluation.evaluate(&[image("A", "a", 9)], NOW);
    let verdict = evaluation.verdicts[0];
    assert_eq!((verdict.action, verdict.rule, verdict.reason), (None, None, Reason::Unmatched));
    assert_eq!(verdict.to_string(), "no rule matches its tags");
}

#[test]
fn what_lists_list_stays() {
    let policy = expiring(&[more_than(&untagged(), 1)]);
    let listed = Image { parents: 2, ..image("A", "", 9) };
    let images = [listed, image("B", "", 8), image("C", "", 7)];
    assert_eq!(acted_on(&policy, &images), ["B"]);
    let verdict = policy.evaluate(&images, NOW).verdicts[0];
    assert_eq!(verdict.reason, Reason::Listed(2));
    assert_eq!(verdict.to_string(), "rule 1 would act, but manifest lists list it: 2");
}

#[test]
fn an_empty_repository_has_no_verdicts() {
    let policy = expiring(&[more_than(&any(), 1)]);
    let evaluation = policy.evaluate(&[], NOW);
    assert!(evaluation.verdicts.is_empty());
    assert_eq!(evaluation.rules.len(), 1);
}
