//! `berth federation`: whom of AWS a running registry lets in, by Berth's own operations.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::identity::{text, with_client};
use crate::repository::{Client, ConnectionOptions};

/// Options of `berth federation`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FederationCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: FederationAction,
}

#[derive(Clone, Debug, Subcommand)]
enum FederationAction {
    /// Let AWS principals in; what they may do, say policies that are attached to the trust
    Trust {
        /// Name of the trust
        trust: String,
        /// Account of 12 digits, or ARN of a role, user or session, with wildcards in its name
        #[arg(required = true)]
        principals: Vec<String>,
        /// Longest session, in seconds: 900 to 43200
        #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
        max_session: u64,
    },
    /// Print all trusts, and whom they let in
    List,
    /// Delete a trust; its sessions end within a minute
    Distrust {
        /// Name of the trust
        trust: String,
    },
    /// Give the sessions of a trust a policy, or replace the one of that name
    Attach {
        /// Name of the trust
        trust: String,
        /// Name of the policy
        policy: String,
        /// File with the policy, as JSON
        file: PathBuf,
    },
    /// Take a policy from the sessions of a trust
    Detach {
        /// Name of the trust
        trust: String,
        /// Name of the policy
        policy: String,
    },
    /// Print the names of the policies of a trust
    Policies {
        /// Name of the trust
        trust: String,
    },
}

impl FederationCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| run(client, self.action)).await
    }
}

fn run(client: &Client, action: FederationAction) -> anyhow::Result<()> {
    match action {
        FederationAction::Trust { trust, principals, max_session } => {
            let input = json!({
                "trustName": trust,
                "principals": principals,
                "maxSessionDuration": max_session,
            });
            let output = client.administer("CreateTrust", &input)?;
            println!("{}", text(&output["trust"]["arn"]));
        }
        FederationAction::List => list(client)?,
        FederationAction::Distrust { trust } => {
            client.administer("DeleteTrust", &json!({ "trustName": trust }))?;
            println!("deleted {trust}");
        }
        FederationAction::Attach { trust, policy, file } => {
            let document = std::fs::read_to_string(&file);
            let document = document.with_context(|| file.display().to_string())?;
            let input =
                json!({ "trustName": trust, "policyName": policy, "policyDocument": document });
            client.administer("PutTrustPolicy", &input)?;
            println!("attached {policy} to {trust}");
        }
        FederationAction::Detach { trust, policy } => {
            let input = json!({ "trustName": trust, "policyName": policy });
            client.administer("DeleteTrustPolicy", &input)?;
            println!("detached {policy} from {trust}");
        }
        FederationAction::Policies { trust } => {
            let output = client.administer("ListTrustPolicies", &json!({ "trustName": trust }))?;
            for name in output["policyNames"].as_array().into_iter().flatten() {
                println!("{}", text(name));
            }
        }
    }
    Ok(())
}

fn list(client: &Client) -> anyhow::Result<()> {
    let mut next_token = Value::Null;
    loop {
        let input = json!({ "maxResults": 1000, "nextToken": next_token });
        let output = client.administer("ListTrusts", &input)?;
        for trust in output["trusts"].as_array().into_iter().flatten() {
            let principals = trust["principals"].as_array().into_iter().flatten();
            let principals: Vec<_> = principals.map(text).collect();
            println!("{} {}", text(&trust["trustName"]), principals.join(" "));
        }
        next_token = output["nextToken"].clone();
        if next_token.is_null() {
            return Ok(());
        }
    }
}
