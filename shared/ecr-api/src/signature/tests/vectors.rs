//! Requests of AWS's Signature Version 4 test suite: those whose path is `/`, as ECR's is. The
//! signatures are the suite's; botocore 1.43 makes the same.

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const UNRESERVED: &str = "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

/// Whether `signature` is that of the request, and no other is.
async fn check(request: http::request::Builder, body: &str, signed: &str, signature: &str) {
    for (signature, expected) in
        [(signature.to_owned(), true), (signature.replace('0', "1"), false)]
    {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, Signature={signature}"
        );
        let (mut parts, ()) = Request::new(()).into_parts();
        let (of_case, ()) = request_of(&request).into_parts();
        (parts.method, parts.uri, parts.headers) = (of_case.method, of_case.uri, of_case.headers);
        parts.headers.insert("host", "example.amazonaws.com".parse().unwrap());
        parts.headers.insert("x-amz-date", "20150830T123600Z".parse().unwrap());
        parts.headers.insert("authorization", authorization.parse().unwrap());
        let claim = Claim::read(&parts).unwrap();
        let base_url = "https://registry.example";
        let request = verify::Request::new(&parts, body.as_bytes(), base_url, &claim).await;
        let is_signed = request.unwrap().is_signed(&claim, &Secret::new(SECRET.to_owned()));
        assert_eq!(is_signed, Ok(expected), "{} {}", parts.method, parts.uri);
    }
}

fn request_of(builder: &http::request::Builder) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = builder.method_ref().unwrap().clone();
    *request.uri_mut() = builder.uri_ref().unwrap().clone();
    *request.headers_mut() = builder.headers_ref().unwrap().clone();
    request
}

#[tokio::test]
async fn methods() {
    let signed = "host;x-amz-date";
    let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    check(Request::get("/"), "", signed, signature).await;
    let signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    check(Request::post("/"), "", signed, signature).await;
}

#[tokio::test]
async fn queries() {
    for (uri, signature) in [
        (
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "/?Param1=value2&Param1=value1",
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        (
            "/?Param1=value2&Param1=Value1",
            "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        ),
        (UNRESERVED, "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
        ("/?%E1%88%B4=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    ] {
        check(Request::get(uri), "", "host;x-amz-date", signature).await;
    }
}

#[tokio::test]
async fn headers() {
    let signed = "host;my-header1;x-amz-date";
    for (request, signature) in [
        (
            Request::post("/").header("My-Header1", "value1"),
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            Request::post("/").header("My-Header1", "VALUE1"),
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            several(&["value2", "value2", "value1"]),
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            several(&["value4", "value1", "value3", "value2"]),
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
    ] {
        check(request, "", signed, signature).await;
    }
    let blanks = Request::get("/").header("My-Header1", " value1");
    let blanks = blanks.header("My-Header2", " \"a   b   c\"");
    let signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
    check(blanks, "", "host;my-header1;my-header2;x-amz-date", signature).await;
}

fn several(values: &[&str]) -> http::request::Builder {
    values.iter().fold(Request::get("/"), |request, value| request.header("My-Header1", *value))
}

#[tokio::test]
async fn bodies() {
    let form = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    check(form, "Param1=value1", "content-type;host;x-amz-date", signature).await;
}

#[tokio::test]
async fn session_tokens() {
    let request = Request::post("/").header("x-amz-security-token", TOKEN);
    let signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
    check(request, "", "host;x-amz-date;x-amz-security-token", signature).await;
}
