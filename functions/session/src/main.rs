//! Answers `POST /session`: it gives sessions to AWS principals that the registry trusts, and serves
//! no part of the registry.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_http};
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_settings::session_api;

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let keys = clients.wrap_keys(&settings.key_id);
        let clock = Arc::new(SystemClock);
        let open = async || {
            let keys = SealingKeys::making(table.clone(), keys.clone(), clock.clone());
            session_api(&settings, table.clone(), keys)
        };
        serve_http(&settings, open).await
    })
}
