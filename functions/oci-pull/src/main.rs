//! Answers GET and HEAD: it reads the registry, and records when images are pulled.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_http};
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_registry::{Pull, ReadPorts};
use berth_settings::{Bodies, oci_api};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.read_table(&settings.table);
        let objects = clients.read_objects(&settings.bucket);
        let keys = clients.unwrap_keys(&settings.key_id);
        let clock = Arc::new(SystemClock);
        let pull = Pull::new(&ReadPorts { table: table.clone(), objects, clock })
            .recording(clients.write_table(&settings.table));
        let open = async || {
            let root = clients.root_credentials(&settings.root_secret).await?;
            let keys = SealingKeys::reading(table.clone(), keys.clone());
            Ok(oci_api(&settings, Bodies::InEvents, root, keys).with_pull(pull.clone()))
        };
        serve_http(&settings, open).await
    })
}
