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
            let message = answer.err().message().unwrap_or_default();
            if let Some(refusal) = refusal_by_s3(code.unwrap_or_default(), status, message) {
                tracing::warn!(code, message, "a KMS key could not be used");
                return refusal;
            }
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

/// What KMS says of a key that can't be used until its owner does something about it.
const REFUSALS: [&str; 9] = [
    "DisabledException",
    "InvalidArnException",
    "InvalidGrantTokenException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "UnsupportedOperationException",
    "ValidationException",
    ACCESS_DENIED,
];

const ACCESS_DENIED: &str = "AccessDeniedException";

/// Returns the store's error for what a call to KMS about a repository's `key` ended with.
pub(crate) fn key_error<E>(error: SdkError<E, HttpResponse>, key: &str) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let code = code_of(&error).filter(|code| REFUSALS.contains(code)).map(str::to_owned);
    let message = error.as_service_error().and_then(|error| error.message().map(str::to_owned));
    match code {
        None => store_error(error),
        Some(code) => {
            tracing::warn!(key, code, message, "a KMS key can't be used");
            refusal(&code, message.as_deref(), key)
        }
    }
}

/// Returns the refusal of a repository's key that KMS gave S3; `None` of another error.
fn refusal_by_s3(code: &str, status: u16, message: &str) -> Option<StoreError> {
    let key = "of the repository";
    if (code, status) == ("AccessDenied", 403) && message.contains("kms:") {
        return Some(refusal(ACCESS_DENIED, None, key));
    }
    let code = code.strip_prefix("KMS.").filter(|code| REFUSALS.contains(code))?;
    Some(refusal(code, Some(message).filter(|message| !message.is_empty()), key))
}

/// Says why a key can't be used: in KMS's words, unless they name the role of this process.
fn refusal(code: &str, message: Option<&str>, key: &str) -> StoreError {
    let message = match message {
        Some(message) if code != ACCESS_DENIED => message.to_owned(),
        Some(_) | None if code == ACCESS_DENIED => format!(
            "The registry may not use the KMS key {key}: its owner has to permit kms:DescribeKey, kms:GenerateDataKey and kms:Decrypt"
        ),
        Some(_) | None => format!("The KMS key {key} can't be used"),
    };
    StoreError::key_refused(code, message)
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
    fn keys_that_s3_may_not_use_are_told() {
        let check = |code, status, message, expected: Option<(&str, &str)>| {
            let found = refusal_by_s3(code, status, message);
            let refusal = found.as_ref().and_then(StoreError::key_refusal);
            let texts = refusal.map(|refusal| (refusal.code.as_str(), refusal.message.as_str()));
            assert_eq!(texts, expected);
        };
        let disabled = ("DisabledException", "arn:aws:kms:… is disabled.");
        check("KMS.DisabledException", 400, disabled.1, Some(disabled));
        let silent = ("NotFoundException", "The KMS key of the repository can't be used");
        check("KMS.NotFoundException", 400, "", Some(silent));
        let denied = "User: arn:aws:sts::1:assumed-role/push/x is not authorized to perform: \
                      kms:GenerateDataKey";
        let told = "The registry may not use the KMS key of the repository: its owner has to \
                    permit kms:DescribeKey, kms:GenerateDataKey and kms:Decrypt";
        check("AccessDenied", 403, denied, Some((ACCESS_DENIED, told)));
        check("AccessDenied", 403, "Access Denied", None);
        check("KMS.ThrottlingException", 400, "slower", None);
        check("NotFoundException", 400, "no table", None);
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
