//! Blobs that clients fetch from the store itself.

use std::sync::Arc;

use crate::harness::{SigningObjects, Store, TestRegistry, bytes, digest};

#[tokio::test]
async fn each_method_gets_a_url_of_its_own() {
    let store = Store::new();
    let objects = Arc::new(SigningObjects(Arc::clone(&store.objects)));
    let registry = TestRegistry::on(&store).objects(objects).build();
    let name = registry.push_blob("team/app", &bytes(1, 1000)).await;
    let path = format!("/v2/team/app/blobs/{name}");
    for method in ["HEAD", "GET"] {
        let answer = registry.request(method, &path).expect(307).await;
        let url = answer.header("location");
        assert!(url.starts_with("https://bucket.test/blobs/"), "{url}");
        assert!(url.ends_with(&format!("?signed-for={method}")), "{url}");
        assert_eq!(answer.header("cache-control"), "", "a URL that expires is not remembered");
        let known = registry.request(method, &path).header("if-none-match", format!("\"{name}\""));
        assert_eq!(known.expect(304).await.header("location"), "");
    }
    registry.head(format!("/v2/team/app/blobs/{}", digest(b"none")), 404).await;
}
