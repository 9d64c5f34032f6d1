//! Manifests pushed and pulled.

use berth_types::media_types::{
    DOCKER_LIST, DOCKER_MANIFEST, DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, OCI_INDEX, OCI_MANIFEST,
};
use serde_json::json;

use crate::harness::{Manifest, Store, TestRegistry, digest, digest512, image, image_of, index_of};

/// Pushes a manifest, and pulls it back by tag and by digest.
async fn round_trip(registry: &TestRegistry, manifest: &Manifest) {
    registry.push_blobs("team/app", manifest).await;
    let answer = registry.put("team/app", "v1", manifest).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let path = format!("/v2/team/app/manifests/{}", manifest.digest());
    assert_eq!(answer.header("location"), path);
    assert_eq!(answer.header("docker-content-digest"), manifest.digest());
    for path in [path.as_str(), "/v2/team/app/manifests/v1"] {
        let got = registry.get(path, 200).await;
        let head = registry.head(path, 200).await;
        assert_eq!(got.body, manifest.bytes);
        assert_eq!(got.headers, head.headers);
        assert_eq!(got.header("content-type"), manifest.media_type);
        assert_eq!(got.header("docker-content-digest"), manifest.digest());
    }
    registry.store.check().await;
}

#[tokio::test]
async fn of_every_kind() {
    let registry = TestRegistry::new();
    let docker = image("docker").typed(DOCKER_MANIFEST);
    round_trip(&registry, &image("oci")).await;
    round_trip(&registry, &docker).await;
    round_trip(&registry, &index_of([&image("oci"), &docker])).await;
    round_trip(&registry, &index_of([&docker]).typed(DOCKER_LIST)).await;
    let artifact = image_of("artifact", &[]).with("artifactType", "application/x.chart");
    round_trip(&registry, &artifact).await;
    round_trip(&registry, &index_of([]).with("artifactType", "application/x.set")).await;
}

#[tokio::test]
async fn typed_by_header_or_by_document() {
    let registry = TestRegistry::new();
    let plain = image(1).without("mediaType");
    round_trip(&registry, &plain).await;
    let put = |manifest: &Manifest| {
        registry.request("PUT", "/v2/team/app/manifests/v1").bytes(manifest.bytes.clone())
    };
    put(&image(1)).expect(201).await;
    put(&plain).expect(400).await.has_code("MANIFEST_INVALID");
    let typed = put(&image(1)).header("content-type", format!("{OCI_MANIFEST}; charset=utf-8"));
    typed.expect(201).await;
    for odd in [DOCKER_MANIFEST, OCI_INDEX, "application/json", "text/plain"] {
        let put = put(&image(1)).header("content-type", odd);
        put.expect(400).await.has_code("MANIFEST_INVALID");
    }
}

#[tokio::test]
async fn of_schema_1_are_refused_clearly() {
    let registry = TestRegistry::new();
    let old = json!({ "schemaVersion": 1, "name": "app", "tag": "v1", "fsLayers": [] });
    for media_type in [DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, DOCKER_MANIFEST] {
        let put = registry.request("PUT", "/v2/team/app/manifests/v1");
        let put = put.header("content-type", media_type).bytes(old.to_string());
        let answer = put.expect(400).await;
        answer.has_code("MANIFEST_INVALID");
        let message = answer.json()["errors"][0]["message"].to_string();
        assert!(message.contains("schema 1"), "{message}");
    }
}

#[tokio::test]
async fn of_odd_shapes_are_refused() {
    let registry = TestRegistry::new();
    registry.push_blobs("team/app", &image(1)).await;
    let odd = [
        image(1).without("schemaVersion"),
        image(1).with("schemaVersion", 3),
        image(1).without("config"),
        image(1).without("layers"),
        image(1).with("manifests", json!([])),
        image(1).with("layers", json!([{ "digest": "sha256:0", "size": 1 }])),
        image(1).with("layers", "none"),
        index_of([]).with("layers", json!([])),
        index_of([]).with("config", image(1).descriptor()),
        index_of([]).without("manifests"),
        image(1).with("annotations", json!({ "number": 1 })),
    ];
    for manifest in &odd {
        let answer = registry.put("team/app", "v1", manifest).await;
        assert_eq!(answer.status, 400, "{manifest:?}");
        answer.has_code("MANIFEST_INVALID");
    }
    registry.store.check().await;
}

#[tokio::test]
async fn of_another_digest_are_refused() {
    let registry = TestRegistry::new();
    registry.push_blobs("team/app", &image(1)).await;
    let answer = registry.put("team/app", &image(2).digest(), &image(1)).await;
    assert_eq!(answer.status, 400);
    answer.has_code("DIGEST_INVALID");
    registry.store.check().await;
}

#[tokio::test]
async fn by_sha512() {
    let registry = TestRegistry::new();
    let image = image(1);
    registry.push_blobs("team/app", &image).await;
    let name = digest512(&image.bytes);
    let answer = registry.put("team/app", &format!("{name}?tag=v1"), &image).await;
    assert_eq!(answer.header("docker-content-digest"), name);
    for reference in [name.as_str(), "v1"] {
        let got = registry.get(format!("/v2/team/app/manifests/{reference}"), 200).await;
        assert_eq!(got.body, image.bytes);
        assert_eq!(got.header("docker-content-digest"), name);
    }
    registry.store.check().await;
}

#[tokio::test]
async fn that_lack_content_are_refused() {
    let registry = TestRegistry::new();
    let image = image_of(1, &["one".into(), "two".into(), "three".into()]);
    registry.push_blob("team/app", &image.blobs[2]).await;
    let answer = registry.put("team/app", "v1", &image).await;
    assert_eq!(answer.status, 400);
    answer.has_code("MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.error_digests(), [0, 1, 3].map(|n| digest(&image.blobs[n])));

    let (there, not_there) = (crate::harness::image(2), crate::harness::image(3));
    registry.push_untagged("team/app", &there).await;
    let answer = registry.put("team/app", "v1", &index_of([&there, &not_there])).await;
    assert_eq!(answer.status, 400);
    answer.has_code("MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.error_digests(), [not_there.digest()]);
    registry.get("/v2/team/app/manifests/v1", 404).await;
    registry.store.check().await;
}

#[tokio::test]
async fn that_lack_content_are_taken_where_it_is_allowed() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).sparse().build();
    let (child, other) = (image(1), image(2));
    registry.push_untagged("team/app", &other).await;
    let index = index_of([&child, &other]);
    assert_eq!(registry.put("team/app", "index", &index).await.status, 201);
    assert_eq!(registry.put("team/app", "image", &image(3)).await.status, 201);
    // A child that comes later was not counted, and is not counted back.
    registry.push_untagged("team/app", &child).await;
    store.check_but_leftovers(true).await;
    registry.remove(format!("/v2/team/app/manifests/{}", other.digest()), 405).await;
    for reference in [index.digest(), other.digest(), child.digest(), image(3).digest()] {
        registry.remove(format!("/v2/team/app/manifests/{reference}"), 202).await;
    }
    store.check_but_leftovers(true).await;
}

#[tokio::test]
async fn with_foreign_layers_need_not_have_them() {
    let registry = TestRegistry::new();
    for kind in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        let layer = json!({
            "mediaType": kind,
            "digest": digest(b"not here"),
            "size": 8,
            "urls": ["https://example.com/layer"],
        });
        registry.push("team/app", "v1", &image_of(kind, &[]).with("layers", json!([layer]))).await;
    }
    registry.store.check().await;
}

#[tokio::test]
async fn under_many_tags_at_once() {
    let registry = TestRegistry::new();
    registry.push_blobs("team/app", &image(1)).await;
    let tags: Vec<_> = (10..27).map(|n| format!("tag=v{n}")).collect();
    let reference = format!("{}?{}", image(1).digest(), tags[..16].join("&"));
    let answer = registry.put("team/app", &reference, &image(1)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let given = answer.headers.get_all("oci-tag").iter();
    let given: Vec<_> = given.map(|tag| tag.to_str().unwrap()).collect();
    assert_eq!(given, registry.tags("team/app").await);
    assert_eq!(given.len(), 16);
    let reference = format!("{}?{}", image(1).digest(), tags.join("&"));
    let answer = registry.put("team/app", &reference, &image(1)).await;
    assert_eq!(answer.status, 414);
    let answer = registry.put("team/app", "latest?tag=.odd", &image(1)).await;
    assert_eq!(answer.status, 400);
    assert!(!registry.tags("team/app").await.contains(&"latest".to_owned()));
    registry.put("team/app", "latest?tag=v10&tag=v10&tag=latest", &image(1)).await;
    registry.store.check().await;
}

#[tokio::test]
async fn are_negotiated() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let path = "/v2/team/app/manifests/v1";
    for (accept, status) in [
        (OCI_MANIFEST, 200),
        ("*/*", 200),
        ("application/*", 200),
        (&*format!("{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.5"), 200),
        ("", 200),
        (DOCKER_MANIFEST, 404),
        (&*format!("{DOCKER_LIST},{OCI_INDEX}"), 404),
        (&*format!("{OCI_MANIFEST};q=0"), 404),
        ("text/html", 404),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = registry.request(method, path).header("accept", accept).send().await;
            assert_eq!(answer.status, status, "{method} {accept}");
        }
    }
    let several = registry.request("GET", path).header("accept", DOCKER_LIST);
    several.header("accept", OCI_MANIFEST).expect(200).await;
}

#[tokio::test]
async fn that_a_client_has_are_not_sent() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let etag = registry.head("/v2/team/app/manifests/v1", 200).await.header("etag").to_owned();
    let blob = format!("/v2/team/app/blobs/{}", digest(&image(1).blobs[1]));
    let blob_etag = registry.head(&blob, 200).await.header("etag").to_owned();
    for (path, etag) in [("/v2/team/app/manifests/v1", &etag), (&blob, &blob_etag)] {
        for method in ["GET", "HEAD"] {
            let asked = |tags: &str| registry.request(method, path).header("if-none-match", tags);
            for tags in [etag, "*", &format!("\"other\", W/{etag}")] {
                let answer = asked(tags).expect(304).await;
                assert!(answer.body.is_empty());
                assert_eq!(answer.header("etag"), etag);
            }
            asked("\"other\"").expect(200).await;
        }
    }
    registry.push("team/app", "v1", &image(2)).await;
    let moved = registry.request("GET", "/v2/team/app/manifests/v1").header("if-none-match", etag);
    moved.expect(200).await;
}

/// A tag moves from an image to the index that lists it, and back: both raise the same image.
#[tokio::test]
async fn a_tag_moves_between_a_child_and_its_index() {
    let registry = TestRegistry::new();
    let child = image(1);
    registry.push("team/app", "v1?tag=v2", &child).await;
    let index = index_of([&child]);
    for moved in [&index, &child, &index] {
        registry.push("team/app", "v1?tag=v2", moved).await;
        registry.store.check().await;
    }
    let tagged = registry.get("/v2/team/app/manifests/v1", 200).await;
    assert_eq!(tagged.body, index.bytes);
}
