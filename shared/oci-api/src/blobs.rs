//! Blobs: read, asked for, deleted.
//!
//! Follows [Pulling blobs](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs)
//! and [Deleting blobs](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-blobs).

use berth_registry::Blob;
use berth_registry::access::Action;
use berth_registry::ports::{ByteRange, Download};
use berth_types::{Digest, RepositoryName};
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    LOCATION, RANGE,
};
use http::response::Builder;

use crate::api::{Answer, Call};
use crate::body::ResponseBody;
use crate::headers::{DOCKER_CONTENT_DIGEST, client_has, empty, etag, finish, response, text};
use crate::range::{Requested, requested};

impl Call<'_> {
    pub(crate) async fn head_blob(&self, name: &RepositoryName, digest: &Digest) -> Answer {
        let pull = self.pull()?;
        let permit = self.permit(Action::BatchCheckLayerAvailability, name).await?;
        let blob = pull.check_blob(&permit, digest).await?;
        if client_has(&self.parts.headers, digest) {
            return empty(blob_headers(StatusCode::NOT_MODIFIED, digest));
        }
        if let Some(url) = pull.head_url(&permit, &blob).await? {
            return redirect(url);
        }
        let builder = blob_headers(StatusCode::OK, digest).header(CONTENT_LENGTH, blob.size);
        finish(builder, ResponseBody::empty())
    }

    pub(crate) async fn get_blob(&self, name: &RepositoryName, digest: &Digest) -> Answer {
        let pull = self.pull()?;
        let permit = self.permit(Action::GetDownloadUrlForLayer, name).await?;
        let blob = pull.find_blob(&permit, digest).await?;
        if client_has(&self.parts.headers, digest) {
            return empty(blob_headers(StatusCode::NOT_MODIFIED, digest));
        }
        let (status, range) = match self.range_of(&blob)? {
            Requested::Whole => (StatusCode::OK, 0..blob.size),
            Requested::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
            Requested::Unsatisfiable => {
                let builder = blob_headers(StatusCode::RANGE_NOT_SATISFIABLE, digest);
                return empty(builder.header(CONTENT_RANGE, format!("bytes */{}", blob.size)));
            }
        };
        let mut builder = blob_headers(status, digest);
        if status == StatusCode::PARTIAL_CONTENT {
            builder = builder.header(CONTENT_RANGE, content_range(&range, blob.size));
        }
        match pull.download(&permit, &blob, range).await? {
            Download::File(region) => {
                let builder = builder.header(CONTENT_LENGTH, region.length);
                finish(builder, ResponseBody::File(region))
            }
            Download::Redirect(url) => redirect(url),
        }
    }

    pub(crate) async fn delete_blob(&self, name: &RepositoryName, digest: &Digest) -> Answer {
        let removal = self.removal()?;
        let permit = self.permit(Action::BatchDeleteImage, name).await?;
        removal.delete_blob(&permit, digest).await?;
        empty(response(StatusCode::ACCEPTED))
    }

    /// Reads `Range`, which counts only while `If-Range` still names the same content.
    fn range_of(&self, blob: &Blob) -> Result<Requested, crate::error::OciError> {
        let headers = &self.parts.headers;
        let condition = text(headers, IF_RANGE, "If-Range")?;
        if condition.is_some_and(|tag| tag != etag(&blob.digest)) {
            return Ok(Requested::Whole);
        }
        Ok(requested(text(headers, RANGE, "Range")?.as_deref(), blob.size))
    }
}

/// Begins an answer about a blob, which never changes under its digest.
fn blob_headers(status: StatusCode, digest: &Digest) -> Builder {
    response(status)
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(DOCKER_CONTENT_DIGEST, digest.as_str())
        .header(ETAG, etag(digest))
        .header(ACCEPT_RANGES, "bytes")
        .header(CACHE_CONTROL, "private, max-age=31536000, immutable")
}

/// Sends the client elsewhere, to a URL that is signed for the request's method.
fn redirect(url: String) -> Answer {
    empty(response(StatusCode::TEMPORARY_REDIRECT).header(LOCATION, url))
}

fn content_range(range: &ByteRange, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}
