//! The edge: the handlers of the OCI API on the AWS ports, behind an HTTP server of its own, for
//! bodies that API Gateway can't carry (docs/adr/0008-the-edge-ends-no-tls.md).
//!
//! It holds no rule of the registry: it reads the settings, builds the ports, and mounts the
//! handlers.

mod bounded;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use berth_aws::Clients;
use berth_http_server::{BaseUrl, Limits, Listeners, Service, Stop, Unencrypted};
use berth_registry::access::SealingKeys;
use berth_registry::ports::SystemClock;
use berth_registry::{Ports, Registry};
use berth_settings::{Bodies, ProcessEnvironment, oci_api};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use self::bounded::BoundedApi;
use self::settings::EdgeSettings;

/// Memory of bodies is taken and given back all the time, by many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What clients may take up. Connections outlive the load balancer's, which are idle for 300 s at
/// most (edge/template.yaml). Fargate kills a container 30 s after it asked it to stop.
const LIMITS: Limits =
    Limits { connections: 1024, head: Duration::from_secs(330), grace: Duration::from_secs(24) };

/// How long what still runs after [`LIMITS`]' grace may take to end.
const LAST: Duration = Duration::from_secs(3);

/// Lines that wait for standard error before requests wait too.
const WAITING_LINES: usize = 16 * 1024;

fn main() -> anyhow::Result<()> {
    let settings = EdgeSettings::read(&ProcessEnvironment)?;
    let _flushed_at_the_end = start_log(&settings.shared.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run(&settings));
    runtime.shutdown_timeout(LAST);
    result
}

/// Serves until the process is told to stop.
async fn run(settings: &EdgeSettings) -> anyhow::Result<()> {
    let EdgeSettings { shared, .. } = settings;
    let stop = Stop::on_signals()?;
    let listeners = Listeners::bind(&settings.listen, None::<Unencrypted>);
    let listeners = listeners.await.context("BERTH_LISTEN")?;
    let clients = Clients::in_container(&shared.region).await;
    let root = clients.root_credentials(&shared.root_secret).await.context("BERTH_ROOT_SECRET")?;
    let objects = clients.objects(&shared.bucket, &shared.key_id);
    let ports = Ports {
        table: clients.write_table(&shared.table),
        objects: Arc::new(objects.with_upload_memory(settings.upload_memory)),
        keys: clients.check_keys(&shared.key_id),
        clock: Arc::new(SystemClock),
    };
    let (table, clock) = (Arc::clone(&ports.table), Arc::clone(&ports.clock));
    let keys = SealingKeys::making(table, clients.wrap_keys(&shared.key_id), clock);
    let registry = Registry::new(&ports, shared.push_rules);
    let api = oci_api(shared, Bodies::Streamed, root, keys).with_registry(&registry);

    let api = BoundedApi::new(api, settings.most_bodies);
    let base_url = BaseUrl::Fixed(settings.public_url.clone());
    let service = Service::new(api, ports.table, base_url);
    let service = service.trusting(settings.trusted_proxies.clone());
    tracing::info!(listen = settings.listen, "ready");
    listeners.serve(service, LIMITS, stop).await;
    Ok(())
}

/// Starts the log, one JSON object a line on standard error; lines that still wait are written
/// when the returned guard is dropped.
fn start_log(filter: &str) -> anyhow::Result<WorkerGuard> {
    let filter = EnvFilter::try_new(filter).context("BERTH_LOG")?;
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(WAITING_LINES)
        .finish(std::io::stderr());
    let log = tracing_subscriber::fmt().json().flatten_event(true);
    log.with_env_filter(filter).with_writer(writer).init();
    Ok(guard)
}
