//! Lifecycle policies act.

use std::collections::BTreeSet;
use std::sync::Arc;

use berth_lifecycle::LifecyclePolicy;
use berth_registry::access::Action;
use berth_registry::ports::{Clock, Condition, Consistency, Key, Operation, StoreErrorKind};
use berth_registry::{StatusFilter, Work};
use bytes::Bytes;
use serde_json::json;

use crate::harness::lifecycle::{
    DAY, NAME, act, act_on, all, changes, digests, expire_old, images, job, rule, set, work, worker,
};
use crate::harness::{
    Fails, FaultyTable, Manifest, MeddledTable, Meddler, Plan, Store, TestRegistry, image,
    image_of, index_of, permit,
};

#[tokio::test(start_paused = true)]
async fn a_policy_deletes_what_it_expires() {
    let registry = TestRegistry::new();
    let (old, untagged, child, young) =
        (image("old"), image("untagged"), image("child"), image("young"));
    let index = index_of([&child]);
    let layers: Vec<_> = (0..150).map(|n| Bytes::from(format!("layer {n}"))).collect();
    let large = image_of("large", &layers);
    registry.push(NAME, "v1", &old).await;
    for tag in 0..120 {
        registry.put(NAME, &format!("tag-{tag}"), &old).await;
    }
    registry.push_untagged(NAME, &untagged).await;
    registry.push_untagged(NAME, &child).await;
    registry.push(NAME, "v2", &index).await;
    registry.push(NAME, "large", &large).await;
    registry.store.clock.advance(5 * DAY);
    registry.push(NAME, "v3", &young).await;
    set(&registry, &expire_old()).await;

    // The child goes by the job that follows, since its index went.
    let table = registry.store.table.clone();
    let follow = work(&registry.store, table.clone(), job(&registry).await).await.unwrap();
    assert_eq!(all(&registry).await, digests([&child, &young]));
    assert_eq!(follow, [job(&registry).await]);
    let follow = work(&registry.store, table, follow[0].clone()).await.unwrap();
    assert_eq!((all(&registry).await, follow), (digests([&young]), Vec::new()));

    assert_eq!(registry.tags(NAME).await, ["v3"]);
    let deleted = changes(&registry.store, "imageDeleted").await;
    let told: BTreeSet<_> = deleted
        .iter()
        .map(|change| change["image"]["digest"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, digests([&old, &untagged, &child, &index, &large]));
    assert_eq!(deleted.len(), 5);
    registry.store.check().await;
    registry.pull(NAME, &young).await;
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_is_noted_for_its_policy_alone() {
    let registry = TestRegistry::new();
    registry.create(NAME).await.unwrap();
    let evaluated_at = async || {
        let get = permit(Action::GetLifecyclePolicy, NAME);
        registry.registry.repositories.lifecycle_policy(&get).await.unwrap().evaluated_at
    };
    let job_without_policy = job(&registry).await;
    let table = registry.store.table.clone();
    let follow = work(&registry.store, table, job_without_policy).await.unwrap();
    assert_eq!(follow, []);
    set(&registry, &expire_old()).await;
    assert_eq!(evaluated_at().await, None);
    assert_eq!(changes(&registry.store, "asked").await.len(), 1);
    act(&registry).await;
    assert_eq!(evaluated_at().await, Some(registry.store.clock.now()));
    set(&registry, &expire_old()).await;
    assert_eq!(evaluated_at().await, None);
    act(&registry).await;
    let delete = permit(Action::DeleteLifecyclePolicy, NAME);
    let deleted = registry.registry.repositories.delete_lifecycle_policy(&delete).await.unwrap();
    assert!(deleted.evaluated_at.is_some());
}

/// Lets a policy act on one old image, of the tags `v1` and `old`, that something happens to after
/// it was judged; returns whether it stays.
async fn stays(
    what: impl AsyncFnOnce(Arc<TestRegistry>, Manifest) + 'static,
    policy: &LifecyclePolicy,
) -> Arc<TestRegistry> {
    let store = Store::new();
    let registry = Arc::new(TestRegistry::on(&store).build());
    let old = image("old");
    registry.push(NAME, "v1", &old).await;
    registry.put(NAME, "old", &old).await;
    store.clock.advance(5 * DAY);
    set(&registry, policy).await;
    let (meddling, manifest) = (registry.clone(), old.clone());
    // What happens is done by tasks of its own, as it is not to be sent to others.
    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let happens = async move {
        asked.await.unwrap();
        what(meddling, manifest).await;
        tell.send(()).unwrap();
    };
    let meddler = Meddler::before("transact", 0, async move {
        ask.send(()).unwrap();
        told.await.unwrap();
    });
    let table = Arc::new(MeddledTable::wrap(store.table.clone(), meddler));
    tokio::join!(act_on(&registry, table), happens);
    assert_eq!(all(&registry).await, digests([&old]));
    store.check().await;
    registry
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_it_was_judged_stays() {
    let policies = [
        expire_old(),
        rule(&json!({"tagStatus": "any"}), "sinceImagePushed", 4, &json!({"type": "untag"})),
        rule(
            &json!({"tagStatus": "any"}),
            "sinceImagePulled",
            4,
            &json!({"type": "transition", "targetStorageClass": "archive"}),
        ),
    ];
    for policy in policies {
        let registry = stays(
            async |registry, manifest| {
                registry.put(NAME, "v2", &manifest).await;
            },
            &policy,
        )
        .await;
        assert_eq!(registry.tags(NAME).await, ["old", "v1", "v2"]);
        let registry = stays(
            async |registry, _| {
                registry.request("DELETE", format!("/v2/{NAME}/manifests/old")).expect(202).await;
            },
            &policy,
        )
        .await;
        assert_eq!(registry.tags(NAME).await, ["v1"]);
        let registry = stays(
            async |registry, _| {
                registry.get(format!("/v2/{NAME}/manifests/v1"), 200).await;
            },
            &policy,
        )
        .await;
        assert_eq!(registry.tags(NAME).await, ["old", "v1"]);
        let registry = stays(
            async |registry, manifest| {
                let gone = format!("/v2/{NAME}/manifests/{}", manifest.digest());
                registry.request("DELETE", gone).expect(202).await;
                registry.push(NAME, "v1", &manifest).await;
            },
            &policy,
        )
        .await;
        assert_eq!(registry.tags(NAME).await, ["v1"]);
        assert_eq!(images(&registry, StatusFilter::default()).await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_new_index_stays() {
    let registry = stays(
        async |registry, manifest| {
            let index = index_of([&manifest]);
            let put = registry.put(NAME, &index.digest(), &index).await;
            assert_eq!(put.status, 201);
            let gone = format!("/v2/{NAME}/manifests/{}", index.digest());
            registry.request("DELETE", gone).expect(202).await;
        },
        &expire_old(),
    )
    .await;
    assert_eq!(registry.tags(NAME).await, ["old", "v1"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_taken_away_acts_no_more() {
    let store = Store::new();
    let registry = Arc::new(TestRegistry::on(&store).build());
    registry.push(NAME, "v1", &image("old")).await;
    store.clock.advance(5 * DAY);
    set(&registry, &expire_old()).await;
    let delete = registry.clone();
    let meddler = Meddler::before("batch_get", 1, async move {
        let permit = permit(Action::DeleteLifecyclePolicy, NAME);
        delete.registry.repositories.delete_lifecycle_policy(&permit).await.unwrap();
    });
    act_on(&registry, Arc::new(MeddledTable::wrap(store.table.clone(), meddler))).await;
    assert_eq!(all(&registry).await, digests([&image("old")]));
}

#[tokio::test(start_paused = true)]
async fn tags_are_taken_from_images_that_stay() {
    let registry = TestRegistry::new();
    let (old, child) = (image("old"), image("child"));
    for tag in 0..100 {
        registry.push(NAME, &format!("dev-{tag}"), &old).await;
    }
    registry.put(NAME, "v1", &old).await;
    registry.push(NAME, "dev-child", &child).await;
    registry.push(NAME, "v2", &index_of([&child])).await;
    registry.store.clock.advance(5 * DAY);
    let selection = json!({"tagStatus": "tagged", "tagPatternList": ["dev-*"]});
    set(&registry, &rule(&selection, "sinceImagePushed", 4, &json!({"type": "untag"}))).await;
    act(&registry).await;
    assert_eq!(registry.tags(NAME).await, ["v1", "v2"]);
    assert_eq!(all(&registry).await.len(), 3);
    let removed = changes(&registry.store, "tagsRemoved").await;
    let tags = removed.iter().map(|change| change["tags"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(tags, 101);
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_job_leaves_the_rest_to_the_next() {
    let registry = TestRegistry::new();
    for number in 0..120 {
        registry.push_untagged(NAME, &image(number)).await;
    }
    registry.store.clock.advance(5 * DAY);
    set(&registry, &expire_old()).await;
    let job = job(&registry).await;
    let late = worker(&registry.store, registry.store.table.clone());
    let mut left = 120;
    while left > 0 {
        let follow = late.work(job.clone(), registry.store.clock.now()).await.unwrap();
        let now = all(&registry).await.len();
        assert!(now < left, "each job does something");
        assert_eq!(follow.is_empty(), now == 0);
        left = now;
    }
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cut_off_anywhere_is_done_by_the_next() {
    for (fails, mut calls) in [(Fails::Before, 0), (Fails::After, 0)] {
        loop {
            let store = Store::new();
            let registry = TestRegistry::on(&store).build();
            let (old, child) = (image("old"), image("child"));
            let index = index_of([&child]);
            registry.push(NAME, "v1", &old).await;
            for tag in 0..60 {
                registry.put(NAME, &format!("tag-{tag}"), &old).await;
            }
            registry.push_untagged(NAME, &child).await;
            registry.push(NAME, "v2", &index).await;
            store.clock.advance(5 * DAY);
            set(&registry, &expire_old()).await;

            let table = Arc::new(FaultyTable::wrap(Arc::clone(&store.table), Plan::default()));
            table.fail_after(calls, fails, StoreErrorKind::Unavailable);
            let cut_off = work(&store, table.clone(), job(&registry).await).await;
            let was_reached = !table.heal();
            assert_eq!(cut_off.is_err(), was_reached);
            act(&registry).await;
            // A second delivery changes nothing.
            act(&registry).await;
            assert_eq!(all(&registry).await, BTreeSet::new());
            assert_eq!(changes(&store, "imageDeleted").await.len(), 3);
            assert_eq!(store.check_but_leftovers(false).await.objects, 0);
            if !was_reached {
                break;
            }
            calls += 1;
        }
        assert!(calls > 5, "{calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_jobs_at_once_delete_each_image_once() {
    let registry = TestRegistry::new();
    for number in 0..150 {
        registry.push(NAME, &format!("v{number}"), &image(number)).await;
    }
    registry.store.clock.advance(5 * DAY);
    set(&registry, &expire_old()).await;
    tokio::join!(act(&registry), act(&registry), act(&registry));
    assert_eq!(all(&registry).await, BTreeSet::new());
    assert_eq!(changes(&registry.store, "imageDeleted").await.len(), 150);
    registry.store.check().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_damaged_stays_and_the_others_go() {
    let registry = TestRegistry::new();
    let (damaged, index) = (image("damaged"), index_of([&image("child")]));
    registry.push(NAME, "v1", &damaged).await;
    registry.push_untagged(NAME, &image("child")).await;
    registry.push(NAME, "v2", &index).await;
    registry.push(NAME, "v3", &image("old")).await;
    let partition = format!("repository/{}", registry.id(NAME).await.unwrap());
    for manifest in [&damaged, &index] {
        let sort = format!("manifest/{}", manifest.digest());
        let key = Key { partition: partition.clone(), sort };
        let item = registry.store.table.get(&key, Consistency::Strong).await.unwrap().unwrap();
        let damage = Operation::Put {
            key,
            document: Bytes::from_static(b"{"),
            attributes: item.attributes,
            first_version: 1,
            condition: Condition::Present,
        };
        registry.store.table.transact(vec![damage]).await.unwrap();
    }
    registry.store.clock.advance(5 * DAY);
    set(&registry, &expire_old()).await;
    act(&registry).await;
    assert_eq!(all(&registry).await, digests([&damaged, &index, &image("child")]));
}
