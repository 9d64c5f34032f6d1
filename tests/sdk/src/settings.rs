//! Settings of the registry are put, read and set back.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    RegistryScanningRule, ReplicationConfiguration, ReplicationDestination, ReplicationRule,
    ScanFrequency, ScanType, ScanningRepositoryFilter, ScanningRepositoryFilterType,
};

pub(crate) async fn run(ecr: &Client) -> Result<()> {
    let token = ecr.get_authorization_token().send().await?;
    let data = token.authorization_data().first().context("no token")?;
    ensure!(data.authorization_token().is_some() && data.proxy_endpoint().is_some());
    ensure!(data.expires_at().is_some_and(|time| time.secs() > 0));
    replication(ecr).await?;
    scanning(ecr).await?;
    account(ecr).await
}

async fn replication(ecr: &Client) -> Result<()> {
    let described = ecr.describe_registry().send().await?;
    let here = described.registry_id().context("no registry")?;
    let destination = ReplicationDestination::builder().region("eu-central-1").registry_id(here);
    let rule = ReplicationRule::builder().destinations(destination.build()?).build()?;
    for rules in [vec![rule], vec![]] {
        let wanted = ReplicationConfiguration::builder().set_rules(Some(rules)).build()?;
        let put = ecr.put_replication_configuration().replication_configuration(wanted.clone());
        ensure!(put.send().await?.replication_configuration() == Some(&wanted));
        let described = ecr.describe_registry().send().await?;
        ensure!(described.replication_configuration() == Some(&wanted));
    }
    Ok(())
}

async fn scanning(ecr: &Client) -> Result<()> {
    let filter = ScanningRepositoryFilter::builder()
        .filter("prod*")
        .filter_type(ScanningRepositoryFilterType::Wildcard)
        .build()?;
    let rule = RegistryScanningRule::builder()
        .scan_frequency(ScanFrequency::ScanOnPush)
        .repository_filters(filter)
        .build()?;
    for rules in [vec![rule], vec![]] {
        ecr.put_registry_scanning_configuration()
            .scan_type(ScanType::Basic)
            .set_rules(Some(rules.clone()))
            .send()
            .await?;
        let read = ecr.get_registry_scanning_configuration().send().await?;
        let found = read.scanning_configuration().context("no configuration")?;
        ensure!(found.scan_type() == Some(&ScanType::Basic) && found.rules() == rules);
    }
    Ok(())
}

async fn account(ecr: &Client) -> Result<()> {
    let put = |value: &str| ecr.put_account_setting().name("BLOB_MOUNTING").value(value).send();
    let error = put("SOMETIMES").await.err().context("took no value")?.into_service_error();
    ensure!(error.is_invalid_parameter_exception(), "{error:?}");
    for value in ["DISABLED", "ENABLED"] {
        put(value).await?;
        let read = ecr.get_account_setting().name("BLOB_MOUNTING").send().await?;
        ensure!(read.value() == Some(value));
    }
    Ok(())
}
