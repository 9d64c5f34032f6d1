//! Repositories are made, described in pages, changed, tagged and deleted.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Repository, Tag,
};

const NAMES: [&str; 5] = ["sdk/a", "sdk/b", "sdk/c", "sdk/d", "sdk/e"];

pub(crate) async fn run(ecr: &Client) -> Result<()> {
    for name in NAMES {
        let made = ecr.create_repository().repository_name(name).send().await?;
        check_new(made.repository().context("no repository in the answer")?, name)?;
    }
    let again = ecr.create_repository().repository_name(NAMES[0]).send().await;
    let error = again.err().context("made twice")?.into_service_error();
    ensure!(error.is_repository_already_exists_exception(), "{error:?}");

    pages(ecr).await?;
    change(ecr, NAMES[0]).await?;
    tag(ecr, NAMES[0]).await?;

    for name in NAMES {
        let gone = ecr.delete_repository().repository_name(name).send().await?;
        ensure!(gone.repository().and_then(Repository::repository_name) == Some(name));
    }
    let lost = ecr.describe_repositories().repository_names(NAMES[0]).send().await;
    let error = lost.err().context("described after its deletion")?.into_service_error();
    ensure!(error.is_repository_not_found_exception(), "{error:?}");
    ensure!(error.meta().message().is_some_and(|text| text.contains(NAMES[0])), "{error:?}");
    Ok(())
}

fn check_new(repository: &Repository, name: &str) -> Result<()> {
    ensure!(repository.repository_name() == Some(name));
    ensure!(repository.repository_arn().is_some_and(|arn| arn.ends_with(name)));
    ensure!(repository.repository_uri().is_some_and(|uri| uri.ends_with(name)));
    ensure!(repository.created_at().is_some_and(|time| time.secs() > 0));
    ensure!(repository.image_tag_mutability() == Some(&ImageTagMutability::Mutable));
    ensure!(repository.image_scanning_configuration().is_some_and(|scan| !scan.scan_on_push()));
    let encryption = repository.encryption_configuration().context("no encryption")?;
    ensure!(encryption.encryption_type() == &EncryptionType::Aes256);
    Ok(())
}

async fn pages(ecr: &Client) -> Result<()> {
    let mut pages = ecr.describe_repositories().into_paginator().page_size(2).send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page?;
        ensure!(page.repositories().len() <= 2);
        found.extend(
            page.repositories().iter().filter_map(Repository::repository_name).map(str::to_owned),
        );
    }
    let ours: Vec<&String> = found.iter().filter(|name| NAMES.contains(&name.as_str())).collect();
    ensure!(ours == NAMES, "{found:?}");
    Ok(())
}

async fn change(ecr: &Client, name: &str) -> Result<()> {
    let filter = ImageTagMutabilityExclusionFilter::builder()
        .filter("dev-*")
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .build()?;
    let put = ecr
        .put_image_tag_mutability()
        .repository_name(name)
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .image_tag_mutability_exclusion_filters(filter.clone())
        .send()
        .await?;
    ensure!(put.image_tag_mutability_exclusion_filters() == [filter]);
    let scan = ImageScanningConfiguration::builder().scan_on_push(true).build();
    ecr.put_image_scanning_configuration()
        .repository_name(name)
        .image_scanning_configuration(scan.clone())
        .send()
        .await?;
    let described = ecr.describe_repositories().repository_names(name).send().await?;
    let repository = described.repositories().first().context("no repository")?;
    ensure!(repository.image_tag_mutability() == Some(&ImageTagMutability::ImmutableWithExclusion));
    ensure!(repository.image_scanning_configuration() == Some(&scan));
    Ok(())
}

async fn tag(ecr: &Client, name: &str) -> Result<()> {
    let described = ecr.describe_repositories().repository_names(name).send().await?;
    let arn = described.repositories()[0].repository_arn().context("no ARN")?;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let (team, cost) = (tag("team", "sdk")?, tag("cost", "")?);
    ecr.tag_resource().resource_arn(arn).tags(team).tags(cost.clone()).send().await?;
    ecr.untag_resource().resource_arn(arn).tag_keys("team").send().await?;
    let tags = ecr.list_tags_for_resource().resource_arn(arn).send().await?;
    ensure!(tags.tags() == [cost], "{tags:?}");
    let reserved = ecr.tag_resource().resource_arn(arn).tags(tag("aws:team", "sdk")?).send().await;
    let error = reserved.err().context("took a reserved tag")?.into_service_error();
    ensure!(error.is_invalid_tag_parameter_exception(), "{error:?}");
    Ok(())
}
