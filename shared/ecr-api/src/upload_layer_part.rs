//! [UploadLayerPart](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_registry::access::Action;
use berth_registry::{Chunk, RegistryError};
use berth_types::{RegistryId, RepositoryName, UploadId};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::{ApiError, BadPart};
use crate::parameter::{InvalidParameter, named_repository, required, upload_id};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    upload_id: Option<String>,
    part_first_byte: Option<i64>,
    part_last_byte: Option<i64>,
    layer_part_blob: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    upload_id: UploadId,
    last_byte_received: u64,
}

/// Adds bytes to an upload, as a `PATCH` to `/v2/` does.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let upload = upload_id(input.upload_id)?;
    let first = position("partFirstByte", input.part_first_byte)?;
    let last = position("partLastByte", input.part_last_byte)?;
    let bytes = decode(&required("layerPartBlob", input.layer_part_blob)?)?;
    let permit = call.permit(Action::UploadLayerPart, &name).await?;
    let bad = |reason: String, last_valid| {
        let (repository, upload) = (name.clone(), upload.clone());
        ApiError::BadPart(BadPart { repository, upload, last_valid, reason })
    };
    if first.checked_add(bytes.len() as u64) != last.checked_add(1) {
        let length = bytes.len();
        let reason = format!("The part has {length} bytes, which are not those {first} to {last}");
        return Err(bad(reason, None));
    }
    let length = bytes.len() as u64;
    let body = stream::iter([Ok(bytes)]).boxed();
    let chunk = Chunk { start: Some(first), length: Some(length), body };
    let appended = api.registry.push.append(&permit, &upload, chunk).await;
    appended.map_err(|error| match error {
        RegistryError::UploadOutOfOrder { offset, .. } => {
            let reason =
                format!("The part begins at byte {first}, but the upload has {offset} bytes");
            bad(reason, offset.checked_sub(1))
        }
        error => error.into(),
    })?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        repository_name: name,
        upload_id: upload,
        last_byte_received: last,
    })
}

fn position(at: &str, value: Option<i64>) -> Result<u64, InvalidParameter> {
    let least = |_| InvalidParameter::new(at, "must have value greater than or equal to 0");
    u64::try_from(required(at, value)?).map_err(least)
}

fn decode(text: &str) -> Result<Bytes, ApiError> {
    let decoded = STANDARD.decode(text);
    let bytes = decoded.map_err(|error| ApiError::Serialization(error.to_string()))?;
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_not_negative() {
        assert_eq!(position("partFirstByte", Some(0)), Ok(0));
        assert_eq!(position("partFirstByte", Some(i64::MAX)), Ok(i64::MAX.unsigned_abs()));
        let error = position("partFirstByte", Some(-1)).unwrap_err().to_string();
        assert!(error.contains("greater than or equal to 0"), "{error}");
        assert!(position("partFirstByte", None).is_err());
    }

    #[test]
    fn parts_are_base64() {
        assert_eq!(decode("YmVydGg=").unwrap(), "berth");
        assert!(decode("").unwrap().is_empty());
        assert!(matches!(decode("%"), Err(ApiError::Serialization(_))));
    }
}
