//! The list of a repository's tags.
//!
//! Follows [Listing tags](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags).

use berth_registry::access::Action;
use berth_types::{RepositoryName, Tag};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LINK};
use serde::Serialize;

use crate::api::{Answer, Call};
use crate::headers::{response, with_bytes};
use crate::page::{PageRequest, json};

/// The most tags of one page.
const MOST_TAGS: usize = 10_000;

#[derive(Serialize)]
struct TagList<'a> {
    name: &'a RepositoryName,
    tags: &'a [Tag],
}

impl Call<'_> {
    pub(crate) async fn tags(&self, name: &RepositoryName) -> Answer {
        let pull = self.pull()?;
        let permit = self.permit(Action::ListImages, name).await?;
        let request = PageRequest::of(&self.query, MOST_TAGS)?;
        let last = request.last.as_deref();
        let page = pull.tags(&permit, last, request.limit).await?;
        let mut builder = response(StatusCode::OK).header(CONTENT_TYPE, "application/json");
        if let Some(last) = page.tags.last().filter(|_| page.more) {
            let path = format!("/v2/{name}/tags/list");
            builder = builder.header(LINK, request.link(&path, last.as_str(), &[]));
        }
        with_bytes(builder, json(&TagList { name, tags: &page.tags })?)
    }
}
