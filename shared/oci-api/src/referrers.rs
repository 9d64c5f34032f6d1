//! The list of manifests that refer to one.
//!
//! Follows [Listing referrers](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers).

use berth_registry::access::Action;
use berth_registry::{Referrers, ReferrersQuery, RegistryError, StatusFilter};
use berth_types::{Descriptor, Digest, RepositoryName, media_types};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LINK};
use serde::Serialize;

use crate::api::{Answer, Call};
use crate::error::OciError;
use crate::headers::{OCI_FILTERS_APPLIED, response, with_bytes};
use crate::page::{PageRequest, json};

/// The most descriptors of one page.
const MOST_DESCRIPTORS: usize = 1000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Descriptor>,
}

impl Call<'_> {
    pub(crate) async fn referrers(&self, name: &RepositoryName, subject: &Digest) -> Answer {
        let pull = self.pull()?;
        let permit = self.permit(Action::ListImageReferrers, name).await?;
        let request = PageRequest::of(&self.query, MOST_DESCRIPTORS)?;
        let after: Option<Digest> = match &request.last {
            Some(last) => Some(last.parse().map_err(|error: berth_types::ParseDigestError| {
                OciError::Parameter("last", error.to_string())
            })?),
            None => None,
        };
        let artifact_type = self.query.get("artifactType").filter(|filter| !filter.is_empty());
        let limit = request.limit.max(1);
        let artifact_types = artifact_type.as_slice();
        let (after, status) = (after.as_ref(), StatusFilter::default());
        let query = ReferrersQuery { subject, artifact_types, status, after, limit };
        let page = match pull.referrers(&permit, query).await {
            // Clients take a failure here for a registry without this list.
            Err(RegistryError::RepositoryUnknown(_)) => Referrers::default(),
            found => found?,
        };
        let mut builder = response(StatusCode::OK).header(CONTENT_TYPE, media_types::OCI_INDEX);
        if artifact_type.is_some() {
            builder = builder.header(OCI_FILTERS_APPLIED, "artifactType");
        }
        if let Some(next) = &page.next {
            let path = format!("/v2/{name}/referrers/{subject}");
            let filter = artifact_type.map(|filter| ("artifactType", filter));
            builder = builder.header(LINK, request.link(&path, next.as_str(), filter.as_slice()));
        }
        let (schema_version, media_type) = (2, media_types::OCI_INDEX);
        let manifests = page.referrers.into_iter().map(|referrer| referrer.descriptor).collect();
        with_bytes(builder, json(&Index { schema_version, media_type, manifests })?)
    }
}
