//! `/token`: credentials exchanged for a Bearer token.
//!
//! Follows Docker's [token authentication](https://distribution.github.io/distribution/spec/auth/token/)
//! (GET with Basic credentials) and its [OAuth 2 form](https://distribution.github.io/distribution/spec/auth/oauth/)
//! (POST with the grant type `password`).

use berth_registry::access::{Caller, Scope};
use berth_registry::ports::Timestamp;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use crate::api::{Answer, Call};
use crate::body::{RequestBody, collect};
use crate::error::OciError;
use crate::headers::{response, with_bytes};
use crate::query::Query;

/// Largest form that is read.
const LARGEST_FORM: usize = 64 * 1024;

/// The most scopes of one token.
const MOST_SCOPES: usize = 64;

impl Call<'_> {
    /// Answers `GET /token?scope=…`.
    pub(crate) async fn token(&self) -> Answer {
        self.issue(&self.caller, &self.query).await
    }

    /// Answers `POST /token` with a form.
    pub(crate) async fn token_by_form(&self, body: RequestBody) -> Answer {
        let form = Query::of_form(&collect(body, LARGEST_FORM).await?);
        if self.caller != Caller::Anonymous {
            return self.issue(&self.caller, &form).await;
        }
        if form.get("grant_type") != Some("password") {
            let reason = "only `password` is supported".to_owned();
            return Err(OciError::Parameter("grant_type", reason));
        }
        let user = form.get("username").unwrap_or_default();
        let password = form.get("password").unwrap_or_default();
        let caller = self.api.authenticator.basic(user, password).await;
        match caller {
            Ok(caller) => self.issue(&caller, &form).await,
            Err(error) => Err(self.api.refuse(error).await),
        }
    }

    async fn issue(&self, caller: &Caller, query: &Query) -> Answer {
        // A token does not buy another token, or it would never end.
        let Caller::Principal(principal) = caller else {
            return Err(OciError::CredentialsMissing);
        };
        let scopes = query.all("scope").flat_map(|scope| scope.split(' '));
        let scopes: Vec<_> = scopes.filter_map(Scope::parse).take(MOST_SCOPES).collect();
        let issued = self.api.authenticator.bearer_token(principal, scopes).await;
        let issued = issued.map_err(berth_registry::RegistryError::from)?;
        let token = issued.token.reveal();
        let lifetime = issued.expires_at.seconds() - issued.issued_at.seconds();
        let body = json!({
            "token": token,
            "access_token": token,
            "expires_in": lifetime,
            "issued_at": rfc3339(issued.issued_at),
        });
        let builder = response(StatusCode::OK)
            .header(CONTENT_TYPE, "application/json")
            .header(CACHE_CONTROL, "no-store");
        with_bytes(builder, body.to_string())
    }
}

fn rfc3339(moment: Timestamp) -> String {
    let seconds = i64::try_from(moment.seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map(|moment| moment.to_string()).unwrap_or_default()
}
