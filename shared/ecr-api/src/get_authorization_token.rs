//! [GetAuthorizationToken](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_registry::RegistryError;
use berth_registry::access::Action;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{length, registry_is_here};
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_ids: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    authorization_data: [AuthorizationData; 1],
}

/// The data type [AuthorizationData](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    expires_at: f64,
    proxy_endpoint: String,
}

/// Gives a token for `/v2/`, as the user name and password of Basic authentication in Base64.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    if let Some(ids) = input.registry_ids {
        length("registryIds", &ids, 1, 10)?;
        for id in ids {
            registry_is_here("registryIds", Some(id), &call.api.identity)?;
        }
    }
    call.registry_permit(Action::GetAuthorizationToken).await?;
    let principal = call.principal()?;
    let issued = call.api.authenticator.authorization_token(principal).await;
    let issued = issued.map_err(RegistryError::from)?;
    let login = format!("AWS:{}", issued.token.reveal());
    Ok(Output {
        authorization_data: [AuthorizationData {
            authorization_token: STANDARD.encode(login),
            expires_at: epoch_seconds(issued.expires_at),
            proxy_endpoint: call.base_url.to_owned(),
        }],
    })
}

impl std::fmt::Debug for AuthorizationData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthorizationData(…)")
    }
}
