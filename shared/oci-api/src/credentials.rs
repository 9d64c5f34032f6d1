//! Credentials of a request: Basic or Bearer, or the token in the URL of an upload or a download.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use berth_registry::access::{AuthenticationError, Authenticator, Caller};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::query::Query;
use crate::route::Route;

/// Parameter of the URL of an upload, or of a blob's download, that holds its token.
pub(crate) const URL_TOKEN: &str = "_token";

/// Returns who calls. The token in a URL counts before the header `Authorization`: some
/// clients send their credentials along to another host, where they mean nothing.
pub(crate) async fn caller(
    headers: &HeaderMap,
    route: Option<&Route>,
    query: &Query,
    authenticator: &Authenticator,
) -> Result<Caller, AuthenticationError> {
    match (route, query.get(URL_TOKEN)) {
        (Some(Route::Upload(name, id)), Some(token)) => {
            authenticator.uploader(token, name, id).await
        }
        (Some(Route::Blob(name, digest)), Some(token)) => {
            authenticator.downloader(token, name, digest).await
        }
        _ => caller_by_header(headers, authenticator).await,
    }
}

/// Returns who calls, by the header `Authorization`.
///
/// Follows [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617) and
/// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).
async fn caller_by_header(
    headers: &HeaderMap,
    authenticator: &Authenticator,
) -> Result<Caller, AuthenticationError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = all.next() else { return Ok(authenticator.anonymous()) };
    if all.next().is_some() {
        // What stands in between may have looked at the other.
        return Err(AuthenticationError::Password);
    }
    let header = header.to_str().map_err(|_| AuthenticationError::Password)?;
    let (scheme, rest) = header.split_once(' ').ok_or(AuthenticationError::Password)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return authenticator.token(rest.trim()).await;
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(AuthenticationError::Password);
    }
    let decoded = STANDARD.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.ok_or(AuthenticationError::Password)?;
    let (user, password) = pair.split_once(':').ok_or(AuthenticationError::Password)?;
    authenticator.basic(user, password).await
}
