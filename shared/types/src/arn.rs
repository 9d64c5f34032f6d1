use crate::{Region, RegistryId, RepositoryName};

/// Amazon Resource Name of a repository: `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
///
/// Follows [Resource types defined by Amazon ECR](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html#amazonelasticcontainerregistry-resources-for-iam-policies).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryArn {
    /// Region of the registry.
    pub region: Region,
    /// Account of the registry.
    pub registry: RegistryId,
    /// Name of the repository.
    pub name: RepositoryName,
}

impl std::fmt::Display for RepositoryArn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "arn:aws:ecr:{}:{}:repository/{}", self.region, self.registry, self.name)
    }
}

/// Error of parsing a [`RepositoryArn`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the ARN of a repository")]
pub struct ParseRepositoryArnError(String);

impl std::str::FromStr for RepositoryArn {
    type Err = ParseRepositoryArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(6, ':');
        let mut parse = || {
            (parts.next()?, parts.next()?, parts.next()?)
                .eq(&("arn", "aws", "ecr"))
                .then_some(())?;
            let region = parts.next()?.parse().ok()?;
            let registry = parts.next()?.parse().ok()?;
            let name = parts.next()?.strip_prefix("repository/")?.parse().ok()?;
            Some(Self { region, registry, name })
        };
        parse().ok_or_else(|| ParseRepositoryArnError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn come_back() {
        let text = "arn:aws:ecr:eu-central-1:123456789012:repository/team/app";
        let arn: RepositoryArn = text.parse().unwrap();
        assert_eq!(arn.name.as_str(), "team/app");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn of_other_things_are_refused() {
        for text in [
            "",
            "arn:aws:ecr:eu-central-1:123456789012:repository/",
            "arn:aws:ecr:eu-central-1:123456789012:team/app",
            "arn:aws:ecr:eu-central-1:12:repository/app",
            "arn:aws:s3:eu-central-1:123456789012:repository/app",
            "arn:aws:ecr:eu-central-1:123456789012",
        ] {
            assert_eq!(
                text.parse::<RepositoryArn>(),
                Err(ParseRepositoryArnError(text.to_owned()))
            );
        }
    }
}
