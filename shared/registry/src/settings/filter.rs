use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};

/// Which repositories a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryFilter {
    /// Text that names of repositories are compared with.
    pub filter: String,
    /// How they are compared.
    pub filter_type: FilterType,
}

/// How names of repositories are compared with a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FilterType {
    /// The name begins with it (replication).
    PrefixMatch,
    /// It is a pattern in which `*` stands for any text; without a `*`, the name contains it
    /// (scanning).
    Wildcard,
    /// It is a pattern in which `*` stands for any text (signing).
    WildcardMatch,
}

impl RepositoryFilter {
    /// Whether the filter is about the repository `name`.
    #[must_use]
    pub fn selects(&self, name: &RepositoryName) -> bool {
        let (filter, name) = (self.filter.as_str(), name.as_str());
        match self.filter_type {
            FilterType::PrefixMatch => name.starts_with(filter),
            FilterType::Wildcard if !filter.contains('*') => name.contains(filter),
            FilterType::Wildcard | FilterType::WildcardMatch => matches(filter, name),
        }
    }
}

/// Whether all of `text` matches `pattern`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(begin) else {
        return false;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    // Taking the first place of each piece leaves the most for those that follow.
    for piece in middle.split('*') {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter_type: FilterType, filter: &str, name: &str, selected: bool) {
        let filter = RepositoryFilter { filter: filter.to_owned(), filter_type };
        assert_eq!(filter.selects(&name.parse().unwrap()), selected);
    }

    #[test]
    fn prefixes_begin_names() {
        check(FilterType::PrefixMatch, "prod", "prod/app", true);
        check(FilterType::PrefixMatch, "prod", "team/prod", false);
    }

    #[test]
    fn scan_filters_without_wildcard_are_contained() {
        check(FilterType::Wildcard, "prod", "team/prod/app", true);
        check(FilterType::WildcardMatch, "prod", "team/prod/app", false);
        check(FilterType::WildcardMatch, "prod", "prod", true);
    }

    #[test]
    fn wildcards_stand_for_any_text() {
        let check = |filter, name, selected| check(FilterType::Wildcard, filter, name, selected);
        check("*", "app", true);
        check("prod*", "prod", true);
        check("prod*", "team/prod", false);
        check("*prod", "team/prod", true);
        check("*prod", "prod/team", false);
        check("a*b*c", "a-x-b-y-c", true);
        check("a*b*c", "a-c-b", false);
        check("a*aa", "aa", false);
        check("a**a", "aa", true);
    }
}
