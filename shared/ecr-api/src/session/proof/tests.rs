use super::HostKnownBy::{TheClient, TheRegistry};
use super::*;

const HERE: &str = "https://registry.example.com";
const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/sts/aws4_request, \
    SignedHeaders=content-type;host;x-amz-date;x-berth-nonce;x-berth-registry, \
    Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn request() -> SignedRequest {
    let headers = [
        ("Authorization", HEADER),
        ("Content-Type", FORM),
        ("Host", "sts.amazonaws.com"),
        ("X-Amz-Date", "20261121T043000Z"),
        ("X-Berth-Nonce", "0123"),
        ("X-Berth-Registry", "registry.example.com"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    SignedRequest { headers: headers.into(), body: BODY.to_owned() }
}

fn with(name: &str, value: &str) -> SignedRequest {
    let mut request = request();
    request.headers.insert(name.to_owned(), value.to_owned());
    request
}

fn without(name: &str) -> SignedRequest {
    let mut request = request();
    request.headers.remove(name).unwrap();
    request
}

/// The proof is refused with this exception, and a message that holds the text.
#[track_caller]
fn check(request: SignedRequest, code: &str, text: &str) {
    let refusal = request.proof(TheRegistry, HERE).unwrap_err();
    let (_, found, message) = refusal.answer();
    assert_eq!(found, code, "{message}");
    assert!(message.contains(text), "{message}");
}

#[test]
fn a_request_of_get_caller_identity_is_a_proof() {
    let proof = request().proof(TheRegistry, HERE).unwrap();
    assert_eq!(proof.signed_at.seconds(), 1_795_235_400);
    assert!(proof.signature.starts_with("01234567"));
    assert_eq!(proof.call.host, "sts.amazonaws.com");
    let names: Vec<_> = proof.call.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["authorization", "content-type", "host", "x-amz-date"]);
    assert_eq!(names[4..], ["x-berth-nonce", "x-berth-registry"]);
    let signed = HEADER.replace("x-amz-date;", "x-amz-date;x-amz-security-token;");
    let mut session = with("Authorization", &signed);
    session.headers.insert("X-Amz-Security-Token".to_owned(), "token".to_owned());
    assert!(session.proof(TheRegistry, HERE).is_ok());
}

#[test]
fn nothing_else_is_sent_on() {
    const PARAMETER: &str = "InvalidParameterException";
    let mut other = request();
    other.body = "Action=GetSessionToken&Version=2011-06-15".to_owned();
    check(other, PARAMETER, "'body'");
    for name in
        ["Authorization", "Content-Type", "Host", "X-Amz-Date", "X-Berth-Nonce", "X-Berth-Registry"]
    {
        let lower = format!("'headers.{}'", name.to_ascii_lowercase());
        check(without(name), PARAMETER, &lower);
    }
    check(with("X-Forwarded-For", "10.0.0.1"), PARAMETER, "'headers.x-forwarded-for'");
    check(with("X-Amz-Target", "a.b"), PARAMETER, "'headers.x-amz-target'");
    check(with("host", "evil.example"), PARAMETER, "must be given once");
    check(with("Content-Type", "application/json"), PARAMETER, "'headers.content-type'");
    check(with("X-Berth-Registry", "a\r\nHost: b"), PARAMETER, "the value of a header");
    check(with("X-Berth-Registry", ""), PARAMETER, "the value of a header");
    check(with("X-Amz-Security-Token", "not signed"), PARAMETER, "must be signed");
    let unsigned = HEADER.replace(";x-berth-registry", "");
    check(with("Authorization", &unsigned), PARAMETER, "must be signed");
    let more = HEADER.replace(";x-berth-registry", ";x-berth-registry;x-more");
    check(with("Authorization", &more), PARAMETER, "must be signed");
}

#[test]
fn signatures_are_whole_and_for_sts() {
    const INCOMPLETE: &str = "IncompleteSignatureException";
    let header = |from: &str, to: &str| with("Authorization", &HEADER.replace(from, to));
    check(header("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), INCOMPLETE, "algorithm");
    check(header("Signature=0123", "Signature=012"), INCOMPLETE, "64 hexadecimal");
    check(header("Signature=0123456789abcdef", "Signature=0123456789ABCDEF"), INCOMPLETE, "lower");
    check(header("Signature=", "S="), INCOMPLETE, "'Signature'");
    check(header("/sts/", "/ecr/"), "InvalidSignatureException", "'sts'");
    check(with("X-Amz-Date", "yesterday"), INCOMPLETE, "ISO-8601");
}

#[test]
fn what_is_checked_is_what_aws_reads() {
    // Signed for another purpose, without the registry.
    let less = "SignedHeaders=content-type;host;x-amz-date";
    let more = "SignedHeaders=content-type;host;x-amz-date;x-berth-nonce;x-berth-registry";
    let sent = |from: &str, to: &str| {
        let proof = with("Authorization", &HEADER.replace(from, to)).proof(TheRegistry, HERE)?;
        Ok::<_, Refusal>(proof.call.headers[0].1.clone())
    };
    let plain = sent("", "").unwrap();
    assert_eq!(plain, HEADER.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(sent(more, &format!("{less}, {more}")).is_err());
    assert_eq!(sent(more, &format!("X=1, {more}, Y={less}")).unwrap(), plain);
    for credential in ["AKID EXAMPLE", "AKID=EXAMPLE", "SignedHeaders=host AKID", "AKID\u{e9}"] {
        let refusal = sent("AKIDEXAMPLE", credential).unwrap_err();
        assert_ne!(refusal.answer().0, http::StatusCode::OK);
    }
    assert!(sent("aws4_request", "aws4_request SignedHeaders=host").is_err());
}

#[test]
fn a_proof_is_for_one_registry() {
    const DENIED: &str = "AccessDeniedException";
    check(with("X-Berth-Registry", "other.example.com"), DENIED, "'other.example.com'");
    check(with("X-Berth-Registry", "registry.example.com:8443"), DENIED, "8443");
    let taken = |named: &str, known_by, base_url: &str| {
        with("X-Berth-Registry", named).proof(known_by, base_url).is_ok()
    };
    assert!(taken("registry.example.com", TheRegistry, "https://Registry.Example.com:443"));
    assert!(taken("registry.example.com:8443", TheRegistry, "https://registry.example.com:8443"));
    // What a client says of the host is believed of this machine alone.
    assert!(!taken("registry.example.com", TheClient, HERE));
    for own in ["localhost:5001", "127.0.0.1:5001", "[::1]:5001", "localhost"] {
        assert!(taken(own, TheClient, &format!("http://{own}")), "{own}");
    }
    assert!(!taken("localhost.evil.example", TheClient, "http://localhost.evil.example"));
}
