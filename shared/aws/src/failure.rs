//! Errors of AWS, sorted by what a caller can do about them.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId as _;
use berth_registry::ports::{StoreError, StoreErrorKind};

/// Returns the store's error for what a call to AWS ended with, after the SDK's retries.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes it by value")]
pub(crate) fn store_error<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let (code, status) = (answer.err().code(), answer.raw().status().as_u16());
            let kind = kind_of(code, status);
            // S3 answers 403, the services that speak JSON 400.
            let reason = match (status, code) {
                (403, _) | (_, Some("AccessDeniedException")) => "a permission is missing: ",
                _ => "",
            };
            let code = code.unwrap_or("no code");
            let message = answer.err().message().unwrap_or("no message");
            let request = error.request_id().unwrap_or("without an id");
            let text = format!("{reason}{code} ({status}): {message} (request {request})");
            StoreError::new(kind, text)
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => internal(&error),
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
            StoreError::new(StoreErrorKind::Unavailable, DisplayErrorContext(&error).to_string())
        }
        _ => internal(&error),
    }
}

fn internal(error: &(impl Error + 'static)) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, DisplayErrorContext(error).to_string())
}

/// Returns the code of a service's error answer.
pub(crate) fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error()?.code()
}

/// What is stored, or wrapped, is not what it should be.
const DAMAGED: [&str; 6] = [
    "EntityTooSmall",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidRange",
];

/// What passes, though its status does not say so: bytes that were damaged on their way or came
/// too slowly, credentials that are being renewed, more than the service, the table or the account
/// takes, and a try before that is still at work.
const PASSING: [&str; 10] = [
    "BadDigest",
    "ExpiredToken",
    "ExpiredTokenException",
    "OperationAborted",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "SlowDown",
    "TransactionInProgressException",
    "XAmzContentChecksumMismatch",
];

fn kind_of(code: Option<&str>, status: u16) -> StoreErrorKind {
    match code.unwrap_or_default() {
        "NoSuchKey" | "NoSuchUpload" | "NotFound" | "" if status == 404 => StoreErrorKind::NotFound,
        code if DAMAGED.contains(&code) => StoreErrorKind::Damaged,
        code if PASSING.contains(&code) || code.contains("Throttl") => StoreErrorKind::Unavailable,
        _ if status == 429 || status >= 500 => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, status: u16, expected: StoreErrorKind) {
        let code = Some(code).filter(|code| !code.is_empty());
        assert_eq!(kind_of(code, status), expected);
    }

    #[test]
    fn errors_are_sorted() {
        check("NoSuchKey", 404, StoreErrorKind::NotFound);
        check("", 404, StoreErrorKind::NotFound);
        check("NoSuchBucket", 404, StoreErrorKind::Internal);
        check("SlowDown", 503, StoreErrorKind::Unavailable);
        check("InternalError", 500, StoreErrorKind::Unavailable);
        check("ThrottlingException", 400, StoreErrorKind::Unavailable);
        check("KMS.ThrottlingException", 400, StoreErrorKind::Unavailable);
        check("RequestTimeout", 400, StoreErrorKind::Unavailable);
        check("ProvisionedThroughputExceededException", 400, StoreErrorKind::Unavailable);
        check("TransactionInProgressException", 400, StoreErrorKind::Unavailable);
        check("ResourceNotFoundException", 400, StoreErrorKind::Internal);
        check("BadDigest", 400, StoreErrorKind::Unavailable);
        check("AccessDenied", 403, StoreErrorKind::Internal);
        check("InvalidDigest", 400, StoreErrorKind::Internal);
        check("InvalidPart", 400, StoreErrorKind::Damaged);
        check("InvalidCiphertextException", 400, StoreErrorKind::Damaged);
        check("NotFoundException", 400, StoreErrorKind::Internal);
    }
}
