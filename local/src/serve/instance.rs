//! One of the registries that the process hosts.

use std::sync::Arc;
use std::time::Duration;

use berth_ecr_api::{BodyLimits, EcrApi, HostKnownBy, SessionApi};
use berth_embedded::{FileKeys, NoKms};
use berth_http_server::{BaseUrl, Limits, Listeners, Service, Stop, TrustedProxies};
use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::access::{Authenticator, FailedLogins, RootCredentials, SealingKeys};
use berth_registry::ports::{ListObjects, SystemClock};
use berth_registry::{
    CollectPorts, CollectWorker, FailedJobs, GracePeriods, Identity, JobQueue, LifecycleWorker,
    Peer, Peers, Ports, PushRules, Registry, RemovalPorts, ReplicateWorker, ReplicationPorts,
    Sessions, Tenancy, Trusts, Users, WatchedTable, Work,
};
use berth_sts::{Hosts, Sts};

use super::apis::Apis;
use super::credentials;
use super::homes::Home;
use super::hosted::RegistrySettings;
use super::later::{Later, Queues};
use super::options::Settings;
use super::tls::Tls;

/// How long a failed log-in waits for its answer.
const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// Below this a chunk costs more in syncs to disk than in bytes.
const CHUNK_MIN_LENGTH: u64 = 1024 * 1024;

/// A registry: where its data lies, its use cases, and what answers its requests.
#[derive(Debug)]
pub(super) struct RegistryInstance {
    identity: Identity,
    ports: Ports,
    registry: Registry,
    apis: Apis,
    base_url: BaseUrl,
    later: Later,
}

impl RegistryInstance {
    /// Puts a registry on its data. `url` is where it listens.
    pub(super) fn build(
        settings: &Settings,
        registry: &RegistrySettings,
        home: Home,
        url: String,
    ) -> anyhow::Result<Self> {
        let Home { folder, root } = home;
        let keys = credentials::keys(&folder)?;
        let (table, written) = WatchedTable::new(folder.table());
        let ports = Ports {
            table: Arc::new(table),
            objects: folder.objects(),
            keys: Arc::new(NoKms),
            clock: Arc::new(SystemClock),
        };
        let rules = PushRules {
            create_on_push: settings.create_on_push,
            sparse_manifests: settings.sparse_manifests,
            tenancy: Tenancy::Alone,
            quotas: settings.quotas,
        };
        let mut use_cases = Registry::new(&ports, rules);
        use_cases.pull = use_cases.pull.recording_beside();
        let queues = Queues::new(&folder, &ports.clock);
        let failed_jobs = queues.failed_jobs();
        let later = Later {
            queues,
            table: ports.table.clone(),
            written,
            clock: ports.clock.clone(),
            registry: registry.identity.clone(),
            workers: workers(&ports, folder.objects(), settings.collection_delay.grace()),
            webhook: settings.webhook.clone(),
            period: settings.period,
        };
        let apis = apis(
            settings,
            registry,
            &ports,
            use_cases.clone(),
            failed_jobs,
            root.credentials,
            keys,
        );
        let base_url = match &registry.public_url {
            Some(url) => BaseUrl::Fixed(url.clone()),
            None => BaseUrl::OfRequest(url),
        };
        let identity = registry.identity.clone();
        Ok(Self { identity, ports, registry: use_cases, apis, base_url, later })
    }

    /// Returns the registry as others reach it.
    pub(super) fn peer(&self) -> Peer {
        Peer::new(self.identity.clone(), self.registry.clone())
    }

    /// Lets the registry replicate to its peers.
    pub(super) fn replicate_to(&mut self, peers: Vec<Peer>) {
        let Ports { table, objects, clock, .. } = self.ports.clone();
        let ports = ReplicationPorts { table, objects, clock };
        let peers = Arc::new(Peers::new(peers));
        let worker = ReplicateWorker::new(ports, self.identity.clone(), peers);
        self.later.workers.push((JobQueue::Replicate, Arc::new(worker)));
    }

    /// Answers requests, and does what happens later, until the process is told to stop.
    pub(super) async fn serve(
        self,
        trusted_proxies: TrustedProxies,
        listeners: Listeners<Tls>,
        stop: Stop,
    ) {
        let service = Service::new(self.apis, self.ports.table, self.base_url);
        let service = service.trusting(trusted_proxies);
        let tasks = self.later.start().await;
        listeners.serve(service, Limits::default(), stop).await;
        tasks.stop().await;
    }
}

/// Returns what does the jobs of a registry.
fn workers(
    ports: &Ports,
    listed: Arc<dyn ListObjects>,
    grace: GracePeriods,
) -> Vec<(JobQueue, Arc<dyn Work>)> {
    let Ports { table, objects, clock, .. } = ports.clone();
    let (moving, doomed) = (objects.clone(), objects.clone());
    let collect =
        CollectPorts { table: table.clone(), listed, doomed: doomed.clone(), clock: clock.clone() };
    let removal = RemovalPorts { table, objects, doomed, clock };
    vec![
        (JobQueue::Lifecycle, Arc::new(LifecycleWorker::new(&removal, moving))),
        (JobQueue::Collect, Arc::new(CollectWorker::new(collect, grace))),
    ]
}

/// Puts the APIs on a registry.
fn apis(
    settings: &Settings,
    registry: &RegistrySettings,
    ports: &Ports,
    use_cases: Registry,
    failed_jobs: FailedJobs,
    root: RootCredentials,
    keys: FileKeys,
) -> Apis {
    let (table, clock) = (ports.table.clone(), ports.clock.clone());
    let identity = registry.identity.clone();
    let keys = SealingKeys::making(table.clone(), Arc::new(keys), Arc::clone(&clock));
    let authenticator = Authenticator::new(root, keys, identity.clone(), Arc::clone(&clock));
    let authenticator = Arc::new(if settings.open { authenticator.open() } else { authenticator });
    let failed_logins = Arc::new(FailedLogins::new(FAILED_LOGIN));
    let oci_settings = ApiSettings { chunk_min_length: CHUNK_MIN_LENGTH, ..Default::default() };
    let oci = OciApi::new(Arc::clone(&authenticator), Arc::clone(&failed_logins), oci_settings);
    let oci = oci.with_registry(&use_cases);
    let gate = authenticator.gate().sharing(use_cases.directory());
    let users = Users::new(table.clone(), authenticator.known_keys(), Arc::clone(&clock));
    let trusts = Trusts::new(table.clone(), authenticator.known_trusts(), Arc::clone(&clock));
    let hosts = settings.sts.clone().unwrap_or_else(|| Hosts::of(&identity.region));
    let (sealing, sts) = (authenticator.sealing_keys(), Arc::new(Sts::new(hosts)));
    let session = SessionApi {
        sessions: Sessions::new(table, sealing, sts, Arc::clone(&clock)),
        failed_logins: Arc::clone(&failed_logins),
        host: match registry.public_url {
            Some(_) => HostKnownBy::TheRegistry,
            None => HostKnownBy::TheClient,
        },
    };
    let ecr = EcrApi {
        registry: use_cases,
        users,
        trusts,
        failed_jobs,
        identity,
        authenticator,
        failed_logins,
        gate,
        body_limits: BodyLimits::STREAMED,
        clock,
    };
    Apis { oci, ecr, session }
}
