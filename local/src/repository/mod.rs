//! `berth repository`: makes, lists and deletes repositories of a running registry, by the same
//! operations that AWS clients call.

mod access_key;
mod client;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

pub(crate) use self::access_key::parse_secret;
pub(crate) use self::client::{Client, agent};

/// Options of `berth repository`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RepositoryCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: Action,
}

/// Where the registry is, and who calls.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConnectionOptions {
    /// URL of the registry
    #[arg(
        long,
        global = true,
        env = "BERTH_ENDPOINT_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:5001"
    )]
    endpoint_url: http::Uri,
    /// Region of the registry
    #[arg(
        long,
        global = true,
        env = "BERTH_REGION",
        value_name = "REGION",
        default_value = "us-east-1"
    )]
    region: String,
    /// Access key id of the root user [default: read from the data folder]
    #[arg(long, global = true, env = "BERTH_ROOT_ACCESS_KEY_ID", value_name = "ID")]
    access_key_id: Option<String>,
    /// Secret access key of the root user [default: read from the data folder]
    #[arg(
        long,
        global = true,
        env = "BERTH_ROOT_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true,
        value_parser = access_key::parse_secret
    )]
    secret_access_key: Option<berth_registry::access::Secret>,
    /// Data folder of `berth serve`, which keeps the root's access key
    #[arg(
        long,
        global = true,
        env = "BERTH_DATA_DIR",
        value_name = "DIR",
        default_value = "./berth-data"
    )]
    data_dir: PathBuf,
}

#[derive(Clone, Debug, Subcommand)]
enum Action {
    /// Make a repository, and print its URI
    Create(CreateOptions),
    /// Print the names of all repositories
    List,
    /// Delete a repository
    Delete(DeleteOptions),
}

#[derive(Clone, Debug, Args)]
struct CreateOptions {
    /// Name of the repository, such as team/app
    name: String,
    /// Whether tags may move to another image
    #[arg(long, value_enum, value_name = "SETTING", default_value = "mutable")]
    tag_mutability: TagMutability,
    /// Tags that the setting does not hold for, such as dev-*; up to 5
    #[arg(long, value_name = "FILTER")]
    exclude_tag: Vec<String>,
    /// Scan images when they are pushed
    #[arg(long)]
    scan_on_push: bool,
}

#[derive(Clone, Debug, Args)]
struct DeleteOptions {
    /// Name of the repository
    name: String,
    /// Delete its images with it
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TagMutability {
    Mutable,
    Immutable,
}

impl RepositoryCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let run = move || {
            let client = Client::new(self.connection)?;
            match self.action {
                Action::Create(options) => create(&client, &options),
                Action::List => list(&client),
                Action::Delete(options) => delete(&client, &options),
            }
        };
        tokio::task::spawn_blocking(run).await?
    }
}

fn create(client: &Client, options: &CreateOptions) -> anyhow::Result<()> {
    let excludes = !options.exclude_tag.is_empty();
    let setting = match (options.tag_mutability, excludes) {
        (TagMutability::Mutable, false) => "MUTABLE",
        (TagMutability::Mutable, true) => "MUTABLE_WITH_EXCLUSION",
        (TagMutability::Immutable, false) => "IMMUTABLE",
        (TagMutability::Immutable, true) => "IMMUTABLE_WITH_EXCLUSION",
    };
    let filters = options.exclude_tag.iter();
    let filters: Vec<_> =
        filters.map(|filter| json!({ "filterType": "WILDCARD", "filter": filter })).collect();
    let input = json!({
        "repositoryName": options.name,
        "imageTagMutability": setting,
        "imageTagMutabilityExclusionFilters": excludes.then_some(filters),
        "imageScanningConfiguration": { "scanOnPush": options.scan_on_push },
    });
    let output = client.call("CreateRepository", &input)?;
    println!("{}", text(&output["repository"]["repositoryUri"]));
    Ok(())
}

fn list(client: &Client) -> anyhow::Result<()> {
    let mut next_token = Value::Null;
    loop {
        let input = json!({ "maxResults": 1000, "nextToken": next_token });
        let output = client.call("DescribeRepositories", &input)?;
        for repository in output["repositories"].as_array().into_iter().flatten() {
            println!("{}", text(&repository["repositoryName"]));
        }
        next_token = output["nextToken"].clone();
        if next_token.is_null() {
            return Ok(());
        }
    }
}

fn delete(client: &Client, options: &DeleteOptions) -> anyhow::Result<()> {
    let input = json!({ "repositoryName": options.name, "force": options.force });
    let output = client.call("DeleteRepository", &input)?;
    println!("deleted {}", text(&output["repository"]["repositoryName"]));
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
