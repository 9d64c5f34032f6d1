use std::sync::Arc;

use berth_policy::{AwsPrincipal, Policy};
use berth_types::{RepositoryArn, RepositoryName, TrustName, UserName};

use super::parsed_policies::ParsedPolicies;
use super::principal::Subject;
use super::question::{Known, Question};
use super::{
    Action, Caller, Denied, DeniedBy, Facts, GateError, ImagePermit, Principal, RegistryPermit,
    RepositoryPermit, Scope, TrustPermit, UserPermit,
};
use crate::outbox::Origin;
use crate::ports::{Clock, ReadTable, StoreError, StoreErrorKind};
use crate::registry::Identity;
use crate::repositories::Directory;

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

/// What an action is about.
#[derive(Clone, Copy)]
enum Target<'a> {
    Repository(&'a RepositoryName),
    Registry,
    User(&'a UserName),
    Trust(&'a TrustName),
}

impl Gate {
    /// Makes the gate of a registry, which reads repositories' records in its table.
    pub(crate) fn new(
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
        if let Some(question) = self.about_repository(caller, action, name, facts).await? {
            question.ask()?;
        }
        let principal = caller.principal().cloned();
        Ok(RepositoryPermit { action, name: name.clone(), principal, origin: None })
    }

    /// Asks whether the registry `source` may do `action` on the repository `name`, which need not
    /// exist, to replicate its own. It speaks as its account's root: of the same account it may,
    /// unless a policy denies it; to another account, policies of that one must allow it.
    pub(crate) async fn replication(
        &self,
        source: &Identity,
        action: Action,
        name: &RepositoryName,
    ) -> Result<RepositoryPermit, GateError> {
        let subject = Subject::Registry(root_of(source)?);
        let facts = Facts { secure_transport: true, ..Facts::default() };
        self.about(subject, action, name, &facts).await?.ask()?;
        let origin = Some(Origin::from(source));
        Ok(RepositoryPermit { action, name: name.clone(), principal: None, origin })
    }

    /// Asks whether `caller` may set the policy of the repository `name` again once `policy` is it.
    pub async fn keeps_the_policy(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        facts: &Facts,
        policy: Policy,
    ) -> Result<bool, GateError> {
        let action = Action::SetRepositoryPolicy;
        let question = self.about_repository(caller, action, name, facts).await?;
        let Some(mut question) = question else { return Ok(true) };
        question.known.attached = Some(Arc::new(policy));
        Ok(question.ask().is_ok())
    }

    /// Asks whether `caller` may do `action` on images of the repository `name`. Where policies ask
    /// for tags of images, the answer waits for these.
    pub async fn images(
        &self,
        caller: &Caller,
        action: Action,
        name: &RepositoryName,
        facts: &Facts,
    ) -> Result<ImagePermit, GateError> {
        let mut question = self.about_repository(caller, action, name, facts).await?;
        if let Some(asked) = question.take_if(|question| !question.asks_for_tags()) {
            asked.ask()?;
        }
        let principal = caller.principal().cloned();
        let permit = RepositoryPermit { action, name: name.clone(), principal, origin: None };
        Ok(ImagePermit { permit, question })
    }

    /// Asks whether `caller` may do `action` on the user `name`.
    pub fn user(
        &self,
        caller: &Caller,
        action: Action,
        name: &UserName,
        facts: &Facts,
    ) -> Result<UserPermit, GateError> {
        self.ask(caller, action, Target::User(name), facts)?;
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
        self.ask(caller, action, Target::Trust(name), facts)?;
        Ok(TrustPermit { action, name: name.clone() })
    }

    /// Asks whether `caller` may do `action` on the registry as a whole.
    pub async fn registry(
        &self,
        caller: &Caller,
        action: Action,
        facts: &Facts,
    ) -> Result<RegistryPermit, GateError> {
        let target = Target::Registry;
        if let Some(subject) = self.subject_of(caller, action, target)? {
            let registry = Some(self.directory.registry_policy().await?);
            let known = Known { registry, ..Known::default() };
            self.question(subject, action, target, known, facts).ask()?;
        }
        Ok(RegistryPermit { action })
    }

    /// Asks the caller's own policies, if it is subject to any, about what has none.
    fn ask(
        &self,
        caller: &Caller,
        action: Action,
        target: Target<'_>,
        facts: &Facts,
    ) -> Result<(), Denied> {
        match self.subject_of(caller, action, target)? {
            Some(subject) => self.question(subject, action, target, Known::default(), facts).ask(),
            None => Ok(()),
        }
    }

    /// Returns the question about a repository, of which it reads the record and the policies;
    /// `None` if the caller is beyond policies.
    async fn about_repository(
        &self,
        caller: &Caller,
        action: Action,
        name: &RepositoryName,
        facts: &Facts,
    ) -> Result<Option<Question>, GateError> {
        let target = Target::Repository(name);
        let Some(subject) = self.subject_of(caller, action, target)? else { return Ok(None) };
        self.about(subject, action, name, facts).await.map(Some)
    }

    async fn about(
        &self,
        subject: Subject,
        action: Action,
        name: &RepositoryName,
        facts: &Facts,
    ) -> Result<Question, GateError> {
        let target = Target::Repository(name);
        let (repository, registry) = self.directory.recent_with_policy(name).await?;
        let attached = match &repository {
            Some(repository) => self.parsed.policy_of(repository, &self.arn(action, target))?,
            None => None,
        };
        let known = Known { repository, attached, registry: Some(registry) };
        Ok(self.question(subject, action, target, known, facts))
    }

    fn question(
        &self,
        subject: Subject,
        action: Action,
        target: Target<'_>,
        known: Known,
        facts: &Facts,
    ) -> Question {
        Question {
            subject,
            action,
            resource: self.arn(action, target),
            name: target.repository(),
            owner: self.identity.registry_id.clone(),
            known,
            facts: facts.clone(),
            now: self.clock.now(),
        }
    }

    /// Returns whose policies are to be asked; `None` for the root, who is beyond them.
    /// Refuses whoever has no credentials, or a token that is not good for the action.
    fn subject_of(
        &self,
        caller: &Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<Option<Subject>, Denied> {
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
                let repository = target.repository();
                Err(Denied { action, repository, by: DeniedBy::Credentials, message })
            }
        }
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

impl Target<'_> {
    /// Returns the repository's name, if it is one.
    fn repository(self) -> Option<RepositoryName> {
        match self {
            Self::Repository(name) => Some(name.clone()),
            Self::Registry | Self::User(_) | Self::Trust(_) => None,
        }
    }
}

/// Returns the root of the account that owns a registry.
fn root_of(registry: &Identity) -> Result<AwsPrincipal, StoreError> {
    let arn = format!("arn:aws:iam::{}:root", registry.registry_id);
    arn.parse().map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}

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
