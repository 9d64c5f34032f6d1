//! `berth lifecycle`: what a lifecycle policy would do to the images of a running registry.

mod report;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::sleep;

use self::report::Report;
use crate::identity::{text, with_client};
use crate::repository::{Client, ConnectionOptions};

/// How long a preview is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// The first pause before it is asked again how far a preview is; each further one is longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Options of `berth lifecycle`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LifecycleCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: LifecycleAction,
}

#[derive(Clone, Debug, Subcommand)]
enum LifecycleAction {
    /// Print which images a lifecycle policy would delete, archive or untag, and why, rule by rule
    Preview {
        /// File with the policy, as JSON
        file: PathBuf,
        /// Name of the repository [default: all repositories, one after another]
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
    },
}

impl LifecycleCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            LifecycleAction::Preview { file, repository: Some(name) } => {
                preview(client, &read(&file)?, &name)
            }
            LifecycleAction::Preview { file, repository: None } => {
                preview_all(client, &read(&file)?)
            }
        })
        .await
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

fn preview_all(client: &Client, policy: &str) -> anyhow::Result<()> {
    let mut next_token = Value::Null;
    loop {
        let input = json!({ "maxResults": 1000, "nextToken": next_token });
        let output = client.call("DescribeRepositories", &input)?;
        for repository in output["repositories"].as_array().into_iter().flatten() {
            preview(client, policy, text(&repository["repositoryName"]))?;
        }
        next_token = output["nextToken"].clone();
        if next_token.is_null() {
            return Ok(());
        }
    }
}

/// Previews a policy over one repository, and prints what comes of it.
fn preview(client: &Client, policy: &str, name: &str) -> anyhow::Result<()> {
    let input = json!({ "repositoryName": name, "lifecyclePolicyText": policy });
    client.call("StartLifecyclePolicyPreview", &input)?;
    let mut page = wait(client, policy, name)?;
    let mut report = Report::new(name, &page["summary"]);
    loop {
        report.add(&page["results"]);
        if page["nextToken"].is_null() {
            print!("{report}");
            return Ok(());
        }
        page = read_page(client, policy, name, &page["nextToken"])?;
    }
}

/// Waits until the preview is complete, and returns its first page.
fn wait(client: &Client, policy: &str, name: &str) -> anyhow::Result<Value> {
    let (end, mut pause) = (Instant::now() + PATIENCE, FIRST_PAUSE);
    loop {
        let page = read_page(client, policy, name, &Value::Null)?;
        match text(&page["status"]) {
            "COMPLETE" => return Ok(page),
            // This thread is one of those that may block.
            "IN_PROGRESS" if Instant::now() < end => Handle::current().block_on(sleep(pause)),
            status => anyhow::bail!("the preview of {name} did not end well: it is {status}"),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Reads a page of the preview of `policy`, of which the repository may have another one by now.
fn read_page(
    client: &Client,
    policy: &str,
    name: &str,
    next_token: &Value,
) -> anyhow::Result<Value> {
    let input = json!({ "repositoryName": name, "nextToken": next_token });
    let page = client.administer("GetLifecyclePolicyPreviewReport", &input)?;
    let is_ours = text(&page["lifecyclePolicyText"]) == policy;
    anyhow::ensure!(is_ours, "somebody began another preview of {name}: try again");
    Ok(page)
}
