//! The list of all repositories.
//!
//! Follows Docker's [catalog](https://distribution.github.io/distribution/spec/api/#listing-repositories).

use berth_registry::access::Action;
use berth_types::RepositoryName;
use http::StatusCode;
use http::header::{CONTENT_TYPE, LINK};
use serde::Serialize;

use crate::api::{Answer, Call};
use crate::headers::{response, with_bytes};
use crate::page::{PageRequest, json};

/// The most names of one page.
const MOST_NAMES: usize = 1000;

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [RepositoryName],
}

impl Call<'_> {
    pub(crate) async fn catalog(&self) -> Answer {
        let pull = self.pull()?;
        let permit = self.registry_permit(Action::DescribeRepositories).await?;
        let request = PageRequest::of(&self.query, MOST_NAMES)?;
        let last = request.last.as_deref();
        let page = pull.catalog(permit, last, request.limit).await?;
        let mut builder = response(StatusCode::OK).header(CONTENT_TYPE, "application/json");
        if let Some(last) = page.names.last().filter(|_| page.more) {
            builder = builder.header(LINK, request.link("/v2/_catalog", last.as_str(), &[]));
        }
        with_bytes(builder, json(&Catalog { repositories: &page.names })?)
    }
}
