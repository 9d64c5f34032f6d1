//! Clients that push, mount, pull and delete, and collectors beside them.
//!
//! Grace periods are a few seconds, somewhat longer than the longest request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use berth_registry::ports::{Clock as _, Timestamp, WriteTable};
use berth_registry::{GracePeriods, WhenNotEmpty, Work as _};
use bytes::Bytes;
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use crate::harness::{Answer, Manifest, Store, TestRegistry, bytes, digest, image_of, index_of};

/// How long collection leaves everything as it is.
pub const GRACE: Duration = Duration::from_secs(8);

/// All grace periods.
pub const PERIODS: GracePeriods = GracePeriods::of(GRACE);

const REPOSITORIES: [&str; 2] = ["team/app", "team/fork"];

const IMAGES: usize = 4;

/// Returns the number that a variable of the environment has, or else `default`.
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
pub fn number_from(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// What a client does next; numbers name images and repositories.
#[derive(Clone, Debug)]
pub enum Step {
    Push { image: usize, repository: usize, way: Way },
    Delete { image: usize, repository: usize },
    DeleteLayer { image: usize, repository: usize },
    DeleteRepository { repository: usize },
    Abandon { repository: usize },
    Wait { millis: u64 },
}

/// How a client brings layers that are not there.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Whole,
    Chunks,
    Mount,
}

/// Returns what a client may do.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (image, repository) = (0..=IMAGES, 0..REPOSITORIES.len());
    let way = prop_oneof![Just(Way::Whole), Just(Way::Chunks), Just(Way::Mount)];
    let both = (image, repository.clone());
    let step = prop_oneof![
        6 => (both.clone(), way)
            .prop_map(|((image, repository), way)| Step::Push { image, repository, way }),
        3 => both.clone().prop_map(|(image, repository)| Step::Delete { image, repository }),
        1 => both.prop_map(|(image, repository)| Step::DeleteLayer { image, repository }),
        1 => repository.clone().prop_map(|repository| Step::DeleteRepository { repository }),
        1 => repository.prop_map(|repository| Step::Abandon { repository }),
        4 => (0..12_000_u64).prop_map(|millis| Step::Wait { millis }),
    ];
    prop::collection::vec(step, 5..15)
}

/// What is known of an image in a repository.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Whether it is there for certain: it was pushed, and no deletion was begun since.
    is_there: bool,
    /// How many deletions were begun.
    deletions: u32,
    /// How many of them go on.
    deleting: u32,
}

/// A registry, what there may be in it, and what is known of that.
#[derive(Debug)]
pub struct World {
    pub store: Arc<Store>,
    registry: TestRegistry,
    images: Vec<Manifest>,
    known: Mutex<BTreeMap<(usize, usize), Known>>,
    requests: Mutex<Requests>,
    /// How many times less clients wait than they were told.
    haste: u32,
}

/// Requests that go on or are over.
#[derive(Debug, Default)]
struct Requests {
    number: u64,
    begun: BTreeMap<u64, Timestamp>,
    longest: Duration,
    pushes: u64,
}

impl World {
    /// Makes a registry on a table that stands on the store's. Its clients wait for as many times
    /// less than they were told.
    pub fn new(table: impl FnOnce(&Store) -> Arc<dyn WriteTable>, haste: u32) -> Self {
        let store = Store::new();
        let registry = TestRegistry::on(&store).table(table(&store)).build();
        let layers: Vec<Bytes> = (0..4).map(|n| bytes(n, 50)).collect();
        // Each two neighbours share a layer.
        let of = |n: usize| image_of(n, &[layers[n].clone(), layers[(n + 1) % 4].clone()]);
        let mut images: Vec<_> = (0..IMAGES).map(of).collect();
        images.push(index_of(&images[..2]));
        let (known, requests) = (Mutex::default(), Mutex::default());
        Self { store, registry, images, known, requests, haste }
    }

    fn known(&self, image: usize, repository: usize) -> Known {
        self.known.lock().unwrap().get(&(image, repository)).copied().unwrap_or_default()
    }

    fn change(&self, image: usize, repository: usize, change: impl FnOnce(&mut Known)) {
        change(self.known.lock().unwrap().entry((image, repository)).or_default());
    }

    /// Does what counts as one request, and notes how long it took.
    async fn timed<T>(&self, request: impl Future<Output = T>) -> T {
        let begin = self.store.clock.now();
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.number += 1;
            let number = requests.number;
            requests.begun.insert(number, begin);
            number
        };
        let result = request.await;
        let mut requests = self.requests.lock().unwrap();
        requests.begun.remove(&number);
        let millis = self.store.clock.now().millis() - begin.millis();
        requests.longest = requests.longest.max(Duration::from_millis(millis));
        result
    }

    /// Returns when the oldest of the requests began that go on.
    pub fn oldest_request(&self) -> Option<Timestamp> {
        self.requests.lock().unwrap().begun.values().min().copied()
    }

    /// Returns how long the longest request took.
    pub fn longest_request(&self) -> Duration {
        self.requests.lock().unwrap().longest
    }

    /// Returns how many pushes were acknowledged.
    pub fn pushes(&self) -> u64 {
        self.requests.lock().unwrap().pushes
    }

    async fn request(&self, method: &str, path: impl AsRef<str>, body: &Bytes) -> Answer {
        self.timed(self.registry.request(method, path).bytes(body.clone()).send()).await
    }

    /// Does what a client is told.
    pub async fn take(&self, step: &Step) {
        match *step {
            Step::Push { image, repository, way } => {
                self.push_all(image, repository, way).await;
            }
            Step::Delete { image, repository } => self.delete(image, repository).await,
            Step::DeleteLayer { image, repository } => {
                if let Some(layer) = self.images[image].blobs.last() {
                    let path = format!("/v2/{}/blobs/{}", REPOSITORIES[repository], digest(layer));
                    self.request("DELETE", path, &Bytes::new()).await;
                }
            }
            Step::DeleteRepository { repository } => self.delete_repository(repository).await,
            Step::Abandon { repository } => {
                let path = format!("/v2/{}/blobs/uploads/", REPOSITORIES[repository]);
                let begun = self.request("POST", path, &Bytes::new()).await;
                if begun.status == 202 {
                    let upload = begun.header("location").to_owned();
                    self.request("PATCH", upload, &bytes(9, 30)).await;
                }
            }
            Step::Wait { millis } => sleep(Duration::from_millis(millis) / self.haste).await,
        }
    }

    /// Pushes an image; an index after its children.
    async fn push_all(&self, image: usize, repository: usize, way: Way) {
        if image == IMAGES {
            for child in 0..2 {
                self.push(child, repository, way).await;
            }
        }
        self.push(image, repository, way).await;
    }

    /// Pushes as a client does: asks for each blob, brings those that are not there, and sends the
    /// manifest. What goes meanwhile is brought again.
    async fn push(&self, image: usize, repository: usize, way: Way) {
        let name = REPOSITORIES[repository];
        for _ in 0..5 {
            for blob in &self.images[image].blobs {
                let path = format!("/v2/{name}/blobs/{}", digest(blob));
                if self.request("HEAD", path, &Bytes::new()).await.status == 404 {
                    self.bring(blob, repository, way).await;
                }
            }
            let before = self.known(image, repository);
            let manifest = &self.images[image];
            let path = format!("/v2/{name}/manifests/{}?tag=v{image}", manifest.digest());
            let put = self.registry.request("PUT", path).bytes(manifest.bytes.clone());
            let put = self.timed(put.header("content-type", &manifest.media_type).send()).await;
            if put.status == 201 {
                self.requests.lock().unwrap().pushes += 1;
                self.change(image, repository, |known| {
                    known.is_there |= before.deleting == 0 && known.deletions == before.deletions;
                });
                return;
            }
            // What it is made of went, or the repository did.
            assert!(matches!(put.status, 400 | 404 | 503), "{put:?}");
        }
    }

    async fn bring(&self, blob: &Bytes, repository: usize, way: Way) {
        let name = REPOSITORIES[repository];
        let uploads = format!("/v2/{name}/blobs/uploads/");
        let digest = digest(blob);
        let begun = match way {
            Way::Whole => {
                self.request("POST", format!("{uploads}?digest={digest}"), blob).await;
                return;
            }
            Way::Chunks => self.request("POST", uploads, &Bytes::new()).await,
            Way::Mount => {
                let from = REPOSITORIES[1 - repository];
                let path = format!("{uploads}?mount={digest}&from={from}");
                self.request("POST", path, &Bytes::new()).await
            }
        };
        if begun.status != 202 {
            return;
        }
        let upload = begun.header("location").to_owned();
        let sent = self.request("PATCH", upload, blob).await;
        if sent.status == 202 {
            let end = format!("{}?digest={digest}", sent.header("location"));
            self.request("PUT", end, &Bytes::new()).await;
        }
    }

    async fn delete(&self, image: usize, repository: usize) {
        self.begin_deletion(image, repository);
        let digest = self.images[image].digest();
        let path = format!("/v2/{}/manifests/{digest}", REPOSITORIES[repository]);
        let deleted = self.request("DELETE", path, &Bytes::new()).await;
        assert!(matches!(deleted.status, 202 | 403 | 404 | 405 | 409 | 503), "{deleted:?}");
        self.change(image, repository, |known| known.deleting -= 1);
    }

    async fn delete_repository(&self, repository: usize) {
        for image in 0..self.images.len() {
            self.begin_deletion(image, repository);
        }
        let name = REPOSITORIES[repository];
        drop(self.timed(self.registry.delete(name, WhenNotEmpty::Force)).await);
        for image in 0..self.images.len() {
            self.change(image, repository, |known| known.deleting -= 1);
        }
    }

    fn begin_deletion(&self, image: usize, repository: usize) {
        self.change(image, repository, |known| {
            known.is_there = false;
            known.deletions += 1;
            known.deleting += 1;
        });
    }

    /// Pulls what is there for certain, again and again.
    pub async fn pull_on(&self) {
        loop {
            self.pull_all().await;
            sleep(Duration::from_millis(300) / self.haste).await;
        }
    }

    /// Pulls all that is there for certain.
    pub async fn pull_all(&self) {
        for repository in 0..REPOSITORIES.len() {
            for image in 0..self.images.len() {
                if self.known(image, repository).is_there {
                    self.pull(image, repository).await;
                }
            }
        }
    }

    /// Pulls an image, and expects all of it, if no deletion begins meanwhile.
    async fn pull(&self, image: usize, repository: usize) {
        let (before, name) = (self.known(image, repository), REPOSITORIES[repository]);
        let manifest = &self.images[image];
        let mut paths =
            vec![("GET", format!("/v2/{name}/manifests/{}", manifest.digest()), &manifest.bytes)];
        for blob in &manifest.blobs {
            let path = format!("/v2/{name}/blobs/{}", digest(blob));
            paths.push(("HEAD", path.clone(), blob));
            paths.push(("GET", path, blob));
        }
        for (method, path, content) in paths {
            let answer = self.request(method, &path, &Bytes::new()).await;
            if self.known(image, repository).deletions != before.deletions {
                return;
            }
            assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
            assert!(method == "HEAD" || answer.body == *content, "{path} has other bytes");
        }
    }

    /// Collects on `table`, again and again, and is cut off now and then.
    pub async fn collect_on(&self, table: Arc<dyn WriteTable>, seed: u64) {
        let collector = self.store.collector_with(table, PERIODS);
        let mut random = seed;
        loop {
            for job in self.store.collections().await {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let time = Duration::from_millis(random >> 51) / self.haste;
                // What follows comes again with the next round.
                if let Ok(done) = timeout(time, collector.work(job, self.store.later())).await {
                    done.unwrap();
                }
            }
            sleep(Duration::from_millis(random >> 54) / self.haste).await;
        }
    }

    /// Lets all grace periods pass, and collects.
    pub async fn collect_all(&self) {
        let collector = self.store.collector_with(self.store.table.clone(), PERIODS);
        for _ in 0..5 {
            for (id, _) in self.store.partition("deleted").await {
                // Dispatch would do so.
                let content = format!("repository/{id}");
                if self.store.partition(&content).await.contains_key("figures") {
                    self.store.remove_item(&content, "figures").await;
                }
            }
            let mut jobs = self.store.collections().await;
            while let Some(job) = jobs.pop() {
                jobs.extend(collector.work(job, self.store.later()).await.unwrap());
            }
            self.store.clock.advance(GRACE);
        }
    }

    /// Checks, when nothing goes on any more, that nothing was lost, and nothing is left.
    pub async fn check(&self) {
        let longest = self.longest_request();
        assert!(longest < GRACE, "a request took {longest:?}");
        self.pull_all().await;
        self.collect_all().await;
        self.pull_all().await;
        self.store.check().await;
        assert_eq!(self.store.partition("deleted").await.len(), 0);
        self.store.assert_all_layers_are_used().await;
    }
}
