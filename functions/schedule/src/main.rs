//! Queues the jobs that come round, and dispatches events that were left.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{Tick, run, serve_timer};
use berth_registry::ports::SystemClock;
use berth_registry::{Dispatch, JobQueues, Schedule};

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
        let schedule = Schedule::new(table.clone(), Arc::new(SystemClock), Schedule::DAY);
        let dispatch = Dispatch::new(table, events, jobs, settings.identity());
        serve_timer(async |Tick { now, half }| {
            let asked = schedule.tick(half).await;
            // Also if that failed: what lies in the outbox does not wait for it.
            dispatch.sweep_left(now).await?;
            asked
        })
        .await
    })
}
