use berth_registry::ports::{StoreError, StoreErrorKind};
use berth_types::Reference;

use super::*;

fn identity() -> Identity {
    Identity {
        registry_id: "123456789012".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    }
}

#[track_caller]
fn check(error: impl Into<ApiError>, status: u16, code: &str, message: &str) {
    let answer = error.into().answer(&identity());
    assert_eq!(answer.status.as_u16(), status);
    assert_eq!((answer.code, answer.message.as_str()), (code, message));
}

#[test]
fn use_cases_refuse_in_ecrs_words() {
    let name = || "team/app".parse().unwrap();
    check(
        RegistryError::RepositoryUnknown(name()),
        400,
        "RepositoryNotFoundException",
        "The repository with name 'team/app' does not exist in the registry with id '123456789012'",
    );
    check(
        RegistryError::RepositoryExists(name()),
        400,
        "RepositoryAlreadyExistsException",
        "The repository with name 'team/app' already exists in the registry with id '123456789012'",
    );
    check(
        RegistryError::ManifestUnknown {
            repository: name(),
            reference: Reference::Tag("v1".parse().unwrap()),
        },
        400,
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'v1'} does not exist within the repository with name 'team/app' in the registry with id '123456789012'",
    );
}

#[test]
fn causes_stay_inside() {
    let store = |kind| RegistryError::from(StoreError::new(kind, "secret path"));
    check(
        store(StoreErrorKind::Internal),
        500,
        "ServerException",
        "The registry failed internally",
    );
    check(store(StoreErrorKind::Full), 507, "ServerException", "The registry's storage is full");
}
