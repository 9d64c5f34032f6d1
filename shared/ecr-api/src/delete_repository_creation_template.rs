//! [DeleteRepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryCreationTemplate.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::creation_template::{OneTemplate, PREFIX};
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    prefix: Option<String>,
}

/// Deletes a template, and describes what it was.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<OneTemplate, ApiError> {
    let api = call.api;
    let prefix = PREFIX.parse("prefix", input.prefix)?;
    let permit = call.registry_permit(Action::DeleteRepositoryCreationTemplate).await?;
    let template = api.registry.settings.delete_template(permit, &prefix).await?;
    Ok(OneTemplate::new(template, &api.identity))
}
