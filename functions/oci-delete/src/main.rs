//! Answers DELETE: it deletes images, tags, blobs and uploads.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_http};
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_registry::{Removal, RemovalPorts};
use berth_settings::{Bodies, oci_api};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let objects = clients.read_objects(&settings.bucket);
        let doomed = clients.delete_objects(&settings.bucket);
        let keys = clients.unwrap_keys(&settings.key_id);
        let clock = Arc::new(SystemClock);
        let removal = Removal::new(&RemovalPorts { table: table.clone(), objects, doomed, clock });
        let open = async || {
            let root = clients.root_credentials(&settings.root_secret).await?;
            let keys = SealingKeys::reading(table.clone(), keys.clone());
            Ok(oci_api(&settings, Bodies::InEvents, root, keys).with_removal(removal.clone()))
        };
        serve_http(&settings, open).await
    })
}
