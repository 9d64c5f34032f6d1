//! A large repository.

use std::time::{Duration, Instant};

use berth_lifecycle::Image;

use crate::support::{
    NOW, any, berths, count, digests, image, more_than, patterns, pushed, rule, untagged,
};

const IMAGES: u64 = 100_000;

/// How long an evaluation may take. In a release build it takes a small part of a second, in which
/// it has to be done; nothing is optimized here, and other tests run beside it.
const PATIENCE: Duration = Duration::from_secs(15);

#[test]
fn a_hundred_thousand_images_are_evaluated_at_once() {
    let images: Vec<_> = (0..IMAGES)
        .map(|number| {
            let digest = format!("sha256:{:064x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let tags = match number % 4 {
                0 => String::new(),
                1 => format!("dev-{number} main"),
                2 => format!("v{number} release-{number} stable"),
                _ => format!("build-{number}"),
            };
            let subject = (number % 40 == 20).then(|| format!("sha256:{:064x}", 0));
            Image { subject, ..image(&digest, &tags, number % 1000) }
        })
        .collect();
    let policy = berths(&[
        rule(1, &count(&patterns(&["v*", "release-*"]), "imageCountAtMost", 100), "retain"),
        rule(2, &pushed(&patterns(&["*release*", "stable"]), 900), "expire"),
        rule(3, &more_than(&patterns(&["dev-*"]), 500), "expire"),
        rule(4, &pushed(&untagged(), 30), "expire"),
        rule(5, &count(&patterns(&["*build*1*"]), "sinceImagePulled", 500), "untag"),
        rule(6, &more_than(&any(), 10_000), "expire"),
    ]);
    let begin = Instant::now();
    let evaluation = policy.evaluate(&images, NOW);
    let taken = begin.elapsed();
    assert!(taken < PATIENCE, "{taken:?}");
    let acted: u64 = evaluation.rules.iter().map(|report| report.acted).sum();
    assert_eq!(acted, digests(&images, &evaluation).len() as u64);
    assert_eq!(evaluation.rules[2].acted, IMAGES / 4 - 500);
}
