//! How much there may be of each thing.

use std::fmt;
use std::str::FromStr;

macro_rules! quotas {
    ($($(#[$doc:meta])* $field:ident, $name:literal: $usual:literal to $largest:literal;)+) => {
        /// How much there may be of each thing; by default what ECR allows.
        ///
        /// Follows [Amazon ECR service quotas](https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
        /// As text, those that differ from the default: `tags-per-image=20,repositories=5`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Quotas {
            $($(#[$doc])* pub $field: usize,)+
        }

        impl Default for Quotas {
            fn default() -> Self {
                Self { $($field: $usual,)+ }
            }
        }

        impl Quotas {
            const NAMES: &[&str] = &[$($name),+];

            fn set(&mut self, name: &str, number: usize) -> Result<(), ParseQuotasError> {
                let (place, largest) = match name {
                    $($name => (&mut self.$field, $largest),)+
                    _ => return Err(ParseQuotasError::Unknown(name.to_owned())),
                };
                if !(1..=largest).contains(&number) {
                    let name = name.to_owned();
                    return Err(ParseQuotasError::Range { name, number, largest });
                }
                *place = number;
                Ok(())
            }
        }

        impl fmt::Display for Quotas {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let usual = Self::default();
                let all = [$(($name, self.$field, usual.$field)),+];
                let mut comma = "";
                for (name, number, _) in all.iter().filter(|(_, number, usual)| number != usual) {
                    write!(f, "{comma}{name}={number}")?;
                    comma = ",";
                }
                Ok(())
            }
        }
    };
}

// A policy of the largest length fits into its item, whatever its characters.
quotas! {
    /// Repositories of a registry.
    repositories, "repositories": 100_000 to 1_000_000;
    /// Images of a repository.
    images_per_repository, "images-per-repository": 100_000 to 1_000_000;
    /// Tags of an image.
    tags_per_image, "tags-per-image": 1_000 to 10_000;
    /// Rules of a lifecycle policy.
    rules_per_lifecycle_policy, "rules-per-lifecycle-policy": 50 to 1_000;
    /// Characters of a lifecycle policy.
    lifecycle_policy_length, "lifecycle-policy-length": 30_720 to 65_536;
    /// Characters of a repository's policy.
    repository_policy_length, "repository-policy-length": 10_240 to 65_536;
    /// Characters of the registry's policy.
    registry_policy_length, "registry-policy-length": 10_240 to 65_536;
    /// Rules of the replication configuration.
    replication_rules, "replication-rules": 25 to 1_000;
    /// Different destinations of all rules of the replication configuration.
    replication_destinations, "replication-destinations": 25 to 1_000;
    /// Principals whose pulls are not recorded.
    pull_time_exclusions, "pull-time-exclusions": 100 to 1_000;
    /// Templates of the repositories that the registry makes.
    creation_templates, "creation-templates": 50 to 1_000;
    /// Rules of pull-through caches.
    cache_rules, "pull-through-cache-rules": 50 to 1_000;
}

/// Error of parsing [`Quotas`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseQuotasError {
    /// There is no such quota.
    #[error("quota `{0}` is none of {names}", names = Quotas::NAMES.join(", "))]
    Unknown(String),
    /// It is not a name and a number.
    #[error("quota `{0}` is not written as NAME=NUMBER")]
    Form(String),
    /// It is too small or too large.
    #[error("quota `{name}` is {number}, expected 1 to {largest}")]
    Range {
        /// Its name.
        name: String,
        /// What it was to be.
        number: usize,
        /// What it may be at most.
        largest: usize,
    },
}

impl FromStr for Quotas {
    type Err = ParseQuotasError;

    fn from_str(text: &str) -> Result<Self, ParseQuotasError> {
        let mut quotas = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let form = || ParseQuotasError::Form(word.to_owned());
            let (name, number) = word.split_once('=').ok_or_else(form)?;
            let number = number.trim().parse().map_err(|_| form())?;
            quotas.set(name.trim(), number)?;
        }
        Ok(quotas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_and_written() {
        let quotas: Quotas = "tags-per-image=20, repositories=5,".parse().unwrap();
        let expected = Quotas { tags_per_image: 20, repositories: 5, ..Quotas::default() };
        assert_eq!(quotas, expected);
        assert_eq!(quotas.to_string(), "repositories=5,tags-per-image=20");
        assert_eq!(quotas.to_string().parse(), Ok(quotas));
        assert_eq!("".parse(), Ok(Quotas::default()));
    }

    #[track_caller]
    fn check_refused(text: &str, reason: &str) {
        let error = text.parse::<Quotas>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn other_texts_are_refused() {
        check_refused("images=5", "quota `images` is none of repositories, images-per-repository,");
        check_refused("repositories", "`repositories` is not written as NAME=NUMBER");
        check_refused("repositories=many", "not written as NAME=NUMBER");
        check_refused("repositories=-1", "not written as NAME=NUMBER");
        check_refused("repositories=0", "is 0, expected 1 to 1000000");
        check_refused("repository-policy-length=65537", "expected 1 to 65536");
    }
}
