use std::path::{Path, PathBuf};

use anyhow::Context;
use berth_http_server::TrustedProxies;
use berth_registry::access::Secret;
use berth_registry::{CreateOnPush, Identity, Quotas, SparseManifests};
use berth_sts::Hosts;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::hosted::{Hosted, RegistryOption, RegistrySettings};
use super::later::{CollectionDelay, Period, Webhook};

/// Options of `berth serve`. Each can be a flag, a variable `BERTH_…`, or a line of the
/// configuration file under the flag's name; the flag wins over the variable, the variable over
/// the file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ServeOptions {
    /// Address to listen on [default: localhost:5001]
    #[arg(long, env = "BERTH_LISTEN", value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Folder that holds all data [default: ./berth-data]
    #[arg(long, env = "BERTH_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Account that owns the registry, 12 digits [default: 123456789012]
    #[arg(long, env = "BERTH_ACCOUNT", value_name = "ACCOUNT")]
    account: Option<String>,
    /// Region of the registry [default: us-east-1]
    #[arg(long, env = "BERTH_REGION", value_name = "REGION")]
    region: Option<String>,
    /// A registry among several, and the address that it listens on, in place of --listen,
    /// --account, --region and --public-url; again for each of them
    #[arg(
        long,
        env = "BERTH_REGISTRY",
        value_name = "ACCOUNT/REGION=HOST:PORT",
        value_delimiter = ','
    )]
    registry: Vec<RegistryOption>,
    /// URL under which clients reach the registry [default: the request's own host]
    #[arg(long, env = "BERTH_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Proxies whose Forwarded and X-Forwarded-… are believed: addresses and networks, separated by
    /// commas [default: none]
    #[arg(long, env = "BERTH_TRUSTED_PROXIES", value_name = "NETWORKS")]
    trusted_proxies: Option<String>,
    /// Access key id of the root user [default: made on the first start]
    #[arg(long, env = "BERTH_ROOT_ACCESS_KEY_ID", value_name = "ID")]
    root_access_key_id: Option<String>,
    /// Secret access key of the root user [default: made on the first start]
    #[arg(
        long,
        env = "BERTH_ROOT_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    root_secret_access_key: Option<SecretOption>,
    /// Certificate chain for TLS, a PEM file
    #[arg(long, env = "BERTH_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key for TLS, a PEM file
    #[arg(long, env = "BERTH_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Format of the log [default: text]
    #[arg(long, env = "BERTH_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// Let anyone in without credentials; only on a loopback address
    #[arg(long, env = "BERTH_OPEN", num_args = 0..=1, default_missing_value = "true")]
    open: Option<bool>,
    /// Refuse pushes to repositories that were not made before
    #[arg(long, env = "BERTH_NO_CREATE_ON_PUSH", num_args = 0..=1, default_missing_value = "true")]
    no_create_on_push: Option<bool>,
    /// Take an index, or an image, whose content is not all there
    #[arg(long, env = "BERTH_ALLOW_SPARSE_INDEX", num_args = 0..=1, default_missing_value = "true")]
    allow_sparse_index: Option<bool>,
    /// URL of a stand-in for AWS STS, for tests [default: the region's and the global endpoint]
    #[arg(long, env = "BERTH_STS_ENDPOINT", value_name = "URL")]
    sts_endpoint: Option<String>,
    /// Quotas that differ from ECR's, such as images-per-repository=500,tags-per-image=50
    /// (docs/compatibility.md lists them)
    #[arg(long, env = "BERTH_QUOTAS", value_name = "NAME=NUMBER,…")]
    quotas: Option<String>,
    /// How often lifecycle policies act, and what nothing uses is collected [default: 24h]
    #[arg(long, env = "BERTH_SCHEDULE_PERIOD", value_name = "DURATION")]
    schedule_period: Option<String>,
    /// How long what nothing uses is left before each of the steps that take it away, 30s to 30d:
    /// longer than any push lasts [default: 24h]
    #[arg(long, env = "BERTH_COLLECTION_DELAY", value_name = "DURATION")]
    collection_delay: Option<String>,
    /// URL that events are sent to, as ECR tells them to EventBridge
    #[arg(long, env = "BERTH_EVENT_WEBHOOK", value_name = "URL")]
    event_webhook: Option<String>,
    /// Key that signs the events: whsec_ and 24 to 64 bytes as base64
    #[arg(long, env = "BERTH_EVENT_WEBHOOK_SECRET", value_name = "SECRET", hide_env_values = true)]
    event_webhook_secret: Option<SecretOption>,
    /// Configuration file, in TOML
    #[arg(long, env = "BERTH_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
}

/// A secret on its way from the command line, the environment or the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
struct SecretOption(Secret);

impl From<String> for SecretOption {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

/// Format of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Files of the server's certificate.
#[derive(Clone, Debug)]
pub(super) struct TlsFiles {
    pub(super) certificates: PathBuf,
    pub(super) key: PathBuf,
}

/// What the options come to.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) hosted: Hosted,
    pub(super) data_dir: PathBuf,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) root: Option<(String, Secret)>,
    pub(super) tls: Option<TlsFiles>,
    pub(super) log_format: LogFormat,
    pub(super) open: bool,
    pub(super) create_on_push: CreateOnPush,
    pub(super) sparse_manifests: SparseManifests,
    /// The hosts of STS, if they are others than AWS's.
    pub(super) sts: Option<Hosts>,
    pub(super) quotas: Quotas,
    pub(super) webhook: Option<Webhook>,
    pub(super) period: Period,
    pub(super) collection_delay: CollectionDelay,
}

impl ServeOptions {
    /// Reads the configuration file, if one is named, fills in the defaults and checks the whole.
    pub(super) fn settle(self) -> anyhow::Result<Settings> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let merged = self.or(file);
        let root = match (merged.root_access_key_id, merged.root_secret_access_key) {
            (Some(id), Some(SecretOption(secret))) => Some((id, secret)),
            (None, None) => None,
            _ => anyhow::bail!("the root's access key id and its secret are given together"),
        };
        let tls = match (merged.tls_cert, merged.tls_key) {
            (Some(certificates), Some(key)) => Some(TlsFiles { certificates, key }),
            (None, None) => None,
            _ => anyhow::bail!("--tls-cert and --tls-key are given together"),
        };
        let webhook = match (&merged.event_webhook, &merged.event_webhook_secret) {
            (Some(url), Some(SecretOption(secret))) => Some(Webhook::new(url, secret)?),
            (None, None) => None,
            _ => anyhow::bail!("--event-webhook and --event-webhook-secret are given together"),
        };
        let period = merged.schedule_period.as_deref().map(str::parse);
        let delay = merged.collection_delay.as_deref().map(str::parse);
        let one = [&merged.listen, &merged.account, &merged.region, &merged.public_url];
        let hosted = if merged.registry.is_empty() {
            let account = merged.account.unwrap_or_else(|| "123456789012".to_owned());
            let region = merged.region.unwrap_or_else(|| "us-east-1".to_owned());
            Hosted::One(RegistrySettings {
                identity: Identity {
                    registry_id: account.parse().context("--account")?,
                    region: region.parse().context("--region")?,
                },
                listen: merged.listen.unwrap_or_else(|| "localhost:5001".to_owned()),
                public_url: merged.public_url.map(|url| check_url(&url)).transpose()?,
            })
        } else if one.into_iter().all(Option::is_none) {
            Hosted::several(merged.registry)?
        } else {
            anyhow::bail!(
                "--registry says it all: it excludes --listen, --account, --region, --public-url"
            );
        };
        let refuse = merged.no_create_on_push.unwrap_or(false);
        let sparse = merged.allow_sparse_index.unwrap_or(false);
        let sts = merged.sts_endpoint.map(|url| Hosts::at(&url));
        Ok(Settings {
            hosted,
            data_dir: merged.data_dir.unwrap_or_else(|| PathBuf::from("./berth-data")),
            trusted_proxies: trusted_proxies(merged.trusted_proxies.as_deref())?,
            root,
            tls,
            log_format: merged.log_format.unwrap_or_default(),
            open: merged.open.unwrap_or(false),
            create_on_push: if refuse { CreateOnPush::Refuse } else { CreateOnPush::Create },
            sparse_manifests: if sparse { SparseManifests::Allow } else { SparseManifests::Refuse },
            sts: sts.transpose().context("--sts-endpoint")?,
            quotas: merged.quotas.unwrap_or_default().parse().context("--quotas")?,
            webhook,
            period: period.transpose().context("--schedule-period")?.unwrap_or_default(),
            collection_delay: delay.transpose().context("--collection-delay")?.unwrap_or_default(),
        })
    }

    /// Fills what is missing from `other`.
    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            data_dir: self.data_dir.or(other.data_dir),
            account: self.account.or(other.account),
            region: self.region.or(other.region),
            registry: if self.registry.is_empty() { other.registry } else { self.registry },
            public_url: self.public_url.or(other.public_url),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            root_access_key_id: self.root_access_key_id.or(other.root_access_key_id),
            root_secret_access_key: self.root_secret_access_key.or(other.root_secret_access_key),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            log_format: self.log_format.or(other.log_format),
            open: self.open.or(other.open),
            no_create_on_push: self.no_create_on_push.or(other.no_create_on_push),
            allow_sparse_index: self.allow_sparse_index.or(other.allow_sparse_index),
            sts_endpoint: self.sts_endpoint.or(other.sts_endpoint),
            quotas: self.quotas.or(other.quotas),
            schedule_period: self.schedule_period.or(other.schedule_period),
            collection_delay: self.collection_delay.or(other.collection_delay),
            event_webhook: self.event_webhook.or(other.event_webhook),
            event_webhook_secret: self.event_webhook_secret.or(other.event_webhook_secret),
            config: None,
        }
    }
}

fn read_file(path: &Path) -> anyhow::Result<ServeOptions> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).map_err(|error| {
        let begin = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = begin.matches('\n').count() + 1;
        anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
    })
}

/// Reads the trusted proxies; an empty list has none, as no list has.
fn trusted_proxies(list: Option<&str>) -> anyhow::Result<TrustedProxies> {
    match list {
        None | Some("") => Ok(TrustedProxies::default()),
        Some(list) => list.parse().context("--trusted-proxies"),
    }
}

/// Checks a URL that clients will see, and takes the slash off its end.
fn check_url(text: &str) -> anyhow::Result<String> {
    let uri: http::Uri = text.parse().context("--public-url")?;
    let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = uri.path() == "/" && uri.query().is_none();
    if !has_scheme || uri.authority().is_none() || !is_bare {
        anyhow::bail!("--public-url must be http:// or https:// and a host");
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, options: ServeOptions) -> anyhow::Result<Settings> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("berth.toml");
        std::fs::write(&file, text)?;
        ServeOptions { config: Some(file), ..options }.settle()
    }

    #[test]
    fn flags_win_over_the_file() {
        let options = ServeOptions { account: Some("111122223333".into()), ..Default::default() };
        let text = "account = \"444455556666\"\nregion = \"eu-central-1\"\nopen = true\nquotas = \"tags-per-image=20\"\n";
        let settings = with_file(text, options).unwrap();
        let Hosted::One(registry) = settings.hosted else { panic!("there is one") };
        assert_eq!(registry.identity.registry_id.as_str(), "111122223333");
        assert_eq!(registry.identity.region.as_str(), "eu-central-1");
        assert_eq!(registry.listen, "localhost:5001");
        assert!(settings.open);
        assert_eq!(settings.quotas.tags_per_image, 20);
    }

    #[test]
    fn the_file_has_no_other_lines() {
        let error = with_file("open = true\nlistn = \"x\"", ServeOptions::default()).unwrap_err();
        let told = format!("{error:#}");
        assert!(told.contains("berth.toml, line 2: unknown field `listn`"), "{told}");
    }

    #[test]
    fn halves_and_nonsense_are_refused() {
        let half = ServeOptions { root_access_key_id: Some("id".into()), ..Default::default() };
        assert!(half.settle().is_err());
        let half = ServeOptions { tls_cert: Some("cert.pem".into()), ..Default::default() };
        assert!(half.settle().is_err());
        let proxies = ServeOptions { trusted_proxies: Some("lan".into()), ..Default::default() };
        assert!(proxies.settle().is_err());
        let quotas = ServeOptions { quotas: Some("images=1".into()), ..Default::default() };
        assert!(quotas.settle().is_err());
        let delay = ServeOptions { collection_delay: Some("1s".into()), ..Default::default() };
        assert!(delay.settle().is_err());
        let half =
            ServeOptions { event_webhook: Some("http://localhost".into()), ..Default::default() };
        assert!(half.settle().is_err());
        let account = ServeOptions { account: Some("12".into()), ..Default::default() };
        assert!(account.settle().is_err());
    }

    #[test]
    fn registries_come_from_flags_or_the_file() {
        let text = "registry = [\"111122223333/eu-west-1=[::1]:5001\", \"111122223333/us-east-1=localhost:0\"]\n";
        let Hosted::Several(registries) = with_file(text, ServeOptions::default()).unwrap().hosted
        else {
            panic!("there are several")
        };
        let listen: Vec<_> = registries.iter().map(|one| one.listen.as_str()).collect();
        assert_eq!(listen, ["[::1]:5001", "localhost:0"]);

        let flag = "111122223333/eu-west-1=localhost:1".parse().unwrap();
        let flagged = ServeOptions { registry: vec![flag], ..Default::default() };
        let hosted = with_file(text, flagged.clone()).unwrap().hosted;
        assert!(matches!(hosted, Hosted::Several(registries) if registries.len() == 1));

        with_file("region = \"us-east-1\"", flagged.clone()).expect_err("said twice");
        let mut twice = flagged;
        twice.registry.extend(twice.registry.clone());
        twice.settle().expect_err("the same registry twice");
        with_file("registry = [\"111122223333=localhost:1\"]", ServeOptions::default())
            .expect_err("no region");
    }

    #[test]
    fn public_urls_are_bare() {
        assert_eq!(check_url("https://r.example/").unwrap(), "https://r.example");
        assert!(check_url("r.example").is_err());
        assert!(check_url("https://r.example/path").is_err());
    }
}
