use std::fmt::Display;
use std::str::FromStr;

use berth_registry::{CreateOnPush, Identity, PushRules, SparseManifests, Tenancy};
use berth_types::{Region, RegistryId};
use http::Uri;

use crate::peers::Peers;
use crate::{Environment, PeerSettings, QueueUrls, Queues};

/// What a process on AWS is told from outside. docs/deploying.md lists the variables.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `BERTH_TABLE`: name of the DynamoDB table.
    pub table: String,
    /// `BERTH_BUCKET`: name of the S3 bucket.
    pub bucket: String,
    /// `BERTH_KEY_ID`: KMS key that wraps data keys, and that encrypts objects if a repository
    /// names none.
    pub key_id: String,
    /// `BERTH_ROOT_SECRET`: ARN or name of the secret that holds the root's access key.
    pub root_secret: String,
    /// `BERTH_ACCOUNT`: account that owns the registry.
    pub account: RegistryId,
    /// `BERTH_REGION`, or else the `AWS_REGION` that Lambda and Fargate set.
    pub region: Region,
    /// `BERTH_PUBLIC_URL`: URL that clients see, without a slash at its end. Without it clients
    /// see the host that they asked for.
    pub public_url: Option<String>,
    /// `BERTH_UPLOAD_HOST`: URL that bodies are sent to, without a slash at its end.
    pub upload_host: Option<String>,
    /// `AWS_ENDPOINT_URL`: URL of another AWS than Amazon's, for tests.
    pub aws_endpoint: Option<String>,
    /// `BERTH_NO_CREATE_ON_PUSH`, `BERTH_ALLOW_SPARSE_INDEX` and `BERTH_QUOTAS`, as flags of
    /// `berth serve`.
    pub push_rules: PushRules,
    /// `BERTH_PEERS`: registries that this one replicates to, with white space between them.
    pub peers: Vec<PeerSettings>,
    /// `BERTH_LOG`: what is logged, such as `info` or `info,berth_aws=debug`.
    pub log: String,
    /// The queues, if there are any: the upload host has none. [`queues`](Self::queues) returns
    /// them to whoever needs them.
    queues: Option<Queues>,
}

/// Why a process can't start with what it was told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable that has no default is not set, or is empty.
    #[error("the variable {0} is not set")]
    Missing(&'static str),
    /// A variable does not say what it should.
    #[error("the variable {variable} is not valid: {reason}")]
    Invalid {
        /// Its name.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl Settings {
    /// Reads and checks all variables.
    pub fn read(environment: &dyn Environment) -> Result<Self, SettingsError> {
        let variables = Variables(environment);
        let region = match variables.parsed("BERTH_REGION")? {
            Some(region) => Some(region),
            None => variables.parsed("AWS_REGION")?,
        };
        Ok(Self {
            table: variables.required("BERTH_TABLE")?,
            bucket: variables.required("BERTH_BUCKET")?,
            key_id: variables.required("BERTH_KEY_ID")?,
            root_secret: variables.required("BERTH_ROOT_SECRET")?,
            account: variables
                .parsed("BERTH_ACCOUNT")?
                .ok_or(SettingsError::Missing("BERTH_ACCOUNT"))?,
            region: region.ok_or(SettingsError::Missing("BERTH_REGION"))?,
            public_url: variables.url("BERTH_PUBLIC_URL")?,
            upload_host: variables.url("BERTH_UPLOAD_HOST")?,
            aws_endpoint: variables.url("AWS_ENDPOINT_URL")?,
            push_rules: PushRules {
                create_on_push: match variables.parsed("BERTH_NO_CREATE_ON_PUSH")? {
                    Some(true) => CreateOnPush::Refuse,
                    Some(false) | None => CreateOnPush::Create,
                },
                sparse_manifests: match variables.parsed("BERTH_ALLOW_SPARSE_INDEX")? {
                    Some(true) => SparseManifests::Allow,
                    Some(false) | None => SparseManifests::Refuse,
                },
                tenancy: Tenancy::Shared,
                quotas: variables.parsed("BERTH_QUOTAS")?.unwrap_or_default(),
            },
            peers: variables.parsed::<Peers>("BERTH_PEERS")?.unwrap_or_default().0,
            queues: variables.queues()?,
            log: variables.text("BERTH_LOG").unwrap_or_else(|| "info".to_owned()),
        })
    }

    /// Returns which registry this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { registry_id: self.account.clone(), region: self.region.clone() }
    }

    /// Returns the queues, or which variable would have to name one.
    pub fn queues(&self) -> Result<&Queues, SettingsError> {
        self.queues.as_ref().ok_or(SettingsError::Missing(FIRST_QUEUE))
    }
}

/// Variable of the first of the queues. If it is set, the others must be.
const FIRST_QUEUE: &str = "BERTH_LIFECYCLE_QUEUE";

/// Variables by name; an empty one is none, since a template can't always leave one out.
struct Variables<'a>(&'a dyn Environment);

impl Variables<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.variable(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, SettingsError> {
        self.text(name).ok_or(SettingsError::Missing(name))
    }

    fn parsed<T: FromStr<Err: Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        let invalid =
            |error: T::Err| SettingsError::Invalid { variable: name, reason: error.to_string() };
        self.text(name).map(|text| text.parse().map_err(invalid)).transpose()
    }

    fn queues(&self) -> Result<Option<Queues>, SettingsError> {
        let Some(url) = self.text(FIRST_QUEUE) else { return Ok(None) };
        let queue = |url, dead_letters| {
            Ok(QueueUrls { url: self.required(url)?, dead_letters: self.required(dead_letters)? })
        };
        Ok(Some(Queues {
            lifecycle: QueueUrls {
                url,
                dead_letters: self.required("BERTH_LIFECYCLE_DEAD_LETTERS")?,
            },
            collect: queue("BERTH_COLLECT_QUEUE", "BERTH_COLLECT_DEAD_LETTERS")?,
            replicate: queue("BERTH_REPLICATE_QUEUE", "BERTH_REPLICATE_DEAD_LETTERS")?,
        }))
    }

    /// Reads a URL of a scheme and a host alone, and takes the slash off its end.
    fn url(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        let Some(uri) = self.parsed::<Uri>(name)? else { return Ok(None) };
        let is_bare = uri.path() == "/" && uri.query().is_none();
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) if is_bare => {
                Ok(Some(format!("{scheme}://{authority}")))
            }
            _ => Err(SettingsError::Invalid {
                variable: name,
                reason: "expected http:// or https:// and a host".to_owned(),
            }),
        }
    }
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
        ])
    }

    #[track_caller]
    fn check_refused(name: &'static str, value: &'static str, message: &str) {
        let mut environment = complete();
        environment.insert(name, value);
        let error = Settings::read(&environment).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    #[test]
    fn the_least_is_enough() {
        let settings = Settings::read(&complete()).unwrap();
        assert_eq!(settings.table, "registry");
        assert_eq!(settings.region.as_str(), "eu-central-1");
        assert_eq!(settings.queues(), Err(SettingsError::Missing("BERTH_LIFECYCLE_QUEUE")));
        assert_eq!(settings.peers, []);
        assert_eq!((settings.public_url, settings.upload_host), (None, None));
        assert_eq!(settings.aws_endpoint, None);
        assert_eq!(settings.push_rules.create_on_push, CreateOnPush::Create);
        assert_eq!(settings.push_rules.sparse_manifests, SparseManifests::Refuse);
        assert_eq!(settings.push_rules.tenancy, Tenancy::Shared);
        assert_eq!(settings.push_rules.quotas, berth_registry::Quotas::default());
        assert_eq!(settings.log, "info");
    }

    #[test]
    fn everything_can_be_told() {
        let mut environment = complete();
        environment.extend([
            ("BERTH_REGION", "us-east-1"),
            ("BERTH_PUBLIC_URL", "https://registry.example.com/"),
            ("BERTH_UPLOAD_HOST", "https://uploads.example.com:8443"),
            ("BERTH_NO_CREATE_ON_PUSH", "true"),
            ("BERTH_ALLOW_SPARSE_INDEX", "true"),
            ("BERTH_QUOTAS", "images-per-repository=5"),
            ("AWS_ENDPOINT_URL", "https://127.0.0.1:4566"),
            (
                "BERTH_PEERS",
                "210987654321/us-west-2=peer,peer-objects,alias/peer,arn:aws:iam::210987654321:role/peer",
            ),
            ("BERTH_LOG", "debug"),
        ]);
        let settings = Settings::read(&environment).unwrap();
        assert_eq!(settings.region.as_str(), "us-east-1");
        assert_eq!(settings.public_url.unwrap(), "https://registry.example.com");
        assert_eq!(settings.upload_host.unwrap(), "https://uploads.example.com:8443");
        assert_eq!(settings.push_rules.create_on_push, CreateOnPush::Refuse);
        assert_eq!(settings.push_rules.sparse_manifests, SparseManifests::Allow);
        assert_eq!(settings.push_rules.quotas.images_per_repository, 5);
        assert_eq!(settings.aws_endpoint.unwrap(), "https://127.0.0.1:4566");
        assert_eq!(settings.peers[0].table, "peer");
        assert_eq!(settings.log, "debug");
    }

    /// All variables that name a queue.
    const QUEUES: [&str; 6] = [
        "BERTH_LIFECYCLE_QUEUE",
        "BERTH_LIFECYCLE_DEAD_LETTERS",
        "BERTH_COLLECT_QUEUE",
        "BERTH_COLLECT_DEAD_LETTERS",
        "BERTH_REPLICATE_QUEUE",
        "BERTH_REPLICATE_DEAD_LETTERS",
    ];

    #[test]
    fn queues_are_told_all_or_none() {
        let mut environment = complete();
        environment.extend(QUEUES.map(|name| (name, name)));
        let settings = Settings::read(&environment).unwrap();
        let Queues { lifecycle, collect, replicate } = settings.queues().unwrap().clone();
        let urls = [lifecycle, collect, replicate].map(|queue| [queue.url, queue.dead_letters]);
        assert_eq!(urls.concat(), QUEUES);
        for name in &QUEUES[1..] {
            let mut environment = environment.clone();
            environment.remove(name);
            assert_eq!(Settings::read(&environment).unwrap_err(), SettingsError::Missing(name));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for name in complete().into_keys() {
            let mut environment = complete();
            environment.insert(name, "");
            let named = if name == "AWS_REGION" { "BERTH_REGION" } else { name };
            assert_eq!(Settings::read(&environment).unwrap_err(), SettingsError::Missing(named));
        }
    }

    #[test]
    fn what_is_not_valid_is_named() {
        check_refused(
            "BERTH_ACCOUNT",
            "12",
            "the variable BERTH_ACCOUNT is not valid: registry id",
        );
        check_refused("BERTH_REGION", "US", "the variable BERTH_REGION is not valid: region must");
        check_refused("AWS_REGION", "US", "the variable AWS_REGION is not valid: region must");
        let url = "the variable BERTH_PUBLIC_URL is not valid: expected http://";
        check_refused("BERTH_PUBLIC_URL", "registry.example.com", url);
        check_refused("BERTH_PUBLIC_URL", "https://registry.example.com/v2", url);
        check_refused("BERTH_PUBLIC_URL", "ftp://registry.example.com", url);
        check_refused("BERTH_UPLOAD_HOST", "h/x", "the variable BERTH_UPLOAD_HOST is not valid:");
        let rule = "the variable BERTH_NO_CREATE_ON_PUSH is not valid: provided string";
        check_refused("BERTH_NO_CREATE_ON_PUSH", "yes", rule);
        let quotas = "the variable BERTH_QUOTAS is not valid: quota `images` is none of";
        check_refused("BERTH_QUOTAS", "images=5", quotas);
        check_refused("BERTH_PEERS", "x", "the variable BERTH_PEERS is not valid: peer `x` must");
    }
}
