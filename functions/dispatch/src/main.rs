//! Dispatches events that the table's stream tells of: it publishes them, and queues the jobs that
//! follow from them.

use std::process::ExitCode;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_outbox};
use berth_registry::{Dispatch, JobQueues};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let events = clients.publish_events();
        let queues = settings.queues()?;
        let jobs = JobQueues {
            lifecycle: clients.send_messages(&queues.lifecycle.url),
            collect: clients.send_messages(&queues.collect.url),
            replicate: clients.send_messages(&queues.replicate.url),
        };
        serve_outbox(Dispatch::new(table, events, jobs, settings.identity())).await
    })
}
