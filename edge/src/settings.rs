use std::num::NonZeroUsize;

use anyhow::Context;
use berth_http_server::TrustedProxies;
use berth_settings::{Environment, Settings};
use tokio::sync::Semaphore;

/// What the edge is told from outside: what functions are told, and what a server needs.
#[derive(Clone, Debug)]
pub(crate) struct EdgeSettings {
    /// What functions are told too.
    pub(crate) shared: Settings,
    /// `BERTH_LISTEN`: HOST:PORT to listen on.
    pub(crate) listen: String,
    /// `BERTH_PUBLIC_URL`, which must be set: the host that a client asked for is the edge's.
    pub(crate) public_url: String,
    /// `BERTH_TRUSTED_PROXIES`: whose `Forwarded` and `X-Forwarded-…` are believed; none unless it
    /// is told.
    pub(crate) trusted_proxies: TrustedProxies,
    /// `BERTH_MOST_BODIES`: the most requests at once that bring a body. Unless it is told, as
    /// many as have 8 MiB of `upload_memory` each: about as many as can move at once.
    pub(crate) most_bodies: usize,
    /// `BERTH_UPLOAD_MEMORY`: memory for bodies on their way to S3, in bytes; set in MiB.
    pub(crate) upload_memory: usize,
}

/// Where the edge listens, unless it is told.
const LISTEN: &str = "0.0.0.0:8080";

/// Memory for bodies in MiB, unless it is told: half of a task of 512 MiB. Connections to clients
/// and to S3 take some 5 MiB more for each body, and the program 40.
const UPLOAD_MEMORY: usize = 256;

/// Memory for bodies, in MiB, that stands for one body at once.
const MEMORY_OF_A_BODY: usize = 8;

impl EdgeSettings {
    /// Reads and checks all variables.
    pub(crate) fn read(environment: &dyn Environment) -> anyhow::Result<Self> {
        let shared = Settings::read(environment)?;
        let public_url = shared.public_url.clone();
        let public_url = public_url.context("the variable BERTH_PUBLIC_URL is not set")?;
        if shared.upload_host.is_none() {
            anyhow::bail!("the variable BERTH_UPLOAD_HOST is not set: it is the edge's own URL");
        }
        let upload_memory = number(environment, "BERTH_UPLOAD_MEMORY", UPLOAD_MEMORY)?;
        let most_bodies = (upload_memory / MEMORY_OF_A_BODY).max(1);
        Ok(Self {
            listen: text(environment, "BERTH_LISTEN").unwrap_or_else(|| LISTEN.to_owned()),
            public_url,
            trusted_proxies: trusted_proxies(environment)?,
            most_bodies: number(environment, "BERTH_MOST_BODIES", most_bodies)?
                .min(Semaphore::MAX_PERMITS),
            upload_memory: upload_memory
                .checked_mul(1024 * 1024)
                .context("the variable BERTH_UPLOAD_MEMORY is too large")?,
            shared,
        })
    }
}

/// Returns a variable; an empty one is none.
fn text(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.variable(name).filter(|value| !value.is_empty())
}

fn trusted_proxies(environment: &dyn Environment) -> anyhow::Result<TrustedProxies> {
    let name = "BERTH_TRUSTED_PROXIES";
    let Some(text) = text(environment, name) else { return Ok(TrustedProxies::default()) };
    text.parse().with_context(|| format!("the variable {name} is not valid"))
}

/// Returns a variable that is a number from 1.
fn number(environment: &dyn Environment, name: &str, default: usize) -> anyhow::Result<usize> {
    let Some(text) = text(environment, name) else { return Ok(default) };
    let number: NonZeroUsize =
        text.parse().with_context(|| format!("the variable {name} is not a number from 1"))?;
    Ok(number.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn complete() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("BERTH_TABLE", "registry"),
            ("BERTH_BUCKET", "registry-objects"),
            ("BERTH_KEY_ID", "alias/registry"),
            ("BERTH_ROOT_SECRET", "registry/root"),
            ("BERTH_ACCOUNT", "123456789012"),
            ("AWS_REGION", "eu-central-1"),
            ("BERTH_PUBLIC_URL", "https://registry.example.com"),
            ("BERTH_UPLOAD_HOST", "https://uploads.example.com"),
        ])
    }

    #[track_caller]
    fn check_refused(name: &'static str, value: &'static str) {
        let mut environment = complete();
        environment.insert(name, value);
        let error = format!("{:#}", EdgeSettings::read(&environment).unwrap_err());
        assert!(error.starts_with(&format!("the variable {name} ")), "{error}");
    }

    #[test]
    fn a_server_needs_little_more_than_a_function() {
        let settings = EdgeSettings::read(&complete()).unwrap();
        assert_eq!(settings.listen, "0.0.0.0:8080");
        assert_eq!(settings.public_url, "https://registry.example.com");
        assert_eq!(settings.trusted_proxies, TrustedProxies::default());
        assert_eq!((settings.most_bodies, settings.upload_memory), (32, 256 << 20));
    }

    #[test]
    fn bounds_can_be_told() {
        let mut environment = complete();
        environment.extend([
            ("BERTH_LISTEN", "localhost:80"),
            ("BERTH_MOST_BODIES", "2"),
            ("BERTH_TRUSTED_PROXIES", "10.0.0.0/16, 10.1.0.7"),
            ("BERTH_UPLOAD_MEMORY", "64"),
        ]);
        let settings = EdgeSettings::read(&environment).unwrap();
        assert_eq!(settings.listen, "localhost:80");
        let proxies = "10.0.0.0/16,10.1.0.7".parse().unwrap();
        assert_eq!(settings.trusted_proxies, proxies);
        assert_eq!((settings.most_bodies, settings.upload_memory), (2, 64 << 20));
    }

    #[test]
    fn what_is_missing_or_not_valid_is_named() {
        check_refused("BERTH_TABLE", "");
        check_refused("BERTH_PUBLIC_URL", "");
        check_refused("BERTH_UPLOAD_HOST", "");
        check_refused("BERTH_MOST_BODIES", "0");
        check_refused("BERTH_TRUSTED_PROXIES", "10.0.0.0/33");
        check_refused("BERTH_UPLOAD_MEMORY", "256M");
        check_refused("BERTH_UPLOAD_MEMORY", "18446744073709551615");
    }
}
