//! Lifecycle policies move images to the archive, and delete them there.

use std::time::Duration;

use berth_registry::access::Action;
use berth_registry::ports::{Clock, StorageClass};
use berth_registry::{
    ImageQuery, ImageSelector, ImageStatus, Job, LifecycleJob, LifecycleWorker, Placed,
    PlacementJob, RemovalPorts, StatusFilter, TagStatus, Work,
};
use serde_json::json;

use crate::harness::{Manifest, TestRegistry, image, index_of, permit};

const DAY: Duration = Duration::from_hours(24);
const NAME: &str = "team/app";

/// A registry with a repository whose policy archives what was not pulled for 30 days, and deletes
/// what was in the archive for 90.
struct Archiving {
    registry: TestRegistry,
    worker: LifecycleWorker,
}

impl Archiving {
    async fn new() -> Self {
        let registry = TestRegistry::new();
        registry.create(NAME).await.unwrap();
        let rules = json!([
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days",
                    "countNumber": 30,
                },
                "action": {"type": "transition", "targetStorageClass": "archive"},
            },
            {
                "rulePriority": 2,
                "selection": {
                    "tagStatus": "any", "storageClass": "archive", "countUnit": "days",
                    "countType": "sinceImageTransitioned", "countNumber": 90,
                },
                "action": {"type": "expire"},
            },
        ]);
        let policy = json!({"rules": rules}).to_string().parse().unwrap();
        let put = permit(Action::PutLifecyclePolicy, NAME);
        registry.registry.repositories.put_lifecycle_policy(&put, &policy).await.unwrap();
        let store = &registry.store;
        let ports = RemovalPorts {
            table: store.table.clone(),
            objects: store.objects.clone(),
            doomed: store.objects.clone(),
            clock: store.clock.clone(),
        };
        let worker = LifecycleWorker::new(&ports, store.objects.clone());
        Self { registry, worker }
    }

    async fn job(&self) -> LifecycleJob {
        let describe = permit(Action::DescribeRepositories, NAME);
        let repository = self.registry.registry.repositories.describe(&describe).await.unwrap();
        LifecycleJob { repository: repository.name.clone(), id: repository.id.clone() }
    }

    async fn work(&self, job: Job) {
        let mut jobs = vec![job];
        while let Some(job) = jobs.pop() {
            let until = self.registry.store.clock.now().plus(Duration::from_mins(10));
            jobs.extend(self.worker.work(job, until).await.unwrap());
        }
    }

    /// Lets so many days pass, with the policy at work on the last.
    async fn pass(&self, days: u32) {
        self.registry.store.clock.advance(DAY * days);
        self.work(Job::Lifecycle(self.job().await)).await;
    }

    /// Returns an image's status; `None` if it is gone.
    async fn status(&self, image: &Manifest) -> Option<ImageStatus> {
        let describe = permit(Action::DescribeImages, NAME);
        let query = ImageQuery { tag_status: TagStatus::Any, after: None, limit: 100 };
        let pull = &self.registry.registry.pull;
        let page = pull.describe_images(&describe, query, StatusFilter::Any).await.unwrap();
        let found = page.images.iter().find(|found| found.digest.to_string() == image.digest());
        found.map(|found| found.status)
    }

    /// Brings an image back.
    async fn restore(&self, image: &Manifest) {
        let update = permit(Action::UpdateImageStorageClass, NAME);
        let digest = image.digest().parse().unwrap();
        let (archive, selector) = (&self.registry.registry.archive, ImageSelector::Digest(digest));
        archive.update_storage_class(&update, &selector, StorageClass::Standard).await.unwrap();
        let LifecycleJob { repository, id } = self.job().await;
        let of = Placed::Image(image.digest().parse().unwrap());
        self.work(Job::PlaceLayers(PlacementJob { repository, id, of })).await;
    }
}

#[tokio::test(start_paused = true)]
async fn images_age_in_the_archive() {
    let archiving = Archiving::new().await;
    let (unused, pulled) = (image("unused"), image("pulled"));
    archiving.registry.push(NAME, "unused", &unused).await;
    archiving.registry.push(NAME, "pulled", &pulled).await;
    archiving.pass(29).await;
    assert_eq!(archiving.status(&unused).await, Some(ImageStatus::Active));
    archiving.registry.pull(NAME, &pulled).await;
    archiving.pass(2).await;
    assert_eq!(archiving.status(&unused).await, Some(ImageStatus::Archived));
    assert_eq!(archiving.status(&pulled).await, Some(ImageStatus::Active));
    archiving.pass(89).await;
    assert_eq!(archiving.status(&unused).await, Some(ImageStatus::Archived));
    assert_eq!(archiving.status(&pulled).await, Some(ImageStatus::Archived));
    archiving.pass(2).await;
    assert_eq!(archiving.status(&unused).await, None);
    assert_eq!(archiving.status(&pulled).await, Some(ImageStatus::Archived));
    archiving.registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_is_young_again() {
    let archiving = Archiving::new().await;
    let (restored, pushed) = (image("restored"), image("pushed"));
    archiving.registry.push(NAME, "restored", &restored).await;
    archiving.registry.push(NAME, "pushed", &pushed).await;
    archiving.pass(31).await;
    assert_eq!(archiving.status(&restored).await, Some(ImageStatus::Archived));
    archiving.registry.store.clock.advance(DAY * 80);
    archiving.restore(&restored).await;
    archiving.registry.push(NAME, "pushed", &pushed).await;
    for image in [&restored, &pushed] {
        archiving.registry.pull(NAME, image).await;
    }
    archiving.pass(29).await;
    for image in [&restored, &pushed] {
        assert_eq!(archiving.status(image).await, Some(ImageStatus::Active));
    }
    archiving.pass(2).await;
    archiving.pass(89).await;
    for image in [&restored, &pushed] {
        assert_eq!(archiving.status(image).await, Some(ImageStatus::Archived));
    }
    archiving.pass(2).await;
    for image in [&restored, &pushed] {
        assert_eq!(archiving.status(image).await, None);
    }
    archiving.registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn an_index_goes_before_its_children() {
    let archiving = Archiving::new().await;
    let children = [image(1), image(2)];
    let index = index_of(&children);
    for child in &children {
        archiving.registry.push_untagged(NAME, child).await;
    }
    archiving.registry.push(NAME, "all", &index).await;
    archiving.pass(31).await;
    for image in [&index, &children[0], &children[1]] {
        assert_eq!(archiving.status(image).await, Some(ImageStatus::Archived));
    }
    archiving.registry.store.check().await;
    archiving.pass(91).await;
    for image in [&index, &children[0], &children[1]] {
        assert_eq!(archiving.status(image).await, None);
    }
    archiving.registry.store.check().await;
}
