//! The access key that signs the requests of the command line.

use std::convert::Infallible;
use std::path::Path;

use anyhow::Context;
use berth_registry::access::{RootCredentials, Secret};
use serde::Deserialize;

/// Form of the root's access key in the data folder, as `berth serve` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    access_key_id: String,
    secret_access_key: String,
}

/// Takes a secret from the command line or the environment.
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a parser that can fail")]
pub(crate) fn parse_secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text.to_owned()))
}

/// Returns the given access key, or else the one that the data folder keeps.
pub(super) fn access_key(
    id: Option<String>,
    secret: Option<Secret>,
    data_dir: &Path,
) -> anyhow::Result<RootCredentials> {
    match (id, secret) {
        (Some(access_key_id), Some(secret_access_key)) => {
            Ok(RootCredentials { access_key_id, secret_access_key })
        }
        (None, None) => stored(data_dir),
        _ => anyhow::bail!("--access-key-id and --secret-access-key go together"),
    }
}

fn stored(data_dir: &Path) -> anyhow::Result<RootCredentials> {
    let path = data_dir.join("secrets").join("root");
    let bytes = std::fs::read(&path).with_context(|| {
        format!(
            "no access key: give --access-key-id and --secret-access-key, or the --data-dir of `berth serve` ({} can't be read)",
            path.display()
        )
    })?;
    let stored: Stored = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not an access key", path.display()))?;
    Ok(RootCredentials {
        access_key_id: stored.access_key_id,
        secret_access_key: Secret::new(stored.secret_access_key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_keys_go_before_stored_ones() {
        let folder = tempfile::tempdir().unwrap();
        let secret = || Some(Secret::new("s".to_owned()));
        assert!(access_key(None, None, folder.path()).is_err());
        assert!(access_key(Some("id".to_owned()), None, folder.path()).is_err());
        std::fs::create_dir(folder.path().join("secrets")).unwrap();
        let json = r#"{"accessKeyId":"kept","secretAccessKey":"secret"}"#;
        std::fs::write(folder.path().join("secrets/root"), json).unwrap();
        let kept = access_key(None, None, folder.path()).unwrap();
        assert_eq!(kept.access_key_id, "kept");
        assert!(kept.secret_access_key.matches("secret"));
        let given = access_key(Some("given".to_owned()), secret(), folder.path()).unwrap();
        assert_eq!(given.access_key_id, "given");
    }
}
