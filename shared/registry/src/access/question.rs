use std::sync::Arc;

use berth_policy::{
    Context, Decision, Denial, Identity as Side, Policies, Policy, Principal, Request, decide,
};
use berth_types::{RegistryId, RepositoryName, Tag};

use super::principal::Subject;
use super::{Action, Denied, DeniedBy, Facts};
use crate::ports::Timestamp;
use crate::repositories::Repository;
use crate::settings::RegistryPolicy;

/// Key of the tags of images.
const IMAGE_TAG: &str = "berth:ImageTag";

/// Whether a principal who is subject to policies may do an action on a resource, with all that
/// has a say about it.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) subject: Subject,
    pub(super) action: Action,
    /// The resource, as policies name it.
    pub(super) resource: String,
    /// Repository that it is about, if it is one.
    pub(super) name: Option<RepositoryName>,
    /// Account that owns the resource.
    pub(super) owner: RegistryId,
    pub(super) known: Known,
    pub(super) facts: Facts,
    pub(super) now: Timestamp,
}

/// What is known of the resource, and of the registry that it lies in. The registry's policy has no
/// say about users and trusts: it is about actions of ECR.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) repository: Option<Arc<Repository>>,
    /// The repository's policy.
    pub(super) attached: Option<Arc<Policy>>,
    pub(super) registry: Option<Arc<RegistryPolicy>>,
}

/// Whether the request names the tags that are asked about, so that who sent it knows them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    Yes,
    No,
}

/// What a decision may look at.
#[derive(Clone, Copy)]
enum Sight {
    /// Everything.
    Whole,
    /// What is known without the repository.
    WithoutRepository,
}

impl Question {
    /// Asks policies about the request, once for each tag that it names.
    pub(super) fn ask(&self) -> Result<(), Denied> {
        self.ask_for_each(&self.facts.image_tags, Named::Yes)
    }

    /// Asks policies once for each of these tags: who may do something to one image may not do it
    /// to another by naming both.
    pub(super) fn ask_for_each(&self, tags: &[Tag], named: Named) -> Result<(), Denied> {
        if tags.is_empty() || !self.asks_for_tags() {
            return self.ask_about(tags, named);
        }
        tags.chunks(1).try_for_each(|tag| self.ask_about(tag, named))
    }

    /// Asks policies about an image that has all of these tags.
    pub(super) fn ask_about(&self, tags: &[Tag], named: Named) -> Result<(), Denied> {
        let Decision::Denied(denial) = self.decide(tags, Sight::Whole) else { return Ok(()) };
        // Nobody is told by the reason that there is a repository, or what tags there are: where
        // what they know is enough to deny, that is what is said.
        let said = match named {
            Named::Yes => tags,
            Named::No => &[],
        };
        let denial = match self.decide(said, Sight::WithoutRepository) {
            Decision::Denied(denial) => denial,
            Decision::Allowed(_) => denial,
        };
        Err(self.denied(&denial))
    }

    /// Whether any policy that has a say asks for tags of images.
    pub(super) fn asks_for_tags(&self) -> bool {
        let mut policies = self.subject.policies().iter().chain(self.of_resource(Sight::Whole));
        policies.any(|policy| policy.mentions(IMAGE_TAG))
    }

    fn decide(&self, tags: &[Tag], sight: Sight) -> Decision {
        let principal = self.subject.principal();
        let context = self.context(&principal, tags, sight);
        let request = Request::new(&principal, self.action.name(), &self.resource, &context);
        let own: Vec<&Policy> = self.subject.policies().iter().collect();
        let of_resource: Vec<&Policy> = self.of_resource(sight).collect();
        let owner = match (self.action, principal.account()) {
            // As in AWS, where everyone asks the own account for a token.
            (Action::GetAuthorizationToken, Some(account)) => account,
            _ => self.owner.as_str(),
        };
        let identity = match self.subject.is_root() {
            true => Side::Everything,
            false => Side::Policies(&own),
        };
        let resource = of_resource.as_slice();
        decide(&request, &Policies { owner, identity, resource })
    }

    /// Returns the policies of the repository and the registry.
    fn of_resource(&self, sight: Sight) -> impl Iterator<Item = &Policy> {
        let attached = match sight {
            Sight::Whole => self.known.attached.as_deref(),
            Sight::WithoutRepository => None,
        };
        let registry = self.known.registry.as_ref();
        let registry = registry.and_then(|registry| registry.about(self.action));
        attached.into_iter().chain(registry)
    }

    fn context(&self, principal: &Principal, tags: &[Tag], sight: Sight) -> Context {
        let repository = match sight {
            Sight::Whole => self.known.repository.as_deref(),
            Sight::WithoutRepository => None,
        };
        let mut context = self.facts.context(principal, repository, self.now);
        context.set_list(IMAGE_TAG, tags.iter().map(Tag::as_str));
        self.subject.describe(&mut context);
        context
    }

    fn denied(&self, denial: &Denial) -> Denied {
        let (principal, context) = (self.subject.principal(), Context::default());
        let request = Request::new(&principal, self.action.name(), &self.resource, &context);
        Denied {
            action: self.action,
            repository: self.name.clone(),
            by: DeniedBy::Policies,
            message: denial.message(&request),
        }
    }
}
