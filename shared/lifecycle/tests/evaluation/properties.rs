//! What holds of all policies and images.

use berth_lifecycle::{Action, Count, Image, LifecyclePolicy, Reason};
use proptest::prelude::*;
use serde_json::Value;

use crate::random::{images, policy};
use crate::support::{DAY, NOW, digests};

/// Returns the priority of the rule that acts on each image, by digest.
fn acting(policy: &LifecyclePolicy, images: &[Image], now: u64) -> Vec<(String, Option<u32>)> {
    let evaluation = policy.evaluate(images, now);
    let acting = |(image, verdict): (&Image, &berth_lifecycle::Verdict<'_>)| {
        let rule = verdict.rule.filter(|_| verdict.action.is_some());
        (image.digest.clone(), rule.map(|rule| rule.priority))
    };
    let mut found: Vec<_> = images.iter().zip(&evaluation.verdicts).map(acting).collect();
    found.sort_unstable();
    found
}

proptest! {
    #[test]
    fn one_rule_acts_or_none((_, policy) in policy(), images in images()) {
        let evaluation = policy.evaluate(&images, NOW);
        prop_assert_eq!(evaluation.verdicts.len(), images.len());
        for (image, verdict) in images.iter().zip(&evaluation.verdicts) {
            if let Some(action) = verdict.action {
                prop_assert!(action != Action::Retain);
                let lists = image.parents + image.archived_parents;
                prop_assert!(action != Action::Archive || image.parents == 0);
                prop_assert!(action != Action::Expire || lists == 0);
                let rule = verdict.rule.expect("a rule that acts");
                let follows = matches!(verdict.reason, Reason::Follows(_));
                prop_assert!(follows || rule.action == action);
            }
        }
        let acted: u64 = evaluation.rules.iter().map(|report| report.acted).sum();
        prop_assert_eq!(acted, digests(&images, &evaluation).len() as u64);
        for report in &evaluation.rules {
            prop_assert!(report.selected <= report.matching);
        }
    }

    #[test]
    fn the_order_of_images_says_nothing((_, policy) in policy(), images in images()) {
        let mut reversed = images.clone();
        reversed.reverse();
        prop_assert_eq!(acting(&policy, &images, NOW), acting(&policy, &reversed, NOW));
    }

    #[test]
    fn lower_rules_take_nothing_from_higher_ones((text, policy) in policy(), images in images()) {
        let mut document: Value = serde_json::from_str(&text).unwrap();
        let lowest = policy.rules().last().unwrap().priority;
        let rules = document["rules"].as_array_mut().unwrap();
        rules.retain(|rule| rule["rulePriority"] != lowest);
        prop_assume!(!rules.is_empty());
        let shorter: LifecyclePolicy = document.to_string().parse().unwrap();
        let found = acting(&shorter, &images, NOW);
        for (with, without) in acting(&policy, &images, NOW).iter().zip(&found) {
            prop_assert!(with.1 == without.1 || with.1 == Some(lowest) && without.1.is_none());
        }
    }

    #[test]
    fn what_goes_by_age_goes_later_too((_, policy) in policy(), images in images()) {
        let by_age_alone = policy.rules().iter().all(|rule| {
            rule.action != Action::Retain || matches!(rule.selection.count, Count::All)
        });
        prop_assume!(by_age_alone);
        let later = acting(&policy, &images, NOW + DAY);
        for (now, later) in acting(&policy, &images, NOW).iter().zip(&later) {
            prop_assert!(now.1.is_none() || now.1 == later.1);
        }
    }

    #[test]
    fn a_younger_image_saves_none((_, policy) in policy(), images in images()) {
        let retains = policy.rules().iter().any(|rule| rule.action == Action::Retain);
        prop_assume!(!retains && !images.is_empty());
        let newest = Image {
            digest: "sha256:new".to_owned(),
            pushed_at: NOW,
            subject: None,
            ..images[0].clone()
        };
        let mut more = images.clone();
        more.push(newest);
        let after = acting(&policy, &more, NOW);
        for (digest, rule) in acting(&policy, &images, NOW) {
            prop_assert!(rule.is_none() || after.contains(&(digest, rule)));
        }
    }
}
