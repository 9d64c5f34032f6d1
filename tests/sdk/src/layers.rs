//! An image is pushed and pulled by the API alone.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, ImageStatus, LayerAvailability};

use crate::image::{Image, digest};

const NAME: &str = "sdk/layers";

pub(crate) async fn run(ecr: &Client) -> Result<()> {
    ecr.create_repository().repository_name(NAME).send().await?;
    let image = Image::new("sdk");
    let put = || ecr.put_image().repository_name(NAME).image_manifest(&image.manifest);
    let early = put().image_tag("v1").send().await.err().context("put without layers")?;
    ensure!(early.into_service_error().is_layers_not_found_exception());

    for blob in &image.blobs {
        upload(ecr, blob).await?;
    }
    let answer = put().image_tag("v1").send().await?;
    let id = answer.image().and_then(|image| image.image_id()).context("no id")?;
    ensure!(id.image_digest() == Some(digest(image.manifest.as_bytes()).as_str()));
    let again = put().image_tag("v1").send().await.err().context("put twice")?;
    ensure!(again.into_service_error().is_image_already_exists_exception());
    put().image_tag("v2").send().await?;

    describe(ecr, &image).await?;
    pull(ecr, &image).await?;
    delete(ecr, id).await
}

/// Uploads a blob in two parts; a part out of order is refused with what the upload has.
async fn upload(ecr: &Client, blob: &[u8]) -> Result<()> {
    let session = ecr.initiate_layer_upload().repository_name(NAME).send().await?;
    let id = session.upload_id().context("no upload")?;
    ensure!(session.part_size().is_some_and(|size| size > 0));
    let (first, second) = blob.split_at(blob.len() / 2);
    let send = |part: &[u8], start: usize| {
        let last = start + part.len() - 1;
        ecr.upload_layer_part()
            .repository_name(NAME)
            .upload_id(id)
            .part_first_byte(i64::try_from(start).unwrap_or(i64::MAX))
            .part_last_byte(i64::try_from(last).unwrap_or(i64::MAX))
            .layer_part_blob(Blob::new(part))
            .send()
    };
    let answer = send(first, 0).await?;
    ensure!(answer.last_byte_received() == Some(i64::try_from(first.len() - 1)?));
    let error = send(second, blob.len()).await.err().context("took a gap")?.into_service_error();
    let aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError::InvalidLayerPartException(
        gap,
    ) = error
    else {
        anyhow::bail!("{error:?}");
    };
    ensure!(gap.last_valid_byte_received() == Some(i64::try_from(first.len() - 1)?));
    send(second, first.len()).await?;
    let complete = || {
        let digests = digest(blob);
        ecr.complete_layer_upload().repository_name(NAME).upload_id(id).layer_digests(digests)
    };
    ensure!(complete().send().await?.layer_digest() == Some(digest(blob).as_str()));
    let again = complete().send().await.err().context("completed twice")?;
    ensure!(again.into_service_error().is_upload_not_found_exception());
    Ok(())
}

async fn describe(ecr: &Client, image: &Image) -> Result<()> {
    let mut pages = ecr.list_images().repository_name(NAME).into_paginator().page_size(1).send();
    let mut tags = Vec::new();
    while let Some(page) = pages.next().await {
        tags.extend(page?.image_ids().iter().filter_map(|id| id.image_tag().map(str::to_owned)));
    }
    ensure!(tags == ["v1", "v2"], "{tags:?}");
    let described = ecr.describe_images().repository_name(NAME).send().await?;
    let detail = described.image_details().first().context("no image")?;
    ensure!(detail.image_tags() == ["v1", "v2"]);
    ensure!(detail.image_status() == Some(&ImageStatus::Active));
    ensure!(detail.image_pushed_at().is_some());
    let size: usize = image.blobs.iter().map(Vec::len).sum();
    ensure!(detail.image_size_in_bytes() == Some(i64::try_from(size)?));
    let layers = ecr
        .batch_check_layer_availability()
        .repository_name(NAME)
        .layer_digests(digest(&image.blobs[1]))
        .layer_digests(digest(b"nowhere"))
        .send()
        .await?;
    let found: Vec<_> = layers.layers().iter().map(|layer| layer.layer_availability()).collect();
    ensure!(found == [Some(&LayerAvailability::Available), Some(&LayerAvailability::Unavailable)]);
    Ok(())
}

async fn pull(ecr: &Client, image: &Image) -> Result<()> {
    let tag = |tag: &str| ImageIdentifier::builder().image_tag(tag).build();
    let got = ecr
        .batch_get_image()
        .repository_name(NAME)
        .image_ids(tag("v1"))
        .image_ids(tag("v9"))
        .send()
        .await?;
    let manifests: Vec<_> = got.images().iter().map(|image| image.image_manifest()).collect();
    ensure!(manifests == [Some(image.manifest.as_str())]);
    let codes: Vec<_> = got.failures().iter().map(|failure| failure.failure_code()).collect();
    ensure!(codes == [Some(&ImageFailureCode::ImageNotFound)]);
    let layer = digest(&image.blobs[1]);
    let get_url = |digest: String| {
        ecr.get_download_url_for_layer().repository_name(NAME).layer_digest(digest).send()
    };
    ensure!(get_url(layer).await?.download_url().is_some_and(|url| url.starts_with("http")));
    let lost = get_url(digest(b"nowhere")).await.err().context("got a layer of nobody")?;
    ensure!(lost.into_service_error().is_layers_not_found_exception());
    Ok(())
}

async fn delete(ecr: &Client, id: &ImageIdentifier) -> Result<()> {
    let full = ecr.delete_repository().repository_name(NAME).send().await;
    let error = full.err().context("deleted with images")?.into_service_error();
    ensure!(error.is_repository_not_empty_exception(), "{error:?}");
    let by_digest =
        ImageIdentifier::builder().set_image_digest(id.image_digest().map(str::to_owned));
    let deleted =
        ecr.batch_delete_image().repository_name(NAME).image_ids(by_digest.build()).send().await?;
    ensure!(deleted.image_ids().len() == 2 && deleted.failures().is_empty(), "{deleted:?}");
    ecr.delete_repository().repository_name(NAME).send().await?;
    Ok(())
}
