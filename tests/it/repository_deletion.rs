//! Deletion of repositories, and how it meets pushes.

use std::sync::Arc;
use std::time::Duration;

use berth_registry::RegistryError;
use berth_registry::WhenNotEmpty::{self, Force, Refuse};
use berth_registry::ports::StoreErrorKind;
use futures_util::future::{join, join_all};

use crate::harness::{
    Fails, FaultyTable, Manifest, Plan, Store, TestRegistry, WanderingTable, digest, image,
    index_of,
};

#[tokio::test]
async fn an_empty_repository_goes() {
    let registry = TestRegistry::new();
    registry.create("team/app").await.unwrap();
    registry.push_blob("team/app", &image(1).blobs[0]).await;
    registry.delete("team/app", Refuse).await.unwrap();
    registry.get("/v2/team/app/tags/list", 404).await.has_code("NAME_UNKNOWN");
    assert!(matches!(
        registry.delete("team/app", Force).await,
        Err(RegistryError::RepositoryUnknown(_))
    ));
    assert_eq!(
        registry.get("/v2/_catalog", 200).await.json()["repositories"],
        serde_json::json!([])
    );
    registry.store.check().await;
}

#[tokio::test]
async fn a_repository_with_images_goes_by_force() {
    let registry = TestRegistry::new();
    registry.push_untagged("team/app", &image(1)).await;
    assert!(matches!(
        registry.delete("team/app", Refuse).await,
        Err(RegistryError::RepositoryNotEmpty(_))
    ));
    // The refusal has left nothing in the way of pushes.
    registry.push("team/app", "v2", &image(2)).await;
    registry.pull("team/app", &image(1)).await;
    registry.delete("team/app", Force).await.unwrap();
    registry.get("/v2/team/app/manifests/v2", 404).await.has_code("NAME_UNKNOWN");
    registry.store.check().await;
}

#[tokio::test]
async fn a_name_made_anew_starts_empty() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image(1)).await;
    let upload = registry.begin("team/app").await;
    let id = registry.id("team/app").await;
    registry.delete("team/app", Force).await.unwrap();
    registry.push("team/app", "v2", &image(2)).await;
    assert_ne!(registry.id("team/app").await, id);
    assert_eq!(registry.tags("team/app").await, ["v2"]);
    registry.get(format!("/v2/team/app/manifests/{}", image(1).digest()), 404).await;
    registry.get(format!("/v2/team/app/blobs/{}", digest(&image(1).blobs[0])), 404).await;
    registry.get(upload, 404).await.has_code("BLOB_UPLOAD_UNKNOWN");
    registry.store.check().await;
}

#[tokio::test]
async fn other_processes_see_a_deletion_in_seconds() {
    let store = Store::new();
    let (registry, other) = (TestRegistry::on(&store).build(), TestRegistry::on(&store).build());
    registry.push("team/app", "v1", &image(1)).await;
    other.get("/v2/team/app/tags/list", 200).await;
    registry.delete("team/app", Force).await.unwrap();
    // A push does not believe what a read may: it lands in a repository that stands.
    let upload = other.begin("team/app").await;
    other.request("PUT", format!("{upload}?digest={}", digest(b"x"))).bytes("x").expect(404).await;
    store.clock.advance(Duration::from_secs(3));
    other.get("/v2/team/app/tags/list", 404).await;
    other.push("team/app", "v1", &image(1)).await;
    store.check().await;
}

/// A manifest that was answered 201.
struct Pushed {
    image: Manifest,
    /// Id of the repository when the push began.
    id: Option<String>,
}

/// Several processes on one table that wander.
struct Crowd {
    store: Arc<Store>,
    observer: TestRegistry,
    processes: Vec<TestRegistry>,
    seed: u64,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let store = Store::new();
        let wandering = |n| WanderingTable::new(store.table.clone(), seed * 16 + n);
        let process = |n| TestRegistry::on(&store).table(wandering(n)).shared().build();
        let processes = (0..4).map(process).collect();
        let observer = TestRegistry::on(&store).build();
        Self { store, observer, processes, seed }
    }

    /// Waits, for a time that the seed and `number` decide.
    async fn pause(&self, number: u64, most: u64) {
        let millis = (self.seed * 37 + number * 101) % most;
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// Pushes an image once, whatever comes of it; returns it if it was taken.
    async fn push(&self, number: u64) -> Option<Pushed> {
        self.pause(number, 1200).await;
        let process = &self.processes[usize::try_from(number).unwrap() % 3];
        let image = image(number);
        let id = self.observer.id("team/app").await;
        for blob in &image.blobs {
            let path = format!("/v2/team/app/blobs/uploads/?digest={}", digest(blob));
            let answer = process.request("POST", path).bytes(blob.clone()).send().await;
            assert!([201, 404].contains(&answer.status), "{answer:?}");
        }
        let answer = process.put("team/app", &format!("v{}", number % 3), &image).await;
        match answer.status {
            201 => Some(Pushed { image, id }),
            400 => {
                answer.has_code("MANIFEST_BLOB_UNKNOWN");
                None
            }
            404 => {
                answer.has_code("NAME_UNKNOWN");
                None
            }
            429 => None,
            _ => panic!("{answer:?}"),
        }
    }

    /// Deletes the repository again and again, and returns how often it went.
    async fn delete(&self, when_not_empty: WhenNotEmpty) -> usize {
        let mut deleted = 0;
        for number in 0..3 {
            self.pause(number * 3 + 1, 400).await;
            match self.processes[3].delete("team/app", when_not_empty).await {
                Ok(()) => deleted += 1,
                Err(
                    RegistryError::RepositoryUnknown(_)
                    | RegistryError::RepositoryNotEmpty(_)
                    | RegistryError::Contended(_),
                ) => {}
                Err(error) => panic!("{error}"),
            }
        }
        deleted
    }

    /// Pushes and deletes at once.
    async fn run(&self, when_not_empty: WhenNotEmpty) -> (Vec<Pushed>, usize) {
        let pushes = join_all((0..9).map(|number| self.push(number)));
        let (taken, deleted) = join(pushes, self.delete(when_not_empty)).await;
        self.store.check().await;
        (taken.into_iter().flatten().collect(), deleted)
    }
}

/// What was answered 201 is in the repository that stands, or that repository came later.
#[tokio::test(start_paused = true)]
async fn pushes_meet_forced_deletion() {
    let (mut stayed, mut went) = (0, 0);
    for seed in 0..120 {
        let crowd = Crowd::new(seed);
        let (pushed, deleted) = crowd.run(Force).await;
        let id = crowd.observer.id("team/app").await;
        for Pushed { image, id: before } in &pushed {
            let path = format!("/v2/team/app/manifests/{}", image.digest());
            let is_there = crowd.observer.request("GET", path).send().await.status == 200;
            if id.is_some() && *before == id {
                assert!(is_there, "seed {seed}: a push was acknowledged and lost");
            }
            assert!(is_there || deleted > 0);
            if is_there {
                crowd.observer.pull("team/app", image).await;
                stayed += 1;
            } else {
                went += 1;
            }
        }
    }
    assert!(stayed > 20 && went > 20, "{stayed} images stayed, {went} went");
}

/// A deletion that is not forced takes no image that was answered 201.
#[tokio::test(start_paused = true)]
async fn pushes_meet_deletion_of_empty_repositories() {
    let (mut stayed, mut deletions) = (0, 0);
    for seed in 0..40 {
        let crowd = Crowd::new(seed);
        let (pushed, deleted) = crowd.run(Refuse).await;
        for Pushed { image, .. } in &pushed {
            crowd.observer.pull("team/app", image).await;
        }
        stayed += pushed.len();
        deletions += deleted;
    }
    assert!(stayed > 20 && deletions > 20, "{stayed} images stayed after {deletions} deletions");
}

/// A deletion that never ended holds pushes up, but not for ever.
#[tokio::test(start_paused = true)]
async fn the_mark_of_a_dead_process_ends() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).build();
    registry.push("team/app", "v1", &image(1)).await;
    let id = registry.id("team/app").await;
    let table = Arc::new(FaultyTable::wrap(store.table.clone(), Plan::default()));
    // Calls: read the record, mark it, remove it.
    table.fail_after(2, Fails::Before, StoreErrorKind::Unavailable);
    let dead = TestRegistry::on(&store).table(table).build();
    assert!(matches!(dead.delete("team/app", Force).await, Err(RegistryError::Store(_))));

    registry.push_blobs("team/app", &image(2)).await;
    let held_up = registry.put("team/app", "v2", &image(2)).await;
    assert_eq!(held_up.status, 429);
    held_up.has_code("TOOMANYREQUESTS");
    registry.pull("team/app", &image(1)).await;
    store.clock.advance(Duration::from_mins(1));
    for tag in ["v2", "v3"] {
        registry.push("team/app", tag, &image(2)).await;
    }
    registry.push("team/app", "both", &index_of([&image(1), &image(2)])).await;
    assert_eq!(registry.id("team/app").await, id);
    store.check().await;
    registry.delete("team/app", Force).await.unwrap();
    store.check().await;
}

/// A deleter that sleeps for longer than its mark holds must not delete what was pushed since.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_outlives_its_mark_looks_again() {
    let store = Store::new();
    let registry = TestRegistry::on(&store).build();
    registry.create("team/app").await.unwrap();
    let table = WanderingTable::slow(store.table.clone(), Duration::from_secs(100));
    let sleeper = TestRegistry::on(&store).table(table).build();
    let push = async {
        // The mark is set after 200 s and more, and stale 60 s later.
        tokio::time::sleep(Duration::from_secs(390)).await;
        registry.push("team/app", "v1", &image(1)).await;
    };
    let (deleted, ()) = join(sleeper.delete("team/app", Refuse), push).await;
    assert!(matches!(deleted, Err(RegistryError::RepositoryNotEmpty(_))), "{deleted:?}");
    registry.pull("team/app", &image(1)).await;
    store.check().await;
}
