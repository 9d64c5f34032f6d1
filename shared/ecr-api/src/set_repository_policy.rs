//! [SetRepositoryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html).

use berth_policy::{Policy, PolicyKind};
use berth_registry::access::Action;
use berth_types::RepositoryArn;
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, named_repository, required, text_length};
use crate::repository_policy::RepositoryPolicy;

const LOCKS_OUT: &str =
    "The policy would not let you set another one. Set it with force if that is what you want";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    policy_text: Option<String>,
    force: Option<bool>,
}

/// Gives a repository a policy. One that takes the right to set another from who sets it must be
/// forced.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<RepositoryPolicy, ApiError> {
    let identity = &call.api.identity;
    let name = named_repository(input.repository_name, input.registry_id, identity)?;
    let text = required("policyText", input.policy_text)?;
    let (region, registry) = (identity.region.clone(), identity.registry_id.clone());
    let arn = RepositoryArn { region, registry, name: name.clone() }.to_string();
    let kind = PolicyKind::Repository { arn };
    let most = call.api.registry.quotas.repository_policy_length;
    text_length("policyText", &text, 0, most)?;
    let permit = call.permit(Action::SetRepositoryPolicy, &name).await?;
    let policy = Policy::parse(&kind, &text, most)?;
    let is_forced = input.force.unwrap_or_default();
    let (gate, facts) = (&call.api.gate, call.facts());
    if !is_forced && !gate.keeps_the_policy(&call.caller, &name, &facts, policy).await? {
        return Err(InvalidParameter::new("PolicyText", LOCKS_OUT).into());
    }
    call.api.registry.repositories.set_policy(&permit, &text).await?;
    Ok(RepositoryPolicy::new(name, text, identity))
}
