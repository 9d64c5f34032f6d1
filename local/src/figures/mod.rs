//! `berth figures`: how many images a running registry has, and how large they are.

use clap::Args;
use serde_json::{Value, json};

use crate::repository::{Client, ConnectionOptions};

/// Options of `berth figures`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FiguresCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    /// Only of this repository
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
}

impl FiguresCommand {
    /// Prints a line for each repository, and one for the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let run = move || {
            let client = Client::new(self.connection)?;
            println!("{:>10} {:>16} {:>20}  repository", "images", "manifest bytes", "image bytes");
            match self.repository {
                Some(name) => of_repository(&client, &name),
                None => of_registry(&client),
            }
        };
        tokio::task::spawn_blocking(run).await?
    }
}

fn of_repository(client: &Client, name: &str) -> anyhow::Result<()> {
    let input = json!({ "repositoryName": name });
    let output = client.administer("GetRepositoryStorageFigures", &input)?;
    print(&output["repository"]);
    Ok(())
}

fn of_registry(client: &Client) -> anyhow::Result<()> {
    let mut next_token = Value::Null;
    loop {
        let input = json!({ "maxResults": 1000, "nextToken": next_token });
        let output = client.administer("GetStorageFigures", &input)?;
        output["repositories"].as_array().into_iter().flatten().for_each(print);
        next_token = output["nextToken"].clone();
        if next_token.is_null() {
            print(&output["registry"]);
            return Ok(());
        }
    }
}

fn print(figures: &Value) {
    let number = |name: &str| figures[name].as_u64().unwrap_or_default();
    let name = figures["repositoryName"].as_str().unwrap_or("all repositories");
    let extent = match figures["extent"].as_str() {
        Some("SOME_IMAGES") => " (not all images are counted yet)",
        _ => "",
    };
    println!(
        "{:>10} {:>16} {:>20}  {name}{extent}",
        number("imageCount"),
        number("manifestSizeInBytes"),
        number("imageSizeInBytes"),
    );
}
