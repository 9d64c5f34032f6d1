//! Manifests: read, asked for, pushed, deleted.
//!
//! Follows [Pulling manifests](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests)
//! and [Pushing manifests](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests).

use berth_registry::access::Action;
use berth_registry::{PutManifest, RegistryError};
use berth_types::{Digest, MediaType, Reference, RepositoryName, Tag};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::response::Builder;

use crate::api::{Answer, Call};
use crate::body::{RequestBody, ResponseBody, collect};
use crate::error::OciError;
use crate::headers::{
    DOCKER_CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, accepts, client_has, empty, etag, finish,
    response, text, with_bytes,
};

/// Largest manifest, in bytes, as the specification recommends.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// The most tags of one push.
const MOST_TAGS: usize = 16;

impl Call<'_> {
    pub(crate) async fn head_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Answer {
        let pull = self.pull()?;
        let permit = self.images_permit(Action::BatchGetImage, name).await?;
        let permit = pull.permit_for(&permit, &reference.into()).await?;
        let head = pull.head_manifest(&permit, reference).await?;
        self.must_accept(name, reference, &head.media_type)?;
        if client_has(&self.parts.headers, &head.digest) {
            return empty(manifest_headers(StatusCode::NOT_MODIFIED, &head.digest));
        }
        let builder = manifest_headers(StatusCode::OK, &head.digest)
            .header(CONTENT_TYPE, head.media_type.as_str())
            .header(CONTENT_LENGTH, head.size);
        finish(builder, ResponseBody::empty())
    }

    pub(crate) async fn get_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Answer {
        let pull = self.pull()?;
        let permit = self.images_permit(Action::BatchGetImage, name).await?;
        let permit = pull.permit_for(&permit, &reference.into()).await?;
        let manifest = pull.get_manifest(&permit, reference).await?;
        self.must_accept(name, reference, &manifest.media_type)?;
        if client_has(&self.parts.headers, &manifest.digest) {
            return empty(manifest_headers(StatusCode::NOT_MODIFIED, &manifest.digest));
        }
        let builder = manifest_headers(StatusCode::OK, &manifest.digest)
            .header(CONTENT_TYPE, manifest.media_type.as_str());
        with_bytes(builder, manifest.bytes)
    }

    pub(crate) async fn put_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        body: RequestBody,
    ) -> Answer {
        let push = self.push()?;
        let tags = self.tag_parameters()?;
        let mut facts = self.facts.clone();
        facts.image_tags = tags.iter().chain(reference.tag()).cloned().collect();
        let permit = self.permit_with(Action::PutImage, name, &facts).await?;
        let create = self.optional_permit(Action::CreateRepository, name).await?;
        let content_type = text(&self.parts.headers, CONTENT_TYPE, "Content-Type")?;
        let content_type = content_type.as_deref().map(MediaType::from_content_type).transpose();
        let content_type = content_type.map_err(|_| OciError::ManifestType)?;
        let bytes = collect(body, LARGEST_MANIFEST).await?;
        let put = PutManifest { reference: reference.clone(), tags, content_type, bytes };
        let tags = put.tags.clone();
        let pushed = push.put_manifest(&permit, create.as_ref(), put).await?;
        let location = format!("/v2/{name}/manifests/{}", pushed.digest);
        let mut builder = response(StatusCode::CREATED)
            .header(LOCATION, location)
            .header(DOCKER_CONTENT_DIGEST, pushed.digest.as_str());
        if let Some(subject) = &pushed.subject {
            builder = builder.header(OCI_SUBJECT, subject.as_str());
        }
        for tag in &tags {
            builder = builder.header(OCI_TAG, tag.as_str());
        }
        empty(builder)
    }

    pub(crate) async fn delete_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Answer {
        let removal = self.removal()?;
        let permit = self.images_permit(Action::BatchDeleteImage, name).await?;
        match reference {
            Reference::Digest(digest) => drop(removal.delete_image(&permit, digest).await?),
            Reference::Tag(tag) => {
                let permit = removal.permit_for(&permit, &reference.into()).await?;
                removal.delete_tag(&permit, tag).await?;
            }
        }
        empty(response(StatusCode::ACCEPTED))
    }

    /// Reads the parameters `tag`, which give a pushed manifest more tags.
    fn tag_parameters(&self) -> Result<Vec<Tag>, OciError> {
        let refused =
            |error: berth_types::ParseTagError| OciError::Parameter("tag", error.to_string());
        let tags: Result<Vec<Tag>, _> =
            self.query.all("tag").map(|tag| tag.parse().map_err(refused)).collect();
        let tags = tags?;
        if tags.len() > MOST_TAGS {
            return Err(OciError::TooManyTags(MOST_TAGS));
        }
        Ok(tags)
    }

    /// Refuses to answer with a type that the client does not accept.
    fn must_accept(
        &self,
        name: &RepositoryName,
        reference: &Reference,
        media_type: &MediaType,
    ) -> Result<(), RegistryError> {
        if accepts(&self.parts.headers, media_type.as_str()) {
            return Ok(());
        }
        Err(RegistryError::ManifestNotAccepted {
            repository: name.clone(),
            reference: reference.clone(),
            media_type: media_type.clone(),
        })
    }
}

fn manifest_headers(status: StatusCode, digest: &Digest) -> Builder {
    response(status).header(DOCKER_CONTENT_DIGEST, digest.as_str()).header(ETAG, etag(digest))
}
