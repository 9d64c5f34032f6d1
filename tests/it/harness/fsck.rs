//! Checks that the whole store is consistent, whatever happened to it.
//!
//! It reads the table as the module `layout` of `berth-registry` draws it, and so knows more than
//! a client may: that an image and its tags agree both ways, that each use has its image, that
//! the bytes of every blob are there and are the right ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use berth_registry::ports::{
    Condition, Consistency, Item, Key, ObjectKey, Operation, Query, Select,
};
use berth_types::{Manifest, MediaType};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{Store, digest, digest512};

/// What may be left over when requests fail, until it is collected.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Uses of layers by images that are not there.
    pub uses: usize,
    /// Objects that nothing refers to.
    pub objects: usize,
    /// Files of uploads.
    pub uploads: usize,
}

/// One repository's items, by sort key.
struct Content<'a> {
    store: &'a Store,
    id: String,
    items: BTreeMap<String, Item>,
    /// Whether images may lack what they are made of.
    is_sparse: bool,
}

/// A manifest as it is stored.
struct Stored {
    media_type: String,
    bytes: Bytes,
    manifest: Manifest,
    object: Option<String>,
}

impl Store {
    /// Checks the store, and that nothing is left over in it.
    pub async fn check(&self) {
        assert_eq!(self.check_but_leftovers(false).await, Leftovers::default());
    }

    /// Checks the store, and returns what is left over.
    pub async fn check_but_leftovers(&self, is_sparse: bool) -> Leftovers {
        let mut ids = BTreeSet::new();
        for listed in self.partition("names").await.values() {
            let partition = format!("name/{}", listed.key.sort);
            let key = Key { partition, sort: "repository".to_owned() };
            let record = self.table.get(&key, Consistency::Strong).await.unwrap();
            let record = json(&record.expect("a listed repository has a record"));
            assert_eq!(record["id"], json(listed), "a list names the id of the record");
            ids.insert(record["id"].as_str().unwrap().to_owned());
        }
        let deleted: Vec<_> = self.partition("deleted").await.into_keys().collect();
        let mut leftovers = Leftovers::default();
        let mut objects = BTreeSet::new();
        for (id, is_deleted) in
            ids.into_iter().map(|id| (id, false)).chain(deleted.into_iter().map(|id| (id, true)))
        {
            let items = self.partition(&format!("repository/{id}")).await;
            let content = Content { store: self, id, items, is_sparse };
            content.check(&mut leftovers, &mut objects, is_deleted).await;
        }
        for object in self.files("objects") {
            leftovers.objects += usize::from(!objects.contains(&object));
        }
        leftovers.uploads = self.files("uploads").len();
        leftovers
    }

    /// Returns the names of all objects' files.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.path().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => names.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        names
    }

    /// Returns the items of a partition, by sort key.
    pub async fn partition(&self, partition: &str) -> BTreeMap<String, Item> {
        let mut items = BTreeMap::new();
        let mut after = None;
        loop {
            let query = Query {
                partition: partition.to_owned(),
                prefix: String::new(),
                after,
                limit: 1000,
                consistency: Consistency::Strong,
                select: Select::Items,
            };
            let page = self.table.query(&query).await.unwrap();
            items.extend(page.items.into_iter().map(|item| (item.key.sort.clone(), item)));
            match page.next {
                Some(next) => after = Some(next),
                None => return items,
            }
        }
    }

    /// Removes an item.
    pub async fn remove_item(&self, partition: &str, sort: &str) {
        let key = Key { partition: partition.to_owned(), sort: sort.to_owned() };
        let operation = Operation::Delete { key, condition: Condition::Present };
        self.table.transact(vec![operation]).await.unwrap();
    }

    async fn object(&self, key: &str, size: u64) -> Bytes {
        let key = ObjectKey::new(key.to_owned());
        let mut stream = self.objects.read(&key, 0..size).await.expect("an object is there");
        let mut bytes = BytesMut::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece.unwrap());
        }
        bytes.freeze()
    }
}

impl Content<'_> {
    async fn check(
        &self,
        leftovers: &mut Leftovers,
        objects: &mut BTreeSet<String>,
        deleted: bool,
    ) {
        let mut manifests = BTreeMap::new();
        for (digest, item) in self.below("manifest/") {
            let stored = self.manifest(digest, item).await;
            objects.extend(stored.object.as_deref().map(file_name));
            manifests.insert(digest.to_owned(), stored);
        }
        for (digest, item) in self.below("layer/") {
            objects.insert(self.layer(digest, item).await);
        }
        // Deletion leaves content to collection, as a push that it interrupted left it.
        if deleted {
            return;
        }
        self.check_images(&manifests);
        self.check_tags(&manifests);
        for (path, _) in self.below("use/") {
            let (layer, image) = path.split_once('/').unwrap();
            match manifests.get(image) {
                Some(stored) => assert!(stored.blobs().any(|blob| blob == layer), "use {path}"),
                None => leftovers.uses += 1,
            }
        }
        for (path, _) in self.below("referrer/") {
            let (subject, digest) = path.split_once('/').unwrap();
            assert_eq!(manifests[digest].subject().as_deref(), Some(subject), "referrer {path}");
        }
    }

    /// Images, manifests, uses, referrers and parents agree.
    fn check_images(&self, manifests: &BTreeMap<String, Stored>) {
        let mut parents: BTreeMap<&str, i64> = BTreeMap::new();
        let mut archived_parents: BTreeMap<&str, i64> = BTreeMap::new();
        let mut images = BTreeMap::new();
        for (digest, item) in self.below("image/").filter(|(path, _)| !path.contains('/')) {
            images.insert(digest, item);
            let stored = manifests.get(digest).expect("an image has a manifest");
            let summary = json(item);
            assert_eq!(summary["media_type"], stored.media_type, "{digest}");
            assert_eq!(summary["manifest_size"], stored.bytes.len(), "{digest}");
            for blob in stored.blobs() {
                assert!(self.items.contains_key(&format!("use/{blob}/{digest}")), "use of {blob}");
                let layer = self.items.get(&format!("layer/{blob}"));
                let visible = layer.is_some_and(|layer| json(layer)["deletion"]["done"].is_null());
                assert!(visible || self.is_sparse, "layer {blob} of {digest} is not visible");
                let archived = layer.is_some_and(|layer| json(layer)["storage"] == "archived");
                let is_active =
                    [Value::Null, "active".into()].contains(&summary["storage"]["status"]);
                assert!(!archived || !is_active, "layer {blob} of {digest} is archived");
            }
            if let Some(subject) = stored.subject() {
                assert!(self.items.contains_key(&format!("referrer/{subject}/{digest}")));
            }
            let uncounted = summary["uncounted"].as_array().cloned().unwrap_or_default();
            let children: BTreeSet<_> =
                stored.manifest.children().iter().map(|child| child.digest.as_str()).collect();
            for child in children {
                if !uncounted.contains(&child.into()) {
                    *parents.entry(child).or_default() += 1;
                    if !summary["storage"].is_null() && summary["storage"]["status"] != "active" {
                        *archived_parents.entry(child).or_default() += 1;
                    }
                }
            }
        }
        for (path, _) in self.below("image/") {
            if let Some(digest) = path.strip_suffix("/pulled") {
                assert!(images.contains_key(digest), "a pull is of an image that is there");
            }
        }
        for digest in manifests.keys() {
            assert!(images.contains_key(digest.as_str()), "manifest {digest} has no image");
        }
        for (digest, item) in &images {
            let expected = parents.remove(digest).unwrap_or(0);
            assert_eq!(item.counter("parents"), expected, "parents of {digest}");
            let archived = archived_parents.remove(digest).unwrap_or(0);
            assert_eq!(item.counter("archivedParents"), archived, "archived parents of {digest}");
            let status = &json(item)["storage"]["status"];
            let is_active = status.is_null() || status == "active";
            assert!(is_active || archived == expected, "{digest} is missing to an index");
        }
        assert!(parents.is_empty(), "children are missing: {parents:?}");
    }

    /// Tags and images agree, both ways.
    fn check_tags(&self, manifests: &BTreeMap<String, Stored>) {
        for (tag, item) in self.below("tag/") {
            let record = json(item);
            let digest = record["digest"].as_str().unwrap();
            assert_eq!(item.attributes["digest"], digest, "{tag}");
            let stored = manifests.get(digest).expect("a tag has an image");
            assert_eq!(record["media_type"], stored.media_type, "{tag}");
            assert_eq!(record["size"], stored.bytes.len(), "{tag}");
            assert!(self.items.contains_key(&format!("image/{digest}/tag/{tag}")), "{tag}");
        }
        for (path, _) in self.below("image/") {
            if let Some((digest, tag)) = path.split_once("/tag/") {
                let item = self.items.get(&format!("tag/{tag}"));
                let item = item.unwrap_or_else(|| panic!("{digest} has lost its tag {tag}"));
                assert_eq!(item.attributes["digest"], digest, "{tag}");
            }
        }
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Item)> {
        self.items.iter().filter_map(move |(sort, item)| Some((sort.strip_prefix(prefix)?, item)))
    }

    async fn manifest(&self, digest: &str, item: &Item) -> Stored {
        let media_type = item.attributes["mediaType"].clone();
        let object = item.attributes.get("object").cloned();
        let bytes = match &object {
            Some(object) => {
                self.store.object(object, item.attributes["size"].parse().unwrap()).await
            }
            None => item.document.clone(),
        };
        is_of(digest, &bytes);
        let parsed: MediaType = media_type.parse().unwrap();
        let manifest = Manifest::parse(Some(&parsed), &bytes).unwrap();
        Stored { media_type, bytes, manifest, object }
    }

    /// Checks a layer's bytes and link, and returns its object's file.
    async fn layer(&self, digest: &str, item: &Item) -> String {
        let layer = json(item);
        let object = layer["object"].as_str().unwrap();
        let size = layer["size"].as_u64().unwrap();
        is_of(digest, &self.store.object(object, size).await);
        let link = Key { partition: format!("blob/{digest}"), sort: self.id.clone() };
        let link = self.store.table.get(&link, Consistency::Strong).await.unwrap();
        assert!(link.is_some(), "layer {digest} has no link");
        let named = Key { partition: format!("object/{object}"), sort: "object".to_owned() };
        let named = self.store.table.get(&named, Consistency::Strong).await.unwrap();
        let named = json(&named.expect("the object of a layer has an item"));
        assert_eq!(named["digest"], digest, "{object}");
        file_name(object)
    }
}

impl Stored {
    fn blobs(&self) -> impl Iterator<Item = &str> {
        self.manifest.blobs().map(|blob| blob.digest.as_str())
    }

    fn subject(&self) -> Option<String> {
        self.manifest.subject.as_ref().map(|subject| subject.digest.to_string())
    }
}

#[track_caller]
fn is_of(expected: &str, bytes: &[u8]) {
    let actual = if expected.starts_with("sha512") { digest512(bytes) } else { digest(bytes) };
    assert_eq!(actual, expected, "stored bytes have another digest");
}

fn file_name(object: &str) -> String {
    object.replace('/', "_")
}

fn json(item: &Item) -> Value {
    serde_json::from_slice(&item.document).unwrap()
}
