//! `berth credential-process`: proves an AWS identity to a registry, and prints the credentials that
//! the registry gives for it, as
//! [AWS's clients read them](https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html).
//!
//! What is sent is a request of `sts:GetCallerIdentity`, signed with the caller's AWS credentials. Its
//! signature covers the registry's host, so that no other registry can use it. The credentials
//! themselves stay here.

mod aws_credentials;
mod proof;

use std::path::PathBuf;

use anyhow::Context;
use berth_registry::access::Secret;
use clap::Args;
use http::Uri;
use serde_json::{Value, json};

use self::aws_credentials::AwsCredentials;
use crate::identity::text;
use crate::repository::{agent, parse_secret};

/// Options of `berth credential-process`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CredentialProcessOptions {
    /// URL of the registry
    #[arg(long, env = "BERTH_ENDPOINT_URL", value_name = "URL")]
    registry: Uri,
    /// Profile of the AWS credentials [default: the environment's credentials, or else `default`]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Region of the registry, if its own endpoint of AWS STS is to be asked [default: the global one]
    #[arg(long, value_name = "REGION")]
    region: Option<berth_types::Region>,
    /// Trust that is to let the session in [default: the first that does]
    #[arg(long, value_name = "NAME")]
    trust: Option<String>,
    /// How long the session is to last [default: an hour]
    #[arg(long, value_name = "SECONDS")]
    duration_seconds: Option<u64>,
    /// URL of a stand-in for AWS STS, for tests
    #[arg(long, env = "BERTH_STS_ENDPOINT", value_name = "URL", hide = true)]
    sts_endpoint: Option<Uri>,
    #[command(flatten)]
    aws: AwsOptions,
}

/// Where AWS's clients find credentials: their own variables.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_field_names, reason = "they are named as AWS's variables")]
struct AwsOptions {
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide = true)]
    aws_access_key_id: Option<String>,
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide = true,
        hide_env_values = true,
        value_parser = parse_secret
    )]
    aws_secret_access_key: Option<Secret>,
    #[arg(
        long,
        env = "AWS_SESSION_TOKEN",
        hide = true,
        hide_env_values = true,
        value_parser = parse_secret
    )]
    aws_session_token: Option<Secret>,
    #[arg(long, env = "AWS_PROFILE", hide = true)]
    aws_profile: Option<String>,
    #[arg(long, env = "AWS_SHARED_CREDENTIALS_FILE", hide = true)]
    aws_shared_credentials_file: Option<PathBuf>,
    #[arg(long, env = "AWS_CONFIG_FILE", hide = true)]
    aws_config_file: Option<PathBuf>,
}

impl CredentialProcessOptions {
    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let credentials = tokio::task::spawn_blocking(move || self.exchange()).await??;
        println!("{credentials}");
        Ok(())
    }

    /// Proves who calls, and returns what the registry gives for it.
    fn exchange(self) -> anyhow::Result<Value> {
        let Self { registry, profile, region, trust, duration_seconds, sts_endpoint, aws } = self;
        let credentials = AwsCredentials::find(profile.as_deref(), aws)?;
        let sts = proof::Sts::new(region.as_ref(), sts_endpoint.as_ref())?;
        let headers = proof::sign(&credentials, &sts, &proof::host(&registry)?)?;
        let mut input = json!({ "headers": headers, "body": proof::BODY });
        if let Some(trust) = trust {
            input["trustName"] = trust.into();
        }
        if let Some(seconds) = duration_seconds {
            input["durationSeconds"] = seconds.into();
        }
        let url = format!("{}/session", registry.to_string().trim_end_matches('/'));
        let answer = agent().post(&url).send_json(&input);
        let mut answer = answer.with_context(|| format!("no answer from {registry}"))?;
        let status = answer.status();
        let output = answer.body_mut().read_json::<Value>();
        let output = output.with_context(|| {
            format!("{registry} answered {status}, but not as a registry that begins sessions does")
        })?;
        if !status.is_success() {
            anyhow::bail!("{} ({})", text(&output["message"]), text(&output["__type"]));
        }
        let given = &output["credentials"];
        Ok(json!({
            "Version": 1,
            "AccessKeyId": given["accessKeyId"],
            "SecretAccessKey": given["secretAccessKey"],
            "SessionToken": given["sessionToken"],
            "Expiration": given["expiration"],
        }))
    }
}
