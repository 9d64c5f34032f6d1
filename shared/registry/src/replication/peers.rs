use super::ReplicationFailure;
use crate::access::Gate;
use crate::registry::{Identity, Registry};
use crate::settings::ReplicationDestination;

/// Another registry, as replication reaches it: its use cases on its own ports, and its gate.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(super) identity: Identity,
    pub(super) registry: Registry,
    pub(super) gate: Gate,
}

/// The registries that replication reaches.
#[derive(Clone, Debug, Default)]
pub struct Peers(Vec<Peer>);

impl Peer {
    /// Makes the peer that `identity` names of its use cases: those of the same process if it
    /// serves the peer too, so that both see their changes at once.
    #[must_use]
    pub fn new(identity: Identity, registry: Registry) -> Self {
        let (table, clock) = (registry.push.table.clone(), registry.push.clock.clone());
        let gate = Gate::new(identity.clone(), table, clock).sharing(registry.directory());
        Self { identity, registry, gate }
    }

    /// Returns how rules name it.
    pub(super) fn destination(&self) -> ReplicationDestination {
        let Identity { registry_id, region } = self.identity.clone();
        ReplicationDestination { region, registry_id }
    }
}

impl Peers {
    /// Makes the peers of a registry.
    #[must_use]
    pub fn new(peers: Vec<Peer>) -> Self {
        Self(peers)
    }

    /// Returns why nothing is replicated to a registry that is not reached.
    pub(super) fn unknown(destination: &ReplicationDestination) -> ReplicationFailure {
        let ReplicationDestination { region, registry_id } = destination;
        let reason = format!("registry {registry_id} in {region} is none of this one's peers");
        ReplicationFailure::new("DestinationNotFound", &reason)
    }

    /// Returns the peer that a rule names; `None` if it is not reached.
    #[must_use]
    pub fn find(&self, destination: &ReplicationDestination) -> Option<&Peer> {
        let ReplicationDestination { region, registry_id } = destination;
        let is_it = |peer: &&Peer| {
            peer.identity.region == *region && peer.identity.registry_id == *registry_id
        };
        self.0.iter().find(is_it)
    }
}
