use std::fmt;

use async_trait::async_trait;

use super::StoreError;

/// A request of `sts:GetCallerIdentity` that somebody signed with credentials of AWS, to be sent to
/// AWS as it is.
///
/// Follows [GetCallerIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCall {
    /// Host that it was signed for.
    pub host: String,
    /// Its headers, the host and the signature among them.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// The headers are credentials.
impl fmt::Debug for SignedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCall").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Who made a call, as AWS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCaller {
    /// ARN, such as `arn:aws:sts::111122223333:assumed-role/ci/run-7`.
    pub arn: String,
    /// Unique id, such as `AROAEXAMPLE:run-7`.
    pub user_id: String,
}

/// Why nobody is known to have made a call.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The call is for a host that is not asked.
    #[error("`{0}` is none of the hosts of AWS STS that this registry asks")]
    UnknownHost(String),
    /// AWS refuses the call, with this error code.
    #[error("AWS refuses the request of GetCallerIdentity: {0}")]
    Refused(String),
    /// AWS gives no answer, or none that can be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks AWS who made a call.
///
/// It sends what it is given to hosts that it knows, and nowhere else. Permissions: none; the call
/// is signed by somebody else.
#[async_trait]
pub trait IdentifyCallers: fmt::Debug + Send + Sync {
    /// Sends the call on, and returns who made it.
    async fn identify(&self, call: SignedCall) -> Result<AwsCaller, IdentifyError>;
}
