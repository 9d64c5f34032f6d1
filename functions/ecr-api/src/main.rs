//! Answers `POST /`: ECR's JSON API, and the administration of users.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_http};
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_registry::{DeadLetters, FailedJobs, JobQueue, Ports};
use berth_settings::{Queues, ecr_api};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let objects = clients.write_objects(&settings.bucket, &settings.key_id);
        let keys = clients.wrap_keys(&settings.key_id);
        let clock = Arc::new(SystemClock);
        let checked = clients.check_keys(&settings.key_id);
        let ports = Ports { table: table.clone(), objects, keys: checked, clock: clock.clone() };
        let failed_jobs = failed_jobs(&clients, settings.queues()?);
        let open = async || {
            let root = clients.root_credentials(&settings.root_secret).await?;
            let keys = SealingKeys::making(table.clone(), keys.clone(), clock.clone());
            Ok(ecr_api(&settings, &ports, failed_jobs.clone(), root, keys))
        };
        serve_http(&settings, open).await
    })
}

/// Makes what shows and mends the dead letters of each queue.
fn failed_jobs(clients: &Clients, queues: &Queues) -> FailedJobs {
    let lifecycle = DeadLetters::new(
        clients.receive_messages(&queues.lifecycle.dead_letters),
        clients.send_messages(&queues.lifecycle.url),
    );
    let collect = DeadLetters::new(
        clients.receive_messages(&queues.collect.dead_letters),
        clients.send_messages(&queues.collect.url),
    );
    let replicate = DeadLetters::new(
        clients.receive_messages(&queues.replicate.dead_letters),
        clients.send_messages(&queues.replicate.url),
    );
    FailedJobs::new(vec![
        (JobQueue::Lifecycle.as_str(), lifecycle),
        (JobQueue::Collect.as_str(), collect),
        (JobQueue::Replicate.as_str(), replicate),
    ])
}
