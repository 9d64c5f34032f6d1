//! Does the jobs of lifecycle policies: previews, what policies delete and archive, and the archive.

use std::process::ExitCode;
use std::sync::Arc;

use berth_aws::Clients;
use berth_lambda_kit::{run, serve_jobs};
use berth_registry::ports::SystemClock;
use berth_registry::{JobDoer, JobQueues, LifecycleWorker, RemovalPorts};

fn main() -> ExitCode {
    run(async |settings| {
        let clients = Clients::in_function(&settings.region, settings.aws_endpoint.as_deref());
        let table = clients.write_table(&settings.table);
        let objects = clients.read_objects(&settings.bucket);
        let doomed = clients.delete_objects(&settings.bucket);
        let moving = clients.move_objects(&settings.bucket, &settings.key_id);
        let clock = Arc::new(SystemClock);
        let ports = RemovalPorts { table, objects, doomed, clock: clock.clone() };
        let work = LifecycleWorker::new(&ports, moving);
        let queues = settings.queues()?;
        let jobs = JobQueues {
            lifecycle: clients.send_messages(&queues.lifecycle.url),
            collect: clients.send_messages(&queues.collect.url),
            replicate: clients.send_messages(&queues.replicate.url),
        };
        let messages = clients.receive_messages(&queues.lifecycle.url);
        let dead = clients.send_messages(&queues.lifecycle.dead_letters);
        serve_jobs(JobDoer::new(Arc::new(work), jobs, messages, dead, clock)).await
    })
}
