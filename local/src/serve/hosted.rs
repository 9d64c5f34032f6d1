//! Which registries a process hosts, and where each listens.

use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use berth_registry::Identity;
use serde::Deserialize;

/// The registries that a process hosts.
#[derive(Clone, Debug)]
pub(super) enum Hosted {
    /// One, which has the data folder to itself.
    One(RegistrySettings),
    /// Those that were named, each with a folder of its own.
    Several(Vec<RegistrySettings>),
}

/// What is set for one registry.
#[derive(Clone, Debug)]
pub(super) struct RegistrySettings {
    pub(super) identity: Identity,
    /// The address to listen on, as HOST:PORT.
    pub(super) listen: String,
    /// What clients see, if it is not what they ask for.
    pub(super) public_url: Option<String>,
}

/// A registry as the command line names it: `ACCOUNT/REGION=HOST:PORT`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RegistryOption {
    identity: Identity,
    listen: String,
}

impl FromStr for RegistryOption {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let parts = text.split_once('=').and_then(|(name, listen)| {
            let (account, region) = name.split_once('/')?;
            Some((account, region, listen))
        });
        let (account, region, listen) = parts.with_context(|| {
            format!("`{text}` names no registry: it must be ACCOUNT/REGION=HOST:PORT")
        })?;
        // Whoever shows the error, shows its first line alone.
        let identity = Identity {
            registry_id: account.parse().map_err(|error| anyhow!("`{account}`: {error}"))?,
            region: region.parse().map_err(|error| anyhow!("`{region}`: {error}"))?,
        };
        if !listen.contains(':') {
            bail!("`{listen}` is no address to listen on: it must be HOST:PORT");
        }
        Ok(Self { identity, listen: listen.to_owned() })
    }
}

impl TryFrom<String> for RegistryOption {
    type Error = anyhow::Error;

    fn try_from(text: String) -> anyhow::Result<Self> {
        text.parse()
    }
}

impl Hosted {
    /// Hosts the registries that are named, each once.
    pub(super) fn several(named: Vec<RegistryOption>) -> anyhow::Result<Self> {
        let mut registries: Vec<RegistrySettings> = Vec::new();
        for RegistryOption { identity, listen } in named {
            if registries.iter().any(|other| other.identity == identity) {
                let Identity { registry_id, region } = identity;
                bail!("--registry names {registry_id}/{region} twice");
            }
            registries.push(RegistrySettings { identity, listen, public_url: None });
        }
        Ok(Self::Several(registries))
    }

    /// Returns the registries.
    pub(super) fn registries(&self) -> &[RegistrySettings] {
        match self {
            Self::One(registry) => std::slice::from_ref(registry),
            Self::Several(registries) => registries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_wrong() {
        for (text, wrong) in [
            ("111122223333=localhost:1", "it must be ACCOUNT/REGION=HOST:PORT"),
            ("1111/us-east-1=localhost:1", "`1111`: "),
            ("111122223333/US=localhost:1", "`US`: "),
            ("111122223333/us-east-1=localhost", "it must be HOST:PORT"),
        ] {
            let error = text.parse::<RegistryOption>().unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
            let by_file = RegistryOption::try_from(text.to_owned()).unwrap_err();
            assert_eq!(by_file.to_string(), error);
        }
    }
}
