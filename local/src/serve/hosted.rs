//! Which registries a process hosts, and where each listens.

use std::str::FromStr;

use anyhow::Context;
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
        let identity = Identity {
            registry_id: account.parse().with_context(|| format!("`{account}`"))?,
            region: region.parse().with_context(|| format!("`{region}`"))?,
        };
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
                anyhow::bail!("--registry names {registry_id}/{region} twice");
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
