//! Berth's own operations on jobs that failed too often: list them, try them again, delete them.
//!
//! They come as those on users do (module `administration`).

use berth_registry::access::Action;
use berth_registry::{FailedInQueue, WhichLetters};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::error::ApiError;
use crate::page::PAGE_SIZES;
use crate::parameter::{InvalidParameter, required};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListInput {
    queue: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WhichInput {
    queue: Option<String>,
    /// All of them, if it is not given.
    job_ids: Option<Vec<String>>,
}

pub(crate) async fn list(call: &Call<'_>, input: ListInput) -> Result<Value, ApiError> {
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let queue = input.queue.map(|queue| known(call, queue)).transpose()?;
    let permit = call.registry_permit(Action::ListFailedJobs).await?;
    let failed = call.api.failed_jobs.list(permit, queue.as_deref(), limit).await?;
    let jobs: Vec<_> = failed.iter().flat_map(describe).collect();
    Ok(json!({ "failedJobs": jobs }))
}

pub(crate) async fn retry(call: &Call<'_>, input: WhichInput) -> Result<Value, ApiError> {
    let (queue, which) = input.parse(call)?;
    let permit = call.registry_permit(Action::RetryFailedJobs).await?;
    let retried = call.api.failed_jobs.retry(permit, &queue, &which).await?;
    Ok(json!({ "retried": retried }))
}

pub(crate) async fn purge(call: &Call<'_>, input: WhichInput) -> Result<Value, ApiError> {
    let (queue, which) = input.parse(call)?;
    let permit = call.registry_permit(Action::PurgeFailedJobs).await?;
    let purged = call.api.failed_jobs.purge(permit, &queue, &which).await?;
    Ok(json!({ "purged": purged }))
}

impl WhichInput {
    fn parse(self, call: &Call<'_>) -> Result<(String, WhichLetters), InvalidParameter> {
        let queue = known(call, required("queue", self.queue)?)?;
        Ok((queue, self.job_ids.map_or(WhichLetters::All, WhichLetters::Of)))
    }
}

/// Returns the name of a queue, if there is one of it.
fn known(call: &Call<'_>, queue: String) -> Result<String, InvalidParameter> {
    let queues = call.api.failed_jobs.queues();
    let is_known = queues.contains(&queue.as_str());
    if is_known { Ok(queue) } else { Err(InvalidParameter::choice("queue", &queues)) }
}

fn describe(failed: &FailedInQueue) -> impl Iterator<Item = Value> {
    failed.letters.iter().map(|letter| {
        let job = serde_json::from_str(&letter.body).unwrap_or_else(|_| json!(letter.body));
        json!({ "queue": failed.queue, "jobId": letter.id, "job": job, "reason": letter.reason })
    })
}
