//! `berth serve`: builds the registries on the embedded store and serves them.

mod apis;
mod credentials;
mod homes;
mod hosted;
mod instance;
mod later;
mod logging;
mod options;
mod tls;
mod welcome;

pub(crate) use options::ServeOptions;

use anyhow::Context;
use berth_http_server::{Listeners, Stop};
use tokio::task::JoinSet;

use self::instance::RegistryInstance;
use self::options::Settings;
use self::tls::Tls;
use self::welcome::Welcome;

/// Runs the server until it is told to stop.
pub(crate) async fn run(options: ServeOptions) -> anyhow::Result<()> {
    let settings = options.settle()?;
    let _flushed_at_the_end = logging::start(settings.log_format);
    let stop = Stop::on_signals().context("signals")?;
    let listeners = bind(&settings).await?;
    let homes = homes::open(&settings)?;

    let mut welcomes = Vec::new();
    let mut instances = Vec::new();
    let registries = settings.hosted.registries();
    for ((registry, listeners), home) in registries.iter().zip(listeners).zip(homes) {
        let url = listeners.url();
        let seen = registry.public_url.clone().unwrap_or_else(|| url.clone());
        let identity = registry.identity.clone();
        welcomes.push(Welcome { identity, root: home.root.clone(), url: seen });
        let instance = RegistryInstance::build(&settings, registry, home, url)?;
        instances.push((instance, listeners));
    }
    let peers: Vec<_> = instances.iter().map(|(instance, _)| instance.peer()).collect();
    for (place, (instance, _)) in instances.iter_mut().enumerate() {
        let others = peers.iter().enumerate().filter(|(other, _)| *other != place);
        instance.replicate_to(others.map(|(_, peer)| peer.clone()).collect());
    }
    welcome::print(&settings, &welcomes);

    let mut serving = JoinSet::new();
    for (instance, listeners) in instances {
        let trusted_proxies = settings.trusted_proxies.clone();
        serving.spawn(instance.serve(trusted_proxies, listeners, stop.clone()));
    }
    serving.join_all().await;
    Ok(())
}

/// Listens on the addresses of all registries, in their order.
async fn bind(settings: &Settings) -> anyhow::Result<Vec<Listeners<Tls>>> {
    let tls = settings.tls.as_ref().map(Tls::of).transpose()?;
    let mut bound = Vec::new();
    for registry in settings.hosted.registries() {
        bound.push(Listeners::bind(&registry.listen, tls.clone()).await?);
    }
    if settings.open && !bound.iter().all(Listeners::are_loopback) {
        anyhow::bail!("--open lets anyone in, so it needs a loopback address to listen on");
    }
    Ok(bound)
}
