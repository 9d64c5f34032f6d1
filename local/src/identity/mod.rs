//! `berth user`, `berth access-key` and `berth policy`: users of a running registry, by Berth's own
//! operations.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::repository::{Client, ConnectionOptions};

/// Options of `berth user`.
#[derive(Clone, Debug, Args)]
pub(crate) struct UserCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: UserAction,
}

#[derive(Clone, Debug, Subcommand)]
enum UserAction {
    /// Make a user, and print its ARN
    Create {
        /// Name of the user
        user: String,
    },
    /// Print the names of all users
    List,
    /// Delete a user, with its access keys and policies
    Delete {
        /// Name of the user
        user: String,
    },
}

/// Options of `berth access-key`.
#[derive(Clone, Debug, Args)]
pub(crate) struct AccessKeyCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: AccessKeyAction,
}

#[derive(Clone, Debug, Subcommand)]
enum AccessKeyAction {
    /// Make an access key, and print its id and, this once, its secret
    Create {
        /// Name of the user
        user: String,
    },
    /// Print the access keys of a user, and whether they are active
    List {
        /// Name of the user
        user: String,
    },
    /// Switch an access key off; its tokens end within a minute
    Deactivate {
        /// Name of the user
        user: String,
        /// Id of the access key
        id: String,
    },
    /// Delete an access key; its tokens end within a minute
    Delete {
        /// Name of the user
        user: String,
        /// Id of the access key
        id: String,
    },
}

/// Options of `berth policy`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyCommand {
    #[command(flatten)]
    connection: ConnectionOptions,
    #[command(subcommand)]
    action: PolicyAction,
}

#[derive(Clone, Debug, Subcommand)]
enum PolicyAction {
    /// Give a user a policy, or replace the one of that name
    Attach {
        /// Name of the user
        user: String,
        /// Name of the policy
        policy: String,
        /// File with the policy, as JSON
        file: PathBuf,
    },
    /// Take a policy from a user
    Detach {
        /// Name of the user
        user: String,
        /// Name of the policy
        policy: String,
    },
    /// Print the names of the policies of a user
    List {
        /// Name of the user
        user: String,
    },
}

impl UserCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            UserAction::Create { user } => {
                let output = client.administer("CreateUser", &json!({ "userName": user }))?;
                println!("{}", text(&output["user"]["arn"]));
                Ok(())
            }
            UserAction::List => list_users(client),
            UserAction::Delete { user } => {
                client.administer("DeleteUser", &json!({ "userName": user }))?;
                println!("deleted {user}");
                Ok(())
            }
        })
        .await
    }
}

impl AccessKeyCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            AccessKeyAction::Create { user } => {
                let output = client.administer("CreateAccessKey", &json!({ "userName": user }))?;
                let key = &output["accessKey"];
                println!("id      {}", text(&key["accessKeyId"]));
                println!("secret  {}", text(&key["secretAccessKey"]));
                Ok(())
            }
            AccessKeyAction::List { user } => {
                let output = client.administer("ListAccessKeys", &json!({ "userName": user }))?;
                for key in output["accessKeyMetadata"].as_array().into_iter().flatten() {
                    println!("{} {}", text(&key["accessKeyId"]), text(&key["status"]));
                }
                Ok(())
            }
            AccessKeyAction::Deactivate { user, id } => {
                let input = json!({ "userName": user, "accessKeyId": id, "status": "Inactive" });
                client.administer("UpdateAccessKey", &input)?;
                println!("deactivated {id}");
                Ok(())
            }
            AccessKeyAction::Delete { user, id } => {
                let input = json!({ "userName": user, "accessKeyId": id });
                client.administer("DeleteAccessKey", &input)?;
                println!("deleted {id}");
                Ok(())
            }
        })
        .await
    }
}

impl PolicyCommand {
    /// Runs the command against the registry.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        with_client(self.connection, |client| match self.action {
            PolicyAction::Attach { user, policy, file } => {
                let document = std::fs::read_to_string(&file);
                let document = document.with_context(|| file.display().to_string())?;
                let input =
                    json!({ "userName": user, "policyName": policy, "policyDocument": document });
                client.administer("PutUserPolicy", &input)?;
                println!("attached {policy} to {user}");
                Ok(())
            }
            PolicyAction::Detach { user, policy } => {
                let input = json!({ "userName": user, "policyName": policy });
                client.administer("DeleteUserPolicy", &input)?;
                println!("detached {policy} from {user}");
                Ok(())
            }
            PolicyAction::List { user } => {
                let output = client.administer("ListUserPolicies", &json!({ "userName": user }))?;
                for name in output["policyNames"].as_array().into_iter().flatten() {
                    println!("{}", text(name));
                }
                Ok(())
            }
        })
        .await
    }
}

fn list_users(client: &Client) -> anyhow::Result<()> {
    let mut next_token = Value::Null;
    loop {
        let input = json!({ "maxResults": 1000, "nextToken": next_token });
        let output = client.administer("ListUsers", &input)?;
        for user in output["users"].as_array().into_iter().flatten() {
            println!("{}", text(&user["userName"]));
        }
        next_token = output["nextToken"].clone();
        if next_token.is_null() {
            return Ok(());
        }
    }
}

/// Runs `act`, which waits for answers, beside the runtime's own threads.
pub(crate) async fn with_client(
    connection: ConnectionOptions,
    act: impl FnOnce(&Client) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || act(&Client::new(connection)?)).await?
}

/// Returns a member that is text.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
