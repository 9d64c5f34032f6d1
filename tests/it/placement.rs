//! Where the bytes of archived images are.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::access::Action;
use berth_registry::ports::{Clock, MoveObjects, StorageClass, StoreErrorKind, WriteTable};
use berth_registry::{
    ImageSelector, ImageStatus, Job, Placed, Placement, PlacementJob, RegistryError,
};
use bytes::Bytes;
use futures_util::future::join_all;

use crate::harness::{
    Classes, Fails, FaultyTable, Manifest, Plan, Store, TestRegistry, bytes, digest, image,
    image_of, index_of, permit,
};

const NAME: &str = "team/app";

/// A registry, the classes of its objects, and what moves them.
struct Archive {
    registry: TestRegistry,
    classes: Arc<Classes>,
    placement: Placement,
}

fn placement(store: &Store, table: Arc<dyn WriteTable>, moving: Arc<dyn MoveObjects>) -> Placement {
    Placement::new(table, store.objects.clone(), moving, store.clock.clone())
}

impl Archive {
    fn new() -> Self {
        let registry = TestRegistry::new();
        let store = &registry.store;
        let classes = Classes::of(&store.objects);
        let placement = placement(store, store.table.clone(), classes.clone());
        Self { registry, classes, placement }
    }

    async fn update(&self, image: &Manifest, class: StorageClass) -> ImageStatus {
        let permit = permit(Action::UpdateImageStorageClass, NAME);
        let selector = ImageSelector::Digest(image.digest().parse().unwrap());
        let archive = &self.registry.registry.archive;
        archive.update_storage_class(&permit, &selector, class).await.unwrap().status
    }

    async fn archive(&self, image: &Manifest) {
        assert_eq!(self.update(image, StorageClass::Archive).await, ImageStatus::Archived);
        self.place(image).await;
    }

    async fn restore(&self, image: &Manifest) {
        assert_eq!(self.update(image, StorageClass::Standard).await, ImageStatus::Activating);
        self.place(image).await;
    }

    async fn job(&self, of: Placed) -> PlacementJob {
        let permit = permit(Action::DescribeRepositories, NAME);
        let repository = self.registry.registry.repositories.describe(&permit).await.unwrap();
        PlacementJob { repository: repository.name.clone(), id: repository.id.clone(), of }
    }

    async fn image_job(&self, image: &Manifest) -> PlacementJob {
        self.job(Placed::Image(image.digest().parse().unwrap())).await
    }

    async fn place(&self, image: &Manifest) {
        let job = self.image_job(image).await;
        self.run(&job).await.unwrap();
    }

    async fn run(&self, job: &PlacementJob) -> Result<(), RegistryError> {
        let until = self.registry.store.clock.now().plus(Duration::from_mins(10));
        let rest = self.placement.place(job, until).await?;
        assert!(rest.is_empty(), "there was time enough: {rest:?}");
        Ok(())
    }

    /// Asserts what downloads of a blob answer; whether it is there, is told all the same.
    async fn downloads(&self, blob: &Bytes, status: u16) {
        let path = format!("/v2/{NAME}/blobs/{}", digest(blob));
        self.registry.head(&path, 200).await;
        let answer = self.registry.get(&path, status).await;
        if status == 404 {
            answer.has_code("BLOB_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn layers_go_with_their_images_and_come_back() {
    let archive = Archive::new();
    let image = image(1);
    archive.registry.push(NAME, "v1", &image).await;
    archive.archive(&image).await;
    assert_eq!(archive.classes.archived(), 2);
    for blob in &image.blobs {
        archive.downloads(blob, 404).await;
    }
    archive.restore(&image).await;
    assert_eq!(archive.classes.archived(), 0);
    archive.registry.pull(NAME, &image).await;
    archive.registry.store.check().await;
}

#[tokio::test]
async fn a_layer_stays_while_an_image_needs_it() {
    let archive = Archive::new();
    let shared = bytes(1, 1000);
    let images: Vec<_> = (0..5).map(|n| image_of(n, std::slice::from_ref(&shared))).collect();
    for image in &images {
        archive.registry.push_untagged(NAME, image).await;
    }
    for (image, archived) in images.iter().zip([1, 2, 3, 4, 6]) {
        archive.downloads(&shared, 200).await;
        archive.archive(image).await;
        assert_eq!(archive.classes.archived(), archived);
    }
    archive.downloads(&shared, 404).await;
    archive.restore(&images[3]).await;
    archive.registry.pull(NAME, &images[3]).await;
    assert_eq!(archive.classes.archived(), 4);
    archive.registry.store.check().await;
}

#[tokio::test]
async fn a_layer_stays_while_another_repository_has_it() {
    let archive = Archive::new();
    let image = image(1);
    archive.registry.push(NAME, "v1", &image).await;
    let mount = |to: &str, blob: &Bytes| {
        let digest = digest(blob);
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={NAME}");
        archive.registry.request("POST", path)
    };
    mount("other", &image.blobs[0]).expect(201).await;
    archive.archive(&image).await;
    assert_eq!(archive.classes.archived(), 1);
    // What is in the archive can't be downloaded, and so not be mounted.
    mount("other", &image.blobs[1]).expect(202).await;
    archive.registry.push("other", "v1", &image).await;
    archive.registry.pull("other", &image).await;
}

#[tokio::test]
async fn a_push_takes_the_layers_back() {
    let archive = Archive::new();
    let (first, layer) = (image(1), Bytes::from("layer of 1"));
    archive.registry.push(NAME, "v1", &first).await;
    archive.archive(&first).await;
    assert_eq!(archive.classes.archived(), 2);
    // Without a byte: they are there.
    let answer = archive.registry.put(NAME, "v1", &first).await;
    assert_eq!(answer.status, 201);
    archive.registry.pull(NAME, &first).await;
    archive.place(&first).await;
    assert_eq!(archive.classes.archived(), 0);
    // By another image.
    archive.archive(&first).await;
    let second = image_of("second", std::slice::from_ref(&layer));
    archive.registry.push(NAME, "v2", &second).await;
    archive.registry.pull(NAME, &second).await;
    assert_eq!(archive.classes.archived(), 2, "the job is yet to come");
    let job = archive.job(Placed::Layer(digest(&layer).parse().unwrap())).await;
    archive.run(&job).await.unwrap();
    assert_eq!(archive.classes.archived(), 1);
    archive.registry.store.check().await;
}

#[tokio::test]
async fn an_index_comes_back_with_its_children() {
    let archive = Archive::new();
    let children = [image(1), image(2)];
    let inner = index_of(&children);
    let index = index_of([&inner, &children[0]]);
    for child in &children {
        archive.registry.push_untagged(NAME, child).await;
    }
    archive.registry.push_untagged(NAME, &inner).await;
    archive.registry.push(NAME, "all", &index).await;
    for image in [&index, &inner, &children[0], &children[1]] {
        archive.archive(image).await;
    }
    assert_eq!(archive.classes.archived(), 4);
    archive.registry.store.check().await;
    archive.restore(&index).await;
    for image in [&index, &inner, &children[0], &children[1]] {
        archive.registry.pull(NAME, image).await;
    }
    assert_eq!(archive.classes.archived(), 0);
    archive.registry.store.check().await;
}

#[tokio::test]
async fn what_is_not_done_in_time_is_left_to_another_job() {
    let archive = Archive::new();
    let image = image(1);
    archive.registry.push(NAME, "v1", &image).await;
    archive.update(&image, StorageClass::Archive).await;
    let job = archive.image_job(&image).await;
    let rest = archive.placement.place(&job, archive.registry.store.clock.now()).await.unwrap();
    assert_eq!(rest, [Job::PlaceLayers(job)]);
    assert_eq!(archive.classes.archived(), 0);
}

#[tokio::test]
async fn jobs_of_what_is_gone_do_nothing() {
    let archive = Archive::new();
    let image = image(1);
    archive.registry.push(NAME, "v1", &image).await;
    archive.update(&image, StorageClass::Archive).await;
    let job = archive.image_job(&image).await;
    archive.registry.remove(format!("/v2/{NAME}/manifests/{}", image.digest()), 202).await;
    archive.run(&job).await.unwrap();
    let layer = archive.job(Placed::Layer(digest(&image.blobs[0]).parse().unwrap())).await;
    archive.run(&layer).await.unwrap();
    let other = PlacementJob { repository: "team/none".parse().unwrap(), ..job };
    archive.run(&other).await.unwrap();
    assert_eq!(archive.classes.archived(), 0);
}

#[tokio::test]
async fn a_job_that_is_cut_off_anywhere_is_done_by_the_next() {
    for fails in [Fails::Before, Fails::After] {
        for restores in [false, true] {
            let mut calls = 0;
            loop {
                let archive = Archive::new();
                let (child, store) = (image(1), &archive.registry.store);
                let index = index_of([&child]);
                archive.registry.push_untagged(NAME, &child).await;
                archive.registry.push(NAME, "all", &index).await;
                archive.archive(&index).await;
                let doubted = if restores {
                    archive.archive(&child).await;
                    archive.update(&index, StorageClass::Standard).await;
                    &index
                } else {
                    archive.update(&child, StorageClass::Archive).await;
                    &child
                };
                let job = archive.image_job(doubted).await;
                let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
                let faulty = placement(store, table.clone(), archive.classes.clone());
                table.fail_after(calls, fails, StoreErrorKind::Unavailable);
                let until = store.clock.now().plus(Duration::from_mins(1));
                let cut_off = faulty.place(&job, until).await;
                let was_reached = !table.heal();
                assert_eq!(cut_off.is_err(), was_reached);
                archive.run(&job).await.unwrap();
                archive.run(&job).await.unwrap();
                if restores {
                    archive.registry.pull(NAME, &index).await;
                    archive.registry.pull(NAME, &child).await;
                }
                assert_eq!(archive.classes.archived(), if restores { 0 } else { 2 });
                store.check().await;
                if !was_reached {
                    break;
                }
                calls += 1;
            }
            assert!(calls > 10, "{calls}");
        }
    }
}

#[tokio::test]
async fn no_layer_is_missing_to_an_image_that_was_pushed() {
    let archive = Archive::new();
    let shared = bytes(1, 1000);
    for round in 0..30 {
        let old = image_of(2 * round, std::slice::from_ref(&shared));
        let new = image_of(2 * round + 1, std::slice::from_ref(&shared));
        archive.registry.push(NAME, "old", &old).await;
        archive.update(&old, StorageClass::Archive).await;
        archive.registry.push_blobs(NAME, &new).await;
        let job = archive.image_job(&old).await;
        let push_and_pull = async {
            assert_eq!(archive.registry.put(NAME, "new", &new).await.status, 201);
            archive.registry.pull(NAME, &new).await;
        };
        let ((), placed, again) = tokio::join!(push_and_pull, archive.run(&job), archive.run(&job));
        placed.and(again).unwrap();
        archive.registry.pull(NAME, &new).await;
        // In the end the bytes are where the new image needs them.
        let layer = archive.job(Placed::Layer(digest(&shared).parse().unwrap())).await;
        archive.run(&layer).await.unwrap();
        archive.registry.store.check().await;
        archive.registry.remove(format!("/v2/{NAME}/manifests/{}", new.digest()), 202).await;
        archive.place(&old).await;
    }
}

#[tokio::test]
async fn archiving_and_restoring_at_once_ends_in_one_of_them() {
    let archive = Archive::new();
    let shared = bytes(1, 1000);
    let images: Vec<_> = (0..4).map(|n| image_of(n, std::slice::from_ref(&shared))).collect();
    for image in &images {
        archive.registry.push_untagged(NAME, image).await;
        archive.archive(image).await;
    }
    for round in 0..20 {
        let (restored, others) = images.split_at(1 + round % 3);
        join_all(restored.iter().map(|image| archive.update(image, StorageClass::Standard))).await;
        join_all(images.iter().chain(others).map(|image| archive.place(image))).await;
        for image in restored {
            archive.registry.pull(NAME, image).await;
        }
        archive.registry.store.check().await;
        join_all(restored.iter().map(|image| archive.archive(image))).await;
        assert_eq!(archive.classes.archived(), 5);
    }
}
