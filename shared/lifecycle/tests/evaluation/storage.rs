//! The archive: into it, out of it, and back.

use berth_lifecycle::{Action, Image, LifecyclePolicy, Storage};
use serde_json::{Value, json};

use crate::support::{
    DAY, NOW, acted_on, any, count, expiring, image, more_than, pushed, reasons, rule,
};

fn restored(image: Image, days: u64) -> Image {
    Image { storage: Storage::Standard { activated_at: Some(NOW - days * DAY) }, ..image }
}

fn archived(image: Image, days: u64) -> Image {
    Image { storage: Storage::Archive { archived_at: NOW - days * DAY }, ..image }
}

fn pulled(image: Image, days: u64) -> Image {
    Image { pulled_at: Some(NOW - days * DAY), ..image }
}

fn of_archive(mut selection: Value) -> Value {
    selection["storageClass"] = "archive".into();
    selection
}

fn policy(rules: &[Value]) -> LifecyclePolicy {
    json!({ "rules": rules }).to_string().parse().unwrap()
}

#[test]
fn ages_of_restored_images_begin_with_their_return() {
    let images =
        [restored(image("A", "", 90), 3), image("B", "", 4), restored(image("C", "", 90), 6)];
    assert_eq!(acted_on(&expiring(&[pushed(&any(), 5)]), &images), ["C"]);
    assert_eq!(acted_on(&expiring(&[more_than(&any(), 1)]), &images), ["B", "C"]);
}

#[test]
fn images_are_archived_by_their_last_pull() {
    let policy = policy(&[rule(1, &count(&any(), "sinceImagePulled", 5), "transition")]);
    let images = [
        image("never", "", 6),
        image("never, young", "", 5),
        pulled(image("long ago", "", 90), 6),
        pulled(image("lately", "", 90), 2),
        restored(pulled(image("restored", "", 90), 20), 4),
        restored(pulled(image("restored long ago", "", 90), 20), 6),
        restored(pulled(image("restored, pulled", "", 90), 2), 20),
        restored(image("restored, never pulled", "", 90), 6),
    ];
    let expected = ["never", "long ago", "restored long ago", "restored, never pulled"];
    assert_eq!(acted_on(&policy, &images), expected);
    assert_eq!(policy.evaluate(&images, NOW).verdicts[0].action, Some(Action::Archive));
    let why = "rule 1 archives it: 6 days since its last pull, more than 5";
    assert_eq!(reasons(&policy, &images)[2], why);
}

#[test]
fn what_an_archived_list_lists_is_archived_and_not_deleted() {
    let images = [Image { archived_parents: 2, ..image("A", "", 9) }];
    let archive = rule(1, &pushed(&any(), 5), "transition");
    assert_eq!(acted_on(&policy(&[archive]), &images), ["A"]);
    let expire = expiring(&[pushed(&any(), 5)]);
    assert!(acted_on(&expire, &images).is_empty());
    assert_eq!(reasons(&expire, &images), ["rule 1 would act, but manifest lists list it: 2"]);
}

#[test]
fn the_archive_has_rules_of_its_own() {
    let old = count(&of_archive(any()), "sinceImageTransitioned", 100);
    let policy = policy(&[rule(1, &old, "expire"), rule(2, &more_than(&any(), 1), "expire")]);
    let images = [
        archived(image("A", "a", 900), 101),
        archived(image("B", "b", 900), 100),
        image("C", "c", 500),
        image("D", "d", 400),
    ];
    assert_eq!(acted_on(&policy, &images), ["A", "C"]);
    let expected = [
        "rule 1 expires it: 101 days in the archive, more than 100",
        "rule 1 leaves it alone: 100 days in the archive, at most 100",
        "rule 2 expires it: number 2 by age, more than 1",
        "rule 2 leaves it alone: number 1 by age, at most 1",
    ];
    assert_eq!(reasons(&policy, &images), expected);
}
