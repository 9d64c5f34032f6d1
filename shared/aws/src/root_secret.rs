//! The root's access key in Secrets Manager.

use aws_sdk_secretsmanager::Client;
use berth_registry::access::{RootCredentials, Secret};
use berth_registry::ports::{StoreError, StoreErrorKind};
use serde::Deserialize;

use crate::failure::store_error;

/// The document of a secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
}

/// Reads the root's access key out of the secret `id`, its ARN or name.
///
/// The secret is a JSON document: `{"accessKeyId": "…", "secretAccessKey": "…"}`. One of another
/// form is [`Damaged`](StoreErrorKind::Damaged); the error does not quote it.
///
/// Permissions: `secretsmanager:GetSecretValue`, and `kms:Decrypt` if a key of one's own encrypts
/// the secret.
pub async fn root_credentials(client: &Client, id: &str) -> Result<RootCredentials, StoreError> {
    let request = client.get_secret_value().secret_id(id);
    let answer = request.send().await.map_err(store_error)?;
    parse(id, answer.secret_string().unwrap_or_default())
}

fn parse(id: &str, text: &str) -> Result<RootCredentials, StoreError> {
    let damaged = |reason: &str| {
        let text = format!(
            "secret `{id}` {reason}, expected {{\"accessKeyId\": …, \"secretAccessKey\": …}}"
        );
        StoreError::new(StoreErrorKind::Damaged, text)
    };
    // What serde says may quote the secret.
    let Ok(document) = serde_json::from_str::<Document>(text) else {
        return Err(damaged("is not of the right form"));
    };
    let Document { access_key_id, secret_access_key } = document;
    if access_key_id.is_empty() || secret_access_key.is_empty() {
        return Err(damaged("has an empty member"));
    }
    Ok(RootCredentials { access_key_id, secret_access_key: Secret::new(secret_access_key) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_read() {
        let text = r#"{"accessKeyId": "AKIA0", "secretAccessKey": "hidden", "other": 1}"#;
        let root = parse("id", text).unwrap();
        assert_eq!(root.access_key_id, "AKIA0");
        assert!(root.secret_access_key.matches("hidden"));
    }

    #[test]
    fn errors_do_not_tell_the_secret() {
        for text in [
            "",
            "hidden",
            r#""hidden""#,
            r#"{"accessKeyId": "AKIA0"}"#,
            r#"{"accessKeyId": "", "secretAccessKey": "hidden"}"#,
            r#"{"accessKeyId": 1, "secretAccessKey": "hidden"}"#,
        ] {
            let error = parse("root", text).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Damaged);
            let text = format!("{error} {error:?}");
            assert!(text.contains("`root`") && !text.contains("hidden"), "{text}");
        }
    }
}
