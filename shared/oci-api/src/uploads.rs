//! Uploads of blobs.
//!
//! Follows [Pushing blobs](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs)
//! and the sections after it: monolithic, chunked, mounted from another repository.

use berth_registry::access::{Action, RepositoryPermit};
use berth_registry::{Chunk, MountFrom};
use berth_types::{Algorithm, Digest, RepositoryName, UploadId};
use http::StatusCode;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::response::Builder;

use crate::api::{Answer, Call};
use crate::body::{RequestBody, stream};
use crate::error::OciError;
use crate::headers::{
    DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH, content_length, empty,
    response, text,
};
use crate::range;

impl Call<'_> {
    /// Begins an upload; with `mount`, links a blob of another repository instead if it can; with
    /// `digest`, takes the whole blob at once.
    pub(crate) async fn post_upload(&self, name: &RepositoryName, body: RequestBody) -> Answer {
        let permit = self.permit(Action::InitiateLayerUpload, name)?;
        let create = self.permit(Action::CreateRepository, name).ok();
        if let Some(digest) = self.digest("mount")?
            && self.mount(&permit, create.as_ref(), &digest).await?
        {
            return empty(created(name, &digest));
        }
        let push = &self.api.registry.push;
        if let Some(digest) = self.digest("digest")? {
            let chunk = self.chunk(body)?;
            push.upload_whole(&permit, create.as_ref(), &digest, chunk).await?;
            return empty(created(name, &digest));
        }
        let upload = push.begin_upload(&permit, create.as_ref(), self.algorithm()?).await?;
        let least = self.api.settings.chunk_min_length;
        let builder = progress(StatusCode::ACCEPTED, name, &upload, 0);
        empty(builder.header(OCI_CHUNK_MIN_LENGTH, least))
    }

    pub(crate) async fn get_upload(&self, name: &RepositoryName, upload: &UploadId) -> Answer {
        let permit = self.permit(Action::UploadLayerPart, name)?;
        let offset = self.api.registry.pull.upload_offset(&permit, upload).await?;
        empty(progress(StatusCode::NO_CONTENT, name, upload, offset))
    }

    pub(crate) async fn patch_upload(
        &self,
        name: &RepositoryName,
        upload: &UploadId,
        body: RequestBody,
    ) -> Answer {
        let permit = self.permit(Action::UploadLayerPart, name)?;
        let chunk = self.chunk(body)?;
        let offset = self.api.registry.push.append(&permit, upload, chunk).await?;
        empty(progress(StatusCode::ACCEPTED, name, upload, offset))
    }

    pub(crate) async fn put_upload(
        &self,
        name: &RepositoryName,
        upload: &UploadId,
        body: RequestBody,
    ) -> Answer {
        let permit = self.permit(Action::CompleteLayerUpload, name)?;
        let digest = self.digest("digest")?.ok_or(OciError::ParameterMissing("digest"))?;
        let chunk = self.chunk(body)?;
        self.api.registry.push.finish_upload(&permit, upload, &digest, chunk).await?;
        empty(created(name, &digest))
    }

    pub(crate) async fn delete_upload(&self, name: &RepositoryName, upload: &UploadId) -> Answer {
        let permit = self.permit(Action::UploadLayerPart, name)?;
        self.api.registry.removal.cancel_upload(&permit, upload).await?;
        empty(response(StatusCode::NO_CONTENT))
    }

    async fn mount(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        digest: &Digest,
    ) -> Result<bool, OciError> {
        let principal = self.caller.unscoped();
        let download = |name: &RepositoryName| {
            self.api.gate.repository(&principal, Action::GetDownloadUrlForLayer, name).ok()
        };
        let from = match self.query.get("from").filter(|from| !from.is_empty()) {
            None => MountFrom::Any(&download),
            // A source that is no name, or that the caller may not read, has nothing to mount.
            Some(from) => match from.parse().ok().and_then(|name| download(&name)) {
                Some(permit) => MountFrom::Repository(permit),
                None => return Ok(false),
            },
        };
        Ok(self.api.registry.push.mount(permit, create, digest, from).await?)
    }

    fn digest(&self, parameter: &'static str) -> Result<Option<Digest>, OciError> {
        let Some(text) = self.query.get(parameter) else { return Ok(None) };
        let refused = |error: berth_types::ParseDigestError| OciError::Digest(error.to_string());
        text.parse().map(Some).map_err(refused)
    }

    fn algorithm(&self) -> Result<Algorithm, OciError> {
        let Some(text) = self.query.get("digest-algorithm") else { return Ok(Algorithm::Sha256) };
        let refused = |error: berth_types::ParseDigestError| OciError::Digest(error.to_string());
        text.parse().map_err(refused)
    }

    /// Reads where a chunk begins and how long it is from its headers.
    fn chunk(&self, body: RequestBody) -> Result<Chunk, OciError> {
        let headers = &self.parts.headers;
        let length = content_length(headers)?;
        let body = stream(body);
        let Some(header) = text(headers, CONTENT_RANGE, "Content-Range")? else {
            return Ok(Chunk { start: None, length, body });
        };
        let range = range::chunk(&header).ok_or(OciError::Header("Content-Range"))?;
        let expected = range.end - range.start;
        if let Some(actual) = length.filter(|length| *length != expected) {
            let error = berth_registry::RegistryError::SizeMismatch { expected, actual };
            return Err(error.into());
        }
        Ok(Chunk { start: Some(range.start), length: Some(expected), body })
    }
}

/// Begins an answer that says how far an upload is.
fn progress(status: StatusCode, name: &RepositoryName, upload: &UploadId, offset: u64) -> Builder {
    response(status)
        .header(LOCATION, format!("/v2/{name}/blobs/uploads/{upload}"))
        .header(RANGE, range_of(offset))
        .header(DOCKER_UPLOAD_UUID, upload.as_str())
}

/// Returns the bytes that an upload has, as `0-LAST`. An upload without bytes says `0-0`, as
/// Docker's registry does.
pub(crate) fn range_of(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}

/// Begins an answer that says where a new blob is.
fn created(name: &RepositoryName, digest: &Digest) -> Builder {
    response(StatusCode::CREATED)
        .header(LOCATION, format!("/v2/{name}/blobs/{digest}"))
        .header(DOCKER_CONTENT_DIGEST, digest.as_str())
}
