//! [CreateRepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::creation_template::{OneTemplate, PREFIX, TemplateInput};
use crate::error::ApiError;
use crate::parameter::InvalidParameter;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    prefix: Option<String>,
    #[serde(flatten)]
    template: TemplateInput,
}

/// Makes a template, and describes it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<OneTemplate, ApiError> {
    let api = call.api;
    let prefix = PREFIX.parse("prefix", input.prefix)?;
    if input.template.applied_for.is_none() {
        return Err(InvalidParameter::new("appliedFor", "must not be null").into());
    }
    let changes = input.template.parse(&api.identity, &api.registry.quotas)?;
    let permit = call.registry_permit(Action::CreateRepositoryCreationTemplate).await?;
    let template = api.registry.settings.create_template(permit, prefix, &changes).await?;
    Ok(OneTemplate::new(template, &api.identity))
}
