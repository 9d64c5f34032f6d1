//! Signatures that botocore 1.43 made for these requests at 2026-11-21T04:30:00Z.

mod twice;
mod vectors;

use http::Request;

use super::*;

const SIGNED_AT: u64 = 1_795_235_400_000;
const MINUTE: u64 = 60_000;
const BODY: &str = r#"{"repositoryName":"team/app"}"#;
const CREDENTIAL: &str = "BERTHROOT/20261121/us-east-1/ecr/aws4_request";
const IN_HEADER: &str = "5e1b26f72c04083d8e1dd0b12c7ff324683a0a0ff7cc6f82227315218401254f";
const IN_QUERY: &str = "605562324e01855f7d6cd2add5bfba8fec9a5567f05c72205b681d9607eff1cb";
const TOKEN: &str = "key.sealed_session-token";
const IN_HEADER_OF_SESSION: &str =
    "0399c5128e7ffc7351ed980986ed6738b91d2f9add3add4a4dee98be200c7fcc";
const IN_QUERY_OF_SESSION: &str =
    "c30adea09f86929e1338f6abee9f30c20630064bd64448d5ca65b6748a9b3cfb";

/// A signed request, and the registry that it comes to.
struct Case {
    authorization: String,
    uri: String,
    host: &'static str,
    target: &'static str,
    body: &'static str,
    extra: Vec<(&'static str, &'static str)>,
    access_key_id: &'static str,
    region: &'static str,
    now: u64,
}

impl Case {
    fn in_header() -> Self {
        Self {
            authorization: format!(
                "AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={IN_HEADER}"
            ),
            uri: "/".to_owned(),
            host: "localhost:5001",
            target: "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
            body: BODY,
            extra: vec![("x-amz-date", "20261121T043000Z")],
            access_key_id: "BERTHROOT",
            region: "us-east-1",
            now: SIGNED_AT,
        }
    }

    fn in_query() -> Self {
        let credential = CREDENTIAL.replace('/', "%2F");
        Self {
            authorization: String::new(),
            uri: format!(
                "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20261121T043000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-target&X-Amz-Signature={IN_QUERY}"
            ),
            body: "",
            extra: Vec::new(),
            ..Self::in_header()
        }
    }

    fn signature(mut self, from: &str, to: &str) -> Self {
        self.authorization = self.authorization.replace(from, to);
        self.uri = self.uri.replace(from, to);
        self
    }

    async fn verify(&self) -> Result<(), SignatureError> {
        let mut request = Request::post(&self.uri)
            .header("host", self.host)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", self.target);
        if !self.authorization.is_empty() {
            request = request.header("authorization", &self.authorization);
        }
        for (name, value) in &self.extra {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let door = Door {
            region: &self.region.parse().unwrap(),
            now: Timestamp::from_millis(self.now),
            base_url: "http://localhost:5001",
        };
        let operation = Operation::parse(self.target).unwrap();
        let claim = door.claim(&parts, operation)?;
        if claim.access_key_id() != self.access_key_id {
            return Err(SignatureError::UnknownKey);
        }
        let secret = Secret::new("secret/with+signs".to_owned());
        door.verify(&parts, self.body.as_bytes(), &claim, &secret).await
    }
}

#[track_caller]
fn check_reason(result: Result<(), SignatureError>, code: &str, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code);
    assert!(error.to_string().contains(reason), "{error}");
}

#[tokio::test]
async fn botocores_signatures_are_taken() {
    assert_eq!(Case::in_header().verify().await, Ok(()));
    assert_eq!(Case::in_query().verify().await, Ok(()));
}

#[tokio::test]
async fn a_proxys_host_gives_way_to_the_public_one() {
    let mut case = Case::in_header();
    case.host = "10.0.0.7:8080";
    assert_eq!(case.verify().await, Ok(()));
}

#[tokio::test]
async fn altered_requests_are_refused() {
    let mut case = Case::in_header();
    case.body = r#"{"repositoryName":"team/apq"}"#;
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
    let mut case = Case::in_header();
    case.target = "AmazonEC2ContainerRegistry_V20150921.DeleteRepository";
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
    let mut case = Case::in_header();
    case.uri = "/?force=true".to_owned();
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
    let case = Case::in_header().signature("5e1b26", "5e1b27");
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
    let case = Case::in_query().signature("Expires=60", "Expires=61");
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
}

#[tokio::test]
async fn a_body_is_left_out_only_if_that_is_signed() {
    let mut case = Case::in_header();
    case.body = "other";
    case.extra.push(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"));
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
    let case = case.signature("x-amz-date;", "x-amz-content-sha256;x-amz-date;");
    assert_eq!(case.verify().await, Err(SignatureError::Mismatch));
}

#[tokio::test]
async fn other_keys_are_unknown() {
    let mut case = Case::in_header();
    case.access_key_id = "OTHER";
    check_reason(case.verify().await, "UnrecognizedClientException", "is invalid");
    let mut case = Case::in_header();
    case.extra.push(("x-amz-security-token", TOKEN));
    let reason = "'X-Amz-Security-Token' must be a 'SignedHeader'";
    check_reason(case.verify().await, "InvalidSignatureException", reason);
}

#[tokio::test]
async fn sessions_sign_their_token() {
    let in_header = |token: &'static str| {
        let mut case = Case::in_header().signature(IN_HEADER, IN_HEADER_OF_SESSION);
        case = case.signature("x-amz-date;", "x-amz-date;x-amz-security-token;");
        case.extra.push(("x-amz-security-token", token));
        case
    };
    assert_eq!(in_header(TOKEN).verify().await, Ok(()));
    assert_eq!(in_header("other").verify().await, Err(SignatureError::Mismatch));
    let mut two = in_header(TOKEN);
    two.uri = format!("/?X-Amz-Security-Token={TOKEN}");
    assert_eq!(two.verify().await, Err(SignatureError::UnknownKey));

    let in_query = |token: &str| {
        let parameter = format!("&X-Amz-Security-Token={token}&X-Amz-Signature");
        let case = Case::in_query().signature("&X-Amz-Signature", &parameter);
        case.signature(IN_QUERY, IN_QUERY_OF_SESSION)
    };
    assert_eq!(in_query(TOKEN).verify().await, Ok(()));
    assert_eq!(in_query("other").verify().await, Err(SignatureError::Mismatch));
    // A token that is added after the signature was made.
    let added = in_query(TOKEN).signature(IN_QUERY_OF_SESSION, IN_QUERY);
    assert_eq!(added.verify().await, Err(SignatureError::Mismatch));
}

#[tokio::test]
async fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let at = async |now| {
        let mut case = Case::in_header();
        case.now = now;
        case.verify().await
    };
    assert_eq!(at(SIGNED_AT + 15 * MINUTE).await, Ok(()));
    assert_eq!(at(SIGNED_AT - 15 * MINUTE).await, Ok(()));
    check_reason(
        at(SIGNED_AT + 16 * MINUTE).await,
        "InvalidSignatureException",
        "Signature expired: 20261121T043000Z is now earlier than 20261121T043100Z (20261121T044600Z - 15 min.)",
    );
    check_reason(
        at(SIGNED_AT - 16 * MINUTE).await,
        "InvalidSignatureException",
        "Signature not yet current: 20261121T043000Z is still later than 20261121T042900Z (20261121T041400Z + 15 min.)",
    );
}

#[tokio::test]
async fn queries_end_when_they_say() {
    let mut case = Case::in_query();
    case.now = SIGNED_AT + MINUTE;
    assert_eq!(case.verify().await, Ok(()));
    case.now += 1;
    check_reason(case.verify().await, "InvalidSignatureException", "Signature expired");
    let case = Case::in_query().signature("Expires=60", "Expires=604801");
    check_reason(case.verify().await, "IncompleteSignatureException", "X-Amz-Expires");
}

#[tokio::test]
async fn scopes_must_fit() {
    let mut case = Case::in_header();
    case.region = "eu-central-1";
    let reason = "Credential should be scoped to a valid region, not 'us-east-1'";
    check_reason(case.verify().await, "InvalidSignatureException", reason);
    let mut case = Case::in_header();
    case.target = "SpencerFrontendService.DescribeRegistries";
    let reason = "Credential should be scoped to correct service: 'ecr-public'.";
    check_reason(case.verify().await, "InvalidSignatureException", reason);
    let case = Case::in_header().signature("20261121/us", "20261122/us");
    let reason = "'20261122' != '20261121'";
    check_reason(case.verify().await, "InvalidSignatureException", reason);
    let case = Case::in_header().signature("aws4_request", "aws5_request");
    check_reason(case.verify().await, "InvalidSignatureException", "valid terminator");
}

#[tokio::test]
async fn half_signatures_are_incomplete() {
    const CODE: &str = "IncompleteSignatureException";
    let broken = async |from: &str, to: &str| Case::in_header().signature(from, to).verify().await;
    check_reason(broken("HMAC-SHA256", "HMAC-MD5").await, CODE, "'algorithm': 'AWS4-HMAC-MD5'");
    check_reason(broken("Signature=", "S=").await, CODE, "'Signature' parameter");
    check_reason(broken("SignedHeaders=", "S=").await, CODE, "'SignedHeaders' parameter");
    check_reason(broken("Credential=", "C=").await, CODE, "'Credential' parameter");
    check_reason(broken("/ecr/", "/").await, CODE, "exactly 5 slash-delimited");
    let broken = async |from: &str, to: &str| Case::in_query().signature(from, to).verify().await;
    check_reason(broken("X-Amz-Date", "Date").await, CODE, "must include 'X-Amz-Date'");
    check_reason(broken("20261121T043000Z", "yesterday").await, CODE, "ISO-8601");
    let mut case = Case::in_header().signature("Signature=", "S=").signature("Credential=", "C=");
    case.extra.clear();
    let all = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires existence of a 'X-Amz-Date' header.";
    check_reason(case.verify().await, CODE, all);
}

#[tokio::test]
async fn what_a_request_does_is_signed() {
    let case = Case::in_header().signature(";x-amz-target", "");
    let reason = "'X-Amz-Target' must be a 'SignedHeader'";
    check_reason(case.verify().await, "InvalidSignatureException", reason);
    let case = Case::in_header().signature("host;", "");
    check_reason(case.verify().await, "InvalidSignatureException", "'Host' or ':authority' must");
}

#[tokio::test]
async fn unsigned_requests_are_told_so() {
    let mut case = Case::in_header();
    case.authorization.clear();
    assert_eq!(case.verify().await, Err(SignatureError::Missing));
}
