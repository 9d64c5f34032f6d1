use std::fmt;

use crate::statement::{Effect, Reach};
use crate::{Context, Policy, Principal};

/// A question: may `principal` do `action` on `resource`?
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub(crate) principal: &'a Principal,
    action: &'a str,
    /// The action in lower case.
    pub(crate) folded: String,
    pub(crate) resource: &'a str,
    pub(crate) context: &'a Context,
}

impl<'a> Request<'a> {
    /// Returns the question whether `principal` may do `action`, such as `ecr:PutImage`, on
    /// `resource`, an ARN, or `*` for an action that is about none.
    #[must_use]
    pub fn new(
        principal: &'a Principal,
        action: &'a str,
        resource: &'a str,
        context: &'a Context,
    ) -> Self {
        Self { principal, action, folded: action.to_ascii_lowercase(), resource, context }
    }
}

/// All that has a say about a request.
#[derive(Clone, Copy, Debug)]
pub struct Policies<'p> {
    /// Account that owns the resource.
    pub owner: &'p str,
    /// What the principal's own account lets it do.
    pub identity: Identity<'p>,
    /// Policies of the resource: the repository's, the registry's.
    pub resource: &'p [&'p Policy],
}

/// What a principal's own account lets it do.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'p> {
    /// Everything: the principal is its account's root, or of an account whose policies are not
    /// known here, and which is trusted to have let it come.
    Everything,
    /// What these policies allow; nothing if there are none.
    Policies(&'p [&'p Policy]),
}

/// Answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Allowed(Grant),
    /// It may not.
    Denied(Denial),
}

/// Why a request is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// [`Identity::Everything`], in the principal's own account.
    Everything,
    /// A statement.
    Statement(Cause),
}

/// Why a request is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A statement denies it.
    Explicit(Cause),
    /// No statement of these policies allows it.
    Implicit(Side),
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Which policies it stands in.
    pub side: Side,
    /// Which of them: an index of the list that was given.
    pub policy: usize,
    /// Which statement of it, from 0.
    pub statement: usize,
    /// The statement's `Sid`.
    pub sid: Option<String>,
}

/// The two sides of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Policies of the principal.
    Identity,
    /// Policies of the resource.
    Resource,
}

/// Decides a request as
/// [AWS does](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
///
/// A statement that denies wins. In the resource's own account it is enough that either side
/// allows; a principal of another account needs both. A policy of a resource that names the whole
/// account of the principal passes the decision to that account: in the same account it allows
/// nothing by itself. Who has no account needs the resource's policy alone.
#[must_use]
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let identity = match policies.identity {
        Identity::Everything => Opinion { allowed: Some(Grant::Everything), ..Opinion::default() },
        Identity::Policies(policies) => Opinion::of(Side::Identity, policies, request),
    };
    let resource = Opinion::of(Side::Resource, policies.resource, request);
    if let Some(cause) = identity.denied.or(resource.denied) {
        return Decision::Denied(Denial::Explicit(cause));
    }
    let (granted, missing) = match request.principal.account() {
        None => (resource.allowed, Side::Resource),
        Some(account) if account == policies.owner => {
            (identity.allowed.or(resource.allowed), Side::Identity)
        }
        Some(_) => match resource.allowed.or(resource.passed_on) {
            Some(grant) => (identity.allowed.map(|_| grant), Side::Identity),
            None => (None, Side::Resource),
        },
    };
    match granted {
        Some(grant) => Decision::Allowed(grant),
        None => Decision::Denied(Denial::Implicit(missing)),
    }
}

/// What one side says.
#[derive(Default)]
struct Opinion {
    denied: Option<Cause>,
    allowed: Option<Grant>,
    /// Allowed to the principal's account, which may pass it on.
    passed_on: Option<Grant>,
}

impl Opinion {
    fn of(side: Side, policies: &[&Policy], request: &Request<'_>) -> Self {
        let mut opinion = Self::default();
        for (policy, document) in policies.iter().enumerate() {
            for (index, statement) in document.statements.iter().enumerate() {
                let Some(reach) = statement.applies(side, request) else { continue };
                let sid = statement.sid.clone();
                let cause = Cause { side, policy, statement: index, sid };
                match (statement.effect, reach) {
                    (Effect::Deny, _) => return Self { denied: Some(cause), ..opinion },
                    (Effect::Allow, Reach::Principal) => {
                        opinion.allowed.get_or_insert(Grant::Statement(cause));
                    }
                    (Effect::Allow, Reach::Account) => {
                        opinion.passed_on.get_or_insert(Grant::Statement(cause));
                    }
                }
            }
        }
        opinion
    }
}

impl Decision {
    /// Whether the request is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl Denial {
    /// Returns AWS's
    /// [message](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)
    /// about the denial of `request`.
    #[must_use]
    pub fn message(&self, request: &Request<'_>) -> String {
        let Request { principal, action, resource, .. } = request;
        let reason = match self {
            Self::Explicit(Cause { side: Side::Identity, .. }) => {
                "with an explicit deny in an identity-based policy".to_owned()
            }
            Self::Explicit(Cause { side: Side::Resource, .. }) => {
                "with an explicit deny in a resource-based policy".to_owned()
            }
            Self::Implicit(side) => format!("because no {side} policy allows the {action} action"),
        };
        format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource} \
             {reason}"
        )
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity-based",
            Self::Resource => "resource-based",
        })
    }
}
