//! `berth serve`: builds the registry on the embedded store and serves it.

mod apis;
mod credentials;
mod logging;
mod options;
mod tls;
mod welcome;

pub(crate) use options::ServeOptions;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use berth_ecr_api::{BodyLimits, EcrApi, HostKnownBy, SessionApi};
use berth_embedded::{DataFolder, FileKeys, NoKms};
use berth_http_server::{BaseUrl, Limits, Listeners, Service};
use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::access::{Authenticator, FailedLogins, SealingKeys};
use berth_registry::ports::{Clock, SystemClock};
use berth_registry::{Identity, Ports, PushRules, Registry, Sessions, Tenancy, Trusts, Users};
use berth_sts::{Hosts, Sts};

use self::apis::Apis;
use self::options::Settings;
use self::tls::Tls;

/// How long a failed log-in waits for its answer.
const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// Below this a chunk costs more in syncs to disk than in bytes.
const CHUNK_MIN_LENGTH: u64 = 1024 * 1024;

/// Runs the server until it is told to stop.
pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    let settings = options.settle()?;
    let _flushed_at_the_end = logging::start(settings.log_format);
    let tls = settings.tls.as_ref().map(Tls::of).transpose()?;
    let listeners = Listeners::bind(&settings.listen, tls).await.context("--listen")?;
    if settings.open && !listeners.are_loopback() {
        anyhow::bail!("--open lets anyone in, so it needs a loopback address to listen on");
    }
    let folder = DataFolder::open(&settings.data_dir)?;
    let root = credentials::root(&folder, &settings)?;
    let keys = credentials::keys(&folder)?;
    let base_url = settings.public_url.clone().unwrap_or_else(|| listeners.url());
    welcome::print(&settings, &root, &base_url);

    let apis = apis(&settings, &folder, root.credentials, keys);
    let base_url = match settings.public_url {
        Some(url) => BaseUrl::Fixed(url),
        None => BaseUrl::OfRequest(base_url),
    };
    let service = Service::new(apis, folder.table(), base_url).trusting(settings.trusted_proxies);
    listeners.serve(service, Limits::default()).await.context("serving failed")
}

/// Puts the APIs on one registry.
fn apis(
    settings: &Settings,
    folder: &DataFolder,
    root: berth_registry::access::RootCredentials,
    keys: FileKeys,
) -> Apis {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = Ports {
        table: folder.table(),
        objects: folder.objects(),
        keys: Arc::new(NoKms),
        clock: Arc::clone(&clock),
    };
    let rules = PushRules {
        create_on_push: settings.create_on_push,
        sparse_manifests: settings.sparse_manifests,
        tenancy: Tenancy::Alone,
        quotas: settings.quotas,
    };
    let registry = Registry::new(&ports, rules);
    let keys = SealingKeys::making(folder.table(), Arc::new(keys), Arc::clone(&clock));
    let identity =
        Identity { registry_id: settings.account.clone(), region: settings.region.clone() };
    let authenticator = Authenticator::new(root, keys, identity.clone(), Arc::clone(&clock));
    let authenticator = Arc::new(if settings.open { authenticator.open() } else { authenticator });
    let failed_logins = Arc::new(FailedLogins::new(FAILED_LOGIN));
    let oci_settings = ApiSettings { chunk_min_length: CHUNK_MIN_LENGTH, ..Default::default() };
    let oci = OciApi::new(Arc::clone(&authenticator), Arc::clone(&failed_logins), oci_settings);
    let oci = oci.with_registry(&registry);
    let gate = authenticator.gate().sharing(registry.directory());
    let users = Users::new(ports.table.clone(), authenticator.known_keys(), Arc::clone(&clock));
    let trusts = Trusts::new(ports.table.clone(), authenticator.known_trusts(), Arc::clone(&clock));
    let hosts = settings.sts.clone().unwrap_or_else(|| Hosts::of(&identity.region));
    let (sealing, sts) = (authenticator.sealing_keys(), Arc::new(Sts::new(hosts)));
    let session = SessionApi {
        sessions: Sessions::new(ports.table, sealing, sts, Arc::clone(&clock)),
        failed_logins: Arc::clone(&failed_logins),
        host: match settings.public_url {
            Some(_) => HostKnownBy::TheRegistry,
            None => HostKnownBy::TheClient,
        },
    };
    let ecr = EcrApi {
        registry,
        users,
        trusts,
        identity,
        authenticator,
        failed_logins,
        gate,
        body_limits: BodyLimits::STREAMED,
        clock,
    };
    Apis { oci, ecr, session }
}
