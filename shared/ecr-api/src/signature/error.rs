/// Why a request's signature proves nothing, in AWS's words.
///
/// Follows [Troubleshoot Signature Version 4 signing](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    /// The request is not signed.
    #[error("Missing Authentication Token")]
    Missing,
    /// The signature lacks something, or can't be read.
    #[error("{0}")]
    Incomplete(String),
    /// The access key is none of this registry's, or comes with a session that is none.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session was one once.
    #[error("The security token included in the request is expired")]
    ExpiredSession,
    /// The signature was made at another time, or for another region or service.
    #[error("{0}")]
    Scope(String),
    /// The signature is not that of the request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl SignatureError {
    /// Returns the name of the exception.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredSession => "ExpiredTokenException",
            Self::Scope(_) | Self::Mismatch => "InvalidSignatureException",
        }
    }

    /// Whether the caller may be guessing keys.
    pub(crate) fn may_be_a_guess(&self) -> bool {
        match self {
            Self::UnknownKey | Self::Mismatch => true,
            Self::Missing | Self::Incomplete(_) | Self::ExpiredSession | Self::Scope(_) => false,
        }
    }
}
