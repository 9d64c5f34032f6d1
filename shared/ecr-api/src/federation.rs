//! Berth's own operations on trusts: whom of AWS the registry lets in, and with which policies.
//!
//! They come as those on users do (module `administration`).

use std::time::Duration;

use berth_policy::PrincipalPattern;
use berth_registry::access::{Action, TrustPermit};
use berth_registry::{NewTrust, Trust};
use berth_types::TrustName;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::administration::{ListInput, policy_name};
use crate::api::Call;
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{InvalidParameter, required};
use crate::repository_description::epoch_seconds;

/// Pattern of names of trusts.
const NAME: &str = "[\\w+=,.@-]{1,64}";

/// The longest session, if a trust's maker does not say, as of a role in
/// [IAM](https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
const USUAL_SESSION: Duration = Duration::from_hours(1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrustInput {
    trust_name: Option<String>,
    principals: Option<Vec<String>>,
    /// In seconds.
    max_session_duration: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyInput {
    trust_name: Option<String>,
    policy_name: Option<String>,
    policy_document: Option<String>,
}

pub(crate) async fn create_trust(call: &Call<'_>, input: TrustInput) -> Result<Value, ApiError> {
    let principals = principals(required("principals", input.principals)?)?;
    let max_session = input.max_session_duration.map_or(USUAL_SESSION, Duration::from_secs);
    let permit = permit(call, Action::CreateTrust, input.trust_name)?;
    let trust = call.api.trusts.create(&permit, NewTrust { principals, max_session }).await?;
    Ok(json!({ "trust": describe(call, &trust) }))
}

pub(crate) async fn list_trusts(call: &Call<'_>, input: ListInput) -> Result<Value, ApiError> {
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let after: Option<TrustName> =
        input.next_token.map(|token| parse_token(&token, "ListTrusts")).transpose()?;
    let permit = call.registry_permit(Action::ListTrusts).await?;
    let page = call.api.trusts.list(permit, after.as_ref(), limit).await?;
    let trusts: Vec<_> = page.trusts.iter().map(|trust| describe(call, trust)).collect();
    Ok(match page.next {
        None => json!({ "trusts": trusts }),
        Some(next) => json!({ "trusts": trusts, "nextToken": to_token(&next)? }),
    })
}

pub(crate) async fn delete_trust(call: &Call<'_>, input: TrustInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::DeleteTrust, input.trust_name)?;
    call.api.trusts.delete(&permit).await?;
    Ok(json!({}))
}

pub(crate) async fn put_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let text = required("policyDocument", input.policy_document)?;
    let permit = permit(call, Action::PutTrustPolicy, input.trust_name)?;
    call.api.trusts.put_policy(&permit, &policy, &text).await?;
    Ok(json!({}))
}

pub(crate) async fn get_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let permit = permit(call, Action::GetTrustPolicy, input.trust_name)?;
    let text = call.api.trusts.policy(&permit, &policy).await?;
    Ok(json!({ "trustName": permit.name(), "policyName": policy, "policyDocument": text }))
}

pub(crate) async fn list_policies(call: &Call<'_>, input: TrustInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::ListTrustPolicies, input.trust_name)?;
    let names = call.api.trusts.policies(&permit).await?;
    Ok(json!({ "policyNames": names }))
}

pub(crate) async fn delete_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let permit = permit(call, Action::DeleteTrustPolicy, input.trust_name)?;
    call.api.trusts.delete_policy(&permit, &policy).await?;
    Ok(json!({}))
}

/// Parses the trust's name, and asks the gate.
fn permit(call: &Call<'_>, action: Action, name: Option<String>) -> Result<TrustPermit, ApiError> {
    let name = TrustName::try_from(required("trustName", name)?);
    let name = name.map_err(|_| InvalidParameter::pattern("trustName", NAME))?;
    Ok(call.api.gate.trust(&call.caller, action, &name, &call.facts())?)
}

fn principals(texts: Vec<String>) -> Result<Vec<PrincipalPattern>, InvalidParameter> {
    let parse = |text: String| {
        let pattern = PrincipalPattern::try_from(text);
        pattern.map_err(|error| InvalidParameter::new("principals", error.to_string()))
    };
    texts.into_iter().map(parse).collect()
}

fn describe(call: &Call<'_>, trust: &Trust) -> Value {
    let account = &call.api.identity.registry_id;
    json!({
        "trustName": trust.name,
        "arn": format!("arn:aws:iam::{account}:trust/{}", trust.name),
        "principals": trust.principals,
        "maxSessionDuration": trust.max_session.as_secs(),
        "createDate": epoch_seconds(trust.created_at),
    })
}
