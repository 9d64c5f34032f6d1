//! Requests that make no sense. That every error's body is the specification's JSON is checked
//! where answers are read.

use crate::harness::{TestRegistry, digest, image};

/// Some paths of each kind.
fn paths() -> Vec<(String, &'static str)> {
    let digest = digest(b"x");
    let upload = "00000000-0000-4000-8000-000000000000";
    vec![
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET, HEAD"),
        ("/token".to_owned(), "GET, POST"),
        ("/v2/team/app/tags/list".to_owned(), "GET, HEAD"),
        (format!("/v2/team/app/referrers/{digest}"), "GET, HEAD"),
        ("/v2/team/app/manifests/v1".to_owned(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/team/app/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/team/app/blobs/uploads/".to_owned(), "POST"),
        (format!("/v2/team/app/blobs/uploads/{upload}"), "GET, PATCH, PUT, DELETE"),
    ]
}

#[tokio::test]
async fn other_methods_are_refused() {
    let registry = TestRegistry::new();
    for (path, allowed) in paths() {
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
        {
            let answer = registry.request(method, &path).send().await;
            if allowed.split(", ").any(|allowed| allowed == method) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(answer.header("allow"), allowed);
            }
        }
    }
}

#[tokio::test]
async fn odd_paths_are_refused() {
    let registry = TestRegistry::new();
    let long = "a".repeat(300);
    for (path, status, code) in [
        ("/", 404, "UNSUPPORTED"),
        ("/v1/", 404, "UNSUPPORTED"),
        ("/v2/app", 404, "UNSUPPORTED"),
        ("/v2//", 404, "UNSUPPORTED"),
        ("/v2/team/app", 404, "UNSUPPORTED"),
        ("/v2/team/app/tags", 404, "UNSUPPORTED"),
        ("/v2/team/app/tags/list/more", 404, "UNSUPPORTED"),
        ("/v2/%ff/tags/list", 404, "UNSUPPORTED"),
        ("/v2//tags/list", 400, "NAME_INVALID"),
        ("/v2/a/tags/list", 400, "NAME_INVALID"),
        ("/v2/Team/app/tags/list", 400, "NAME_INVALID"),
        ("/v2/team//app/tags/list", 400, "NAME_INVALID"),
        ("/v2/../../etc/passwd/tags/list", 400, "NAME_INVALID"),
        ("/v2/%2e%2e/%2e%2e/tags/list", 400, "NAME_INVALID"),
        ("/v2/team%00/tags/list", 400, "NAME_INVALID"),
        (&format!("/v2/{long}/tags/list"), 400, "NAME_INVALID"),
        ("/v2/team/app/manifests/", 400, "MANIFEST_INVALID"),
        ("/v2/team/app/manifests/.hidden", 400, "MANIFEST_INVALID"),
        ("/v2/team/app/manifests/v%C3%A4", 400, "MANIFEST_INVALID"),
        (&format!("/v2/team/app/manifests/{long}"), 400, "MANIFEST_INVALID"),
        ("/v2/team/app/manifests/sha256:0", 400, "DIGEST_INVALID"),
        ("/v2/team/app/manifests/md5:0", 400, "DIGEST_INVALID"),
        ("/v2/team/app/blobs/", 400, "DIGEST_INVALID"),
        ("/v2/team/app/blobs/latest", 400, "DIGEST_INVALID"),
        (&format!("/v2/team/app/blobs/SHA256:{:064}", 0), 400, "DIGEST_INVALID"),
        (&format!("/v2/team/app/blobs/sha256:{:063}G", 0), 400, "DIGEST_INVALID"),
        ("/v2/team/app/blobs/uploads/../../x", 404, "UNSUPPORTED"),
        ("/v2/team/app/blobs/uploads/not-an-id", 404, "BLOB_UPLOAD_UNKNOWN"),
    ] {
        let answer = registry.get(path, status).await;
        assert_eq!(answer.code(), code, "{path}");
    }
    let escaped = format!("/v2/team%2Fapp/blobs/sha256%3A{:064}", 0);
    registry.get(escaped, 404).await.has_code("NAME_UNKNOWN");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let zero = format!("sha256:{:064}", 0);
    for (path, code) in [
        ("/v2/team/none/manifests/v1", "NAME_UNKNOWN"),
        (&format!("/v2/team/none/blobs/{zero}"), "NAME_UNKNOWN"),
        ("/v2/team/none/tags/list", "NAME_UNKNOWN"),
        ("/v2/team/app/manifests/v2", "MANIFEST_UNKNOWN"),
        (&format!("/v2/team/app/manifests/{zero}"), "MANIFEST_UNKNOWN"),
        (&format!("/v2/team/app/blobs/{zero}"), "BLOB_UNKNOWN"),
    ] {
        registry.get(path, 404).await.has_code(code);
        if !path.ends_with("list") {
            registry.remove(path, 404).await.has_code(code);
        }
        registry.head(path, 404).await;
    }
}

#[tokio::test]
async fn broken_manifests_are_refused() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"schemaVersion\":2,\"annotations\":{deep}");
    for body in [
        "",
        " ",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{}",
        "{\"schemaVersion\":\"2\"}",
        "{\"schemaVersion\":2}{\"schemaVersion\":2}",
        "\u{feff}{\"schemaVersion\":2}",
        "{\"schemaVersion\":2,\"schemaVersion\":2}",
        &deep,
        &nested,
    ] {
        let put = registry.request("PUT", "/v2/team/app/manifests/v1");
        let put = put.header("content-type", &image(1).media_type).bytes(body.to_owned());
        put.expect(400).await.has_code("MANIFEST_INVALID");
    }
    for odd in ["", "x", "a/b/c", "text/\u{e9}", "application/json\t"] {
        let put = registry.request("PUT", "/v2/team/app/manifests/v1").header("content-type", odd);
        put.bytes(image(1).bytes).expect(400).await;
    }
    registry.store.check().await;
}

#[tokio::test]
async fn odd_headers_do_no_harm() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let huge = "x".repeat(100_000);
    let many = "application/json,".repeat(10_000);
    let path = "/v2/team/app/manifests/v1";
    for name in ["accept", "if-none-match", "range", "if-range", "content-range", "x-odd"] {
        for value in [huge.as_bytes(), many.as_bytes(), b"\xff\xfe", b",,,;;;===", b""] {
            let answer = registry.request("GET", path).header(name, value).send().await;
            assert!([200, 400, 404].contains(&answer.status), "{name}: {answer:?}");
        }
    }
    let huge = registry.request("GET", path).header("authorization", format!("Bearer {huge}"));
    huge.expect(401).await;
}

#[tokio::test]
async fn odd_queries_do_no_harm() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    for query in
        ["?", "&&&", "=&=", "n", "n=1&n=x", "last=%00%ff", "%", "last=%C3%28&n=1", "tag=v1"]
    {
        for path in ["/v2/", "/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/v1"]
        {
            let answer = registry.request("GET", format!("{path}?{query}")).send().await;
            assert!([200, 400].contains(&answer.status), "{path}?{query}: {answer:?}");
        }
    }
}
