use serde::{Deserialize, Serialize};

use crate::{Region, RegistryId};

/// A registry that pull-through caches take images from.
///
/// Follows [CreatePullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpstreamRegistry {
    /// A registry of Amazon ECR.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// Quay.
    Quay,
    /// The registry of Kubernetes.
    K8s,
    /// Docker Hub.
    DockerHub,
    /// GitHub Container Registry.
    GithubContainerRegistry,
    /// A registry of Azure Container Registry.
    AzureContainerRegistry,
    /// GitLab Container Registry.
    GitlabContainerRegistry,
    /// Chainguard's registry.
    Chainguard,
}

impl UpstreamRegistry {
    /// Returns all of them, in the order of ECR's reference.
    pub const ALL: [Self; 9] = [
        Self::Ecr,
        Self::EcrPublic,
        Self::Quay,
        Self::K8s,
        Self::DockerHub,
        Self::GithubContainerRegistry,
        Self::AzureContainerRegistry,
        Self::GitlabContainerRegistry,
        Self::Chainguard,
    ];

    /// Returns the name, such as `docker-hub`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr-public",
            Self::Quay => "quay",
            Self::K8s => "k8s",
            Self::DockerHub => "docker-hub",
            Self::GithubContainerRegistry => "github-container-registry",
            Self::AzureContainerRegistry => "azure-container-registry",
            Self::GitlabContainerRegistry => "gitlab-container-registry",
            Self::Chainguard => "chainguard",
        }
    }

    /// Returns the registry behind a URL, which ECR writes as a host alone, such as `quay.io`;
    /// `None` if nothing is cached from there.
    #[must_use]
    pub fn at(url: &str) -> Option<Self> {
        match url {
            "public.ecr.aws" => Some(Self::EcrPublic),
            "quay.io" => Some(Self::Quay),
            "registry.k8s.io" => Some(Self::K8s),
            "registry-1.docker.io" => Some(Self::DockerHub),
            "ghcr.io" => Some(Self::GithubContainerRegistry),
            "registry.gitlab.com" => Some(Self::GitlabContainerRegistry),
            "cgr.dev" => Some(Self::Chainguard),
            _ if is_azure(url) => Some(Self::AzureContainerRegistry),
            _ => account_of(url).map(|_| Self::Ecr),
        }
    }

    /// Whether it lets nobody in without credentials.
    #[must_use]
    pub fn needs_credentials(self) -> bool {
        match self {
            Self::Ecr | Self::EcrPublic | Self::Quay | Self::K8s => false,
            Self::DockerHub
            | Self::GithubContainerRegistry
            | Self::AzureContainerRegistry
            | Self::GitlabContainerRegistry
            | Self::Chainguard => true,
        }
    }
}

/// Returns the account that owns the registry of Amazon ECR at `url`, such as
/// `123456789012.dkr.ecr.us-east-1.amazonaws.com`; `None` if there is none.
#[must_use]
pub fn account_of(url: &str) -> Option<RegistryId> {
    let (account, rest) = url.split_once(".dkr.ecr.")?;
    let region =
        rest.strip_suffix(".amazonaws.com").or_else(|| rest.strip_suffix(".amazonaws.com.cn"))?;
    region.parse::<Region>().ok()?;
    account.parse().ok()
}

/// Whether `url` is `NAME.azurecr.io`, with a name of letters and digits.
fn is_azure(url: &str) -> bool {
    let name = url.strip_suffix(".azurecr.io").unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (5..=50).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<UpstreamRegistry>) {
        assert_eq!(UpstreamRegistry::at(url), expected, "{url}");
    }

    #[test]
    fn urls_name_registries() {
        check("public.ecr.aws", Some(UpstreamRegistry::EcrPublic));
        check("registry-1.docker.io", Some(UpstreamRegistry::DockerHub));
        check("myteam.azurecr.io", Some(UpstreamRegistry::AzureContainerRegistry));
        check("111122223333.dkr.ecr.eu-west-1.amazonaws.com", Some(UpstreamRegistry::Ecr));
        check("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(UpstreamRegistry::Ecr));
        for url in [
            "",
            "docker.io",
            "https://quay.io",
            "quay.io/",
            "QUAY.IO",
            ".azurecr.io",
            "a.b.azurecr.io",
            "1111.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr..amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.example.com",
        ] {
            check(url, None);
        }
    }

    #[test]
    fn names_are_those_that_documents_have() {
        for registry in UpstreamRegistry::ALL {
            let json = format!("\"{}\"", registry.name());
            assert_eq!(serde_json::to_string(&registry).unwrap(), json);
        }
    }
}
