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

use berth_registry::access::{Caller, RootCredentials};
use berth_registry::ports::Timestamp;
use berth_types::Region;
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
    let door = Door {
        root: api.authenticator.root(),
        region: &api.identity.region,
        now: api.clock.now(),
        base_url,
    };
    door.verify(parts, body, operation).await?;
    Ok(Caller::Root)
}

/// What signatures are verified against.
struct Door<'a> {
    root: &'a RootCredentials,
    region: &'a Region,
    now: Timestamp,
    base_url: &'a str,
}

impl Door<'_> {
    /// Checks that the root signed the request.
    async fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        operation: Operation,
    ) -> Result<(), SignatureError> {
        let claim = Claim::parse(parts)?;
        claim.check_time(self.now)?;
        claim.check_scope(operation, self.region)?;
        if !claim.is_by(self.root) {
            return Err(SignatureError::UnknownKey);
        }
        let request = verify::Request::new(parts, body, self.base_url, &claim).await;
        if request?.is_signed(&claim, self.root)? {
            return Ok(());
        }
        Err(SignatureError::Mismatch)
    }
}
