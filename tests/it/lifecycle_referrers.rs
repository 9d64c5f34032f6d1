//! Referrers follow their subjects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use berth_lifecycle::LifecyclePolicy;
use berth_registry::access::Action;
use berth_registry::ports::{
    Condition, Key, Operation, Receive, ReceiveMessages, StorageClass, StoreErrorKind,
};
use berth_registry::{
    ImageSelector, ImageStatus, Job, JobQueue, LifecycleJob, Placed, PlacementJob, ReferrersJob,
    StatusFilter,
};
use serde_json::json;

use crate::harness::lifecycle::{
    DAY, NAME, act, all, changes, digests, expire_old, images, job, rule, set, work,
};
use crate::harness::{
    Fails, FaultyTable, Manifest, MeddledTable, Meddler, Plan, Store, TestRegistry, image,
    index_of, permit,
};

/// Returns the job that lets referrers follow `subject`.
async fn referrers_job(registry: &TestRegistry, subject: &Manifest) -> Job {
    let Job::Lifecycle(LifecycleJob { repository, id }) = job(registry).await else { panic!() };
    let subject = subject.digest().parse().unwrap();
    Job::Referrers(ReferrersJob { repository, id, subject, after: None })
}

/// Lets referrers follow `subject`.
async fn follow(registry: &TestRegistry, subject: &Manifest) {
    let job = referrers_job(registry, subject).await;
    let follow = work(&registry.store, registry.store.table.clone(), job).await.unwrap();
    assert_eq!(follow, []);
}

/// Brings the bytes of an image to where it needs them, and the image back if it is on its way.
async fn place(registry: &TestRegistry, image: &Manifest) {
    let Job::Lifecycle(LifecycleJob { repository, id }) = job(registry).await else { panic!() };
    let of = Placed::Image(image.digest().parse().unwrap());
    let job = Job::PlaceLayers(PlacementJob { repository, id, of });
    let follow = work(&registry.store, registry.store.table.clone(), job).await.unwrap();
    assert_eq!(follow, []);
}

/// Returns the jobs in the queue that let referrers follow.
async fn queued_referrers_jobs(registry: &TestRegistry) -> Vec<Job> {
    let queue = registry.store.queue(JobQueue::Lifecycle).0;
    let receive = Receive { most: 10, hidden: Duration::from_mins(1), wait: Duration::ZERO };
    let messages = queue.receive(receive).await.unwrap();
    let jobs = messages.iter().map(|message| serde_json::from_str(&message.body).unwrap());
    jobs.filter(|job| matches!(job, Job::Referrers(_))).collect()
}

#[tokio::test(start_paused = true)]
async fn referrers_follow_a_subject_that_is_deleted() {
    let registry = TestRegistry::new();
    let (subject, other) = (image("subject"), image("other"));
    let referrers: Vec<_> = (0..120).map(|n| image(n).about(&subject)).collect();
    let stranger = image("stranger").about(&other);
    registry.push(NAME, "v1", &subject).await;
    for referrer in referrers.iter().chain([&stranger]) {
        registry.push_untagged(NAME, referrer).await;
    }
    let listed = index_of([&referrers[0]]);
    registry.push_untagged(NAME, &listed).await;
    // It is there: nothing follows.
    set(&registry, &expire_old()).await;
    follow(&registry, &subject).await;
    assert_eq!(all(&registry).await.len(), 123);
    registry
        .request("DELETE", format!("/v2/{NAME}/manifests/{}", subject.digest()))
        .expect(202)
        .await;
    follow(&registry, &subject).await;
    assert_eq!(all(&registry).await, digests([&stranger, &listed, &referrers[0]]));
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn referrers_stay_without_a_policy() {
    let registry = TestRegistry::new();
    let subject = image("subject");
    let referrer = image("referrer").about(&subject);
    registry.push(NAME, "v1", &subject).await;
    registry.push_untagged(NAME, &referrer).await;
    registry
        .request("DELETE", format!("/v2/{NAME}/manifests/{}", subject.digest()))
        .expect(202)
        .await;
    follow(&registry, &subject).await;
    assert_eq!(all(&registry).await, digests([&referrer]));
}

#[tokio::test(start_paused = true)]
async fn a_policy_archives_and_referrers_follow() {
    let registry = TestRegistry::new();
    let (old, young) = (image("old"), image("young"));
    let signature = image("signature").about(&old);
    registry.push(NAME, "v1", &old).await;
    registry.push_untagged(NAME, &signature).await;
    registry.store.clock.advance(5 * DAY);
    registry.push(NAME, "v2", &young).await;
    let archive = json!({"type": "transition", "targetStorageClass": "archive"});
    set(&registry, &rule(&json!({"tagStatus": "any"}), "sinceImagePulled", 4, &archive)).await;
    act(&registry).await;
    let active = StatusFilter::default();
    assert_eq!(images(&registry, active).await, digests([&signature, &young]));
    follow(&registry, &old).await;
    assert_eq!(images(&registry, active).await, digests([&young]));
    assert_eq!(all(&registry).await.len(), 3);
    assert_eq!(changes(&registry.store, "imageArchived").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn referrers_come_back_with_their_subject() {
    let registry = TestRegistry::new();
    let subject = image("subject");
    let signature = image("signature").about(&subject);
    registry.push(NAME, "v1", &subject).await;
    registry.push_untagged(NAME, &signature).await;
    set(&registry, &expire_old()).await;
    let active = StatusFilter::default();
    let move_subject = async |class, status| {
        let update = permit(Action::UpdateImageStorageClass, NAME);
        let selector = ImageSelector::Digest(subject.digest().parse().unwrap());
        let archive = &registry.registry.archive;
        let updated = archive.update_storage_class(&update, &selector, class).await.unwrap();
        assert_eq!(updated.status, status);
    };
    move_subject(StorageClass::Archive, ImageStatus::Archived).await;
    follow(&registry, &subject).await;
    assert_eq!(images(&registry, active).await, BTreeSet::new());
    move_subject(StorageClass::Standard, ImageStatus::Activating).await;
    // Nothing follows before it is back.
    follow(&registry, &subject).await;
    place(&registry, &subject).await;
    assert_eq!(images(&registry, active).await, digests([&subject]));
    registry.store.dispatch_all().await;
    // One for each way that the subject went.
    assert_eq!(
        queued_referrers_jobs(&registry).await,
        vec![referrers_job(&registry, &subject).await; 2]
    );
    follow(&registry, &subject).await;
    place(&registry, &signature).await;
    assert_eq!(images(&registry, active).await, digests([&subject, &signature]));
    follow(&registry, &subject).await;
    assert_eq!(images(&registry, active).await, digests([&subject, &signature]));
    registry.store.check().await;
}

/// Lets a referrer follow its subject, to the archive or away, while somebody changes it.
async fn follows_though_it_changes(policy: &LifecyclePolicy, expected: usize) {
    let store = Store::new();
    let registry = Arc::new(TestRegistry::on(&store).build());
    let subject = image("subject");
    let referrer = image("referrer").about(&subject);
    registry.push(NAME, "v1", &subject).await;
    registry.push_untagged(NAME, &referrer).await;
    store.clock.advance(5 * DAY);
    set(&registry, policy).await;
    act(&registry).await;
    let active = StatusFilter::default();
    assert_eq!(images(&registry, active).await, digests([&referrer]));
    let partition = format!("repository/{}", registry.id(NAME).await.unwrap());
    let key = Key { partition, sort: format!("image/{}", referrer.digest()) };
    // As a tag does to its image.
    let raise = Operation::Add { key, counters: Vec::new(), condition: Condition::Present };
    let others = store.table.clone();
    let meddler = Meddler::before("transact", 0, async move {
        others.transact(vec![raise]).await.unwrap();
    });
    let table = Arc::new(MeddledTable::wrap(store.table.clone(), meddler));
    let job = referrers_job(&registry, &subject).await;
    work(&store, table, job).await.unwrap();
    assert_eq!(images(&registry, active).await, BTreeSet::new());
    assert_eq!(all(&registry).await.len(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_referrer_that_changes_meanwhile_follows_all_the_same() {
    follows_though_it_changes(&expire_old(), 0).await;
    let archive = json!({"type": "transition", "targetStorageClass": "archive"});
    let archive = rule(&json!({"tagStatus": "any"}), "sinceImagePulled", 4, &archive);
    follows_though_it_changes(&archive, 2).await;
}

#[tokio::test(start_paused = true)]
async fn referrers_follow_though_the_job_is_cut_off_anywhere() {
    for (fails, mut calls) in [(Fails::Before, 0), (Fails::After, 0)] {
        loop {
            let store = Store::new();
            let registry = TestRegistry::on(&store).build();
            let subject = image("subject");
            registry.push(NAME, "v1", &subject).await;
            for number in 0..15 {
                registry.push_untagged(NAME, &image(number).about(&subject)).await;
            }
            set(&registry, &expire_old()).await;
            let gone = format!("/v2/{NAME}/manifests/{}", subject.digest());
            registry.request("DELETE", gone).expect(202).await;

            let table = Arc::new(FaultyTable::wrap(Arc::clone(&store.table), Plan::default()));
            table.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let job = referrers_job(&registry, &subject).await;
            let cut_off = work(&store, table.clone(), job).await;
            let was_reached = !table.heal();
            assert_eq!(cut_off.is_err(), was_reached);
            follow(&registry, &subject).await;
            follow(&registry, &subject).await;
            assert_eq!(all(&registry).await, BTreeSet::new());
            assert_eq!(changes(&store, "imageDeleted").await.len(), 16);
            store.check().await;
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls > 5, "{calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn dispatch_asks_for_referrers_to_follow() {
    let registry = TestRegistry::new();
    let (subject, plain) = (image("subject"), image("plain"));
    registry.push(NAME, "v1", &subject).await;
    registry.push(NAME, "v2", &plain).await;
    registry.push_untagged(NAME, &image("referrer").about(&subject)).await;
    for manifest in [&subject, &plain] {
        let gone = format!("/v2/{NAME}/manifests/{}", manifest.digest());
        registry.request("DELETE", gone).expect(202).await;
    }
    registry.store.dispatch_all().await;
    let jobs = queued_referrers_jobs(&registry).await;
    assert_eq!(jobs, [referrers_job(&registry, &subject).await]);
}
