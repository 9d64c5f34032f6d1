//! Looking whether a store is whole: damage of every kind is found, and nothing is found in a sound
//! one.

use std::fs;

use berth_registry::ports::{Condition, Consistency, Item, Key, Operation, Query, Select};
use berth_registry::{Damage, Finding, Mend, Tally};
use bytes::Bytes;

use crate::harness::{Manifest, Store, TestRegistry, bytes, image, image_of, index_of};

/// A registry with something of every kind: tags, an index, a referrer, a manifest that is an
/// object, a repository that shares a layer, and one that was deleted.
struct Sound {
    registry: TestRegistry,
    app: Manifest,
    index: Manifest,
    referrer: Manifest,
    id: String,
}

impl Sound {
    async fn new() -> Self {
        let registry = TestRegistry::new();
        let (app, other) = (image("app"), image_of("other", &[bytes(1, 300_000)]));
        registry.push("team/app", "v1", &app).await;
        registry.push("team/app", "v2", &app).await;
        registry.push_untagged("team/app", &other).await;
        let index = index_of([&app, &other]);
        registry.push("team/app", "latest", &index).await;
        let referrer = image("signature").about(&app);
        registry.push_untagged("team/app", &referrer).await;
        let large =
            image("large").with("annotations", serde_json::json!({"a": "x".repeat(300_000)}));
        registry.push_untagged("team/app", &large).await;
        registry.push("team/other", "v1", &app).await;
        registry.push("team/gone", "v1", &app).await;
        registry.delete("team/gone", berth_registry::WhenNotEmpty::Force).await.unwrap();
        let id = registry.id("team/app").await.unwrap();
        Self { registry, app, index, referrer, id }
    }

    fn store(&self) -> &Store {
        &self.registry.store
    }

    fn key(&self, sort: impl Into<String>) -> Key {
        Key { partition: format!("repository/{}", self.id), sort: sort.into() }
    }

    async fn item(&self, key: &Key) -> Item {
        let item = self.store().table.get(key, Consistency::Strong).await.unwrap();
        item.unwrap_or_else(|| panic!("{key:?} is there"))
    }

    async fn remove(&self, sort: impl Into<String>) {
        let key = self.key(sort);
        self.item(&key).await;
        self.transact(Operation::Delete { key, condition: Condition::Any }).await;
    }

    /// Puts something else in place of an item.
    async fn replace(&self, sort: impl Into<String>, document: impl Into<Bytes>) {
        let item = self.item(&self.key(sort)).await;
        self.transact(Operation::Put {
            key: item.key,
            document: document.into(),
            attributes: item.attributes,
            first_version: 1,
            condition: Condition::Any,
        })
        .await;
    }

    async fn add(&self, key: Key, counters: Vec<(&'static str, i64)>) {
        self.transact(Operation::Add { key, counters, condition: Condition::Any }).await;
    }

    async fn transact(&self, operation: Operation) {
        self.store().table.transact(vec![operation]).await.unwrap();
    }

    /// Returns the damages, each with what is damaged.
    async fn damages(&self, mend: Mend) -> (Vec<(String, Damage)>, Tally) {
        let (findings, tally) = self.store().verify(false, mend).await;
        let damages = findings.all.into_inner().unwrap().into_iter();
        let damages = damages.filter_map(|finding| match finding {
            Finding::Damage { what, damage, .. } => Some((what, damage)),
            Finding::Leftover { .. } => None,
        });
        (damages.collect(), tally)
    }

    /// Checks that exactly this is found.
    async fn finds(&self, expected: &[(String, Damage)]) {
        let (found, tally) = self.damages(Mend::Nothing).await;
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for one in expected {
            assert!(found.contains(one), "{one:?} is not among {found:#?}");
        }
        assert_eq!(tally.damages, expected.len() as u64);
    }

    fn layer(&self) -> String {
        self.app.blobs.iter().map(|blob| crate::harness::digest(blob)).next_back().unwrap()
    }

    /// Returns the object that holds a layer, and its file.
    async fn object(&self, layer: &str) -> (String, std::path::PathBuf) {
        let item = self.item(&self.key(format!("layer/{layer}"))).await;
        let layer: serde_json::Value = serde_json::from_slice(&item.document).unwrap();
        let object = layer["object"].as_str().unwrap().to_owned();
        let name = object.replace('/', "_");
        let folders = fs::read_dir(self.store().path().join("objects")).unwrap();
        let mut files = folders.map(|folder| folder.unwrap().path().join(&name));
        (object, files.find(|file| file.is_file()).unwrap())
    }
}

fn image_named(manifest: &Manifest) -> String {
    format!("image {}", manifest.digest())
}

#[tokio::test]
async fn a_sound_registry_has_nothing() {
    let sound = Sound::new().await;
    let (damages, tally) = sound.damages(Mend::Nothing).await;
    assert!(damages.is_empty(), "{damages:?}");
    assert_eq!((tally.repositories, tally.images, tally.mended), (2, 6, 0));
    assert!(tally.objects > 5 && tally.bytes > 300_000, "{tally:?}");
}

#[tokio::test]
async fn bytes_that_changed() {
    let sound = Sound::new().await;
    let layer = sound.layer();
    let (_, file) = sound.object(&layer).await;
    let mut bytes = fs::read(&file).unwrap();
    bytes[0] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let actual = crate::harness::digest(&bytes);
    // Each repository uploaded the layer by itself: one object is damaged.
    sound.finds(&[(format!("layer {layer}"), Damage::DigestDiffers(actual))]).await;
}

#[tokio::test]
async fn bytes_that_are_cut_off_or_gone() {
    let sound = Sound::new().await;
    let layer = sound.layer();
    let (object, file) = sound.object(&layer).await;
    fs::write(&file, b"").unwrap();
    let (found, _) = sound.damages(Mend::Nothing).await;
    assert!(
        matches!(&found[..], [(what, Damage::ObjectUnreadable { .. })] if *what == format!("layer {layer}")),
        "{found:?}"
    );
    fs::remove_file(&file).unwrap();
    sound.finds(&[(format!("layer {layer}"), Damage::ObjectMissing(object))]).await;
}

#[tokio::test]
async fn manifests_that_changed_or_are_gone() {
    let sound = Sound::new().await;
    let digest = sound.app.digest();
    let mut changed = sound.app.bytes.to_vec();
    changed.push(b' ');
    sound.replace(format!("manifest/{digest}"), changed.clone()).await;
    let actual = crate::harness::digest(&changed);
    let named = |what: &str| format!("{what} {digest}");
    let (found, _) = sound.damages(Mend::Nothing).await;
    assert!(found.contains(&(named("manifest"), Damage::DigestDiffers(actual))), "{found:?}");
    sound.remove(format!("manifest/{digest}")).await;
    let (found, _) = sound.damages(Mend::Nothing).await;
    assert!(found.contains(&(named("image"), Damage::ManifestMissing)), "{found:?}");
}

#[tokio::test]
async fn images_that_are_gone() {
    let sound = Sound::new().await;
    let digest = sound.index.digest();
    sound.remove(format!("image/{digest}")).await;
    let (found, _) = sound.damages(Mend::Nothing).await;
    for (what, damage) in [
        (format!("manifest {digest}"), Damage::ImageMissing),
        ("tag latest".to_owned(), Damage::ImageMissing),
        (format!("image/{digest}/tag/latest"), Damage::ImageMissing),
        (
            "figure of images".to_owned(),
            Damage::Counter { found: 0, expected: -1, is_mended: false },
        ),
    ] {
        assert!(found.contains(&(what.clone(), damage)), "{what}: {found:#?}");
    }
    let parents = found.iter().filter(|(what, _)| what.starts_with("number of indexes"));
    assert_eq!(parents.count(), 2, "{found:#?}");
}

#[tokio::test]
async fn summaries_that_differ() {
    let sound = Sound::new().await;
    let sort = format!("image/{}", sound.referrer.digest());
    let item = sound.item(&sound.key(&sort)).await;
    let mut summary: serde_json::Value = serde_json::from_slice(&item.document).unwrap();
    summary["artifact_type"] = "application/other".into();
    sound.replace(&sort, summary.to_string()).await;
    sound.finds(&[(image_named(&sound.referrer), Damage::SummaryDiffers)]).await;
    sound.replace(&sort, "{").await;
    let (found, _) = sound.damages(Mend::Nothing).await;
    assert!(found.contains(&(image_named(&sound.referrer), Damage::Unreadable)), "{found:?}");
}

#[tokio::test]
async fn tags_and_images_that_disagree() {
    let sound = Sound::new().await;
    let digest = sound.app.digest();
    sound.remove(format!("image/{digest}/tag/v1")).await;
    let lost = ("tag v1".to_owned(), Damage::ImageTagMissing(image_named(&sound.app)));
    sound.finds(std::slice::from_ref(&lost)).await;
    sound.remove("tag/v2").await;
    let other = ("tag v2".to_owned(), Damage::TagMissing(image_named(&sound.app)));
    sound.finds(&[lost.clone(), other.clone()]).await;
    let item = sound.item(&sound.key("tag/latest")).await;
    let mut tag: serde_json::Value = serde_json::from_slice(&item.document).unwrap();
    tag["size"] = 1.into();
    sound.replace("tag/latest", tag.to_string()).await;
    sound.finds(&[lost, other, ("tag latest".to_owned(), Damage::TagDiffers)]).await;
}

#[tokio::test]
async fn layers_that_are_gone_or_not_known() {
    let sound = Sound::new().await;
    let (layer, digest) = (sound.layer(), sound.app.digest());
    sound.remove(format!("use/{layer}/{digest}")).await;
    let lost = (image_named(&sound.app), Damage::UseMissing(layer.clone()));
    sound.finds(std::slice::from_ref(&lost)).await;
    let key = Key { partition: format!("blob/{layer}"), sort: sound.id.clone() };
    sound.transact(Operation::Delete { key, condition: Condition::Present }).await;
    let link = (format!("layer {layer}"), Damage::LinkMissing);
    sound.finds(&[lost.clone(), link]).await;
    sound.remove(format!("layer/{layer}")).await;
    sound.finds(&[lost, (image_named(&sound.app), Damage::LayerMissing(layer))]).await;
}

#[tokio::test]
async fn objects_that_are_not_known() {
    let sound = Sound::new().await;
    let layer = sound.layer();
    let (object, _) = sound.object(&layer).await;
    let key = Key { partition: format!("object/{object}"), sort: "object".to_owned() };
    sound.transact(Operation::Delete { key, condition: Condition::Present }).await;
    sound.finds(&[(format!("layer {layer}"), Damage::ObjectUnknown(object))]).await;
}

#[tokio::test]
async fn layers_that_are_in_the_archive() {
    let sound = Sound::new().await;
    let sort = format!("layer/{}", sound.layer());
    let item = sound.item(&sound.key(&sort)).await;
    let mut layer: serde_json::Value = serde_json::from_slice(&item.document).unwrap();
    layer["storage"] = "archived".into();
    sound.replace(&sort, layer.to_string()).await;
    sound.finds(&[(image_named(&sound.app), Damage::LayerArchived(sound.layer()))]).await;
}

#[tokio::test]
async fn uses_and_referrers_that_are_wrong() {
    let sound = Sound::new().await;
    let (app, referrer) = (sound.app.digest(), sound.referrer.digest());
    sound.remove(format!("referrer/{app}/{referrer}")).await;
    let lost = (image_named(&sound.referrer), Damage::ReferrerMissing(app.clone()));
    sound.finds(std::slice::from_ref(&lost)).await;
    let other = crate::harness::digest(b"other");
    let listed = sound.key(format!("referrer/{other}/{referrer}"));
    put(&sound, listed).await;
    let wrong = (image_named(&sound.referrer), Damage::ReferrerWrong(other.clone()));
    sound.finds(&[lost.clone(), wrong.clone()]).await;
    put(&sound, sound.key(format!("use/{other}/{app}"))).await;
    let used = (format!("layer {other}"), Damage::UseWrong(image_named(&sound.app)));
    sound.finds(&[lost.clone(), wrong.clone(), used.clone()]).await;
    // Of an image that never came, it is left over, and no damage.
    put(&sound, sound.key(format!("use/{other}/{other}"))).await;
    sound.finds(&[lost, wrong, used]).await;
}

async fn put(sound: &Sound, key: Key) {
    sound
        .transact(Operation::Put {
            key,
            document: Bytes::from_static(b"{}"),
            attributes: std::collections::BTreeMap::default(),
            first_version: 1,
            condition: Condition::Absent,
        })
        .await;
}

#[tokio::test]
async fn children_that_are_gone() {
    let sound = Sound::new().await;
    let digest = sound.app.digest();
    sound.remove(format!("image/{digest}")).await;
    let (found, _) = sound.damages(Mend::Nothing).await;
    let lacks = (image_named(&sound.index), Damage::ChildMissing(digest));
    assert!(found.contains(&lacks), "{found:#?}");
}

#[tokio::test]
async fn repositories_that_are_listed_wrong() {
    let sound = Sound::new().await;
    let record = Key { partition: "name/team/other".to_owned(), sort: "repository".to_owned() };
    sound.transact(Operation::Delete { key: record, condition: Condition::Present }).await;
    let listing = Key { partition: "names".to_owned(), sort: "team/app".to_owned() };
    sound
        .transact(Operation::Put {
            key: listing,
            document: Bytes::from_static(b"\"another\""),
            attributes: std::collections::BTreeMap::default(),
            first_version: 1,
            condition: Condition::Present,
        })
        .await;
    let named = |damage| ("the repository".to_owned(), damage);
    sound.finds(&[named(Damage::RecordMissing), named(Damage::ListingDiffers)]).await;
}

#[tokio::test]
async fn counters_are_mended_and_nothing_else() {
    let sound = Sound::new().await;
    let digest = sound.app.digest();
    sound.add(sound.key(format!("image/{digest}")), vec![("parents", 2)]).await;
    sound.add(sound.key("figures"), vec![("images", 5), ("imageBytes", -7)]).await;
    sound.remove(format!("image/{digest}/tag/v1")).await;
    let (found, tally) = sound.damages(Mend::Nothing).await;
    assert_eq!((found.len(), tally.damages, tally.mended), (4, 4, 0), "{found:#?}");
    let (found, tally) = sound.damages(Mend::Counters).await;
    assert_eq!((found.len(), tally.damages, tally.mended), (4, 1, 3), "{found:#?}");
    let lost = ("tag v1".to_owned(), Damage::ImageTagMissing(image_named(&sound.app)));
    sound.finds(&[lost]).await;
}

#[tokio::test]
async fn partitions_are_read_page_by_page() {
    let registry = TestRegistry::new();
    registry.push("team/app", "v1", &image("first")).await;
    for number in 0..260 {
        let manifest =
            image("first").with("annotations", serde_json::json!({"n": number.to_string()}));
        registry.push("team/app", &format!("n{number}"), &manifest).await;
    }
    registry.store.check().await;
    let query = Query {
        partition: format!("repository/{}", registry.id("team/app").await.unwrap()),
        prefix: "image/".to_owned(),
        after: None,
        limit: 1000,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    let items = registry.store.table.query(&query).await.unwrap().items;
    assert_eq!(items.len(), 522);
    let key = items[521].key.clone();
    let operation = Operation::Delete { key, condition: Condition::Present };
    registry.store.table.transact(vec![operation]).await.unwrap();
    let (findings, tally) = registry.store.verify(false, Mend::Nothing).await;
    assert_eq!(tally.damages, 1, "{findings:?}");
}
