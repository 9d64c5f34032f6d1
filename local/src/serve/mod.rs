//! `berth serve`: builds the registry on the embedded store and serves it.

mod credentials;
mod logging;
mod options;
mod welcome;

pub(crate) use options::{ServeOptions, TlsFiles};

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use berth_ecr_api::EcrApi;
use berth_embedded::DataFolder;
use berth_oci_api::{ApiSettings, OciApi};
use berth_registry::access::{Authenticator, FailedLogins, Gate, SealingKey};
use berth_registry::ports::{Clock, SystemClock};
use berth_registry::{Identity, Ports, PushRules, Registry, Tenancy};

use self::options::Settings;
use crate::http::{Listeners, Metrics, Service};

/// How long a failed log-in waits for its answer.
const FAILED_LOGIN: Duration = Duration::from_secs(1);

/// Below this a chunk costs more in syncs to disk than in bytes.
const CHUNK_MIN_LENGTH: u64 = 1024 * 1024;

/// Runs the server until it is told to stop.
pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    let settings = options.settle()?;
    let _flushed_at_the_end = logging::start(settings.log_format);
    let listeners = Listeners::bind(&settings.listen, settings.tls.as_ref()).await?;
    if settings.open && !listeners.are_loopback() {
        anyhow::bail!("--open lets anyone in, so it needs a loopback address to listen on");
    }
    let folder = DataFolder::open(&settings.data_dir)?;
    let root = credentials::root(&folder, &settings)?;
    let sealing_key = credentials::sealing_key(&folder)?;
    let base_url = settings.public_url.clone().unwrap_or_else(|| listeners.url());
    welcome::print(&settings, &root, &base_url);

    let service = service(&settings, &folder, root.credentials, sealing_key, base_url);
    listeners.serve(service).await.context("serving failed")
}

/// Puts both APIs on one registry.
fn service(
    settings: &Settings,
    folder: &DataFolder,
    root: berth_registry::access::RootCredentials,
    sealing_key: SealingKey,
    base_url: String,
) -> Service {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports =
        Ports { table: folder.table(), objects: folder.objects(), clock: Arc::clone(&clock) };
    let rules = PushRules {
        create_on_push: settings.create_on_push,
        sparse_manifests: settings.sparse_manifests,
        tenancy: Tenancy::Alone,
    };
    let registry = Registry::new(&ports, rules);
    let authenticator = Authenticator::new(root, sealing_key, Arc::clone(&clock));
    let authenticator = Arc::new(if settings.open { authenticator.open() } else { authenticator });
    let failed_logins = Arc::new(FailedLogins::new(FAILED_LOGIN));
    let oci = OciApi::new(
        registry.clone(),
        Arc::clone(&authenticator),
        Arc::clone(&failed_logins),
        ApiSettings { chunk_min_length: CHUNK_MIN_LENGTH },
    );
    let ecr = EcrApi {
        registry,
        identity: Identity {
            registry_id: settings.account.clone(),
            region: settings.region.clone(),
        },
        authenticator,
        failed_logins,
        gate: Gate,
        clock,
    };
    Service {
        oci,
        ecr,
        metrics: Arc::new(Metrics::new()),
        table: folder.table(),
        base_url,
        base_url_is_fixed: settings.public_url.is_some(),
    }
}
