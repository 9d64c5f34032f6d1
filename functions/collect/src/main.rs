//! Collects layers that no image uses, uploads that nobody ends, what deleted repositories left, and
//! objects that nothing names.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_jobs};
use berth_registry::ports::SystemClock;
use berth_registry::{CollectPorts, CollectWorker, GracePeriods, JobDoer, JobQueues};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let listed = clients.list_objects(&settings.bucket);
        let doomed = clients.delete_objects(&settings.bucket);
        let clock = Arc::new(SystemClock);
        let ports = CollectPorts { table, listed, doomed, clock: clock.clone() };
        let work = CollectWorker::new(ports, GracePeriods::default());
        let queues = settings.queues()?;
        let jobs = JobQueues {
            lifecycle: clients.send_messages(&queues.lifecycle.url),
            collect: clients.send_messages(&queues.collect.url),
            replicate: clients.send_messages(&queues.replicate.url),
        };
        let messages = clients.receive_messages(&queues.collect.url);
        let dead = clients.send_messages(&queues.collect.dead_letters);
        serve_jobs(JobDoer::new(Arc::new(work), jobs, messages, dead, clock)).await
    })
}
