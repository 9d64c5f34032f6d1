//! Answers `POST /`: ECR's JSON API, and the administration of users.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_http};
use berth_registry::Ports;
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_settings::ecr_api;

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let objects = clients.write_objects(&settings.bucket, &settings.key_id);
        let keys = clients.wrap_keys(&settings.key_id);
        let clock = Arc::new(SystemClock);
        let checked = clients.check_keys(&settings.key_id);
        let ports = Ports { table: table.clone(), objects, keys: checked, clock: clock.clone() };
        let open = async || {
            let root = clients.root_credentials(&settings.root_secret).await?;
            let keys = SealingKeys::making(table.clone(), keys.clone(), clock.clone());
            Ok(ecr_api(&settings, &ports, root, keys))
        };
        serve_http(&settings, open).await
    })
}
