//! Referrers follow their subjects.

use berth_lifecycle::{Action, Image, Reason, Storage};
use serde_json::json;

use crate::support::{
    DAY, NOW, acted_on, any, count, expiring, image, more_than, pushed, reasons, rule, untagged,
};

fn referrer(digest: &str, subject: &str, days: u64) -> Image {
    Image { subject: Some(subject.to_owned()), ..image(digest, "", days) }
}

#[test]
fn referrers_go_with_their_subject() {
    let images = [
        referrer("signature of signature", "signature", 1),
        referrer("signature", "old", 1),
        image("old", "a", 9),
        image("young", "b", 2),
        referrer("its signature", "young", 9),
    ];
    let policy = expiring(&[pushed(&any(), 5)]);
    assert_eq!(acted_on(&policy, &images), ["signature of signature", "signature", "old"]);
    let evaluation = policy.evaluate(&images, NOW);
    assert_eq!(evaluation.verdicts[1].reason, Reason::Follows(2));
    assert_eq!(evaluation.verdicts[1].rule.map(|rule| rule.priority), Some(1));
    assert_eq!(evaluation.rules[0].matching, 2);
    assert_eq!(evaluation.rules[0].acted, 3);
    assert_eq!(evaluation.rules[0].bytes, 3);
    let why = reasons(&policy, &images);
    assert_eq!(why[0], "its subject goes by rule 1");
    assert_eq!(why[4], "its subject stays");
}

#[test]
fn referrers_are_not_counted() {
    let images = [image("A", "", 9), referrer("B", "A", 1), referrer("C", "A", 1)];
    assert!(acted_on(&expiring(&[more_than(&untagged(), 1)]), &images).is_empty());
}

#[test]
fn a_referrer_without_its_subject_is_an_image_like_others() {
    let images = [referrer("A", "gone", 9)];
    assert_eq!(acted_on(&expiring(&[pushed(&untagged(), 5)]), &images), ["A"]);
}

#[test]
fn a_listed_referrer_stays_with_what_refers_to_it() {
    let listed = Image { parents: 1, ..referrer("signature", "old", 1) };
    let images = [image("old", "a", 9), listed, referrer("of signature", "signature", 1)];
    assert_eq!(acted_on(&expiring(&[pushed(&any(), 5)]), &images), ["old"]);
}

#[test]
fn referrers_follow_into_the_archive_once() {
    let rule = rule(1, &count(&any(), "sinceImagePulled", 5), "transition");
    let policy = json!({"rules": [rule]}).to_string().parse().unwrap();
    let archived = Storage::Archive { archived_at: NOW - DAY };
    let images = [
        image("old", "a", 9),
        referrer("A", "old", 1),
        Image { storage: archived, ..referrer("B", "old", 1) },
    ];
    assert_eq!(acted_on(&policy, &images), ["old", "A"]);
    assert_eq!(policy.evaluate(&images, NOW).verdicts[1].action, Some(Action::Archive));
}

#[test]
fn circles_stay() {
    let images = [referrer("A", "B", 9), referrer("B", "A", 9), referrer("C", "C", 9)];
    assert!(acted_on(&expiring(&[pushed(&any(), 5)]), &images).is_empty());
}
