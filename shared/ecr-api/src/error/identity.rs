//! What clients are told of refused use cases of users and trusts, in IAM's words.

use berth_policy::{Fault, InvalidPolicy};
use berth_registry::{IdentityError, TrustError};
use berth_types::RegistryId;

use super::ErrorAnswer;
use super::registry::registry_answer;
use crate::parameter::InvalidParameter;

/// The table of what use cases of users refuse, in IAM's words.
pub(super) fn identity_answer(error: &IdentityError, registry_id: &RegistryId) -> ErrorAnswer {
    use IdentityError as E;
    match error {
        E::UserUnknown(name) => unknown(&format!("user with name {name}")),
        E::UserExists(name) => ErrorAnswer::client(
            "EntityAlreadyExistsException",
            format!("User with name {name} already exists."),
        ),
        E::AccessKeyUnknown { id, .. } => unknown(&format!("Access Key with id {id}")),
        E::PolicyUnknown { policy, .. } => unknown(&format!("user policy with name {policy}")),
        E::TooManyAccessKeys(most) => quota("AccessKeysPerUser", *most),
        E::TooManyPolicies(most) => quota("PoliciesPerUser", *most),
        E::PolicyInvalid(error) => malformed(error),
        E::Registry(error) => registry_answer(error, registry_id),
    }
}

/// The table of what use cases of trusts refuse.
pub(super) fn trust_answer(error: &TrustError, registry_id: &RegistryId) -> ErrorAnswer {
    use TrustError as E;
    let invalid = |parameter: &str| {
        let error = InvalidParameter::new(parameter, error.to_string());
        ErrorAnswer::client("InvalidParameterException", error.to_string())
    };
    match error {
        E::TrustUnknown(name) => unknown(&format!("trust with name {name}")),
        E::TrustExists(name) => ErrorAnswer::client(
            "EntityAlreadyExistsException",
            format!("Trust with name {name} already exists."),
        ),
        E::PolicyUnknown { policy, .. } => unknown(&format!("trust policy with name {policy}")),
        E::TooManyTrusts(most) => quota("Trusts", *most),
        E::TooManyPolicies(most) => quota("PoliciesPerTrust", *most),
        E::Principals(_) => invalid("principals"),
        E::Duration { .. } => invalid("maxSessionDuration"),
        E::PolicyInvalid(error) => malformed(error),
        E::Registry(error) => registry_answer(error, registry_id),
    }
}

fn unknown(what: &str) -> ErrorAnswer {
    ErrorAnswer::client("NoSuchEntityException", format!("The {what} cannot be found."))
}

fn quota(what: &str, most: usize) -> ErrorAnswer {
    let message = format!("Cannot exceed quota for {what}: {most}");
    ErrorAnswer::client("LimitExceededException", message)
}

fn malformed(error: &InvalidPolicy) -> ErrorAnswer {
    tracing::info!(%error, "a policy was refused");
    let code = match error.fault {
        Fault::TooLong { .. } => "LimitExceededException",
        _ => "MalformedPolicyDocumentException",
    };
    ErrorAnswer::client(code, error.aws_message())
}
