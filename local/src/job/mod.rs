//! `berth job`: jobs of a running registry that failed too often, by Berth's own operations.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::identity::{text, with_client};
use crate::repository::{Client, ConnectionOptions};

/// The most jobs of a queue that are listed.
const MOST_LISTED: usize = 1000;

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
                println!("purged {}", purge(client, &which.input())?);
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

/// Deletes jobs. All of a queue may take several calls, since one ends in bounded time.
fn purge(client: &Client, input: &Value) -> anyhow::Result<u64> {
    let mut purged = 0;
    loop {
        let output = client.administer("PurgeFailedJobs", input)?;
        let some = output["purged"].as_u64().unwrap_or_default();
        purged += some;
        if some == 0 || input.get("jobIds").is_some() {
            return Ok(purged);
        }
    }
}

/// Prints a block of lines for each job. Queues have no pages: of more than [`MOST_LISTED`] it says so.
fn list(client: &Client, queue: Option<&str>) -> anyhow::Result<()> {
    let input = json!({ "queue": queue, "maxResults": MOST_LISTED });
    let output = client.administer("ListFailedJobs", &input)?;
    let jobs = output["failedJobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    for queue in jobs.chunk_by(|one, next| one["queue"] == next["queue"]) {
        if queue.len() >= MOST_LISTED {
            let name = text(&queue[0]["queue"]);
            eprintln!("{name} has {MOST_LISTED} jobs or more, of which these are some");
        }
    }
    for job in jobs {
        println!("{} {}", text(&job["queue"]), text(&job["jobId"]));
        println!("  {}", job["reason"].as_str().unwrap_or("its worker ended without a word"));
        println!("  {}", job["job"]);
    }
    Ok(())
}
