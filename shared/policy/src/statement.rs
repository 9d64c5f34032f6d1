//! Statements, compiled.

use crate::arn::ArnPattern;
use crate::condition::Condition;
use crate::pattern::Pattern;
use crate::principal::Closeness;
use crate::principal_element::{NamedPrincipal, closest};
use crate::{Context, Principal, Request, Side};

/// What a statement does to the requests that it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// An element that has a twin with `Not` before its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element<T> {
    Only(Vec<T>),
    Except(Vec<T>),
}

impl<T> Element<T> {
    pub fn values(&self) -> &[T] {
        match self {
            Self::Only(values) | Self::Except(values) => values,
        }
    }

    /// Returns the same element with each of its values made anew.
    pub fn try_map<U, E>(&self, make: impl FnMut(&T) -> Result<U, E>) -> Result<Element<U>, E> {
        let values = self.values().iter().map(make).collect::<Result<_, E>>()?;
        Ok(match self {
            Self::Only(_) => Element::Only(values),
            Self::Except(_) => Element::Except(values),
        })
    }

    /// Whether the element covers what its values are asked by `names`.
    fn covers(&self, names: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Only(values) => values.iter().any(names),
            Self::Except(values) => !values.iter().any(names),
        }
    }
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    /// None in the policy of an identity, which is about its owner.
    pub principals: Option<Element<NamedPrincipal>>,
    /// In lower case.
    pub actions: Element<Pattern>,
    /// None in the policy of a resource that is about that resource.
    pub resources: Option<Element<ArnPattern>>,
    pub conditions: Vec<Condition>,
}

/// How far a statement that applies to a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the principal's account, which may pass it on by a policy of the principal's.
    Account,
    /// To the principal.
    Principal,
}

impl Statement {
    /// Returns how far the statement, of a policy of `side`, reaches if it applies to `request`.
    pub fn applies(&self, side: Side, request: &Request<'_>) -> Option<Reach> {
        let reach = self.reach(side, request.principal)?;
        let context: &Context = request.context;
        let applies = self.actions.covers(|action| action.matches(&request.folded, context))
            && self.resources.as_ref().is_none_or(|resources| {
                resources.covers(|resource| resource.names(request.resource, context))
            })
            && self.conditions.iter().all(|condition| condition.holds(context, self.effect));
        applies.then_some(reach)
    }

    /// Whether a condition asks for `key`, which is in lower case, or a variable stands for it.
    pub fn mentions(&self, key: &str) -> bool {
        let mut resources = self.resources.iter().flat_map(Element::values);
        self.conditions.iter().any(|condition| condition.mentions(key))
            || resources.any(|resource| resource.mentions(key))
    }

    /// Who is named by a `NotPrincipal` is left out. Where the name is less close than the
    /// principal itself, say its account's, the statement that grants less or denies more is
    /// meant: see [NotPrincipal with Deny](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
    fn reach(&self, side: Side, caller: &Principal) -> Option<Reach> {
        match &self.principals {
            // Only the policy of an identity may leave out whom it is about.
            None => (side == Side::Identity).then_some(Reach::Principal),
            Some(Element::Only(named)) => match closest(named, caller)? {
                Closeness::Account => Some(Reach::Account),
                Closeness::Parent | Closeness::Itself => Some(Reach::Principal),
            },
            Some(Element::Except(named)) => match (closest(named, caller), self.effect) {
                (Some(Closeness::Itself), _) | (Some(_), Effect::Allow) => None,
                (None, _) | (Some(_), Effect::Deny) => Some(Reach::Principal),
            },
        }
    }
}
