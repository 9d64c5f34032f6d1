use std::fmt;
use std::sync::Arc;

use berth_policy::{Decision, Denial, Identity as Side, Policies, Policy, Request, decide};
use berth_types::{RepositoryArn, RepositoryName, TrustName, UserName};

use super::parsed_policies::ParsedPolicies;
use super::principal::Subject;
use super::{Action, Caller, Facts, Principal, Scope};
use crate::error::RegistryError;
use crate::ports::{Clock, ReadTable};
use crate::registry::Identity;
use crate::repositories::{Directory, Repository};
use crate::settings::RegistryPolicy;

/// The one gate that every operation passes before it reaches a use case.
///
/// Use cases ask for a permit, and only this gate makes one. The root may do everything. A user
/// may do what the limits of its token, its policies and those of the resource let it.
#[derive(Clone, Debug)]
pub struct Gate {
    identity: Identity,
    directory: Arc<Directory>,
    parsed: Arc<ParsedPolicies>,
    clock: Arc<dyn Clock>,
}

/// Proof that a caller may do an action on a repository.
#[derive(Clone, Debug)]
pub struct RepositoryPermit {
    action: Action,
    name: RepositoryName,
}

/// Proof that a caller may do an action on the registry as a whole.
#[derive(Clone, Copy, Debug)]
pub struct RegistryPermit {
    action: Action,
}

/// Proof that a caller may do an action on a user.
#[derive(Clone, Debug)]
pub struct UserPermit {
    action: Action,
    name: UserName,
}

/// Proof that a caller may do an action on a trust.
#[derive(Clone, Debug)]
pub struct TrustPermit {
    action: Action,
    name: TrustName,
}

/// Refusal of the gate.
#[derive(Debug, PartialEq, Eq)]
pub struct Denied {
    /// What they wanted to do.
    pub action: Action,
    /// Repository that they wanted to do it on, if it is one.
    pub repository: Option<RepositoryName>,
    /// What refused them.
    pub by: DeniedBy,
    message: String,
}

/// What refused a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// They are nobody, or bear a token that is not good for this.
    Credentials,
    /// Policies, whatever their token.
    Policies,
}

/// Why the gate makes no permit.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody knows: the repository's record, or the registry's policy, can't be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What an action is about.
#[derive(Clone, Copy)]
enum Target<'a> {
    Repository(&'a RepositoryName),
    Registry,
    User(&'a UserName),
    Trust(&'a TrustName),
}

/// What is known of the resource, and of the registry that it lies in. The registry's policy has no
/// say about users and trusts: it is about actions of ECR.
#[derive(Default)]
struct Known {
    repository: Option<Arc<Repository>>,
    registry: Option<Arc<RegistryPolicy>>,
}

impl Gate {
    /// Makes the gate of a registry, which reads repositories' records in its table.
    pub(super) fn new(
        identity: Identity,
        table: Arc<dyn ReadTable>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let directory = Arc::new(Directory::new(table, clock.clone()));
        Self { identity, directory, parsed: Arc::default(), clock }
    }

    /// Reads repositories' records by a directory that others use as well, so that a record is
    /// read once.
    #[must_use]
    pub fn sharing(self, directory: Arc<Directory>) -> Self {
        Self { directory, ..self }
    }

    /// Asks whether `caller` may do `action` on the repository `name`, which need not exist.
    pub async fn repository(
        &self,
        caller: &Caller,
        action: Action,
        name: &RepositoryName,
        facts: &Facts,
    ) -> Result<RepositoryPermit, GateError> {
        let target = Target::Repository(name);
        if let Some(subject) = self.subject_of(caller, action, target)? {
            let read = self.directory.recent_with_policy(name).await;
            let (repository, registry) = read.map_err(RegistryError::from)?;
            let known = Known { repository, registry: Some(registry) };
            self.ask(subject, action, target, &known, facts)?;
        }
        Ok(RepositoryPermit { action, name: name.clone() })
    }

    /// Asks whether `caller` may do `action` on the user `name`.
    pub fn user(
        &self,
        caller: &Caller,
        action: Action,
        name: &UserName,
        facts: &Facts,
    ) -> Result<UserPermit, GateError> {
        let target = Target::User(name);
        if let Some(subject) = self.subject_of(caller, action, target)? {
            self.ask(subject, action, target, &Known::default(), facts)?;
        }
        Ok(UserPermit { action, name: name.clone() })
    }

    /// Asks whether `caller` may do `action` on the trust `name`.
    pub fn trust(
        &self,
        caller: &Caller,
        action: Action,
        name: &TrustName,
        facts: &Facts,
    ) -> Result<TrustPermit, GateError> {
        let target = Target::Trust(name);
        if let Some(subject) = self.subject_of(caller, action, target)? {
            self.ask(subject, action, target, &Known::default(), facts)?;
        }
        Ok(TrustPermit { action, name: name.clone() })
    }

    /// Asks whether `caller` may do `action` on the registry as a whole.
    pub async fn registry(
        &self,
        caller: &Caller,
        action: Action,
        facts: &Facts,
    ) -> Result<RegistryPermit, GateError> {
        if let Some(subject) = self.subject_of(caller, action, Target::Registry)? {
            let read = self.directory.registry_policy().await;
            let registry = Some(read.map_err(RegistryError::from)?);
            let known = Known { repository: None, registry };
            self.ask(subject, action, Target::Registry, &known, facts)?;
        }
        Ok(RegistryPermit { action })
    }

    /// Returns whose policies are to be asked; `None` for the root, who is beyond them.
    /// Refuses whoever has no credentials, or a token that is not good for the action.
    fn subject_of<'c>(
        &self,
        caller: &'c Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<Option<Subject<'c>>, Denied> {
        let allowed = match (caller, target) {
            (Caller::Principal(_), _) => true,
            (Caller::Scoped(_, scopes), Target::Repository(name)) => {
                scopes.iter().any(|scope| scope.allows(action, name))
            }
            (Caller::Scoped(_, scopes), Target::Registry) => {
                action == Action::DescribeRepositories && scopes.contains(&Scope::Catalog)
            }
            (Caller::Uploader(_, of, _), Target::Repository(name)) => {
                of == name && is_of_uploads(action)
            }
            (Caller::Downloader(_, of, _), Target::Repository(name)) => {
                of == name && is_of_downloads(action)
            }
            _ => false,
        };
        match caller.principal() {
            Some(principal) if allowed => Ok(principal.subject()),
            principal => {
                let who = self.name_of(principal);
                let resource = self.arn(action, target);
                let message = format!(
                    "User: {who} is not authorized to perform: {action} on resource: {resource}"
                );
                Err(Denied::new(action, target, DeniedBy::Credentials, message))
            }
        }
    }

    /// Asks the policies of a user or a session, the repository's and the registry's.
    fn ask(
        &self,
        subject: Subject<'_>,
        action: Action,
        target: Target<'_>,
        known: &Known,
        facts: &Facts,
    ) -> Result<(), GateError> {
        let principal = subject.principal();
        let resource = self.arn(action, target);
        let repository = known.repository.as_deref();
        let mut context = facts.context(&principal, repository, self.clock.now());
        subject.describe(&mut context);
        let request = Request::new(&principal, action.name(), &resource, &context);
        let own: Vec<&Policy> = subject.policies().iter().collect();
        let attached = repository.map(|repository| self.parsed.policy_of(repository, &resource));
        let attached = attached.transpose().map_err(RegistryError::from)?.flatten();
        let registry = known.registry.as_ref().and_then(|registry| registry.about(action));
        let without_repository: Vec<&Policy> = registry.into_iter().collect();
        let all: Vec<&Policy> = attached.as_deref().into_iter().chain(registry).collect();
        let decide = |resource: &[&Policy]| {
            let owner = match (action, principal.account()) {
                // As in AWS, where everyone asks the own account for a token.
                (Action::GetAuthorizationToken, Some(account)) => account,
                _ => self.identity.registry_id.as_str(),
            };
            decide(&request, &Policies { owner, identity: Side::Policies(&own), resource })
        };
        let Decision::Denied(denial) = decide(&all) else { return Ok(()) };
        let message = denial_of(denial, decide(&without_repository)).message(&request);
        Err(Denied::new(action, target, DeniedBy::Policies, message).into())
    }

    fn name_of(&self, principal: Option<&Principal>) -> String {
        match principal {
            None => "anonymous".to_owned(),
            Some(principal) => match principal.subject() {
                None => format!("arn:aws:iam::{}:root", self.identity.registry_id),
                Some(subject) => subject.principal().to_string(),
            },
        }
    }

    /// Returns the resource of an action, as policies name it.
    fn arn(&self, action: Action, target: Target<'_>) -> String {
        let Identity { registry_id, region } = &self.identity;
        match target {
            Target::Repository(name) => {
                let (region, registry) = (region.clone(), registry_id.clone());
                RepositoryArn { region, registry, name: name.clone() }.to_string()
            }
            Target::User(name) => format!("arn:aws:iam::{registry_id}:user/{name}"),
            Target::Trust(name) => format!("arn:aws:iam::{registry_id}:trust/{name}"),
            // All repositories: who may describe some of them may not list all.
            Target::Registry if action == Action::DescribeRepositories => {
                format!("arn:aws:ecr:{region}:{registry_id}:repository/*")
            }
            Target::Registry => "*".to_owned(),
        }
    }
}

/// Returns the denial that tells nobody whether the repository exists: where the caller's own
/// policies and the registry's deny by themselves, that is what is said.
fn denial_of(denial: Denial, without_repository: Decision) -> Denial {
    match without_repository {
        Decision::Denied(denial) => denial,
        Decision::Allowed(_) => denial,
    }
}

impl Denied {
    fn new(action: Action, target: Target<'_>, by: DeniedBy, message: String) -> Self {
        let repository = match target {
            Target::Repository(name) => Some(name.clone()),
            Target::Registry | Target::User(_) | Target::Trust(_) => None,
        };
        Self { action, repository, by, message }
    }
}

impl fmt::Display for Denied {
    /// Writes AWS's message, with principal, action and resource.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Denied {}

/// Whether `action` is one that an upload's token is good for. Which upload it is was checked where
/// the token was opened.
fn is_of_uploads(action: Action) -> bool {
    matches!(action, Action::UploadLayerPart | Action::CompleteLayerUpload)
}

/// Whether `action` is one that a download's token is good for. Which blob it is was checked where
/// the token was opened.
fn is_of_downloads(action: Action) -> bool {
    matches!(action, Action::BatchCheckLayerAvailability | Action::GetDownloadUrlForLayer)
}

impl RepositoryPermit {
    /// Returns the permitted action.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the repository's name.
    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(&self, action: Action) {
        self.must_be_any(&[action]);
    }

    /// Checks, in debug builds, that the gate was asked for one of the use case's own actions.
    pub(crate) fn must_be_any(&self, actions: &[Action]) {
        debug_assert!(actions.contains(&self.action), "reached by a permit for {}", self.action);
    }
}

impl UserPermit {
    /// Returns the user's name.
    #[must_use]
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(&self, action: Action) {
        debug_assert_eq!(self.action, action, "the use case was reached by another permit");
    }
}

impl TrustPermit {
    /// Returns the trust's name.
    #[must_use]
    pub fn name(&self) -> &TrustName {
        &self.name
    }

    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(&self, action: Action) {
        debug_assert_eq!(self.action, action, "the use case was reached by another permit");
    }
}

impl RegistryPermit {
    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(self, action: Action) {
        debug_assert_eq!(self.action, action, "the use case was reached by another permit");
    }
}
