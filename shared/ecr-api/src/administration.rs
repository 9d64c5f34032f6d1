//! Berth's own operations: users, their access keys and their policies; those of other modules.
//!
//! They come as ECR's do, signed for the service `ecr`, with the target prefix `Berth_20261121`.
//! Members and errors are named as in [IAM](https://docs.aws.amazon.com/IAM/latest/APIReference/),
//! in JSON.

use berth_registry::access::{Action, Secret, UserPermit};
use berth_registry::{AccessKey, AccessKeyStatus, User};
use berth_types::{AccessKeyId, PolicyName, UserName};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Call, read, write};
use crate::error::ApiError;
use crate::failed_jobs;
use crate::federation;
use crate::figures;
use crate::operation::BerthOperation;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{InvalidParameter, required};
use crate::preview_report;
use crate::replication_refinements;
use crate::repository_description::epoch_seconds;

/// Pattern of names of users and policies.
const NAME: &str = "[\\w+=,.@-]+";

/// Pattern of ids of access keys.
const ACCESS_KEY_ID: &str = "\\w{16,128}";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserInput {
    user_name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListInput {
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessKeyInput {
    user_name: Option<String>,
    access_key_id: Option<String>,
    status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyInput {
    user_name: Option<String>,
    policy_name: Option<String>,
    policy_document: Option<String>,
}

/// Runs one of the operations.
pub(crate) async fn run(
    call: &Call<'_>,
    operation: BerthOperation,
    body: &[u8],
) -> Result<Bytes, ApiError> {
    use BerthOperation as B;
    let output = match operation {
        B::CreateUser => create_user(call, read(body)?).await?,
        B::ListUsers => list_users(call, read(body)?).await?,
        B::DeleteUser => delete_user(call, read(body)?).await?,
        B::CreateAccessKey => create_access_key(call, read(body)?).await?,
        B::ListAccessKeys => list_access_keys(call, read(body)?).await?,
        B::UpdateAccessKey => update_access_key(call, read(body)?).await?,
        B::DeleteAccessKey => delete_access_key(call, read(body)?).await?,
        B::PutUserPolicy => put_user_policy(call, read(body)?).await?,
        B::GetRepositoryStorageFigures => figures::of_repository(call, read(body)?).await?,
        B::GetStorageFigures => figures::of_registry(call, read(body)?).await?,
        B::GetUserPolicy => get_user_policy(call, read(body)?).await?,
        B::ListUserPolicies => list_user_policies(call, read(body)?).await?,
        B::DeleteUserPolicy => delete_user_policy(call, read(body)?).await?,
        B::GetReplicationRefinements => replication_refinements::get(call, read(body)?).await?,
        B::PutReplicationRefinements => replication_refinements::put(call, read(body)?).await?,
        B::GetLifecyclePolicyPreviewReport => preview_report::run(call, read(body)?).await?,
        B::ListFailedJobs => failed_jobs::list(call, read(body)?).await?,
        B::RetryFailedJobs => failed_jobs::retry(call, read(body)?).await?,
        B::PurgeFailedJobs => failed_jobs::purge(call, read(body)?).await?,
        B::CreateTrust => federation::create_trust(call, read(body)?).await?,
        B::ListTrusts => federation::list_trusts(call, read(body)?).await?,
        B::DeleteTrust => federation::delete_trust(call, read(body)?).await?,
        B::PutTrustPolicy => federation::put_policy(call, read(body)?).await?,
        B::GetTrustPolicy => federation::get_policy(call, read(body)?).await?,
        B::ListTrustPolicies => federation::list_policies(call, read(body)?).await?,
        B::DeleteTrustPolicy => federation::delete_policy(call, read(body)?).await?,
    };
    write(&output)
}

async fn create_user(call: &Call<'_>, input: UserInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::CreateUser, input.user_name)?;
    let user = call.api.users.create(&permit).await?;
    Ok(json!({ "user": describe_user(call, &user) }))
}

async fn list_users(call: &Call<'_>, input: ListInput) -> Result<Value, ApiError> {
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let after: Option<UserName> =
        input.next_token.map(|token| parse_token(&token, "ListUsers")).transpose()?;
    let permit = call.registry_permit(Action::ListUsers).await?;
    let page = call.api.users.list(permit, after.as_ref(), limit).await?;
    let users: Vec<_> = page.users.iter().map(|user| describe_user(call, user)).collect();
    Ok(match page.next {
        None => json!({ "users": users }),
        Some(next) => json!({ "users": users, "nextToken": to_token(&next)? }),
    })
}

async fn delete_user(call: &Call<'_>, input: UserInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::DeleteUser, input.user_name)?;
    call.api.users.delete(&permit).await?;
    Ok(json!({}))
}

async fn create_access_key(call: &Call<'_>, input: UserInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::CreateAccessKey, input.user_name)?;
    let new = call.api.users.create_access_key(&permit).await?;
    let mut key = describe_key(&permit, &new.key);
    key["secretAccessKey"] = Secret::reveal(&new.secret).into();
    Ok(json!({ "accessKey": key }))
}

async fn list_access_keys(call: &Call<'_>, input: UserInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::ListAccessKeys, input.user_name)?;
    let keys = call.api.users.access_keys(&permit).await?;
    let keys: Vec<_> = keys.iter().map(|key| describe_key(&permit, key)).collect();
    Ok(json!({ "accessKeyMetadata": keys }))
}

async fn update_access_key(call: &Call<'_>, input: AccessKeyInput) -> Result<Value, ApiError> {
    let id = access_key_id(input.access_key_id)?;
    let status = match required("status", input.status)?.as_str() {
        "Active" => AccessKeyStatus::Active,
        "Inactive" => AccessKeyStatus::Inactive,
        _ => return Err(InvalidParameter::choice("status", &["Active", "Inactive"]).into()),
    };
    let permit = permit(call, Action::UpdateAccessKey, input.user_name)?;
    call.api.users.update_access_key(&permit, &id, status).await?;
    Ok(json!({}))
}

async fn delete_access_key(call: &Call<'_>, input: AccessKeyInput) -> Result<Value, ApiError> {
    let id = access_key_id(input.access_key_id)?;
    let permit = permit(call, Action::DeleteAccessKey, input.user_name)?;
    call.api.users.delete_access_key(&permit, &id).await?;
    Ok(json!({}))
}

async fn put_user_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let text = required("policyDocument", input.policy_document)?;
    let permit = permit(call, Action::PutUserPolicy, input.user_name)?;
    call.api.users.put_policy(&permit, &policy, &text).await?;
    Ok(json!({}))
}

async fn get_user_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let permit = permit(call, Action::GetUserPolicy, input.user_name)?;
    let text = call.api.users.policy(&permit, &policy).await?;
    let user = permit.name();
    Ok(json!({ "userName": user, "policyName": policy, "policyDocument": text }))
}

async fn list_user_policies(call: &Call<'_>, input: UserInput) -> Result<Value, ApiError> {
    let permit = permit(call, Action::ListUserPolicies, input.user_name)?;
    let names = call.api.users.policies(&permit).await?;
    Ok(json!({ "policyNames": names }))
}

async fn delete_user_policy(call: &Call<'_>, input: PolicyInput) -> Result<Value, ApiError> {
    let policy = policy_name(input.policy_name)?;
    let permit = permit(call, Action::DeleteUserPolicy, input.user_name)?;
    call.api.users.delete_policy(&permit, &policy).await?;
    Ok(json!({}))
}

/// Parses the user's name, and asks the gate.
fn permit(call: &Call<'_>, action: Action, name: Option<String>) -> Result<UserPermit, ApiError> {
    let name = required("userName", name)?;
    let name = UserName::try_from(name);
    let name = name.map_err(|_| InvalidParameter::pattern("userName", NAME))?;
    Ok(call.user_permit(action, &name)?)
}

/// Parses the parameter `policyName`, which must be given.
pub(crate) fn policy_name(name: Option<String>) -> Result<PolicyName, InvalidParameter> {
    let name = PolicyName::try_from(required("policyName", name)?);
    name.map_err(|_| InvalidParameter::pattern("policyName", NAME))
}

fn access_key_id(id: Option<String>) -> Result<AccessKeyId, InvalidParameter> {
    let id = AccessKeyId::try_from(required("accessKeyId", id)?);
    id.map_err(|_| InvalidParameter::pattern("accessKeyId", ACCESS_KEY_ID))
}

fn describe_user(call: &Call<'_>, user: &User) -> Value {
    let account = &call.api.identity.registry_id;
    json!({
        "userName": user.name,
        "arn": format!("arn:aws:iam::{account}:user/{}", user.name),
        "createDate": epoch_seconds(user.created_at),
    })
}

fn describe_key(permit: &UserPermit, key: &AccessKey) -> Value {
    json!({
        "userName": permit.name(),
        "accessKeyId": key.id,
        "status": key.status,
        "createDate": epoch_seconds(key.created_at),
    })
}
