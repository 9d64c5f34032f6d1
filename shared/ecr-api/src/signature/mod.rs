//! Who signed a request: Signature Version 4, verified with the root's key.
//!
//! Follows [Elements of an AWS API request signature](https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html).
//! A signature is verified by making it again with `aws-sigv4`, AWS's own signer, from the headers
//! that the client says it signed, so that no canonical form is written here.

mod claim;
mod error;
mod verify;

#[cfg(test)]
mod tests;

use berth_registry::access::Caller;
use http::request::Parts;

use crate::api::EcrApi;
use crate::operation::Operation;

use claim::Claim;
pub(crate) use error::SignatureError;

/// Returns who makes the request.
///
/// A registry that takes anyone for the root looks at no signature.
pub(crate) async fn authenticate(
    api: &EcrApi,
    parts: &Parts,
    body: &[u8],
    operation: Operation,
    base_url: &str,
) -> Result<Caller, SignatureError> {
    let anonymous = api.authenticator.anonymous();
    if anonymous != Caller::Anonymous {
        return Ok(anonymous);
    }
    let claim = Claim::parse(parts)?;
    claim.check_time(api.clock.now())?;
    claim.check_scope(operation, &api.identity.region)?;
    let root = api.authenticator.root();
    if !claim.is_by(root) {
        return Err(SignatureError::UnknownKey);
    }
    let request = verify::Request::new(parts, body, base_url, &claim).await?;
    match request.is_signed(&claim, root)? {
        true => Ok(Caller::Root),
        false => Err(SignatureError::Mismatch),
    }
}
