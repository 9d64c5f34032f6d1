//! Replicates images, and what becomes of them, to other registries, in the role that each has for
//! that.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_jobs};
use berth_registry::ports::SystemClock;
use berth_registry::{
    JobDoer, JobQueues, Peer, Peers, Ports, Registry, ReplicateWorker, ReplicationPorts,
};
use berth_settings::{PeerSettings, Settings};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let objects = clients.read_objects(&settings.bucket);
        let clock = Arc::new(SystemClock);
        let ports = ReplicationPorts { table, objects, clock: clock.clone() };
        let mut peers = Vec::new();
        for named in &settings.peers {
            peers.push(peer(&clients, &settings, named).await);
        }
        let peers = Arc::new(Peers::new(peers));
        let work = ReplicateWorker::new(ports, settings.identity(), peers);
        let queues = settings.queues()?;
        let jobs = JobQueues {
            lifecycle: clients.send_messages(&queues.lifecycle.url),
            collect: clients.send_messages(&queues.collect.url),
            replicate: clients.send_messages(&queues.replicate.url),
        };
        let messages = clients.receive_messages(&queues.replicate.url);
        let dead = clients.send_messages(&queues.replicate.dead_letters);
        serve_jobs(JobDoer::new(Arc::new(work), jobs, messages, dead, clock)).await
    })
}

/// Makes a peer's ports. Its role is assumed when the first of them is called.
async fn peer(clients: &Clients, settings: &Settings, peer: &PeerSettings) -> Peer {
    let in_role = clients.in_role(&peer.role, &peer.region).await;
    let ports = Ports {
        table: in_role.write_table(&peer.table),
        objects: in_role.write_objects(&peer.bucket, &peer.key_id),
        keys: in_role.check_keys(&peer.key_id),
        clock: Arc::new(SystemClock),
    };
    Peer::new(peer.identity(), Registry::new(&ports, settings.push_rules))
}
