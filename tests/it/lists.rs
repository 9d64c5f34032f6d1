//! Lists, page by page: tags, repositories, referrers.

use serde_json::{Value, json};

use crate::harness::{Manifest, TestRegistry, digest, image, index_of};

/// Follows a list from its first page to its last, and returns all pages of the member `of`.
async fn pages(registry: &TestRegistry, path: &str, of: &str) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let answer = registry.get(&path, 200).await;
        pages.push(answer.json()[of].as_array().expect("a list").clone());
        next = answer.next();
        assert!(pages.len() < 100, "the list does not end");
    }
    pages
}

fn lengths(pages: &[Vec<Value>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

/// Refuses odd numbers of entries.
async fn refuses_odd_numbers(registry: &TestRegistry, path: &str) {
    for odd in ["x", "-1", "1.5", "", "1%20", "99999999999999999999999"] {
        let answer = registry.get(format!("{path}?n={odd}"), 400).await;
        answer.has_code("UNSUPPORTED");
    }
}

#[tokio::test]
async fn tags() {
    let registry = TestRegistry::new();
    let mut tags: Vec<_> = (0..25).map(|n| format!("v{n}")).collect();
    for chunk in tags.chunks(5) {
        let (first, more) = chunk.split_first().unwrap();
        let reference = format!("{first}?tag={}", more.join("&tag="));
        registry.push("team/app", &reference, &image(1)).await;
    }
    tags.sort();
    let path = "/v2/team/app/tags/list";
    let whole = registry.get(path, 200).await;
    assert_eq!(whole.json(), json!({ "name": "team/app", "tags": tags }));
    assert_eq!(whole.next(), None);
    let by_seven = pages(&registry, &format!("{path}?n=7"), "tags").await;
    assert_eq!(lengths(&by_seven), [7, 7, 7, 4]);
    assert_eq!(by_seven.concat(), tags);
    // A page that holds the last tag has no next one.
    assert_eq!(lengths(&pages(&registry, &format!("{path}?n=5"), "tags").await), [5; 5]);
    assert_eq!(lengths(&pages(&registry, &format!("{path}?n=100000"), "tags").await), [25]);
    assert_eq!(lengths(&pages(&registry, &format!("{path}?n=0"), "tags").await), [0]);
    for (last, count) in
        [("v8", 1), ("v9", 0), ("v", 25), ("v23x", 8), ("zzz", 0), ("!/%C3%A9", 25)]
    {
        let after = pages(&registry, &format!("{path}?last={last}"), "tags").await;
        assert_eq!(lengths(&after), [count], "after {last}");
    }
    refuses_odd_numbers(&registry, path).await;
    registry.get("/v2/team/none/tags/list", 404).await.has_code("NAME_UNKNOWN");
}

#[tokio::test]
async fn tags_of_a_repository_without_any() {
    let registry = TestRegistry::new();
    registry.create("team/app").await.unwrap();
    let list = registry.get("/v2/team/app/tags/list", 200).await.json();
    assert_eq!(list, json!({ "name": "team/app", "tags": [] }));
}

#[tokio::test]
async fn repositories() {
    let registry = TestRegistry::new();
    let path = "/v2/_catalog";
    assert_eq!(registry.get(path, 200).await.json(), json!({ "repositories": [] }));
    let mut names: Vec<_> = (0..25).map(|n| format!("team/app-{n}")).collect();
    for name in &names {
        registry.create(name).await.unwrap();
    }
    names.sort();
    assert_eq!(registry.get(path, 200).await.json(), json!({ "repositories": names }));
    let by_seven = pages(&registry, &format!("{path}?n=7"), "repositories").await;
    assert_eq!(lengths(&by_seven), [7, 7, 7, 4]);
    assert_eq!(by_seven.concat(), names);
    let after = pages(&registry, &format!("{path}?last=team/app-7&n=1"), "repositories").await;
    assert_eq!(after.concat(), names[names.len() - 2..]);
    assert_eq!(lengths(&pages(&registry, &format!("{path}?n=0"), "repositories").await), [0]);
    refuses_odd_numbers(&registry, path).await;
}

/// Returns the digests of the listed descriptors.
fn digests(descriptors: &[Value]) -> Vec<String> {
    descriptors.iter().map(|found| found["digest"].as_str().unwrap().to_owned()).collect()
}

fn artifact(number: u32, subject: &Manifest) -> Manifest {
    let kind = if number.is_multiple_of(2) { "signature" } else { "sbom" };
    image(number)
        .with("artifactType", format!("application/x.{kind}"))
        .with("annotations", json!({ "number": number.to_string() }))
        .about(subject)
}

#[tokio::test]
async fn referrers() {
    let registry = TestRegistry::new();
    let subject = image("subject");
    let path = format!("/v2/team/app/referrers/{}", subject.digest());
    // Neither the repository nor the subject need be there.
    let none = registry.get(&path, 200).await;
    assert_eq!(none.header("content-type"), "application/vnd.oci.image.index.v1+json");
    assert_eq!(none.json()["manifests"], json!([]));
    let mut artifacts: Vec<_> = (0..10).map(|n| artifact(n, &subject)).collect();
    for artifact in &artifacts {
        registry.push_blobs("team/app", artifact).await;
        let answer = registry.put("team/app", &artifact.digest(), artifact).await;
        assert_eq!(answer.header("oci-subject"), subject.digest());
    }
    artifacts.sort_by_key(Manifest::digest);
    let all: Vec<_> = artifacts.iter().map(Manifest::digest).collect();

    let whole = registry.get(&path, 200).await;
    assert_eq!(digests(whole.json()["manifests"].as_array().unwrap()), all);
    assert_eq!(whole.header("oci-filters-applied"), "");
    let first = &whole.json()["manifests"][0];
    let value: Value = serde_json::from_slice(&artifacts[0].bytes).unwrap();
    assert_eq!(first["mediaType"], artifacts[0].media_type);
    assert_eq!(first["size"], artifacts[0].bytes.len());
    assert_eq!(first["artifactType"], value["artifactType"]);
    assert_eq!(first["annotations"], value["annotations"]);

    let by_three = pages(&registry, &format!("{path}?n=3"), "manifests").await;
    assert_eq!(lengths(&by_three), [3, 3, 3, 1]);
    assert_eq!(digests(&by_three.concat()), all);

    let filtered = format!("{path}?artifactType=application/x.sbom");
    let answer = registry.get(&filtered, 200).await;
    assert_eq!(answer.header("oci-filters-applied"), "artifactType");
    let signed = pages(&registry, &format!("{filtered}&n=2"), "manifests").await.concat();
    assert_eq!(signed.len(), 5);
    assert!(signed.iter().all(|found| found["artifactType"] == "application/x.sbom"));

    refuses_odd_numbers(&registry, &path).await;
    registry.get(format!("{path}?last=odd"), 400).await;
    registry.get("/v2/team/app/referrers/odd", 400).await.has_code("DIGEST_INVALID");
}

/// An image's type is its config's media type, an index has none but what it says.
#[tokio::test]
async fn referrers_of_every_kind() {
    let registry = TestRegistry::new();
    let subject = image("subject");
    let by_config = image(1).about(&subject);
    let index = index_of([&by_config]).about(&subject);
    registry.push_untagged("team/app", &by_config).await;
    registry.push_untagged("team/app", &index).await;
    let path = format!("/v2/team/app/referrers/{}", subject.digest());
    let found = registry.get(&path, 200).await.json()["manifests"].clone();
    let type_of = |manifest: &Manifest| {
        let found = found.as_array().unwrap().iter();
        let mut found = found.filter(|found| found["digest"] == manifest.digest());
        found.next().unwrap()["artifactType"].clone()
    };
    assert_eq!(type_of(&by_config), "application/vnd.oci.image.config.v1+json");
    assert_eq!(type_of(&index), Value::Null);
    registry.store.check().await;
}

#[tokio::test]
async fn referrers_with_large_annotations() {
    let registry = TestRegistry::new();
    let subject = image("subject");
    let annotated = |number: u32, size: usize| {
        artifact(number, &subject).with("annotations", json!({ "filler": "x".repeat(size) }))
    };
    for number in 0..25 {
        registry.push_untagged("team/app", &annotated(number, 120_000)).await;
    }
    let path = format!("/v2/team/app/referrers/{}", subject.digest());
    let pages = pages(&registry, &path, "manifests").await;
    assert!(pages.len() > 1, "a page holds at most 2 MiB of descriptors");
    assert_eq!(pages.concat().len(), 25);
    let too_large = annotated(100, 200_000);
    registry.push_blobs("team/app", &too_large).await;
    let answer = registry.put("team/app", "v1", &too_large).await;
    assert_eq!(answer.status, 400);
    answer.has_code("MANIFEST_INVALID");
    registry.store.check().await;
}

#[tokio::test]
async fn ranges_of_a_blob() {
    let registry = TestRegistry::new();
    let blob = crate::harness::bytes(1, 1000);
    let path = format!("/v2/team/app/blobs/{}", registry.push_blob("team/app", &blob).await);
    let part = |range: &str| registry.request("GET", &path).header("range", range);
    for (range, expected) in [
        ("bytes=0-9", 0..10),
        ("bytes=990-", 990..1000),
        ("bytes=-5", 995..1000),
        ("bytes=999-2000", 999..1000),
    ] {
        let answer = part(range).expect(206).await;
        assert_eq!(answer.body, blob.slice(expected.clone()), "{range}");
        let expected = format!("bytes {}-{}/1000", expected.start, expected.end - 1);
        assert_eq!(answer.header("content-range"), expected);
    }
    for range in ["bytes=1000-", "bytes=9-1", "bytes=-0"] {
        let answer = part(range).expect(416).await;
        assert_eq!(answer.header("content-range"), "bytes */1000");
    }
    for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes", ""] {
        assert_eq!(part(range).expect(200).await.body, blob, "{range}");
    }
    let etag = format!("\"{}\"", digest(&blob));
    part("bytes=0-9").header("if-range", &etag).expect(206).await;
    part("bytes=0-9").header("if-range", "\"other\"").expect(200).await;
}
