//! [GetLifecyclePolicyPreview](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html).

use berth_registry::{LifecyclePreview, PlannedAction, PreviewFigures, PreviewedImage};
use berth_types::{Digest, RegistryId, RepositoryName, Tag};
use serde::Serialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_preview::{Found, PreviewInput, describe_status, find};
use crate::repository_description::epoch_seconds;

/// Storage class of the archive.
const ARCHIVE: &str = "ARCHIVE";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    lifecycle_policy_text: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview_results: Option<Vec<PreviewResult>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// The data type [LifecyclePolicyPreviewResult](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_LifecyclePolicyPreviewResult.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewResult {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tags: Vec<Tag>,
    image_digest: Digest,
    image_pushed_at: f64,
    action: RuleAction,
    applied_rule_priority: u32,
    storage_class: &'static str,
}

/// The data type [LifecyclePolicyRuleAction](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_LifecyclePolicyRuleAction.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleAction {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_storage_class: Option<&'static str>,
}

/// The data type [LifecyclePolicyPreviewSummary](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_LifecyclePolicyPreviewSummary.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    expiring_image_total_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transitioning_image_total_counts: Vec<TransitioningCount>,
}

/// The data type [TransitioningImageTotalCount](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TransitioningImageTotalCount.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitioningCount {
    target_storage_class: &'static str,
    image_total_count: u64,
}

/// Tells how far the repository's preview is, and what would happen to images. Those that would
/// lose tags by a rule of Berth's own are not among them: ECR has no word for it.
pub(crate) async fn run(call: &Call<'_>, input: PreviewInput) -> Result<Output, ApiError> {
    let Found { name, preview, next_token } = find(call, input).await?;
    let LifecyclePreview { policy, status, figures, images, .. } = preview;
    let results = images.into_iter().filter_map(PreviewResult::of).collect();
    Ok(Output {
        registry_id: call.api.identity.registry_id.clone(),
        repository_name: name,
        lifecycle_policy_text: policy,
        status: describe_status(status),
        next_token,
        preview_results: figures.is_some().then_some(results),
        summary: figures.as_ref().map(Summary::of),
    })
}

impl PreviewResult {
    fn of(image: PreviewedImage) -> Option<Self> {
        let (r#type, target_storage_class) = match image.action {
            PlannedAction::Expire => ("EXPIRE", None),
            PlannedAction::Archive => ("TRANSITION", Some(ARCHIVE)),
            PlannedAction::Untag(_) => return None,
        };
        Some(Self {
            image_tags: image.tags,
            image_digest: image.digest,
            image_pushed_at: epoch_seconds(image.pushed_at),
            action: RuleAction { r#type, target_storage_class },
            applied_rule_priority: image.rule,
            storage_class: if image.is_archived { ARCHIVE } else { "STANDARD" },
        })
    }
}

impl Summary {
    fn of(figures: &PreviewFigures) -> Self {
        let count = |image_total_count| TransitioningCount {
            target_storage_class: ARCHIVE,
            image_total_count,
        };
        let archived = Some(figures.archived).filter(|archived| *archived > 0);
        Self {
            expiring_image_total_count: figures.expired,
            transitioning_image_total_counts: archived.map(count).into_iter().collect(),
        }
    }
}
