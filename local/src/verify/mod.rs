//! `berth verify`: looks whether the registry in a data folder is whole.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use berth_embedded::DataFolder;
use berth_registry::ports::ObjectKey;
use berth_registry::{Finding, Mend, SparseManifests, Tally, Verify, Watch};
use clap::Args;

/// How often to say how far it is.
const TOLD: Duration = Duration::from_secs(10);

/// Options of `berth verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyCommand {
    /// Data folder of `berth serve`, which must not run meanwhile
    #[arg(long, env = "BERTH_DATA_DIR", value_name = "DIR", default_value = "./berth-data")]
    data_dir: PathBuf,
    /// Set counters right that are wrong; nothing else is changed
    #[arg(long)]
    repair: bool,
    /// Images may lack content, as with `berth serve --allow-sparse-index`
    #[arg(long, env = "BERTH_ALLOW_SPARSE_INDEX", num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    allow_sparse_index: bool,
}

impl VerifyCommand {
    /// Looks at the whole registry, and prints what is wrong. Fails if something is lost or wrong.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        // Opening a folder makes what is missing in it.
        if !self.data_dir.join("format").is_file() {
            bail!("`{}` is not the data folder of a registry", self.data_dir.display());
        }
        let folder = DataFolder::open(&self.data_dir)?;
        let verify = Verify {
            table: folder.table(),
            objects: folder.objects(),
            sparse_manifests: match self.allow_sparse_index {
                true => SparseManifests::Allow,
                false => SparseManifests::Refuse,
            },
            mend: if self.repair { Mend::Counters } else { Mend::Nothing },
        };
        let watch = Printed::new();
        let tally = verify.run(&watch).await.context("the table can't be read")?;
        let named = watch.named.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unnamed = folder.objects().unnamed(|file| named.contains(file))?;
        for file in &unnamed {
            println!("left over: object {file} is nobody's");
        }
        let Tally { repositories, images, objects, bytes, damages, mended } = tally;
        println!(
            "looked at {repositories} repositories, {images} images, {objects} blobs of {bytes} bytes"
        );
        println!(
            "{damages} damages, {mended} counters mended, {} objects left over",
            unnamed.len()
        );
        if damages > 0 {
            bail!("the registry is damaged");
        }
        Ok(())
    }
}

/// Prints findings, and now and then how far it is.
struct Printed {
    told: Mutex<Instant>,
    /// Files of the objects that the table names.
    named: Mutex<HashSet<String>>,
}

impl Printed {
    fn new() -> Self {
        Self { told: Mutex::new(Instant::now()), named: Mutex::default() }
    }
}

impl Watch for Printed {
    fn found(&self, finding: &Finding) {
        println!("{finding}");
    }

    fn came(&self, tally: &Tally) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= TOLD {
            *told = Instant::now();
            let Tally { repositories, images, objects, bytes, .. } = tally;
            eprintln!(
                "so far: {repositories} repositories, {images} images, {objects} blobs of {bytes} bytes"
            );
        }
    }

    fn named(&self, object: &ObjectKey) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.insert(berth_embedded::FileObjects::file_name(object));
    }
}
