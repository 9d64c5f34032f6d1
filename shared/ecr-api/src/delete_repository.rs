//! [DeleteRepository](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html).

use berth_registry::access::Action;
use berth_registry::{DeleteRepository, WhenNotEmpty};
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::named_repository;
use crate::repository_description::OneRepository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    force: Option<bool>,
}

/// Deletes a repository, and describes what it was.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<OneRepository, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let how = DeleteRepository {
        when_not_empty: match input.force {
            Some(true) => WhenNotEmpty::Force,
            Some(false) | None => WhenNotEmpty::Refuse,
        },
    };
    let permit = call.permit(Action::DeleteRepository, &name).await?;
    let repository = api.registry.repositories.delete(&permit, how).await?;
    Ok(OneRepository::new(&repository, &api.identity, call.base_url))
}
