//! How much there may be of each thing.

use std::sync::Arc;
use std::time::Duration;

use berth_contract::CountingTable;
use berth_registry::ports::{Attributes, Condition, Key, MOST_OPERATIONS, Operation};
use berth_registry::{QuotaExceeded, Quotas, RegistryError};
use bytes::Bytes;

use crate::harness::{Manifest, Store, TestRegistry, digest, image};

fn quotas(text: &str) -> Quotas {
    text.parse().unwrap()
}

/// Pushes, and expects the quota to refuse it with these words.
async fn refuses(registry: &TestRegistry, reference: &str, image: &Manifest, words: &str) {
    registry.push_blobs("team/app", image).await;
    let answer = registry.put("team/app", reference, image).await;
    assert_eq!(answer.status, 403);
    answer.has_code("DENIED");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(body.contains(words), "{body}");
}

#[tokio::test]
async fn repositories() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).quotas(quotas("repositories=2")).build();
    registry.create("one").await.unwrap();
    registry.create("two").await.unwrap();
    let refused = registry.create("three").await.unwrap_err();
    let RegistryError::QuotaExceeded(error) = refused else { panic!("{refused}") };
    assert_eq!(error, QuotaExceeded::Repositories { most: 2 });
    let exists = registry.create("two").await;
    assert!(matches!(exists, Err(RegistryError::RepositoryExists(_))), "{exists:?}");
    // A push makes none either, and pushes to those that are there go on.
    let answer = registry.request("POST", "/v2/three/blobs/uploads/").send().await;
    assert_eq!(answer.status, 403);
    answer.has_code("DENIED");
    registry.push("two", "v1", &image("first")).await;

    registry.delete("one", berth_registry::WhenNotEmpty::Refuse).await.unwrap();
    store.clock.advance(Duration::from_secs(6));
    registry.create("three").await.unwrap();
}

#[tokio::test]
async fn images_of_a_repository() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).quotas(quotas("images-per-repository=2")).build();
    let (first, second, third) = (image("first"), image("second"), image("third"));
    registry.push("team/app", "v1", &first).await;
    registry.push("team/app", "v2", &second).await;
    refuses(&registry, "v3", &third, "maximum allowed number of images, which is 2").await;
    // The image is not new, or the repository another one.
    registry.push("team/app", "again", &first).await;
    registry.push("team/other", "v3", &third).await;
    // A tag of the repository that moves makes no room: its image stays.
    refuses(&registry, "v1", &third, "maximum allowed number of images").await;

    registry.remove(format!("/v2/team/app/manifests/{}", second.digest()), 202).await;
    store.clock.advance(Duration::from_secs(6));
    registry.push("team/app", "v3", &third).await;
    store.check().await;
}

#[tokio::test]
async fn tags_of_an_image() {
    let store = Store::new();
    let build = || TestRegistry::on(&store).shared().quotas(quotas("tags-per-image=3")).build();
    let (registry, other) = (build(), build());
    let image = image("tagged");
    registry.push_blobs("team/app", &image).await;
    let many = format!("/v2/team/app/manifests/{}?tag=v1&tag=v2&tag=v3&tag=v4", image.digest());
    let put = registry.request("PUT", many).header("content-type", &image.media_type);
    put.bytes(image.bytes.clone()).expect(403).await.has_code("DENIED");
    for tag in ["v1", "v2"] {
        registry.push("team/app", tag, &image).await;
    }
    other.push("team/app", "v3", &image).await;
    registry.push("team/app", "v3", &image).await;
    refuses(&other, "v4", &image, "adding tag `v4`").await;
    // The first process learns of the other's tag when it counts again.
    store.clock.advance(Duration::from_mins(6));
    refuses(&registry, "v4", &image, "tags per image, which is 3").await;
    registry.push("team/app", "v2", &image).await;

    registry.remove("/v2/team/app/manifests/v1", 202).await;
    store.clock.advance(Duration::from_secs(6));
    registry.push("team/app", "v4", &image).await;
    store.check().await;
}

#[tokio::test]
async fn counts_are_remembered() {
    let store = Store::new();
    let table = Arc::new(CountingTable::new(store.table.clone()));
    let registry = TestRegistry::on(&store).table(table.clone()).build();
    for name in ["team/app", "team/other"] {
        registry.create(name).await.unwrap();
    }
    assert_eq!(table.take().of("query"), 1);
    for number in 0..5 {
        registry.push("team/app", "v1", &image(number)).await;
    }
    assert_eq!(table.take().of("query"), 1);
    store.clock.advance(Duration::from_mins(5));
    registry.push("team/app", "v1", &image(5)).await;
    assert_eq!(table.take().of("query"), 1);
}

/// Puts images into a repository that nobody pushed, with digests that are spread evenly.
async fn fill(store: &Store, id: &str, images: u64) {
    let put = |number: u64| Operation::Put {
        key: Key {
            partition: format!("repository/{id}"),
            sort: format!("image/{}", digest(&number.to_be_bytes())),
        },
        document: Bytes::new(),
        attributes: Attributes::new(),
        first_version: 1,
        condition: Condition::Any,
    };
    let numbers: Vec<u64> = (0..images).collect();
    for numbers in numbers.chunks(MOST_OPERATIONS) {
        store.table.transact(numbers.iter().copied().map(put).collect()).await.unwrap();
    }
}

#[tokio::test]
async fn many_images_are_counted_one_by_one_near_the_quota() {
    let store = Store::new();
    let table = Arc::new(CountingTable::new(store.table.clone()));
    let build = |text: &str| {
        TestRegistry::on(&store).shared().table(table.clone()).quotas(quotas(text)).build()
    };
    let registry = build("images-per-repository=4000");
    registry.push("team/app", "v1", &image(0)).await;
    fill(&store, &registry.id("team/app").await.unwrap(), 1999).await;
    table.take();
    // The first thousand say that there are about two thousand.
    store.clock.advance(Duration::from_mins(5));
    registry.push("team/app", "v1", &image(1)).await;
    assert_eq!(table.take().of("query"), 1);
    let near = build("images-per-repository=2002");
    near.push("team/app", "v1", &image(2)).await;
    assert!(table.take().of("query") > 1);
    refuses(&near, "v1", &image(3), "maximum allowed number of images, which is 2002").await;
    refuses(&build("images-per-repository=2002"), "v1", &image(3), "which is 2002").await;
}
