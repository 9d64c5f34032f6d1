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
