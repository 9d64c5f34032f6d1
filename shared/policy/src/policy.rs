use std::collections::HashSet;

use crate::arn::ArnPattern;
use crate::draft::{Draft, DraftStatement, Version};
use crate::pattern::{Pattern, Syntax, Variables, Wildcards};
use crate::principal_element::NamedPrincipal;
use crate::resource::{check_format, check_parts};
use crate::statement::{Element, Statement};
use crate::{Fault, InvalidPolicy, PolicyKind};

/// A policy that its kind's rules accept, parsed once, to be evaluated often.
///
/// Follows [Grammar of the IAM JSON policy language](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
#[derive(Clone, Debug)]
pub struct Policy {
    text: String,
    pub(crate) statements: Vec<Statement>,
}

impl Policy {
    /// Parses and validates a policy of at most `most` characters; see
    /// [`PolicyKind::usual_size`]. Faults come in the order in which IAM finds them.
    pub fn parse(kind: &PolicyKind, text: &str, most: usize) -> Result<Self, InvalidPolicy> {
        Self::check(kind, text, most).map_err(|fault| InvalidPolicy { kind: kind.clone(), fault })
    }

    /// Returns the text as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the policy asks for `key`, in a condition or by a variable, so that what is costly to
    /// know of a request need not be known for the others.
    #[must_use]
    pub fn mentions(&self, key: &str) -> bool {
        let key = key.to_lowercase();
        self.statements.iter().any(|statement| statement.mentions(&key))
    }

    /// Returns every principal that the policy names, so that it can be asked whether they exist.
    pub fn principals(&self) -> impl Iterator<Item = &NamedPrincipal> {
        let elements = self.statements.iter().filter_map(|statement| statement.principals.as_ref());
        elements.flat_map(Element::values)
    }

    fn check(kind: &PolicyKind, text: &str, most: usize) -> Result<Self, Fault> {
        let characters = kind.size_of(text);
        if characters > most {
            return Err(Fault::TooLong { characters, most });
        }
        let Draft { version, statements: drafts } = Draft::read(text)?;
        if *kind == PolicyKind::Identity && version != Version::V2012 {
            return Err(Fault::Version);
        }
        let mut statements = Vec::with_capacity(drafts.len());
        let mut said = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let (statement, its_words) = compile(kind, draft, version)?;
            statements.push(statement);
            said.push(its_words);
        }
        check_sids(kind, &statements)?;
        check_elements(kind, &statements, &said)?;
        Ok(Self { text: text.to_owned(), statements })
    }
}

/// What a statement said of actions and resources, for the checks that come late.
struct Said {
    actions: Element<String>,
    resources: Option<Element<String>>,
}

/// Compiles a statement; its lists may still be empty.
fn compile(
    kind: &PolicyKind,
    draft: DraftStatement,
    version: Version,
) -> Result<(Statement, Said), Fault> {
    let actions = draft.actions.unwrap_or(Element::Only(Vec::new()));
    let resources = draft.resources;
    let compiled = match &resources {
        Some(resources) => Some(compile_resources(resources, version)?),
        None => None,
    };
    let principals = match (&draft.principal, kind) {
        (None, _) => None,
        (Some(_), PolicyKind::Identity) => return Err(Fault::PrincipalUnexpected),
        (Some((polarity, value)), _) => {
            let named = NamedPrincipal::parse_all(value).map_err(Fault::Principal)?;
            Some(polarity.element(named))
        }
    };
    let statement = Statement {
        sid: draft.sid,
        effect: draft.effect?,
        principals,
        actions: actions.try_map(|action| compile_action(action))?,
        conditions: draft.conditions?,
        resources: compiled,
    };
    Ok((statement, Said { actions, resources }))
}

/// Whether a resource is an incomplete ARN is asked only if all of them are ARNs.
fn compile_resources(
    resources: &Element<String>,
    version: Version,
) -> Result<Element<ArnPattern>, Fault> {
    let well_formed = resources.values().iter().all(|text| check_format(text).is_ok());
    resources.try_map(|text| {
        if well_formed {
            check_parts(text)?;
        }
        ArnPattern::resource(text, version)
            .map_err(|_| Fault::Legacy(format!("the resource `{text}` has no valid variable")))
    })
}

/// Actions compare without case, and hold no variables.
fn compile_action(action: &str) -> Result<Pattern, Fault> {
    let syntax = Syntax { wildcards: Wildcards::Read, variables: Variables::Text };
    Pattern::compile(&action.to_ascii_lowercase(), syntax)
        .map_err(|_| Fault::Syntax(format!("the action `{action}` is not valid")))
}

fn check_sids(kind: &PolicyKind, statements: &[Statement]) -> Result<(), Fault> {
    if *kind != PolicyKind::Identity {
        return Ok(());
    }
    let sids = || statements.iter().filter_map(|statement| statement.sid.as_deref());
    let mut known = HashSet::new();
    if let Some(twice) = sids().find(|sid| !sid.is_empty() && !known.insert(*sid)) {
        return Err(Fault::SidTwice(twice.to_owned()));
    }
    match sids().find(|sid| !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(sid) => Err(Fault::Sid(sid.to_owned())),
        None => Ok(()),
    }
}

/// Checks what the statements name, in IAM's order.
fn check_elements(kind: &PolicyKind, statements: &[Statement], said: &[Said]) -> Result<(), Fault> {
    if said.iter().any(|said| said.actions.values().is_empty()) {
        return Err(Fault::ActionMissing);
    }
    if *kind != PolicyKind::Identity
        && statements.iter().any(|statement| statement.principals.is_none())
    {
        return Err(Fault::PrincipalMissing);
    }
    for text in said.iter().filter_map(|said| said.resources.as_ref()).flat_map(Element::values) {
        check_format(text)?;
    }
    for action in said.iter().flat_map(|said| said.actions.values()) {
        check_action(kind, action)?;
    }
    said.iter().try_for_each(|said| check_resources(kind, said.resources.as_ref()))
}

fn check_resources(kind: &PolicyKind, resources: Option<&Element<String>>) -> Result<(), Fault> {
    match (kind, resources) {
        (PolicyKind::Repository { .. } | PolicyKind::RepositoryTemplate, None) => Ok(()),
        (PolicyKind::RepositoryTemplate, Some(resources)) => {
            let first = resources.values().first();
            Err(Fault::ForeignResource(first.cloned().unwrap_or_default()))
        }
        (PolicyKind::Repository { arn }, Some(Element::Only(resources)))
            if !resources.is_empty() =>
        {
            match resources.iter().find(|resource| *resource != arn) {
                None => Ok(()),
                Some(foreign) => Err(Fault::ForeignResource(foreign.clone())),
            }
        }
        (PolicyKind::Repository { .. }, Some(_)) => {
            Err(Fault::ForeignResource("NotResource".to_owned()))
        }
        (_, Some(resources)) if !resources.values().is_empty() => Ok(()),
        _ => Err(Fault::ResourceMissing),
    }
}

fn check_action(kind: &PolicyKind, action: &str) -> Result<(), Fault> {
    let (service, name) = match action.split_once(':') {
        None if action == "*" => return Ok(()),
        None => return Err(Fault::ActionService(action.to_owned())),
        Some(parts) => parts,
    };
    if name.contains(':') {
        return Err(Fault::ActionColons(action.to_owned()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if service != "*" && !service.bytes().all(allowed) {
        return Err(Fault::Service(service.to_owned()));
    }
    match kind.takes_action(action) {
        true => Ok(()),
        false => Err(Fault::ForeignAction(action.to_owned())),
    }
}
