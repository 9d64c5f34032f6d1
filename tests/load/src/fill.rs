//! Filling a data folder, by the registry's own use cases: what lies there is what pushes leave.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use berth_embedded::{DataFolder, FileKeys, NoKms};
use berth_registry::access::{
    Action, Authenticator, Caller, Facts, Gate, RepositoryPermit, RootCredentials, SealingKeys,
    Secret,
};
use berth_registry::ports::{
    Clock, NewMessage, PublishEvents, RegistryEvent, SendMessages, StoreError, SystemClock,
    WriteTable,
};
use berth_registry::{
    Chunk, CreateOnPush, CreateRepository, Dispatch, Identity, JobQueues, MountFrom, Ports,
    PushRules, PutManifest, Quotas, Registry, RegistryError, SparseManifests, Tenancy,
};
use berth_types::Reference;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::content::{IMAGES_EACH, PROBES, blobs, digest, filler, manifest, probe, tag};

/// Pushes at the same time: what waits for the disk waits together.
const AT_ONCE: usize = 512;

/// Repositories that are filled at the same time.
const REPOSITORIES_AT_ONCE: usize = 8;

/// How often to say how far it is.
const TOLD: Duration = Duration::from_secs(10);

/// Fills the data folder until it holds `images`, and those that every registry holds. Images that
/// are there are pushed again, which changes nothing.
pub(crate) async fn fill(data_dir: &Path, images: usize) -> Result<()> {
    ensure!(images.is_multiple_of(IMAGES_EACH), "a repository has {IMAGES_EACH} images");
    let pusher = Pusher::open(data_dir)?;
    for number in 0..PROBES {
        pusher.make(&probe(number)).await?;
    }
    pusher.upload(&probe(0)).await?;
    pusher.push_images(&probe(0), IMAGES_EACH).await?;
    let (begun, mut told) = (Instant::now(), Instant::now());
    let repositories = images / IMAGES_EACH;
    let names = stream::iter(0..repositories).map(filler);
    let mut done = 0;
    let mut filled = names.map(|name| pusher.fill(name)).buffer_unordered(REPOSITORIES_AT_ONCE);
    while let Some(name) = filled.try_next().await? {
        done += 1;
        if told.elapsed() >= TOLD || done == repositories {
            let seconds = begun.elapsed().as_secs();
            println!("{done} of {repositories} repositories after {seconds} s, {name} the last");
            told = Instant::now();
        }
    }
    pusher.dispatch().await
}

/// Whom events are told to, and jobs sent to: nobody.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl PublishEvents for Nobody {
    async fn publish(&self, _events: &[RegistryEvent]) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SendMessages for Nobody {
    async fn send(&self, _messages: &[NewMessage]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Pushes to a registry without a server.
pub(crate) struct Pusher {
    table: Arc<dyn WriteTable>,
    identity: Identity,
    pub(crate) registry: Registry,
    gate: Gate,
}

impl Pusher {
    /// Opens the data folder.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        let folder = DataFolder::open(data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ports = Ports {
            table: folder.table(),
            objects: folder.objects(),
            keys: Arc::new(NoKms),
            clock: clock.clone(),
        };
        let rules = PushRules {
            create_on_push: CreateOnPush::Refuse,
            sparse_manifests: SparseManifests::Refuse,
            tenancy: Tenancy::Alone,
            quotas: Quotas::default(),
        };
        let registry = Registry::new(&ports, rules);
        // No token is sealed: the root comes in without one.
        let keys = Arc::new(FileKeys::new(&[0; FileKeys::MASTER_KEY_BYTES]));
        let keys = SealingKeys::making(ports.table.clone(), keys, clock.clone());
        let root = RootCredentials {
            access_key_id: "AKIALOADLOADLOADLOAD".to_owned(),
            secret_access_key: Secret::new("load".to_owned()),
        };
        let identity =
            Identity { registry_id: "123456789012".parse()?, region: "us-east-1".parse()? };
        let gate = Authenticator::new(root, keys, identity.clone(), clock).gate();
        let gate = gate.sharing(registry.directory());
        Ok(Self { table: ports.table, identity, registry, gate })
    }

    /// Counts what was pushed, as `berth serve` would at its leisure.
    pub(crate) async fn dispatch(&self) -> Result<()> {
        let begun = Instant::now();
        let nobody: Arc<dyn SendMessages> = Arc::new(Nobody);
        let jobs =
            JobQueues { lifecycle: nobody.clone(), collect: nobody.clone(), replicate: nobody };
        let (table, identity) = (self.table.clone(), self.identity.clone());
        let dispatch = Dispatch::new(table, Arc::new(Nobody), jobs, identity);
        let events = dispatch.sweep(SystemClock.now()).await?;
        println!("{events} events dispatched after {} s", begun.elapsed().as_secs());
        Ok(())
    }

    /// Returns the root's permit.
    pub(crate) async fn permit(&self, action: Action, name: &str) -> Result<RepositoryPermit> {
        let facts = Facts::default();
        Ok(self.gate.repository(&Caller::ROOT, action, &name.parse()?, &facts).await?)
    }

    /// Makes a repository, if it is not there.
    pub(crate) async fn make(&self, name: &str) -> Result<()> {
        let permit = self.permit(Action::CreateRepository, name).await?;
        match self.registry.repositories.create(&permit, CreateRepository::default()).await {
            Ok(_) | Err(RegistryError::RepositoryExists(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a repository with its images, and returns its name.
    async fn fill(&self, name: String) -> Result<String> {
        self.make(&name).await?;
        for blob in blobs() {
            let permit = self.permit(Action::InitiateLayerUpload, &name).await?;
            let source = self.permit(Action::GetDownloadUrlForLayer, &probe(0)).await?;
            let from = MountFrom::Repository(source);
            let mounted = self.registry.push.mount(&permit, None, &digest(&blob), from).await?;
            ensure!(mounted, "a blob of {} was not mounted", probe(0));
        }
        self.push_images(&name, IMAGES_EACH).await?;
        Ok(name)
    }

    /// Uploads the blobs of which all images are made.
    pub(crate) async fn upload(&self, name: &str) -> Result<()> {
        for blob in blobs() {
            let permit = self.permit(Action::InitiateLayerUpload, name).await?;
            let (digest, length) = (digest(&blob), Some(blob.len() as u64));
            let chunk = Chunk { start: None, length, body: stream::iter([Ok(blob)]).boxed() };
            self.registry.push.upload_whole(&permit, None, &digest, chunk).await?;
        }
        Ok(())
    }

    /// Pushes images, each with a tag of its own.
    pub(crate) async fn push_images(&self, name: &str, images: usize) -> Result<()> {
        let permit = &self.permit(Action::PutImage, name).await?;
        let push = |image| async move {
            let bytes: Bytes = manifest(name, image);
            let reference = Reference::Tag(tag(image).parse()?);
            let put = PutManifest { reference, tags: Vec::new(), content_type: None, bytes };
            self.registry.push.put_manifest(permit, None, put).await?;
            anyhow::Ok(())
        };
        let pushes = stream::iter(0..images).map(push);
        pushes.buffer_unordered(AT_ONCE / REPOSITORIES_AT_ONCE).try_collect().await
    }
}
