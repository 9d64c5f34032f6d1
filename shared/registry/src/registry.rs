use std::sync::Arc;

use berth_types::{Region, RegistryId};

use crate::ports::{Clock, WriteObjects, WriteTable};
use crate::repositories::{Directory, Repositories};

/// Which registry this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Account that owns it.
    pub registry_id: RegistryId,
    /// Region that it stands in.
    pub region: Region,
}

/// What the use cases stand on.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects.
    pub objects: Arc<dyn WriteObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The use cases of one registry, which share what they remember.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Repositories as a whole.
    pub repositories: Repositories,
}

impl Registry {
    /// Puts the use cases on `ports`.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        let Ports {
            table,
            objects: _,
            clock,
        } = ports.clone();
        let directory = Arc::new(Directory::new(table.clone(), clock.clone()));
        Self {
            repositories: Repositories {
                table,
                directory,
                clock,
            },
        }
    }
}
