//! Policies that ask for the tags of images: `berth:ImageTag`.

use std::sync::Arc;

use berth_contract::CountingTable;
use futures_util::future::join;

use crate::harness::{Answer, Manifest, Store, TestRegistry, WanderingTable, image};
use crate::policies::{Known, kim, put_policy};

const ALL: &str = r#"{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}"#;

/// Allows everything but `action` on what is tagged `prod-…`.
fn all_but(action: &str) -> String {
    format!(
        r#"{ALL}, {{"Effect": "Deny", "Action": "ecr:{action}", "Resource": "*",
            "Condition": {{"StringLike": {{"berth:ImageTag": "prod-*"}}}}}}"#
    )
}

/// Allows everything on what is tagged `dev-…`, and nothing else.
fn dev_alone(operator: &str) -> String {
    format!(
        r#"{{"Effect": "Allow", "Action": "ecr:*", "Resource": "*",
            "Condition": {{"{operator}": {{"berth:ImageTag": "dev-*"}}}}}}"#
    )
}

/// Starts a registry that asks for credentials, with images under these tags.
async fn registry(images: &[(&Manifest, &str)]) -> TestRegistry {
    let store = Store::new();
    let open = TestRegistry::on(&store).build();
    for (image, tag) in images {
        open.push("team/app", tag, image).await;
    }
    TestRegistry::on(&store).with_login().build()
}

fn path(image: &Manifest) -> String {
    format!("/v2/team/app/manifests/{}", image.digest())
}

async fn send(registry: &TestRegistry, kim: &Known, method: &str, path: &str) -> Answer {
    registry.request(method, path).basic(&kim.id, &kim.secret).send().await
}

async fn tags(registry: &TestRegistry) -> Vec<String> {
    TestRegistry::on(&registry.store).build().tags("team/app").await
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_asked_for_every_tag_that_goes() {
    let (both, plain) = (image("both"), image("plain"));
    let registry = registry(&[(&both, "dev-1"), (&both, "prod-1"), (&plain, "v1")]).await;
    let kim = kim(&registry, &all_but("BatchDeleteImage")).await;
    let delete = async |path: &str| send(&registry, &kim, "DELETE", path).await;
    let denied = delete(&path(&both)).await;
    assert_eq!(denied.status, 403);
    let message = denied.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");
    assert_eq!(delete("/v2/team/app/manifests/prod-1").await.status, 403);
    assert_eq!(tags(&registry).await, ["dev-1", "prod-1", "v1"]);
    assert_eq!(delete("/v2/team/app/manifests/dev-1").await.status, 202);
    assert_eq!(delete(&path(&both)).await.status, 403);
    assert_eq!(delete(&path(&plain)).await.status, 202);
    assert_eq!(tags(&registry).await, ["prod-1"]);
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_of_an_image_with_many_tags_if_one_may_not() {
    let app = image("app");
    let names: Vec<String> = (0..60).map(|n| format!("v{n:02}")).collect();
    let mut pushed: Vec<_> = names.iter().map(|name| (&app, name.as_str())).collect();
    pushed.push((&app, "prod-1"));
    pushed.push((&app, "zz"));
    let registry = registry(&pushed).await;
    let kim = kim(&registry, &all_but("BatchDeleteImage")).await;
    assert_eq!(send(&registry, &kim, "DELETE", &path(&app)).await.status, 403);
    assert_eq!(tags(&registry).await.len(), 62);
    let prod = "/v2/team/app/manifests/prod-1";
    TestRegistry::on(&registry.store).build().remove(prod, 202).await;
    assert_eq!(send(&registry, &kim, "DELETE", &path(&app)).await.status, 202);
    assert!(tags(&registry).await.is_empty());
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_delete_some_tags_deletes_no_image_with_others() {
    let (dev, both, none) = (image("dev"), image("both"), image("none"));
    let registry = registry(&[(&dev, "dev-1"), (&both, "dev-2"), (&both, "prod-2")]).await;
    TestRegistry::on(&registry.store).build().push_untagged("team/app", &none).await;
    let kim = kim(&registry, ALL).await;
    for operator in ["StringLike", "ForAnyValue:StringLike", "ForAllValues:StringLike"] {
        put_policy(&registry, &dev_alone(operator)).await;
        assert_eq!(send(&registry, &kim, "DELETE", &path(&both)).await.status, 403, "{operator}");
    }
    put_policy(&registry, &dev_alone("ForAnyValue:StringLike")).await;
    assert_eq!(send(&registry, &kim, "DELETE", &path(&none)).await.status, 403);
    assert_eq!(send(&registry, &kim, "DELETE", &path(&dev)).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn naming_two_tags_asks_for_both() {
    let app = image("app");
    let registry = registry(&[(&app, "v1")]).await;
    let kim = kim(&registry, &dev_alone("ForAnyValue:StringLike")).await;
    let push = async |reference: String| {
        let call = registry.request("PUT", format!("/v2/team/app/manifests/{reference}"));
        let call = call.basic(&kim.id, &kim.secret).header("content-type", &app.media_type);
        call.bytes(app.bytes.clone()).send().await.status
    };
    assert_eq!(push("dev-1".to_owned()).await, 201);
    assert_eq!(push("prod-1".to_owned()).await, 403);
    assert_eq!(push("prod-1?tag=dev-2".to_owned()).await, 403);
    assert_eq!(push(format!("{}?tag=dev-2&tag=prod-2", app.digest())).await, 403);
    assert_eq!(push(app.digest()).await, 403);
    assert_eq!(push("dev-2?tag=dev-3".to_owned()).await, 201);
    assert_eq!(tags(&registry).await, ["dev-1", "dev-2", "dev-3", "v1"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_learns_neither_of_images_nor_of_tags() {
    let (prod, none) = (image("prod"), image("none"));
    let registry = registry(&[(&prod, "prod-1")]).await;
    let statements = format!(
        "{}, {}",
        dev_alone("StringLike"),
        all_but("*").replace(
            ALL,
            r#"{
        "Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#
        )
    );
    let kim = kim(&registry, &statements).await;
    for method in ["GET", "DELETE"] {
        let ask = async |image: &Manifest, name: &str| {
            let path = path(image).replace("team/app", name);
            let answer = send(&registry, &kim, method, &path).await;
            assert_eq!(answer.status, 403);
            let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
            message.replace(name, "NAME")
        };
        let existing = ask(&prod, "team/app").await;
        assert!(existing.contains("because no identity-based policy allows"), "{existing}");
        assert_eq!(existing, ask(&none, "team/app").await);
        assert_eq!(existing, ask(&prod, "none/app").await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_learns_that_there_is_no_image() {
    let registry = registry(&[(&image("app"), "v1")]).await;
    let kim = kim(&registry, &all_but("*")).await;
    for method in ["GET", "DELETE"] {
        for (name, code) in [("team/app", "MANIFEST_UNKNOWN"), ("none/app", "NAME_UNKNOWN")] {
            let path = path(&image("none")).replace("team/app", name);
            let answer = send(&registry, &kim, method, &path).await;
            assert_eq!((answer.status, answer.code()), (404, code.to_owned()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pulls_are_asked_for_the_tag_or_for_all_of_a_digest() {
    let (both, none) = (image("both"), image("none"));
    let registry = registry(&[(&both, "dev-1"), (&both, "prod-1")]).await;
    TestRegistry::on(&registry.store).build().push_untagged("team/app", &none).await;
    let kim = kim(&registry, ALL).await;
    for (statements, expected) in [
        (all_but("BatchGetImage"), [200, 403, 403, 200]),
        (dev_alone("StringLike"), [200, 403, 403, 403]),
        (dev_alone("ForAnyValue:StringLike"), [200, 403, 200, 403]),
    ] {
        put_policy(&registry, &statements).await;
        let prefix = "/v2/team/app/manifests";
        let paths =
            [format!("{prefix}/dev-1"), format!("{prefix}/prod-1"), path(&both), path(&none)];
        for (path, expected) in paths.iter().zip(expected) {
            for method in ["GET", "HEAD"] {
                let status = send(&registry, &kim, method, path).await.status;
                assert_eq!(status, expected, "{method} {path}, {statements}");
            }
        }
    }
}

/// Tags are read for those alone whose policies ask for them.
#[tokio::test(start_paused = true)]
async fn tags_are_read_if_a_policy_asks() {
    let app = image("app");
    let store = Arc::clone(&registry(&[(&app, "v1")]).await.store);
    let table = Arc::new(CountingTable::new(Arc::clone(&store.table)));
    let registry = TestRegistry::on(&store).table(table.clone()).with_login().build();
    let kim = kim(&registry, ALL).await;
    send(&registry, &kim, "GET", &path(&app)).await;
    for (statements, reads) in
        [(ALL.to_owned(), &["get"][..]), (all_but("PutImage"), &["query", "get"][..])]
    {
        put_policy(&registry, &statements).await;
        send(&registry, &kim, "GET", "/v2/team/app/manifests/v1").await;
        table.take();
        assert_eq!(send(&registry, &kim, "GET", &path(&app)).await.status, 200);
        assert_eq!(table.take().names(), reads);
    }
}

/// A tag that comes while an image is deleted is not taken away by who may not.
#[tokio::test(start_paused = true)]
async fn a_tag_that_comes_in_between_is_asked_for() {
    let (app, mut denied) = (image("app"), 0);
    for seed in 0..40 {
        let registry = registry(&[(&app, "v1")]).await;
        let kim = kim(&registry, &all_but("BatchDeleteImage")).await;
        let table = WanderingTable::new(registry.store.table.clone(), seed);
        let wandering = TestRegistry::on(&registry.store).table(table).with_login().build();
        let root = TestRegistry::on(&registry.store).build();
        let at = path(&app);
        let deletion = send(&wandering, &kim, "DELETE", &at);
        let push = async {
            tokio::time::sleep(std::time::Duration::from_millis(seed * 10)).await;
            root.put("team/app", "prod-1", &app).await
        };
        let (deletion, push) = join(deletion, push).await;
        assert!([202, 403].contains(&deletion.status), "{deletion:?}");
        denied += usize::from(deletion.status == 403);
        // The push makes the image anew, if it is gone.
        assert_eq!(push.status, 201);
        assert!(tags(&registry).await.contains(&"prod-1".to_owned()), "{seed}");
        registry.store.check().await;
    }
    assert!((1..40).contains(&denied), "the requests did not meet: {denied}");
}
