//! The contract of the objects.

use std::sync::Arc;

use berth_contract::{listing_suite, objects_suite};

use crate::bodies::Fixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn objects() {
    let fixture = Fixture::new().await;
    objects_suite(Arc::new(fixture.objects.clone())).await;
}

#[tokio::test]
async fn listing() {
    let fixture = Fixture::new().await;
    let objects = Arc::new(fixture.objects.clone());
    listing_suite(objects.clone(), objects).await;
}

/// As a function does, and the least memory there can be.
#[tokio::test]
async fn objects_on_one_thread() {
    let fixture = Fixture::new().await;
    objects_suite(Arc::new(fixture.objects.clone().with_upload_memory(0))).await;
}
