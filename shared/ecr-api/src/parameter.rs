//! Checks that parameters of several operations share, and how a failed one is named.

use std::fmt;

use berth_registry::Identity;
use berth_types::{
    ParsePrincipalArnError, ParseRepositoryNameError, PrincipalArn, RegistryId, RepositoryName,
    UploadId,
};

use crate::error::ApiError;

/// Pattern that ECR's API reference gives for names of repositories.
const REPOSITORY_NAME: &str =
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*";

/// Pattern that ECR's API reference gives for ids of registries.
const REGISTRY_ID: &str = "[0-9]{12}";

/// Pattern that ECR's API reference gives for ids of uploads.
const UPLOAD_ID: &str =
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

/// Pattern that ECR's API reference gives for ARNs of principals.
const PRINCIPAL_ARN: &str =
    r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$";

/// A parameter that does not satisfy a constraint; ECR's `InvalidParameterException`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidParameter {
    at: String,
    constraint: String,
}

impl InvalidParameter {
    /// Says that the parameter `at` fails the `constraint`, worded such as `must not be null`.
    pub(crate) fn new(at: impl Into<String>, constraint: impl Into<String>) -> Self {
        let (at, constraint) = (at.into(), constraint.into());
        Self { at, constraint }
    }

    /// Says that the parameter `at` does not match `pattern`.
    pub(crate) fn pattern(at: impl Into<String>, pattern: &str) -> Self {
        Self::new(at, format!("must satisfy regular expression '{pattern}'"))
    }

    /// Says that the parameter `at` is none of the `values`.
    pub(crate) fn choice(at: impl Into<String>, values: &[&str]) -> Self {
        let values = values.join(", ");
        Self::new(at, format!("must satisfy enum value set: [{values}]"))
    }
}

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, constraint } = self;
        write!(f, "Invalid parameter at '{at}' failed to satisfy constraint: '{constraint}'")
    }
}

/// Returns the value of a parameter that must be given.
pub(crate) fn required<T>(at: &str, value: Option<T>) -> Result<T, InvalidParameter> {
    value.ok_or_else(|| InvalidParameter::new(at, "must not be null"))
}

/// Checks that a list has `least` to `most` members.
pub(crate) fn length<T>(
    at: &str,
    list: &[T],
    least: usize,
    most: usize,
) -> Result<(), InvalidParameter> {
    if list.len() < least {
        return Err(too_short(at, least));
    }
    if list.len() > most {
        return Err(too_long(at, most));
    }
    Ok(())
}

fn too_short(at: &str, least: usize) -> InvalidParameter {
    InvalidParameter::new(at, format!("must have length greater than or equal to {least}"))
}

fn too_long(at: &str, most: usize) -> InvalidParameter {
    InvalidParameter::new(at, format!("must have length less than or equal to {most}"))
}

/// Checks that a text has `least` to `most` characters.
pub(crate) fn text_length(
    at: &str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), InvalidParameter> {
    match text.chars().count() {
        count if count < least => Err(too_short(at, least)),
        count if count > most => Err(too_long(at, most)),
        _ => Ok(()),
    }
}

/// Parses the parameter `uploadId`, which must be given.
pub(crate) fn upload_id(text: Option<String>) -> Result<UploadId, InvalidParameter> {
    let text = required("uploadId", text)?;
    let id = text.to_ascii_lowercase().parse();
    id.map_err(|_| InvalidParameter::pattern("uploadId", UPLOAD_ID))
}

/// Parses the parameter `principalArn`, which must be given.
pub(crate) fn principal_arn(text: Option<String>) -> Result<PrincipalArn, InvalidParameter> {
    let arn = PrincipalArn::try_from(required("principalArn", text)?);
    arn.map_err(|error| match error {
        ParsePrincipalArnError::Length => too_long("principalArn", 200),
        ParsePrincipalArnError::Form => InvalidParameter::pattern("principalArn", PRINCIPAL_ARN),
    })
}

/// Parses a repository's name.
pub(crate) fn repository_name(at: &str, text: String) -> Result<RepositoryName, InvalidParameter> {
    RepositoryName::try_from(text).map_err(|error| match error {
        ParseRepositoryNameError::Length(0 | 1) => too_short(at, 2),
        ParseRepositoryNameError::Length(_) => too_long(at, 256),
        ParseRepositoryNameError::Component(_) => InvalidParameter::pattern(at, REPOSITORY_NAME),
    })
}

/// Parses a registry's id; `None` if it is not given, or this registry's own.
pub(crate) fn foreign_registry(
    at: &str,
    text: Option<String>,
    identity: &Identity,
) -> Result<Option<RegistryId>, InvalidParameter> {
    let Some(text) = text else {
        return Ok(None);
    };
    let id = RegistryId::try_from(text);
    let id = id.map_err(|_| InvalidParameter::pattern(at, REGISTRY_ID))?;
    Ok(Some(id).filter(|id| *id != identity.registry_id))
}

/// Checks that a repository is asked for in this registry, if the request names a registry.
pub(crate) fn repository_is_here(
    name: &RepositoryName,
    registry_id: Option<String>,
    identity: &Identity,
) -> Result<(), ApiError> {
    match foreign_registry("registryId", registry_id, identity)? {
        None => Ok(()),
        Some(registry_id) => Err(ApiError::RepositoryElsewhere { name: name.clone(), registry_id }),
    }
}

/// Parses the name of a repository that must be one of this registry.
pub(crate) fn named_repository(
    name: Option<String>,
    registry_id: Option<String>,
    identity: &Identity,
) -> Result<RepositoryName, ApiError> {
    let name = required("repositoryName", name)?;
    let name = repository_name("repositoryName", name)?;
    repository_is_here(&name, registry_id, identity)?;
    Ok(name)
}

/// Checks that a request means this registry, if it names one.
pub(crate) fn registry_is_here(
    at: &str,
    registry_id: Option<String>,
    identity: &Identity,
) -> Result<(), InvalidParameter> {
    if foreign_registry(at, registry_id, identity)?.is_none() {
        return Ok(());
    }
    let here = &identity.registry_id;
    Err(InvalidParameter::new(at, format!("must be the id of this registry, {here}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(text: &str, constraint: &str) {
        let error = repository_name("repositoryName", text.to_owned()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: '{constraint}'"
            )
        );
    }

    #[test]
    fn names_are_refused_in_ecrs_words() {
        check_name("a", "must have length greater than or equal to 2");
        check_name(&"a".repeat(257), "must have length less than or equal to 256");
        check_name("Team/App", &format!("must satisfy regular expression '{REPOSITORY_NAME}'"));
    }

    #[test]
    fn registries_are_told_apart() {
        let identity = Identity {
            registry_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let check =
            |text: Option<&str>| foreign_registry("registryId", text.map(str::to_owned), &identity);
        assert_eq!(check(None), Ok(None));
        assert_eq!(check(Some("123456789012")), Ok(None));
        assert_eq!(check(Some("000000000000")), Ok("000000000000".parse().ok()));
        let error = check(Some("12")).unwrap_err();
        assert_eq!(error, InvalidParameter::pattern("registryId", "[0-9]{12}"));
    }
}
