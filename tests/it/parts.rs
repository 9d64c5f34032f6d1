//! Processes that serve some parts of the API alone.

use crate::harness::{KEY_ID, SECRET, Store, TestRegistry, digest, image};

const MANIFEST: &str = "/v2/team/app/manifests/v1";
const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

/// Expects 405 and the methods that are served.
async fn refuses(registry: &TestRegistry, method: &str, path: &str, allowed: &str) {
    let answer = registry.request(method, path).expect(405).await;
    if method != "HEAD" {
        answer.has_code("UNSUPPORTED");
    }
    assert_eq!(answer.header("allow"), allowed, "{method} {path}");
}

#[tokio::test]
async fn an_image_goes_through_one_process_per_part() {
    let store = Store::new();
    let pull = TestRegistry::on(&store).parts(|api, all| api.with_pull(all.pull.clone())).build();
    let push = TestRegistry::on(&store).parts(|api, all| api.with_push(all.push.clone())).build();
    let removal = TestRegistry::on(&store).parts(|api, all| api.with_removal(all.removal.clone()));
    let removal = removal.build();
    let (one, upload) = (image(1), push.begin("team/app").await);
    push.push("team/app", "v1", &one).await;
    pull.pull("team/app", &one).await;
    assert_eq!(pull.tags("team/app").await, ["v1"]);
    pull.get("/v2/_catalog", 200).await;
    pull.get(&upload, 204).await;
    pull.get(format!("/v2/team/app/referrers/{}", one.digest()), 200).await;

    let blob = format!("/v2/team/app/blobs/{}", digest(&one.blobs[0]));
    for (registry, manifest, blob_methods, list, uploads, one_upload) in [
        (&pull, "GET, HEAD", "GET, HEAD", "GET, HEAD", "", "GET"),
        (&push, "PUT", "", "", "POST", "PATCH, PUT"),
        (&removal, "DELETE", "DELETE", "", "", "DELETE"),
    ] {
        for (path, allowed) in [
            (MANIFEST, manifest),
            (&blob, blob_methods),
            ("/v2/_catalog", list),
            ("/v2/team/app/tags/list", list),
            (UPLOADS, uploads),
            (&upload, one_upload),
        ] {
            for method in ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"] {
                if !allowed.split(", ").any(|allowed| allowed == method) {
                    refuses(registry, method, path, allowed).await;
                }
            }
        }
        registry.get("/v2/", 200).await;
    }
    removal.remove(&upload, 204).await;
    removal.remove(MANIFEST, 202).await;
    pull.get(MANIFEST, 404).await;
    store.check().await;
}

#[tokio::test(start_paused = true)]
async fn tokens_need_no_part() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).with_login().parts(|api, _| api).build();
    registry.request("GET", "/v2/").basic(KEY_ID, SECRET).expect(200).await;
    registry.get("/v2/", 401).await;
    let answer = registry.request("GET", "/token").basic(KEY_ID, SECRET).expect(200).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let other = TestRegistry::on(&store).with_login().build();
    other.request("GET", "/v2/").bearer(&token).expect(200).await;
    let refused = registry.request("GET", MANIFEST).basic(KEY_ID, SECRET).expect(405).await;
    assert_eq!(refused.header("allow"), "");
}
