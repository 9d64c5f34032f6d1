//! Policies are put, read and deleted.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_ecr::Client;
use serde_json::json;

const NAME: &str = "sdk/policies";

pub(crate) async fn run(ecr: &Client) -> Result<()> {
    ecr.create_repository().repository_name(NAME).send().await?;
    of_the_repository(ecr).await?;
    of_lifecycles(ecr).await?;
    ecr.delete_repository().repository_name(NAME).send().await?;
    Ok(())
}

async fn of_the_repository(ecr: &Client) -> Result<()> {
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages" });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let get = || ecr.get_repository_policy().repository_name(NAME).send();
    let error = get().await.err().context("read before it was set")?.into_service_error();
    ensure!(error.is_repository_policy_not_found_exception(), "{error:?}");
    let set = |text: &str| ecr.set_repository_policy().repository_name(NAME).policy_text(text);
    let error = set("{}").send().await.err().context("took no policy")?.into_service_error();
    ensure!(error.is_invalid_parameter_exception(), "{error:?}");
    set(&text).send().await?;
    ensure!(get().await?.policy_text() == Some(text.as_str()));
    let deleted = ecr.delete_repository_policy().repository_name(NAME).send().await?;
    ensure!(deleted.policy_text() == Some(text.as_str()));
    Ok(())
}

async fn of_lifecycles(ecr: &Client) -> Result<()> {
    let rule = json!({
        "rulePriority": 1,
        "description": "keep ten images",
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10 },
        "action": { "type": "expire" },
    });
    let text = json!({ "rules": [rule] }).to_string();
    let get = || ecr.get_lifecycle_policy().repository_name(NAME).send();
    let error = get().await.err().context("read before it was put")?.into_service_error();
    ensure!(error.is_lifecycle_policy_not_found_exception(), "{error:?}");
    let put = ecr.put_lifecycle_policy().repository_name(NAME).lifecycle_policy_text(&text);
    put.send().await?;
    let got = get().await?;
    ensure!(got.lifecycle_policy_text() == Some(text.as_str()));
    ensure!(got.last_evaluated_at().is_some());
    ecr.delete_lifecycle_policy().repository_name(NAME).send().await?;
    ensure!(get().await.is_err());
    Ok(())
}
