//! Referrers, which go where their subjects go.

use std::collections::{HashMap, HashSet};

use crate::image::{Image, Storage};
use crate::policy::Action;
use crate::verdict::{Reason, Verdict};

/// Which of some images refer to which others.
#[derive(Debug)]
pub(crate) struct Referrers {
    /// Of each image, the place of its subject, if that is among the images.
    subjects: Vec<Option<usize>>,
}

impl Referrers {
    /// Finds the referrers among `images`.
    pub(crate) fn among(images: &[Image]) -> Self {
        let wanted: HashSet<&str> =
            images.iter().filter_map(|image| image.subject.as_deref()).collect();
        let places: HashMap<&str, usize> = images
            .iter()
            .enumerate()
            .map(|(place, image)| (image.digest.as_str(), place))
            .filter(|(digest, _)| wanted.contains(digest))
            .collect();
        let subject = |image: &Image| places.get(image.subject.as_deref()?).copied();
        Self { subjects: images.iter().map(subject).collect() }
    }

    /// Returns the place of an image's subject.
    pub(crate) fn subject_of(&self, image: usize) -> Option<usize> {
        self.subjects[image]
    }

    /// Says of each referrer what is said of its subject, after which comes what refers to it.
    pub(crate) fn follow(&self, images: &[Image], verdicts: &mut [Verdict<'_>]) {
        let mut is_decided = vec![false; images.len()];
        for place in 0..images.len() {
            let mut chain = Vec::new();
            let mut next = place;
            // A digest can't contain itself; a damaged table may still hold a circle, which stays.
            while let Some(subject) = self.subjects[next].filter(|_| !is_decided[next]) {
                is_decided[next] = true;
                chain.push((next, subject));
                next = subject;
            }
            while let Some((referrer, subject)) = chain.pop() {
                verdicts[referrer] = follow(&images[referrer], subject, verdicts[subject]);
            }
        }
    }
}

/// Returns what happens to a referrer whose subject stands at the place `subject`.
fn follow<'p>(image: &Image, subject: usize, of_subject: Verdict<'p>) -> Verdict<'p> {
    let action = match of_subject.action {
        Some(Action::Expire) => Some(Action::Expire),
        Some(Action::Archive) if matches!(image.storage, Storage::Standard { .. }) => {
            Some(Action::Archive)
        }
        _ => None,
    };
    let rule = of_subject.rule.filter(|_| action.is_some());
    match action.map_or(0, |action| image.holders(action)) {
        0 => Verdict { action, rule, reason: Reason::Follows(subject) },
        lists => Verdict { action: None, rule, reason: Reason::Listed(lists) },
    }
}
