//! Who signed a request: Signature Version 4, verified with the secret of the access key.
//!
//! Follows [Elements of an AWS API request signature](https://docs.aws.amazon.com/IAM/latest/UserGuide/signing-elements.html).
//! A signature is verified by making it again with `aws-sigv4`, AWS's own signer, from the headers
//! that the client says it signed, so that no canonical form is written here.

mod claim;
mod error;
mod parse;
mod verify;

#[cfg(test)]
mod tests;

use berth_registry::RegistryError;
use berth_registry::access::{AuthenticationError, Authenticator, Caller, FoundKey, Secret};
use berth_registry::ports::Timestamp;
use berth_types::Region;
use http::request::Parts;

use crate::api::EcrApi;
use crate::error::ApiError;
use crate::operation::Operation;

pub(crate) use claim::{Claim, format_date};
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
) -> Result<Caller, ApiError> {
    let anonymous = api.authenticator.anonymous();
    if anonymous != Caller::Anonymous {
        return Ok(anonymous);
    }
    let door = Door { region: &api.identity.region, now: api.clock.now(), base_url };
    let claim = door.claim(parts, operation)?;
    let key = find_key(&api.authenticator, &claim).await?;
    door.verify(parts, body, &claim, &key.secret).await?;
    Ok(Caller::Principal(key.principal))
}

/// Finds the access key that the claim names, a session's by the token that comes with it.
async fn find_key(authenticator: &Authenticator, claim: &Claim) -> Result<FoundKey, ApiError> {
    let Some(token) = claim.session_token() else {
        let found = authenticator.find_key(claim.access_key_id()).await;
        return Ok(found.map_err(RegistryError::from)?.ok_or(SignatureError::UnknownKey)?);
    };
    let found = authenticator.find_session(claim.access_key_id(), token.reveal()).await;
    found.map_err(|error| match error {
        AuthenticationError::Store(error) => RegistryError::from(error).into(),
        AuthenticationError::Expired => SignatureError::ExpiredSession.into(),
        AuthenticationError::Token | AuthenticationError::Password => {
            SignatureError::UnknownKey.into()
        }
    })
}

/// What signatures are verified against, but the key.
struct Door<'a> {
    region: &'a Region,
    now: Timestamp,
    base_url: &'a str,
}

impl Door<'_> {
    /// Returns what the request says of its signature, if that is good here and now.
    fn claim(&self, parts: &Parts, operation: Operation) -> Result<Claim, SignatureError> {
        let claim = Claim::parse(parts)?;
        claim.check_time(self.now)?;
        claim.check_scope(operation, self.region)?;
        Ok(claim)
    }

    /// Checks that whoever has the secret signed the request.
    async fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        claim: &Claim,
        secret: &Secret,
    ) -> Result<(), SignatureError> {
        let request = verify::Request::new(parts, body, self.base_url, claim).await?;
        match request.is_signed(claim, secret)? {
            true => Ok(()),
            false => Err(SignatureError::Mismatch),
        }
    }
}
