//! `GetLifecyclePolicyPreviewReport`, an operation of Berth's own: what a lifecycle policy would do,
//! rule by rule, and why.

use berth_registry::{PlannedAction, PreviewFigures, PreviewedImage, RuleFigures};
use serde_json::{Value, json};

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_preview::{PreviewInput, describe_status, find};
use crate::repository_description::epoch_seconds;

/// Tells how far the repository's preview is, what would happen to the images that are named, or to
/// a page of all, and why. Its input and its action are those of `GetLifecyclePolicyPreview`.
pub(crate) async fn run(call: &Call<'_>, input: PreviewInput) -> Result<Value, ApiError> {
    let found = find(call, input).await?;
    let preview = found.preview;
    let mut output = json!({
        "registryId": call.api.identity.registry_id,
        "repositoryName": found.name,
        "lifecyclePolicyText": preview.policy,
        "status": describe_status(preview.status),
    });
    if let Some(figures) = &preview.figures {
        output["summary"] = describe_figures(figures);
        output["results"] = preview.images.iter().map(describe).collect();
    }
    if let Some(token) = found.next_token {
        output["nextToken"] = token.into();
    }
    Ok(output)
}

fn describe_figures(figures: &PreviewFigures) -> Value {
    json!({
        "imageCount": figures.images,
        "expiringImageCount": figures.expired,
        "archivedImageCount": figures.archived,
        "untaggedImageCount": figures.untagged,
        "freedLayerSizeInBytes": figures.freed,
        "rules": figures.rules.iter().map(describe_rule).collect::<Vec<_>>(),
    })
}

fn describe_rule(rule: &RuleFigures) -> Value {
    json!({
        "rulePriority": rule.priority,
        "matchingImageCount": rule.matching,
        "selectedImageCount": rule.selected,
        "actedImageCount": rule.acted,
        "expiringImageSizeInBytes": rule.bytes,
    })
}

fn describe(image: &PreviewedImage) -> Value {
    let mut described = json!({
        "imageDigest": image.digest,
        "imageTags": image.tags,
        "imagePushedAt": epoch_seconds(image.pushed_at),
        "imageSizeInBytes": image.size,
        "appliedRulePriority": image.rule,
        "reason": image.reason,
    });
    described["action"] = match &image.action {
        PlannedAction::Expire => "EXPIRE".into(),
        PlannedAction::Archive => "ARCHIVE".into(),
        PlannedAction::Untag(tags) => {
            described["lostImageTags"] = json!(tags);
            "UNTAG".into()
        }
    };
    described
}
