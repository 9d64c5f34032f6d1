use berth_registry::ports::{AwsCaller, IdentifyError, StoreError, StoreErrorKind};
use roxmltree::{Document, Node};

/// The most characters of an error's code.
const LONGEST_CODE: usize = 64;

/// Reads what STS answered.
pub(crate) fn parse(status: u16, text: &str) -> Result<AwsCaller, IdentifyError> {
    // No document type, and so no entities of one's own, is read.
    let document = Document::parse(text);
    let answer = document.as_ref().ok().map(Document::root_element);
    match (status, answer) {
        (200, Some(answer)) => Ok(caller(answer).ok_or_else(unreadable)?),
        (400..=428 | 430..=499, Some(answer)) => {
            let code = text_of(answer, &["Error", "Code"]).ok_or_else(unreadable)?;
            let is_word = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
            if !is_word || code.len() > LONGEST_CODE {
                return Err(unreadable().into());
            }
            if code.contains("Throttl") {
                return Err(StoreError::new(StoreErrorKind::Unavailable, code).into());
            }
            Err(IdentifyError::Refused(code))
        }
        _ => {
            let reason = format!("STS answered with status {status}");
            Err(StoreError::new(StoreErrorKind::Unavailable, reason).into())
        }
    }
}

fn caller(answer: Node<'_, '_>) -> Option<AwsCaller> {
    if answer.tag_name().name() != "GetCallerIdentityResponse" {
        return None;
    }
    let arn = text_of(answer, &["GetCallerIdentityResult", "Arn"])?;
    let user_id = text_of(answer, &["GetCallerIdentityResult", "UserId"])?;
    Some(AwsCaller { arn, user_id })
}

/// Returns the text of the element that lies under these names, in whatever namespace.
fn text_of(answer: Node<'_, '_>, path: &[&str]) -> Option<String> {
    let mut node = answer;
    for name in path {
        node = node.children().find(|child| child.tag_name().name() == *name)?;
    }
    node.text().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "STS answered what can't be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the API reference.
    const ANSWER: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <GetCallerIdentityResult>
            <Arn>arn:aws:sts::123456789012:assumed-role/my-role-name/my-role-session-name</Arn>
            <UserId>ARO123EXAMPLE123:my-role-session-name</UserId>
            <Account>123456789012</Account>
        </GetCallerIdentityResult>
        <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
    </GetCallerIdentityResponse>"#;

    fn refusal(code: &str) -> String {
        format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
            <Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"#
        )
    }

    #[test]
    fn callers_are_read() {
        let caller = parse(200, ANSWER).unwrap();
        let arn = "arn:aws:sts::123456789012:assumed-role/my-role-name/my-role-session-name";
        assert_eq!(caller.arn, arn);
        assert_eq!(caller.user_id, "ARO123EXAMPLE123:my-role-session-name");
    }

    #[track_caller]
    fn check_unavailable(status: u16, text: &str) {
        match parse(status, text) {
            Err(IdentifyError::Store(error)) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            }
            other => panic!("{status} {text}: {other:?}"),
        }
    }

    #[test]
    fn refusals_are_told_by_their_code() {
        for code in ["SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken"] {
            match parse(403, &refusal(code)) {
                Err(IdentifyError::Refused(found)) => assert_eq!(found, code),
                other => panic!("{other:?}"),
            }
        }
        check_unavailable(400, &refusal("Throttling"));
        check_unavailable(429, &refusal("TooManyRequests"));
        check_unavailable(503, &refusal("ServiceUnavailable"));
        check_unavailable(403, &refusal("two words"));
        check_unavailable(403, &refusal(&"a".repeat(65)));
    }

    #[test]
    fn other_answers_are_none() {
        check_unavailable(200, "");
        check_unavailable(200, "<html></html>");
        check_unavailable(200, &ANSWER.replace("Arn>", "Arm>"));
        check_unavailable(200, &ANSWER.replace("GetCallerIdentityResponse", "Other"));
        check_unavailable(200, &refusal("SignatureDoesNotMatch"));
        check_unavailable(302, ANSWER);
        check_unavailable(403, "<html></html>");
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]>"#;
        check_unavailable(200, &format!("{bomb}{}", ANSWER.replace("my-role-name", "&d;")));
    }
}
