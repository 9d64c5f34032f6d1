//! A policy as it was read, before its kind's rules are applied.

use crate::Fault;
use crate::condition::Condition;
use crate::json::Json;
use crate::pattern::{Syntax, Variables, Wildcards};
use crate::statement::{Effect, Element};

/// Version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Without variables; also that of a policy that states none.
    V2008,
    V2012,
}

/// A document whose grammar is right.
#[derive(Debug)]
pub(crate) struct Draft {
    pub version: Version,
    pub statements: Vec<DraftStatement>,
}

/// A statement whose grammar is right. Faults that IAM reports later than those of the grammar
/// are kept.
#[derive(Debug)]
pub(crate) struct DraftStatement {
    pub sid: Option<String>,
    pub effect: Result<Effect, Fault>,
    pub principal: Option<(Polarity, Json)>,
    pub actions: Option<Element<String>>,
    pub resources: Option<Element<String>>,
    pub conditions: Result<Vec<Condition>, Fault>,
}

/// Whether an element is one of those with `Not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polarity {
    Only,
    Except,
}

impl Polarity {
    /// Returns an element of `values`.
    pub fn element<T>(self, values: Vec<T>) -> Element<T> {
        match self {
            Self::Only => Element::Only(values),
            Self::Except => Element::Except(values),
        }
    }
}

impl Draft {
    pub fn read(text: &str) -> Result<Self, Fault> {
        let json = Json::parse(text).map_err(|error| Fault::Syntax(error.to_string()))?;
        let Json::Object(members) = json else {
            return Err(Fault::Syntax("the policy is no object".to_owned()));
        };
        let (mut version, mut statements) = (Version::V2008, None);
        for (key, value) in members {
            match (key.as_str(), value) {
                ("Version", Json::Text(text)) => version = Version::parse(&text)?,
                ("Id", Json::Text(_)) => {}
                ("Statement", Json::List(list)) => statements = Some(list),
                ("Statement", value @ Json::Object(_)) => statements = Some(vec![value]),
                _ => return Err(Fault::Syntax(format!("the policy's `{key}` is not valid"))),
            }
        }
        let statements = statements.unwrap_or_default();
        if statements.is_empty() {
            return Err(Fault::Syntax("the policy has no statement".to_owned()));
        }
        let read = |statement| DraftStatement::read(statement, version);
        Ok(Self {
            version,
            statements: statements.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

impl Version {
    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "2008-10-17" => Ok(Self::V2008),
            "2012-10-17" => Ok(Self::V2012),
            _ => Err(Fault::Syntax(format!("the version `{text}` is unknown"))),
        }
    }

    /// Returns what has a meaning of its own in the version's strings.
    pub fn syntax(self, wildcards: Wildcards) -> Syntax {
        let variables = match self {
            Self::V2008 => Variables::Text,
            Self::V2012 => Variables::Read,
        };
        Syntax { wildcards, variables }
    }
}

impl DraftStatement {
    fn read(statement: Json, version: Version) -> Result<Self, Fault> {
        let Json::Object(members) = statement else {
            return Err(Fault::Syntax("a statement is no object".to_owned()));
        };
        let mut draft = Self {
            sid: None,
            effect: Err(Fault::Syntax("a statement has no effect".to_owned())),
            principal: None,
            actions: None,
            resources: None,
            conditions: Ok(Vec::new()),
        };
        for (key, value) in members {
            draft.take(&key, value, version)?;
        }
        match draft.effect {
            Err(fault @ Fault::Syntax(_)) => Err(fault),
            effect => Ok(Self { effect, ..draft }),
        }
    }

    fn take(&mut self, key: &str, value: Json, version: Version) -> Result<(), Fault> {
        let polarity = if key.starts_with("Not") { Polarity::Except } else { Polarity::Only };
        match (key, value) {
            ("Sid", Json::Text(sid)) => self.sid = Some(sid),
            ("Effect", Json::Text(effect)) => self.effect = read_effect(&effect),
            ("Principal" | "NotPrincipal", value) => {
                once(&mut self.principal, (polarity, value), key)?;
            }
            ("Action" | "NotAction", value) => {
                once(&mut self.actions, polarity.element(strings(value, key)?), key)?;
            }
            ("Resource" | "NotResource", value) => {
                once(&mut self.resources, polarity.element(strings(value, key)?), key)?;
            }
            ("Condition", value) => {
                self.conditions = match Condition::parse_all(&value, version) {
                    Err(fault @ Fault::Syntax(_)) => return Err(fault),
                    conditions => conditions,
                }
            }
            _ => return Err(Fault::Syntax(format!("a statement's `{key}` is not valid"))),
        }
        Ok(())
    }
}

/// An effect in other case is one whose fault IAM reports late.
fn read_effect(text: &str) -> Result<Effect, Fault> {
    match text {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        _ => {
            let message = format!("the effect `{text}` is neither `Allow` nor `Deny`");
            let nearly = ["allow", "deny"].iter().any(|known| known.eq_ignore_ascii_case(text));
            Err(if nearly { Fault::Legacy(message) } else { Fault::Syntax(message) })
        }
    }
}

/// Fills a place that an element and its twin share.
fn once<T>(place: &mut Option<T>, value: T, key: &str) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::Syntax(format!("a statement has `{key}` and its opposite"))),
    }
}

/// Reads one string or a list of them.
fn strings(value: Json, key: &str) -> Result<Vec<String>, Fault> {
    let values = match value {
        Json::List(values) => values,
        value => vec![value],
    };
    let string = |value| match value {
        Json::Text(text) => Ok(text),
        _ => Err(Fault::Syntax(format!("a value of `{key}` is no string"))),
    };
    values.into_iter().map(string).collect()
}
