//! What says who signed, given twice: one might be checked and the other believed.

use super::*;

const CODE: &str = "IncompleteSignatureException";

#[tokio::test]
async fn headers_come_once() {
    for (name, value) in [
        ("content-type", "application/x-amz-json-1.1"),
        ("host", "localhost:5001"),
        ("x-amz-date", "20261121T043000Z"),
        ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.CreateRepository"),
    ] {
        let mut case = Case::in_header();
        case.extra.push((name, value));
        let reason = format!("Header '{name}' must not be given twice.");
        check_reason(case.verify().await, CODE, &reason);
    }
    for name in ["authorization", "x-amz-content-sha256", "x-amz-security-token"] {
        let mut case = Case::in_header();
        case.extra.extend([(name, "AWS4-HMAC-SHA256 a"), (name, "AWS4-HMAC-SHA256 a")]);
        let reason = format!("Header '{name}' must not be given twice.");
        check_reason(case.verify().await, CODE, &reason);
    }
}

#[tokio::test]
async fn parts_of_the_header_come_once() {
    for part in ["Credential", "SignedHeaders", "Signature"] {
        let twice = format!("AWS4-HMAC-SHA256 {part}=a, ");
        let case = Case::in_header().signature("AWS4-HMAC-SHA256 ", &twice);
        let reason = format!("Authorization header has the parameter '{part}' twice.");
        check_reason(case.verify().await, CODE, &reason);
    }
}

#[tokio::test]
async fn parameters_come_once() {
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let mut case = Case::in_query();
        case.uri = format!("{}&X-Amz-{name}=a", case.uri);
        let reason = format!("AWS query-string parameter 'X-Amz-{name}' must not be given twice.");
        check_reason(case.verify().await, CODE, &reason);
    }
    // However they are written.
    let mut case = Case::in_query();
    case.uri = case.uri.replace("/?", "/?X%2DAmz%2DDate=20261121T043000Z&");
    check_reason(case.verify().await, CODE, "'X-Amz-Date' must not be given twice.");
}

#[tokio::test]
async fn signatures_are_in_one_place() {
    let mut case = Case::in_query();
    case.authorization = Case::in_header().authorization;
    check_reason(case.verify().await, CODE, "not in both");
    let mut case = Case::in_header();
    case.uri = format!("/?X-Amz-Signature={IN_QUERY}");
    check_reason(case.verify().await, CODE, "not in both");
}

#[tokio::test]
async fn signed_headers_are_sorted_and_differ() {
    let reason = "SignedHeaders must be sorted, and have no name twice.";
    for names in ["host;host", "host;content-type", "content-type;host;host"] {
        let case = Case::in_header().signature("content-type;host", names);
        check_reason(case.verify().await, CODE, reason);
    }
}
