//! Where the registries' data and their roots' access keys lie.

use std::collections::HashMap;

use berth_embedded::{DataFolder, RegistriesFolder};

use super::credentials::{self, Root};
use super::hosted::Hosted;
use super::options::Settings;

/// What a registry keeps on disk, and who its root is.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) folder: DataFolder,
    pub(super) root: Root,
}

/// Opens the homes of all registries, in their order. Registries of one account share their root.
pub(super) fn open(settings: &Settings) -> anyhow::Result<Vec<Home>> {
    let registries = match &settings.hosted {
        Hosted::One(_) => {
            let folder = DataFolder::open(&settings.data_dir)?;
            let root = credentials::root(folder.secrets(), "root", settings)?;
            return Ok(vec![Home { folder, root }]);
        }
        Hosted::Several(registries) => registries,
    };
    let shared = RegistriesFolder::open(&settings.data_dir)?;
    let mut roots: HashMap<_, Root> = HashMap::new();
    let mut homes = Vec::new();
    for registry in registries {
        let account = &registry.identity.registry_id;
        let root = match roots.get(account) {
            Some(root) => root.clone(),
            None => credentials::root(shared.secrets(), &format!("root-{account}"), settings)?,
        };
        roots.insert(account, root.clone());
        let folder = shared.registry(account, &registry.identity.region)?;
        homes.push(Home { folder, root });
    }
    Ok(homes)
}
