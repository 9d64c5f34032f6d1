//! Prefixes of repositories' names, as requests give them.

use berth_types::{ParseRepositoryPrefixError, RepositoryPrefix};

use crate::parameter::{InvalidParameter, length, required, text_length};

/// Pattern that ECR's API reference gives for prefixes.
const PATTERN: &str =
    r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$";

/// How many prefixes a request names at most.
const MOST_NAMED: usize = 100;

/// How many characters a prefix has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrefixLength {
    /// At least.
    pub(crate) least: usize,
    /// At most.
    pub(crate) most: usize,
}

impl PrefixLength {
    /// Parses the prefix at `at`, which must be given.
    pub(crate) fn parse(
        self,
        at: &str,
        text: Option<String>,
    ) -> Result<RepositoryPrefix, InvalidParameter> {
        let text = required(at, text)?;
        text_length(at, &text, self.least, self.most)?;
        RepositoryPrefix::try_from(text).map_err(|error| match error {
            ParseRepositoryPrefixError::Length(_) | ParseRepositoryPrefixError::Component(_) => {
                InvalidParameter::pattern(at, PATTERN)
            }
        })
    }

    /// Parses a list of prefixes, and leaves out those that mean what another of them does.
    pub(crate) fn parse_all(
        self,
        at: &str,
        texts: Vec<String>,
    ) -> Result<Vec<RepositoryPrefix>, InvalidParameter> {
        length(at, &texts, 1, MOST_NAMED)?;
        let mut prefixes: Vec<RepositoryPrefix> = Vec::with_capacity(texts.len());
        for (place, text) in (1..).zip(texts) {
            let prefix = self.parse(&format!("{at}.{place}.member"), Some(text))?;
            if prefixes.iter().all(|known| known.folder() != prefix.folder()) {
                prefixes.push(prefix);
            }
        }
        Ok(prefixes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: PrefixLength = PrefixLength { least: 2, most: 30 };

    #[track_caller]
    fn check(text: &str, constraint: &str) {
        let error = LENGTH.parse("prefix", Some(text.to_owned())).unwrap_err().to_string();
        assert!(error.contains(constraint), "{error}");
    }

    #[test]
    fn prefixes_are_refused_in_ecrs_words() {
        check("a", "must have length greater than or equal to 2");
        check(&"a".repeat(31), "must have length less than or equal to 30");
        check("Prod", "must satisfy regular expression '^([a-z0-9]+");
        assert!(LENGTH.parse("prefix", None).is_err());
        assert_eq!(LENGTH.parse("prefix", Some("ROOT".to_owned())), Ok(RepositoryPrefix::root()));
    }

    #[test]
    fn lists_name_each_once() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let parsed = LENGTH.parse_all("prefixes", texts(&["prod", "dev", "prod/"])).unwrap();
        let parsed: Vec<_> = parsed.iter().map(RepositoryPrefix::as_str).collect();
        assert_eq!(parsed, ["prod", "dev"]);
        let error = LENGTH.parse_all("prefixes", texts(&["prod", "-"])).unwrap_err().to_string();
        assert!(error.contains("'prefixes.2.member'"), "{error}");
        assert!(LENGTH.parse_all("prefixes", Vec::new()).is_err());
    }
}
