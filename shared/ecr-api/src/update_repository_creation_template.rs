//! [UpdateRepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::creation_template::{OneTemplate, PREFIX, TemplateInput};
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    prefix: Option<String>,
    #[serde(flatten)]
    template: TemplateInput,
}

/// Changes what is given of a template, and describes it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<OneTemplate, ApiError> {
    let api = call.api;
    let prefix = PREFIX.parse("prefix", input.prefix)?;
    let changes = input.template.parse(&api.identity, &api.registry.quotas)?;
    let permit = call.registry_permit(Action::UpdateRepositoryCreationTemplate).await?;
    let template = api.registry.settings.update_template(permit, &prefix, &changes).await?;
    Ok(OneTemplate::new(template, &api.identity))
}
