use berth_registry::SessionError;
use berth_registry::ports::{IdentifyError, StoreErrorKind, Timestamp};
use http::StatusCode;

use crate::parameter::InvalidParameter;
use crate::signature::{SignatureError, format_date};

/// Why a request of `POST /session` is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The method is another.
    Method,
    /// The body is too long.
    TooLong,
    /// The body can't be read.
    Serialization(String),
    /// A parameter, or a header of the proof, is wrong.
    Parameter(InvalidParameter),
    /// The signature of the proof can't be read.
    Signature(SignatureError),
    /// The proof is for another registry.
    Elsewhere {
        /// The registry that it names.
        named: String,
        /// This one.
        here: String,
    },
    /// Which registry this is, nobody knows but the client.
    Nameless,
    /// The use case refused or failed.
    Session(SessionError),
}

impl From<InvalidParameter> for Refusal {
    fn from(error: InvalidParameter) -> Self {
        Self::Parameter(error)
    }
}

impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl Refusal {
    /// Whether the caller may be guessing: AWS was asked, or a proof was stolen.
    pub(super) fn may_be_a_guess(&self) -> bool {
        matches!(
            self,
            Self::Session(
                SessionError::Replayed
                    | SessionError::Untrusted(_)
                    | SessionError::Unidentified(IdentifyError::Refused(_))
            )
        )
    }

    /// Returns the inner cause, for the log.
    pub(super) fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Session(error) => Some(error),
            _ => None,
        }
    }

    /// Returns what the client is told: status, exception and message.
    pub(super) fn answer(&self) -> (StatusCode, &'static str, String) {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        match self {
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "UnknownOperationException",
                "The request's method must be POST".to_owned(),
            ),
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "SerializationException",
                "The body is too long".to_owned(),
            ),
            Self::Serialization(reason) => (BAD, "SerializationException", reason.clone()),
            Self::Parameter(error) => (BAD, "InvalidParameterException", error.to_string()),
            Self::Signature(error) => (BAD, error.code(), error.to_string()),
            Self::Elsewhere { named, here } => (
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                format!("The proof is for the registry '{named}', and this is '{here}'"),
            ),
            Self::Nameless => (
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                "The registry does not know its own name, start it with --public-url".to_owned(),
            ),
            Self::Session(error) => session_answer(error),
        }
    }
}

fn session_answer(error: &SessionError) -> (StatusCode, &'static str, String) {
    use SessionError as E;
    let forbidden = |code, message| (StatusCode::FORBIDDEN, code, message);
    match error {
        E::Stale { signed_at, now, most } => {
            let earliest = now.millis().saturating_sub(most.as_secs() * 1000);
            let message = format!(
                "Signature expired: {} is now earlier than {} ({} - {} min.)",
                format_date(*signed_at),
                format_date(Timestamp::from_millis(earliest)),
                format_date(*now),
                most.as_secs() / 60
            );
            forbidden("InvalidSignatureException", message)
        }
        E::Early { signed_at, now, most } => {
            let message = format!(
                "Signature not yet current: {} is still later than {} ({} + {} min.)",
                format_date(*signed_at),
                format_date(now.plus(*most)),
                format_date(*now),
                most.as_secs() / 60
            );
            forbidden("InvalidSignatureException", message)
        }
        E::Replayed => {
            forbidden("InvalidSignatureException", "The proof was used before".to_owned())
        }
        E::Untrusted(arn) => {
            let message = format!(
                "User: {arn} is not authorized to begin a session because no trust lets it in"
            );
            forbidden("AccessDeniedException", message)
        }
        E::Unidentified(IdentifyError::Refused(code)) if code.starts_with("ExpiredToken") => {
            forbidden("ExpiredTokenException", SignatureError::ExpiredSession.to_string())
        }
        E::Unidentified(IdentifyError::Refused(code)) => {
            let message = format!("AWS does not accept the proof: {code}");
            forbidden("UnrecognizedClientException", message)
        }
        E::Unidentified(IdentifyError::UnknownHost(_)) => {
            let error = InvalidParameter::new("headers.host", error.to_string());
            (StatusCode::BAD_REQUEST, "InvalidParameterException", error.to_string())
        }
        E::Duration { .. } => {
            let error = InvalidParameter::new("durationSeconds", error.to_string());
            (StatusCode::BAD_REQUEST, "InvalidParameterException", error.to_string())
        }
        E::Unidentified(IdentifyError::Store(error)) => match error.kind() {
            StoreErrorKind::Unavailable => {
                server(StatusCode::SERVICE_UNAVAILABLE, "AWS STS can't be asked now, try again")
            }
            _ => internal(),
        },
        E::Store(error) => match error.kind() {
            StoreErrorKind::Unavailable | StoreErrorKind::Full => server(
                StatusCode::SERVICE_UNAVAILABLE,
                "The registry's storage can't answer now, try again",
            ),
            _ => internal(),
        },
    }
}

fn server(status: StatusCode, message: &str) -> (StatusCode, &'static str, String) {
    (status, "ServerException", message.to_owned())
}

fn internal() -> (StatusCode, &'static str, String) {
    server(StatusCode::INTERNAL_SERVER_ERROR, "The registry failed internally")
}
