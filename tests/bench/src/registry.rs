//! The requests of a registry's client.

use anyhow::{Context as _, Result, bail, ensure};

use crate::connection::Connection;
use crate::content::{Blob, Pattern, digest_of};
use crate::http::{Body, Request};

/// The media type of the benchmark's manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Layers of an image: as many as a common application has.
const LAYERS: usize = 6;

/// How a blob is pushed.
#[derive(Clone, Copy, Debug)]
pub enum Upload {
    /// `POST`, then `PUT` with a stated length, as containerd does.
    Put,
    /// `POST`, then `PATCH` with a chunked body, then `PUT`, as Docker does.
    Patch,
}

/// Pushes the blob into the repository.
///
/// # Errors
///
/// Fails when the registry refuses it.
pub fn push_blob(
    connection: &mut Connection,
    pattern: &Pattern,
    repository: &str,
    blob: &Blob,
    upload: Upload,
) -> Result<()> {
    let mut location = begin_upload(connection, repository)?;
    let body = match upload {
        Upload::Put => Body::Blob(pattern, blob),
        Upload::Patch => {
            let body = Body::Chunked(pattern, blob);
            let patch = Request { method: "PATCH", target: &location, body };
            location = next_location(&connection.expect(202, &patch)?.0)?;
            Body::Empty
        }
    };
    let target = with_digest(&location, blob.digest());
    connection.expect(201, &Request { method: "PUT", target: &target, body })?;
    Ok(())
}

/// Fetches the blob, and returns its size.
///
/// # Errors
///
/// Fails when the registry does not have it.
pub fn pull_blob(connection: &mut Connection, repository: &str, digest: &str) -> Result<u64> {
    let target = format!("/v2/{repository}/blobs/{digest}");
    Ok(connection.expect(200, &Request::get(&target))?.1)
}

/// Fetches all pages of the list of tags, and returns how many bytes they have.
///
/// # Errors
///
/// Fails when the registry does not answer.
pub fn list_tags(connection: &mut Connection, repository: &str) -> Result<u64> {
    let mut bytes = 0;
    let mut next = Some(tags_list(repository));
    while let Some(target) = next {
        let (response, length) = connection.expect(200, &Request::get(&target))?;
        bytes += length;
        next = response.header("Link").map(link_target).transpose()?;
    }
    Ok(bytes)
}

/// Counts the tags of all pages of the list.
///
/// # Errors
///
/// Fails when the registry does not answer with lists.
pub fn count_tags(connection: &mut Connection, repository: &str) -> Result<usize> {
    let mut count = 0;
    let mut next = Some(tags_list(repository));
    while let Some(target) = next {
        let (response, body) = connection.read(&Request::get(&target))?;
        ensure!(response.status() == 200, "{target} answers {}", response.status());
        let list: serde_json::Value = serde_json::from_slice(&body)?;
        count += list["tags"].as_array().context("list without tags")?.len();
        next = response.header("Link").map(link_target).transpose()?;
    }
    Ok(count)
}

/// An image whose manifests differ by a number only.
#[derive(Debug)]
pub struct Image {
    before: String,
    after: &'static str,
}

impl Image {
    /// Pushes the image's config and layers into the repository.
    ///
    /// # Errors
    ///
    /// Fails when the registry refuses them.
    pub fn push(connection: &mut Connection, repository: &str) -> Result<Self> {
        let layers: Vec<String> = (0..LAYERS).map(|number| format!("layer {number}")).collect();
        let mut descriptors = Vec::new();
        let mut diff_ids = Vec::new();
        for layer in &layers {
            diff_ids.push(digest_of(layer.as_bytes()));
            descriptors.push(push_bytes(connection, repository, LAYER, layer.as_bytes())?);
        }
        let config = serde_json::json!({
            "architecture": "amd64",
            "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = push_bytes(connection, repository, CONFIG, config.to_string().as_bytes())?;
        let layers = descriptors.join(",");
        let before = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layers}],"annotations":{{"org.opencontainers.image.revision":""#
        );
        Ok(Self { before, after: "\"}}" })
    }

    /// Returns the manifest of this number.
    #[must_use]
    pub fn manifest(&self, number: u64) -> String {
        format!("{}{number:016}{}", self.before, self.after)
    }
}

/// Pushes a small blob, and returns its descriptor.
fn push_bytes(
    connection: &mut Connection,
    repository: &str,
    kind: &str,
    bytes: &[u8],
) -> Result<String> {
    let digest = digest_of(bytes);
    let target = with_digest(&begin_upload(connection, repository)?, &digest);
    let body = Body::Bytes("application/octet-stream", bytes);
    connection.expect(201, &Request { method: "PUT", target: &target, body })?;
    let size = bytes.len();
    Ok(format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#))
}

fn begin_upload(connection: &mut Connection, repository: &str) -> Result<String> {
    let target = format!("/v2/{repository}/blobs/uploads/");
    let post = Request { method: "POST", target: &target, body: Body::Empty };
    next_location(&connection.expect(202, &post)?.0)
}

fn next_location(response: &crate::http::Response) -> Result<String> {
    let location = response.header("Location").context("answer without Location")?;
    Ok(path_of(location)?.to_owned())
}

fn with_digest(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

fn tags_list(repository: &str) -> String {
    format!("/v2/{repository}/tags/list")
}

fn link_target(link: &str) -> Result<String> {
    let target = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let (target, _) = target.with_context(|| format!("not a link: {link}"))?;
    Ok(path_of(target)?.to_owned())
}

/// Returns path and query of a location, which may be relative or absolute.
fn path_of(location: &str) -> Result<&str> {
    if location.starts_with('/') {
        return Ok(location);
    }
    let authority = location.split_once("://").map(|(_, rest)| rest);
    let path = authority.and_then(|rest| rest.find('/').map(|start| &rest[start..]));
    match path {
        Some(path) => Ok(path),
        None => bail!("not a location: {location}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_locations() {
        assert_eq!(path_of("/a?b").unwrap(), "/a?b");
        assert_eq!(path_of("http://host:80/a?b").unwrap(), "/a?b");
        assert!(path_of("host").is_err());
        assert_eq!(
            link_target("</v2/r/tags/list?n=1&last=a>; rel=\"next\"").unwrap(),
            "/v2/r/tags/list?n=1&last=a"
        );
        assert_eq!(with_digest("/a", "d"), "/a?digest=d");
        assert_eq!(with_digest("/a?b", "d"), "/a?b&digest=d");
    }
}
