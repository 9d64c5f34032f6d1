//! `berth job`: jobs of a running registry that failed too often, by Berth's own operations.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::identity::{text, with_client};
use crate::repository::{Client, ConnectionOptions};

/// Options of `berth job`.
#[derive(Clone, Debug, Args)]
pub(crate) struct JobCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: JobAction,
}

#[derive(Clone, Debug, Subcommand)]
enum JobAction {
    /// Print the jobs that failed too often and were set aside, and why
    List {
        /// Queue: lifecycle, collect, replicate or webhook [default: all]
        queue: Option<String>,
    },
    /// Try jobs again that were set aside
    Retry(Which),
    /// Delete jobs that were set aside
    Purge(Which),
}

/// Which jobs of a queue.
#[derive(Clone, Debug, Args)]
struct Which {
    /// Queue: lifecycle, collect, replicate or webhook
    queue: String,
    /// Id of a job, as `list` prints it; again for each [default: all jobs of the queue]
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
}

impl JobCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            JobAction::List { queue } => list(client, queue.as_deref()),
            JobAction::Retry(which) => {
                let output = client.administer("RetryFailedJobs", &which.input())?;
                println!("retried {}", output["retried"]);
                Ok(())
            }
            JobAction::Purge(which) => {
                let output = client.administer("PurgeFailedJobs", &which.input())?;
                println!("purged {}", output["purged"]);
                Ok(())
            }
        })
        .await
    }
}

impl Which {
    fn input(self) -> Value {
        if self.ids.is_empty() {
            return json!({ "queue": self.queue });
        }
        json!({ "queue": self.queue, "jobIds": self.ids })
    }
}

/// Prints a block of lines for each job.
fn list(client: &Client, queue: Option<&str>) -> anyhow::Result<()> {
    let input = json!({ "queue": queue, "maxResults": 1000 });
    let output = client.administer("ListFailedJobs", &input)?;
    for job in output["failedJobs"].as_array().into_iter().flatten() {
        println!("{} {}", text(&job["queue"]), text(&job["jobId"]));
        println!("  {}", job["reason"].as_str().unwrap_or("its worker ended without a word"));
        println!("  {}", job["job"]);
    }
    Ok(())
}
