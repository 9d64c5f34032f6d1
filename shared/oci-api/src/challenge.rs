//! The challenge that tells a client where to get a token.

use berth_registry::access::{Access, Action, Denied};
use http::Uri;

use crate::error::OciError;

/// Returns the value of `WWW-Authenticate` for an answer of 401.
///
/// Follows [Token authentication specification](https://distribution.github.io/distribution/spec/auth/token/).
pub(crate) fn challenge(base_url: &str, error: &OciError, scope: Option<String>) -> String {
    let service = service(base_url);
    let mut value = format!("Bearer realm=\"{base_url}/token\",service=\"{service}\"");
    if let Some(scope) = scope {
        value.extend([",scope=\"", &scope, "\""]);
    }
    match error {
        OciError::Denied(_) => value.push_str(",error=\"insufficient_scope\""),
        OciError::Authentication(_) => value.push_str(",error=\"invalid_token\""),
        _ => {}
    }
    value
}

/// Returns the scope that a refused action needs.
pub(crate) fn scope(denied: &Denied) -> Option<String> {
    if denied.action == Action::DescribeRepositories && denied.repository.is_none() {
        return Some("registry:catalog:*".to_owned());
    }
    let accesses = match denied.action.access()? {
        Access::Pull => "pull",
        Access::Push => "pull,push",
        Access::Delete => "delete",
    };
    let name = denied.repository.as_ref()?;
    Some(format!("repository:{name}:{accesses}"))
}

/// Returns the name of the service: the host that clients see.
pub(crate) fn service(base_url: &str) -> String {
    let uri = base_url.parse::<Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default()
}
