//! What a policy does to images.

use std::cmp::Reverse;

use crate::image::{Image, Storage};
use crate::policy::{Action, Count, LifecyclePolicy, Rule, StorageClass};
use crate::referrers::Referrers;
use crate::verdict::{Evaluation, Measure, Reason, RuleReport, Verdict};

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// How a rule claims an image.
#[derive(Clone, Copy, Debug)]
struct Claim {
    /// Place of the rule among the policy's.
    rule: usize,
    is_selected: bool,
    measure: Measure,
}

impl LifecyclePolicy {
    /// Says what happens to each of `images`, all of one repository, at the time `now`, in
    /// milliseconds since 1970.
    ///
    /// Each rule is evaluated over all images that match its tag requirements. An image is then
    /// decided by the first rule that it matches so, and by no other. What manifest lists list does
    /// not expire, and is not archived before they are. A referrer whose subject is among the images
    /// is no matter of the rules: it follows its subject.
    ///
    /// Takes time in proportion to rules and images, and sorts the images once.
    ///
    /// Follows [How lifecycle policies work](https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html).
    #[must_use]
    pub fn evaluate(&self, images: &[Image], now: u64) -> Evaluation<'_> {
        let referrers = Referrers::among(images);
        let mut youngest_first: Vec<_> =
            (0..images.len()).filter(|image| referrers.subject_of(*image).is_none()).collect();
        youngest_first.sort_unstable_by_key(|&image| {
            Reverse((images[image].begin(), images[image].digest.as_str()))
        });
        let mut claims = vec![None; images.len()];
        let mut rules: Vec<_> = self
            .rules()
            .iter()
            .enumerate()
            .map(|(place, rule)| mark(place, rule, images, &youngest_first, now, &mut claims))
            .collect();
        let own = images.iter().zip(claims).map(|(image, claim)| self.verdict(image, claim));
        let mut verdicts: Vec<_> = own.collect();
        referrers.follow(images, &mut verdicts);
        for (image, verdict) in images.iter().zip(&verdicts) {
            let (Some(rule), Some(_)) = (verdict.rule, verdict.action) else { continue };
            let report = rules.iter_mut().find(|report| report.rule.priority == rule.priority);
            if let Some(report) = report {
                report.acted += 1;
                // What is untagged stays.
                let is_freed = verdict.action == Some(Action::Expire);
                report.bytes += if is_freed { image.size } else { 0 };
            }
        }
        Evaluation { verdicts, rules }
    }

    /// Returns what happens to an image by the rule that claims it.
    fn verdict(&self, image: &Image, claim: Option<Claim>) -> Verdict<'_> {
        let Some(Claim { rule, is_selected, measure }) = claim else {
            return Verdict { action: None, rule: None, reason: Reason::Unmatched };
        };
        let rule = &self.rules()[rule];
        let (action, reason) = match (rule.action, image.holders(rule.action)) {
            _ if !is_selected => (None, Reason::Spared(measure)),
            (Action::Retain, _) => (None, Reason::Selected(measure)),
            (action, 0) => (Some(action), Reason::Selected(measure)),
            (_, lists) => (None, Reason::Listed(lists)),
        };
        Verdict { action, rule: Some(rule), reason }
    }
}

/// Evaluates one rule, and claims for it what no higher rule has claimed.
fn mark<'p>(
    place: usize,
    rule: &'p Rule,
    images: &[Image],
    youngest_first: &[usize],
    now: u64,
    claims: &mut [Option<Claim>],
) -> RuleReport<'p> {
    let mut report = RuleReport { rule, matching: 0, selected: 0, acted: 0, bytes: 0 };
    for &position in youngest_first {
        let image = &images[position];
        if !is_of_class(image, rule.selection.storage_class) || !rule.matches_tags(&image.tags) {
            continue;
        }
        report.matching += 1;
        let (is_selected, measure) = select(rule.selection.count, image, report.matching, now);
        report.selected += u64::from(is_selected);
        let claim = &mut claims[position];
        if claim.is_none() && (is_selected || rule.action != Action::Retain) {
            *claim = Some(Claim { rule: place, is_selected, measure });
        }
    }
    report
}

fn is_of_class(image: &Image, class: StorageClass) -> bool {
    match image.storage {
        Storage::Standard { .. } => class == StorageClass::Standard,
        Storage::Archive { .. } => class == StorageClass::Archive,
    }
}

/// Returns whether a count selects the image at `place`, and what it compares.
fn select(count: Count, image: &Image, place: u64, now: u64) -> (bool, Measure) {
    let age = |since: u64| now.saturating_sub(since);
    let is_longer_than = |age: u64, days: u32| age > u64::from(days) * DAY;
    let (pushed, pulled) = (age(image.begin()), age(image.last_use()));
    match count {
        Count::All => (true, Measure::None),
        Count::ImagesMoreThan(most) => (place > u64::from(most), Measure::Place(place)),
        Count::ImagesAtMost(most) => (place <= u64::from(most), Measure::Place(place)),
        Count::DaysSincePush(days) => {
            (is_longer_than(pushed, days), Measure::DaysSincePush(pushed / DAY))
        }
        Count::PushedWithinDays(days) => {
            (!is_longer_than(pushed, days), Measure::DaysSincePush(pushed / DAY))
        }
        Count::DaysSincePull(days) => {
            (is_longer_than(pulled, days), Measure::DaysSincePull(pulled / DAY))
        }
        Count::PulledWithinDays(days) => {
            (!is_longer_than(pulled, days), Measure::DaysSincePull(pulled / DAY))
        }
        Count::DaysSinceTransition(days) => {
            let Storage::Archive { archived_at } = image.storage else {
                return (false, Measure::None);
            };
            let archived = age(archived_at);
            (is_longer_than(archived, days), Measure::DaysSinceTransition(archived / DAY))
        }
    }
}
