use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use berth_embedded::{DataFolder, FileKeys, NoKms, SqliteTable};
use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::access::{
    Action, Authenticator, Caller, Facts, FailedLogins, Gate, ImagePermit, RepositoryPermit,
    RootCredentials, SealingKeys, Secret,
};
use berth_registry::ports::{CheckKeys, ListObjects, WrapKeys, WriteObjects, WriteTable};
use berth_registry::{
    CreateOnPush, CreateRepository, DeleteRepository, Identity, Ports, PushRules, Quotas, Registry,
    RegistryError, SparseManifests, Tenancy, Trusts, Users, WhenNotEmpty,
};
use berth_types::{TagMutability, TagMutabilitySetting};
use futures_util::FutureExt;
use tempfile::TempDir;

use super::TestClock;
use super::dated::DatedObjects;
use super::steady::SteadyTable;

/// The root's access key.
pub const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";

/// The root's secret access key.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A table, objects, keys and a clock, in a folder that goes with the value.
#[derive(Debug)]
pub struct Store {
    pub table: Arc<dyn WriteTable>,
    pub objects: Arc<dyn WriteObjects>,
    pub listed: Arc<dyn ListObjects>,
    pub clock: Arc<TestClock>,
    pub keys: Arc<FileKeys>,
    /// The table itself, for the queues in it.
    pub(super) sqlite: Arc<SqliteTable>,
    folder: TempDir,
}

impl Store {
    pub fn new() -> Arc<Self> {
        // Memory, where there is such a folder: that syncs are made is another test's matter.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory } else { &std::env::temp_dir() };
        let folder = tempfile::tempdir_in(place).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let clock = Arc::new(TestClock::new());
        let sqlite = data.table();
        let table = Arc::new(SteadyTable(sqlite.clone()));
        let keys = Arc::new(FileKeys::new(&[7; FileKeys::MASTER_KEY_BYTES]));
        let objects = Arc::new(DatedObjects::new(data.objects(), Arc::clone(&clock)));
        let listed = objects.clone();
        Arc::new(Self { table, objects, listed, clock, keys, sqlite, folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// One process of a registry: `berth serve` without its sockets.
///
/// By default it is open: whoever sends no credentials is the root.
#[derive(Debug)]
pub struct TestRegistry {
    pub store: Arc<Store>,
    pub(super) api: OciApi,
    /// The use cases, for what the OCI API does not call.
    pub registry: Registry,
    /// The use cases of users.
    pub users: Users,
    /// The use cases of trusts.
    pub trusts: Trusts,
    pub authenticator: Arc<Authenticator>,
    pub gate: Gate,
}

/// What a [`TestRegistry`] is built of.
#[derive(Debug)]
pub struct Builder {
    store: Arc<Store>,
    table: Arc<dyn WriteTable>,
    objects: Arc<dyn WriteObjects>,
    kms: Arc<dyn CheckKeys>,
    sealing_keys: Arc<dyn WrapKeys>,
    rules: PushRules,
    settings: ApiSettings,
    parts: Parts,
    is_open: bool,
}

/// Gives an API the parts of a registry that a process serves.
type Parts = fn(OciApi, &Registry) -> OciApi;

impl TestRegistry {
    /// Starts a registry on a store of its own.
    pub fn new() -> Self {
        Self::on(&Store::new()).build()
    }

    /// Begins to build a registry on a store that others may use as well.
    pub fn on(store: &Arc<Store>) -> Builder {
        Builder {
            store: Arc::clone(store),
            table: Arc::clone(&store.table),
            objects: Arc::clone(&store.objects),
            kms: Arc::new(NoKms),
            sealing_keys: store.keys.clone(),
            rules: PushRules {
                create_on_push: CreateOnPush::Create,
                sparse_manifests: SparseManifests::Refuse,
                tenancy: Tenancy::Alone,
                quotas: Quotas::default(),
            },
            settings: ApiSettings { chunk_min_length: 1024 * 1024, ..ApiSettings::default() },
            parts: OciApi::with_registry,
            is_open: true,
        }
    }

    /// Makes a repository whose tags may move.
    pub async fn create(&self, name: &str) -> Result<(), RegistryError> {
        self.create_with(name, TagMutability::default()).await
    }

    /// Makes a repository.
    pub async fn create_with(
        &self,
        name: &str,
        tag_mutability: TagMutability,
    ) -> Result<(), RegistryError> {
        let settings = CreateRepository { tag_mutability, ..CreateRepository::default() };
        let permit = permit(Action::CreateRepository, name);
        self.registry.repositories.create(&permit, settings).await.map(drop)
    }

    /// Makes a repository with a setting of mutability, and filters where it takes some.
    pub async fn create_mutable(
        &self,
        name: &str,
        setting: TagMutabilitySetting,
        filters: &[&str],
    ) {
        let filters = filters.iter().map(|filter| filter.parse().unwrap()).collect();
        let mutability = TagMutability::new(setting, filters).unwrap();
        self.create_with(name, mutability).await.unwrap();
    }

    /// Deletes a repository.
    pub async fn delete(
        &self,
        name: &str,
        when_not_empty: WhenNotEmpty,
    ) -> Result<(), RegistryError> {
        let permit = permit(Action::DeleteRepository, name);
        let how = DeleteRepository { when_not_empty };
        self.registry.repositories.delete(&permit, how).await.map(drop)
    }

    /// Returns the id of a repository, if it is there.
    pub async fn id(&self, name: &str) -> Option<String> {
        let permit = permit(Action::DescribeRepositories, name);
        let described = self.registry.repositories.describe(&permit).await;
        match described {
            Ok(repository) => Some(repository.id.as_str().to_owned()),
            Err(RegistryError::RepositoryUnknown(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the root's access key.
pub fn root() -> RootCredentials {
    RootCredentials {
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: Secret::new(SECRET.to_owned()),
    }
}

/// Returns which registry all of them are.
pub fn identity() -> Identity {
    Identity { registry_id: "123456789012".parse().unwrap(), region: "us-east-1".parse().unwrap() }
}

/// Returns the root's permit, which depends on nothing that is stored.
pub fn permit(action: Action, name: &str) -> RepositoryPermit {
    static GATE: OnceLock<Gate> = OnceLock::new();
    let gate = GATE.get_or_init(|| TestRegistry::new().gate);
    let (name, facts) = (name.parse().unwrap(), Facts::default());
    let permit = gate.repository(&Caller::ROOT, action, &name, &facts).now_or_never();
    permit.unwrap().unwrap()
}

/// Returns the root's permit for images, which depends on nothing that is stored.
pub fn images_permit(action: Action, name: &str) -> ImagePermit {
    static GATE: OnceLock<Gate> = OnceLock::new();
    let gate = GATE.get_or_init(|| TestRegistry::new().gate);
    let (name, facts) = (name.parse().unwrap(), Facts::default());
    let permit = gate.images(&Caller::ROOT, action, &name, &facts).now_or_never();
    permit.unwrap().unwrap()
}

impl Builder {
    /// Puts another table on the store's.
    pub fn table(self, table: Arc<dyn WriteTable>) -> Self {
        Self { table, ..self }
    }

    /// Puts other objects on the store's.
    pub fn objects(self, objects: Arc<dyn WriteObjects>) -> Self {
        Self { objects, ..self }
    }

    /// Encrypts by the keys of a KMS.
    pub fn kms(self, kms: Arc<dyn CheckKeys>) -> Self {
        Self { kms, ..self }
    }

    /// Seals tokens by keys that others wrap than the store's.
    pub fn sealing_keys(self, sealing_keys: Arc<dyn WrapKeys>) -> Self {
        Self { sealing_keys, ..self }
    }

    /// Asks for credentials.
    pub fn with_login(self) -> Self {
        Self { is_open: false, ..self }
    }

    /// Lets manifests refer to what is not there.
    pub fn sparse(mut self) -> Self {
        self.rules.sparse_manifests = SparseManifests::Allow;
        self
    }

    /// Makes no repository by a push.
    pub fn without_create_on_push(mut self) -> Self {
        self.rules.create_on_push = CreateOnPush::Refuse;
        self
    }

    /// Has other quotas than ECR.
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.rules.quotas = quotas;
        self
    }

    /// Is one process of several.
    pub fn shared(mut self) -> Self {
        self.rules.tenancy = Tenancy::Shared;
        self
    }

    /// Sends the bytes of uploads to another host.
    pub fn upload_host(mut self, url: &str) -> Self {
        self.settings.upload_host = Some(url.to_owned());
        self
    }

    /// Takes at most so many bytes of a blob in one request.
    pub fn largest_body(mut self, bytes: u64) -> Self {
        self.settings.largest_body = Some(bytes);
        self
    }

    /// Serves some parts alone.
    pub fn parts(self, parts: Parts) -> Self {
        Self { parts, ..self }
    }

    pub fn build(self) -> TestRegistry {
        let ports = Ports {
            table: self.table,
            objects: self.objects,
            keys: self.kms,
            clock: self.store.clock.clone(),
        };
        let registry = Registry::new(&ports, self.rules);
        let keys = SealingKeys::making(ports.table.clone(), self.sealing_keys, ports.clock.clone());
        let authenticator = Authenticator::new(root(), keys, identity(), ports.clock);
        let authenticator = if self.is_open { authenticator.open() } else { authenticator };
        let authenticator = Arc::new(authenticator);
        let clock = self.store.clock.clone();
        let users = Users::new(ports.table.clone(), authenticator.known_keys(), clock.clone());
        let trusts = Trusts::new(ports.table, authenticator.known_trusts(), clock);
        let gate = authenticator.gate().sharing(registry.directory());
        let failed_logins = Arc::new(FailedLogins::new(Duration::from_secs(1)));
        let api = OciApi::new(authenticator.clone(), failed_logins, self.settings);
        let api = (self.parts)(api, &registry);
        TestRegistry { store: self.store, api, registry, users, trusts, authenticator, gate }
    }
}
