//! Uploads of blobs.
//!
//! Follows [Pushing blobs](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs)
//! and the sections after it: monolithic, chunked, mounted from another repository.

use berth_registry::access::{Action, Caller, RepositoryPermit};
use berth_registry::{Chunk, MountFrom, MountSources};
use berth_types::{Algorithm, Digest, RepositoryName, UploadId};
use http::StatusCode;
use http::header::{CONTENT_RANGE, LOCATION, RANGE};
use http::response::Builder;
use http_body::Body;

use crate::api::{Answer, Call, OciApi};
use crate::body::{Limit, RequestBody, stream};
use crate::credentials::URL_TOKEN;
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
        let push = self.push()?;
        let permit = self.permit(Action::InitiateLayerUpload, name).await?;
        let create = self.optional_permit(Action::CreateRepository, name).await?;
        if let Some(digest) = self.digest("mount")?
            && self.mount(&permit, create.as_ref(), &digest).await?
        {
            return empty(self.created(name, &digest));
        }
        if let Some(digest) = self.digest("digest")? {
            // It is an upload from its beginning to its end.
            self.permit(Action::UploadLayerPart, name).await?;
            self.permit(Action::CompleteLayerUpload, name).await?;
            let (chunk, limit) = self.chunk(body)?;
            let stored = push.upload_whole(&permit, create.as_ref(), &digest, chunk).await;
            stored.map_err(|error| limit.explain(error))?;
            return empty(self.created(name, &digest));
        }
        let upload = push.begin_upload(&permit, create.as_ref(), self.algorithm()?).await?;
        let least = self.api.settings.chunk_min_length;
        let builder = self.progress(StatusCode::ACCEPTED, name, &upload, 0).await?;
        empty(builder.header(OCI_CHUNK_MIN_LENGTH, least))
    }

    pub(crate) async fn get_upload(&self, name: &RepositoryName, upload: &UploadId) -> Answer {
        let pull = self.pull()?;
        let permit = self.permit(Action::UploadLayerPart, name).await?;
        let offset = pull.upload_offset(&permit, upload).await?;
        empty(self.progress(StatusCode::NO_CONTENT, name, upload, offset).await?)
    }

    pub(crate) async fn patch_upload(
        &self,
        name: &RepositoryName,
        upload: &UploadId,
        body: RequestBody,
    ) -> Answer {
        let push = self.push()?;
        let permit = self.permit(Action::UploadLayerPart, name).await?;
        let (chunk, limit) = self.chunk(body)?;
        let appended = push.append(&permit, upload, chunk).await;
        let offset = appended.map_err(|error| limit.explain(error))?;
        empty(self.progress(StatusCode::ACCEPTED, name, upload, offset).await?)
    }

    pub(crate) async fn put_upload(
        &self,
        name: &RepositoryName,
        upload: &UploadId,
        body: RequestBody,
    ) -> Answer {
        let push = self.push()?;
        let permit = self.permit(Action::CompleteLayerUpload, name).await?;
        if !body.is_end_stream() {
            self.permit(Action::UploadLayerPart, name).await?;
        }
        let digest = self.digest("digest")?.ok_or(OciError::ParameterMissing("digest"))?;
        let (chunk, limit) = self.chunk(body)?;
        let finished = push.finish_upload(&permit, upload, &digest, chunk).await;
        finished.map_err(|error| limit.explain(error))?;
        empty(self.created(name, &digest))
    }

    pub(crate) async fn delete_upload(&self, name: &RepositoryName, upload: &UploadId) -> Answer {
        let removal = self.removal()?;
        let permit = self.permit(Action::UploadLayerPart, name).await?;
        removal.cancel_upload(&permit, upload).await?;
        empty(response(StatusCode::NO_CONTENT))
    }

    async fn mount(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        digest: &Digest,
    ) -> Result<bool, OciError> {
        let caller = &self.caller.unscoped();
        let sources = MountSources { gate: &self.api.gate, caller, facts: &self.facts };
        let from = match self.query.get("from").filter(|from| !from.is_empty()) {
            None => MountFrom::Any(sources),
            // A source that is no name, or that the caller may not read, has nothing to mount.
            Some(from) => {
                let Ok(name) = from.parse() else { return Ok(false) };
                let Some(permit) = sources.permit(&name).await? else { return Ok(false) };
                MountFrom::Repository(permit)
            }
        };
        Ok(self.push()?.mount(permit, create, digest, from).await?)
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

    /// Reads where a chunk begins and how long it is from its headers, and sees to it that it is
    /// not too long.
    fn chunk(&self, body: RequestBody) -> Result<(Chunk, Limit), OciError> {
        let headers = &self.parts.headers;
        let length = content_length(headers)?;
        let limit = Limit::new(self.api.settings.largest_body);
        limit.must_hold(length)?;
        let body = limit.watch(stream(body));
        let Some(header) = text(headers, CONTENT_RANGE, "Content-Range")? else {
            return Ok((Chunk { start: None, length, body }, limit));
        };
        let range = range::chunk(&header).ok_or(OciError::Header("Content-Range"))?;
        let expected = range.end - range.start;
        if let Some(actual) = length.filter(|length| *length != expected) {
            let error = berth_registry::RegistryError::SizeMismatch { expected, actual };
            return Err(error.into());
        }
        Ok((Chunk { start: Some(range.start), length: Some(expected), body }, limit))
    }

    /// Begins an answer that says how far an upload is.
    async fn progress(
        &self,
        status: StatusCode,
        name: &RepositoryName,
        upload: &UploadId,
        offset: u64,
    ) -> Result<Builder, OciError> {
        Ok(response(status)
            .header(LOCATION, self.api.upload_location(&self.caller, name, upload).await?)
            .header(RANGE, range_of(offset))
            .header(DOCKER_UPLOAD_UUID, upload.as_str()))
    }

    /// Begins an answer that says where a new blob is. The path alone would be one of the upload
    /// host, if there is one.
    fn created(&self, name: &RepositoryName, digest: &Digest) -> Builder {
        let base_url = self.api.settings.upload_host.as_ref().map_or("", |_| self.base_url);
        response(StatusCode::CREATED)
            .header(LOCATION, format!("{base_url}/v2/{name}/blobs/{digest}"))
            .header(DOCKER_CONTENT_DIGEST, digest.as_str())
    }
}

impl OciApi {
    /// Returns where the rest of an upload goes: here, or to the upload host, with a new token.
    pub(crate) async fn upload_location(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        upload: &UploadId,
    ) -> Result<String, OciError> {
        let path = format!("/v2/{name}/blobs/uploads/{upload}");
        let Some(host) = &self.settings.upload_host else { return Ok(path) };
        let principal = caller.principal().ok_or(OciError::CredentialsMissing)?;
        let issued = self.authenticator.upload_token(principal, name, upload).await;
        let token = issued.map_err(berth_registry::RegistryError::from)?.token;
        Ok(format!("{host}{path}?{URL_TOKEN}={}", token.reveal()))
    }
}

/// Returns the bytes that an upload has, as `0-LAST`. An upload without bytes says `0-0`, as
/// Docker's registry does.
pub(crate) fn range_of(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}
