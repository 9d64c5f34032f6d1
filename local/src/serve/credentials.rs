//! The root's access key and the master key: given, or made once and kept.

use std::path::PathBuf;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use berth_embedded::{Created, DataFolder, FileKeys, Secrets};
use berth_registry::access::{RootCredentials, Secret};
use serde::{Deserialize, Serialize};

use super::options::Settings;

/// Name of the master key, under which the keys that seal tokens lie in the table.
const MASTER: &str = "sealing-key";

/// The access key of an account's root, and whether it should be shown.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) credentials: RootCredentials,
    pub(super) origin: Origin,
}

/// Where the root's access key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the options.
    Given,
    /// Made by this start, and kept in this file: it is shown now, and never again.
    Made(PathBuf),
    /// Made by an earlier start, and kept in this file.
    Kept(PathBuf),
}

/// Form of the root's access key in its file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    access_key_id: String,
    secret_access_key: String,
}

/// Returns the root's access key: the given one, or that of this name among `secrets`, made if
/// there is none.
pub(super) fn root(secrets: &Secrets, name: &str, settings: &Settings) -> anyhow::Result<Root> {
    if let Some((access_key_id, secret_access_key)) = settings.root.clone() {
        let credentials = RootCredentials { access_key_id, secret_access_key };
        return Ok(Root { credentials, origin: Origin::Given });
    }
    let made = serde_json::to_vec(&make_root()?)?;
    let (bytes, created) = secrets.read_or_create(name, || made)?;
    let stored: Stored =
        serde_json::from_slice(&bytes).context("the root's access key in the data folder")?;
    let credentials = RootCredentials {
        access_key_id: stored.access_key_id,
        secret_access_key: Secret::new(stored.secret_access_key),
    };
    let file = std::path::absolute(secrets.file(name))?;
    let origin = match created {
        Created::Now => Origin::Made(file),
        Created::Before => Origin::Kept(file),
    };
    Ok(Root { credentials, origin })
}

/// Returns what wraps keys under the master key, which is made if there is none.
pub(super) fn keys(folder: &DataFolder) -> anyhow::Result<FileKeys> {
    let made: [u8; FileKeys::MASTER_KEY_BYTES] = random()?;
    let (bytes, _) = folder.secrets().read_or_create(MASTER, || made.to_vec())?;
    let bytes = bytes.as_slice().try_into().context("the sealing key in the data folder")?;
    Ok(FileKeys::new(bytes))
}

/// Makes an access key of the form that AWS clients expect: an id of 20 capitals and digits, a
/// secret of 40 characters.
fn make_root() -> anyhow::Result<Stored> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random::<16>()?.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(Stored {
        access_key_id: format!("BRTH{}", letters.iter().collect::<String>()),
        secret_access_key: STANDARD_NO_PAD.encode(random::<30>()?),
    })
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(bytes)
}
