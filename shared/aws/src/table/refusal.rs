//! Why a transaction was cancelled.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

/// What DynamoDB says of a transaction of which it did nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Conditions did not hold at these positions, and all others did.
    Conditions(Vec<usize>),
    /// Another transaction had one of the items.
    Conflict,
    /// There were too many writes.
    Throttled,
    /// It can't ever be carried out.
    Invalid(String),
}

impl Refusal {
    /// Returns the reason, or `None` if the error is another one.
    pub(super) fn of(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Option<Self> {
        match error.as_service_error()? {
            TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                Some(Self::from_reasons(cancelled.cancellation_reasons()))
            }
            _ => None,
        }
    }

    /// Sums the reasons up; there is one for each operation.
    ///
    /// Of an item that another transaction had, or that was throttled, no condition was judged.
    /// Conditions that failed beside it are hence not all that there may be, and the port promises
    /// all. So a conflict goes before them, and throttling too: the caller reads again and judges
    /// anew after a conflict as after conditions, so that nothing is lost by it.
    fn from_reasons(reasons: &[CancellationReason]) -> Self {
        let mut conditions = Vec::new();
        let (mut conflict, mut throttled) = (false, false);
        for (position, reason) in reasons.iter().enumerate() {
            match reason.code().unwrap_or("None") {
                "None" => {}
                "ConditionalCheckFailed" => conditions.push(position),
                "TransactionConflict" => conflict = true,
                "ThrottlingError" | "ProvisionedThroughputExceeded" => throttled = true,
                code => {
                    let message = reason.message().unwrap_or("no message");
                    let text = format!("operation {position} of a transaction: {code}: {message}");
                    return Self::Invalid(text);
                }
            }
        }
        if conflict {
            Self::Conflict
        } else if throttled {
            Self::Throttled
        } else if conditions.is_empty() {
            Self::Invalid("a transaction was cancelled without a reason".to_owned())
        } else {
            Self::Conditions(conditions)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(codes: &[&str]) -> Refusal {
        let reason = |code: &&str| CancellationReason::builder().code(*code).build();
        Refusal::from_reasons(&codes.iter().map(reason).collect::<Vec<_>>())
    }

    #[test]
    fn conditions_are_told_by_position() {
        let codes = ["None", "ConditionalCheckFailed", "None", "ConditionalCheckFailed"];
        assert_eq!(refusal(&codes), Refusal::Conditions(vec![1, 3]));
    }

    #[test]
    fn what_was_not_judged_goes_before_conditions() {
        let conflict = ["ConditionalCheckFailed", "TransactionConflict", "ThrottlingError"];
        assert_eq!(refusal(&conflict), Refusal::Conflict);
        assert_eq!(refusal(&conflict[1..2]), Refusal::Conflict);
        for code in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(refusal(&["ConditionalCheckFailed", code]), Refusal::Throttled);
            assert_eq!(refusal(&[code, "None"]), Refusal::Throttled);
        }
    }

    #[test]
    fn all_else_is_invalid() {
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded", "Unheard"] {
            let Refusal::Invalid(text) = refusal(&["TransactionConflict", code]) else {
                panic!("`{code}` can't be carried out");
            };
            assert!(text.contains(code) && text.contains("operation 1"), "{text}");
        }
        assert!(matches!(refusal(&["None"]), Refusal::Invalid(_)));
        assert!(matches!(refusal(&[]), Refusal::Invalid(_)));
    }
}
