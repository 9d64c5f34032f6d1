//! Checks that the whole store is consistent, whatever happened to it: by what `berth verify` looks
//! for, and that nothing is left over.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::Mutex;

use berth_embedded::FileObjects;
use berth_registry::ports::{
    Condition, Consistency, Item, Key, ObjectKey, Operation, Query, Select,
};
use berth_registry::{Finding, Leftover, Mend, SparseManifests, Tally, Verify, Watch};

use super::Store;

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

/// All that was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// The findings, in no order.
    pub all: Mutex<Vec<Finding>>,
    named: Mutex<HashSet<String>>,
}

impl Watch for Findings {
    fn found(&self, finding: &Finding) {
        self.all.lock().unwrap().push(finding.clone());
    }

    fn came(&self, _tally: &Tally) {}

    fn named(&self, object: &ObjectKey) {
        self.named.lock().unwrap().insert(FileObjects::file_name(object));
    }
}

impl Store {
    /// Checks the store, and that nothing is left over in it.
    pub async fn check(&self) {
        assert_eq!(self.check_but_leftovers(false).await, Leftovers::default());
    }

    /// Checks the store, and returns what is left over.
    pub async fn check_but_leftovers(&self, is_sparse: bool) -> Leftovers {
        let (findings, tally) = self.verify(is_sparse, Mend::Nothing).await;
        let found = findings.all.into_inner().unwrap();
        let damages: Vec<_> =
            found.iter().filter(|finding| matches!(finding, Finding::Damage { .. })).collect();
        assert!(damages.is_empty() && tally.damages == 0, "the store is damaged: {damages:#?}");
        let is_use = |finding: &&Finding| {
            matches!(finding, Finding::Leftover { leftover: Leftover::Use, .. })
        };
        let named = findings.named.into_inner().unwrap();
        Leftovers {
            uses: found.iter().filter(is_use).count(),
            objects: self.files("objects").iter().filter(|file| !named.contains(*file)).count(),
            uploads: self.files("uploads").len(),
        }
    }

    /// Looks at the whole store as `berth verify` does.
    pub async fn verify(&self, is_sparse: bool, mend: Mend) -> (Findings, Tally) {
        let sparse_manifests =
            if is_sparse { SparseManifests::Allow } else { SparseManifests::Refuse };
        let (table, objects) = (self.table.clone(), self.objects.clone());
        let findings = Findings::default();
        let verify = Verify { table, objects, sparse_manifests, mend };
        let tally = verify.run(&findings).await.unwrap();
        (findings, tally)
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

    /// Checks that collection has left no layer, or mark on one, that no image uses.
    pub async fn assert_all_layers_are_used(&self) {
        for listed in self.partition("names").await.values() {
            let id: String = serde_json::from_slice(&listed.document).unwrap();
            let items = self.partition(&format!("repository/{id}")).await;
            for (sort, item) in items.iter().filter(|(sort, _)| sort.starts_with("layer/")) {
                let uses = format!("use/{}/", sort.strip_prefix("layer/").unwrap());
                assert!(items.keys().any(|sort| sort.starts_with(&uses)), "{sort} is left");
                let layer: serde_json::Value = serde_json::from_slice(&item.document).unwrap();
                assert!(layer["deletion"].is_null(), "{sort} is marked, and used");
            }
        }
    }

    /// Returns the partitions of content, of links and of what names repositories, as they are.
    pub async fn all_items(&self) -> Vec<BTreeMap<String, Item>> {
        let mut partitions = vec!["names".to_owned(), "deleted".to_owned()];
        let ids = self.partition("deleted").await.into_keys();
        partitions.extend(ids.map(|id| format!("repository/{id}")));
        for listed in self.partition("names").await.values() {
            let id: String = serde_json::from_slice(&listed.document).unwrap();
            partitions.push(format!("repository/{id}"));
        }
        let mut items = Vec::new();
        for partition in partitions {
            items.push(self.partition(&partition).await);
        }
        items
    }

    /// Removes an item.
    pub async fn remove_item(&self, partition: &str, sort: &str) {
        let key = Key { partition: partition.to_owned(), sort: sort.to_owned() };
        let operation = Operation::Delete { key, condition: Condition::Present };
        self.table.transact(vec![operation]).await.unwrap();
    }
}
