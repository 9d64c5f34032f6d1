//! `berth gc`: collects in a data folder whose server is stopped. A running server does so by itself.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use berth_embedded::DataFolder;
use berth_registry::ports::SystemClock;
use berth_registry::{CollectPorts, Garbage, GarbageContent, OfflineCollection};
use clap::Args;

/// Options of `berth gc`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GcOptions {
    /// Folder that holds all data of the registry
    #[arg(long, env = "BERTH_DATA_DIR", value_name = "DIR", default_value = "./berth-data")]
    data_dir: PathBuf,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl GcOptions {
    /// Prints what nothing uses, and deletes it.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if !self.data_dir.join("table.sqlite").is_file() {
            bail!("`{}` is not the data folder of a registry", self.data_dir.display());
        }
        let folder = DataFolder::open(&self.data_dir)?;
        let collection = OfflineCollection::new(CollectPorts {
            table: folder.table(),
            listed: folder.objects(),
            doomed: folder.objects(),
            clock: Arc::new(SystemClock),
        });
        let garbage = collection.rehearse().await?;
        print(&garbage);
        if self.dry_run {
            println!("would free {}", total(&garbage));
            return Ok(());
        }
        collection.collect().await?;
        println!("freed {}", total(&garbage));
        Ok(())
    }
}

/// Prints a line for each object.
fn print(garbage: &Garbage) {
    for object in &garbage.objects {
        let (kind, digest) = match &object.content {
            GarbageContent::Blob(digest) => ("blob", digest.to_string()),
            GarbageContent::Manifest(digest) => ("manifest", digest.to_string()),
            GarbageContent::Upload => ("upload", "-".to_owned()),
        };
        println!("{kind}\t{}\t{digest}", object.size);
    }
}

fn total(garbage: &Garbage) -> String {
    let Garbage { objects, uploads } = garbage;
    let bytes: u64 = objects.iter().map(|object| object.size).sum();
    format!("{bytes} bytes in {} objects, and {uploads} unfinished uploads", objects.len())
}
