//! AWS's SDK for Rust as a client of a running registry.
//!
//! Each scenario makes a repository, uses it by the SDK's generated operations, paginators and typed
//! errors, and deletes it. `tests/api/test_rust_sdk.py` runs them. Nothing else of the workspace is
//! linked: what the SDK makes of an answer is all that is known of the registry here.

mod image;
mod layers;
mod policies;
mod repositories;
mod settings;

use anyhow::Result;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use clap::{Parser, ValueEnum};

/// Runs one scenario against a registry; fails with what was not as expected.
#[derive(Debug, Parser)]
struct Options {
    /// What to do.
    scenario: Scenario,
    /// URL of the registry.
    #[arg(long)]
    endpoint_url: String,
    /// Region of the registry.
    #[arg(long)]
    region: String,
    /// Access key of a caller who may do everything.
    #[arg(long, env = "AWS_ACCESS_KEY_ID")]
    access_key_id: String,
    /// Secret of the access key.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    secret_access_key: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scenario {
    /// Repositories are made, described in pages, changed, tagged and deleted.
    Repositories,
    /// An image is pushed and pulled by the API alone.
    Layers,
    /// Policies are put, read and deleted.
    Policies,
    /// Settings of the registry are put, read and set back.
    Settings,
}

impl Options {
    fn client(&self) -> Client {
        let key =
            Credentials::new(&self.access_key_id, &self.secret_access_key, None, None, "options");
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_sdk_ecr::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(&self.endpoint_url)
            .credentials_provider(key)
            .http_client(http)
            .build();
        Client::from_conf(config)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let ecr = options.client();
    match options.scenario {
        Scenario::Repositories => repositories::run(&ecr).await,
        Scenario::Layers => layers::run(&ecr).await,
        Scenario::Policies => policies::run(&ecr).await,
        Scenario::Settings => settings::run(&ecr).await,
    }
}
