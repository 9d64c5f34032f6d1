//! `berth replication`: the rules of a running registry, what refines them, and how far images are.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::identity::{text, with_client};
use crate::repository::{Client, ConnectionOptions};

/// Options of `berth replication`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReplicationCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: ReplicationAction,
}

#[derive(Clone, Debug, Subcommand)]
enum ReplicationAction {
    /// Print the rules and what refines them, as JSON
    Show,
    /// Refine the rules by a JSON file, in place of what refined them before
    Refine {
        /// File such as `{"refinements": [{"tagFilters": ["v*"], "repositorySettings": true}]}`
        file: PathBuf,
    },
    /// Print how far the replications of an image are
    Status {
        /// Repository
        repository: String,
        /// Tag, or digest
        image: String,
    },
}

impl ReplicationCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            ReplicationAction::Show => show(client),
            ReplicationAction::Refine { file } => {
                let text = std::fs::read_to_string(&file)
                    .with_context(|| format!("can't read `{}`", file.display()))?;
                let refinements: Value = serde_json::from_str(&text)
                    .with_context(|| format!("`{}` is not JSON", file.display()))?;
                client.administer("PutReplicationRefinements", &refinements)?;
                Ok(())
            }
            ReplicationAction::Status { repository, image } => status(client, &repository, &image),
        })
        .await
    }
}

fn show(client: &Client) -> anyhow::Result<()> {
    let registry = client.call("DescribeRegistry", &json!({}))?;
    let refinements = client.administer("GetReplicationRefinements", &json!({}))?;
    let all = json!({
        "rules": registry["replicationConfiguration"]["rules"],
        "refinements": refinements["refinements"],
    });
    println!("{all:#}");
    Ok(())
}

/// Prints a line for each destination.
fn status(client: &Client, repository: &str, image: &str) -> anyhow::Result<()> {
    let member = if image.contains(':') { "imageDigest" } else { "imageTag" };
    let input = json!({ "repositoryName": repository, "imageId": { member: image } });
    let output = client.call("DescribeImageReplicationStatus", &input)?;
    for status in output["replicationStatuses"].as_array().into_iter().flatten() {
        let (registry, region) = (text(&status["registryId"]), text(&status["region"]));
        let failure = status["failureCode"].as_str().unwrap_or_default();
        let line = format!("{registry}/{region} {} {failure}", text(&status["status"]));
        println!("{}", line.trim_end());
    }
    Ok(())
}
