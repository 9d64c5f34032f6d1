//! What rules ask of the tags of images.

use crate::policy::{Action, Rule, Selection, TagMatch, TagSelection};

impl Rule {
    /// Whether images with these tags are the rule's, whatever their number and age.
    pub(crate) fn matches_tags(&self, tags: &[String]) -> bool {
        let Selection { tags: selection, tag_match, excluded_tags, .. } = &self.selection;
        let matches = match selection {
            TagSelection::Prefixes(prefixes) => {
                has_tags(*tag_match, prefixes, tags, |prefix, tag| tag.starts_with(prefix))
            }
            TagSelection::Patterns(patterns) => has_tags(*tag_match, patterns, tags, is_match),
            TagSelection::Untagged => tags.is_empty(),
            // There is nothing to take away from an image without tags.
            TagSelection::Any => self.action != Action::Untag || !tags.is_empty(),
        };
        matches && !tags.iter().any(|tag| matches_one(excluded_tags, tag, is_match))
    }

    /// Returns those of `tags` that the rule selects images by: those that [`Action::Untag`] takes
    /// away.
    pub fn selected_tags<'t>(&self, tags: &'t [String]) -> impl Iterator<Item = &'t str> {
        let is_selected = |tag: &str| match &self.selection.tags {
            TagSelection::Prefixes(prefixes) => {
                matches_one(prefixes, tag, |prefix, tag| tag.starts_with(prefix))
            }
            TagSelection::Patterns(patterns) => matches_one(patterns, tag, is_match),
            TagSelection::Untagged => false,
            TagSelection::Any => true,
        };
        tags.iter().map(String::as_str).filter(move |tag| is_selected(tag))
    }
}

/// Whether there is a tag for all of `wanted`, or for one of them.
fn has_tags(
    tag_match: TagMatch,
    wanted: &[String],
    tags: &[String],
    fits: impl Fn(&str, &str) -> bool,
) -> bool {
    let mut has_tag = |wanted: &String| tags.iter().any(|tag| fits(wanted, tag));
    match tag_match {
        TagMatch::All => wanted.iter().all(&mut has_tag),
        TagMatch::Any => wanted.iter().any(&mut has_tag),
    }
}

fn matches_one(wanted: &[String], tag: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
    wanted.iter().any(|wanted| fits(wanted, tag))
}

/// Whether the whole of `tag` matches `pattern`, where `*` stands for any text, also none.
fn is_match(pattern: &str, tag: &str) -> bool {
    let Some((begin, pattern)) = pattern.split_once('*') else {
        return pattern == tag;
    };
    let Some(mut rest) = tag.strip_prefix(begin) else {
        return false;
    };
    let (middle, end) = pattern.rsplit_once('*').unwrap_or(("", pattern));
    // The first place that fits leaves the most behind it.
    for text in middle.split('*') {
        match rest.find(text) {
            None => return false,
            Some(place) => rest = &rest[place + text.len()..],
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        for tag in matching {
            assert!(is_match(pattern, tag), "`{pattern}` does not match `{tag}`");
        }
        for tag in others {
            assert!(!is_match(pattern, tag), "`{pattern}` matches `{tag}`");
        }
    }

    #[test]
    fn patterns_match_whole_tags() {
        check("prod", &["prod"], &["prod1", "aprod", "Prod"]);
        check("prod*", &["prod", "prod1"], &["aprod", "pro"]);
        check("*prod", &["prod", "aprod"], &["prod1"]);
        check("*prod*", &["prod", "aprod", "prod1", "aprod1"], &["pro", "p-rod"]);
        check("*", &["a", ""], &[]);
        check("a*a", &["aa", "aba", "aaa"], &["a", "ab"]);
        check("a*b*c", &["abc", "a-b-c", "abbc", "abcbc"], &["acb", "ab", "ac"]);
        check("*1*2*3*", &["123", "a1b2c3d"], &["321", "132"]);
        check("a**b", &["ab", "a-b"], &["a", "b"]);
        check("*ab*ab", &["abab", "ababab"], &["ab", "aab"]);
    }
}
