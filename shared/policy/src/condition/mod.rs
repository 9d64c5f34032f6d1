//! The `Condition` element of a statement.

mod moment;
mod network;
mod operator;

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::moment::Moment;
use self::network::Network;
use self::operator::{Family, Operator, Order, Quantifier};
use crate::arn::ArnPattern;
use crate::draft::Version;
use crate::json::Json;
use crate::pattern::{Pattern, Wildcards};
use crate::statement::Effect;
use crate::{Context, Fault};

/// One key of one operator, with the values of the policy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    operator: Operator,
    /// In lower case.
    key: String,
    test: Test,
}

/// The values of a policy, any of which may match.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Text(Vec<Pattern>),
    TextWithoutCase(Vec<Pattern>),
    Number(Order, Vec<f64>),
    Date(Order, Vec<Moment>),
    Truth(Vec<Pattern>),
    Binary(Vec<Vec<u8>>),
    Network(Vec<Network>),
    Arn(Vec<ArnPattern>),
    Absent(Vec<bool>),
}

impl Condition {
    /// Reads a whole `Condition` element.
    pub fn parse_all(element: &Json, version: Version) -> Result<Vec<Self>, Fault> {
        let Json::Object(operators) = element else {
            return Err(Fault::Syntax("`Condition` is no object".to_owned()));
        };
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let Json::Object(keys) = keys else {
                return Err(Fault::Syntax(format!("the condition `{name}` is no object")));
            };
            for (key, values) in keys {
                let unknown = || Fault::Syntax(format!("the condition `{name}` is unknown"));
                let operator = Operator::parse(name).ok_or_else(unknown)?;
                let values = texts(values)
                    .ok_or_else(|| Fault::Syntax(format!("the values of `{key}` are no list")))?;
                let test = Test::parse(operator.family, &values, version)?;
                conditions.push(Self { operator, key: key.to_lowercase(), test });
            }
        }
        Ok(conditions)
    }

    /// Whether the condition asks for `key`, which is in lower case, or a variable stands for it.
    pub fn mentions(&self, key: &str) -> bool {
        self.key == key || self.test.mentions(key)
    }

    /// Whether the condition holds for a request.
    ///
    /// A key with several values needs a quantifier. Without one, all of them must pass in a
    /// statement that allows, and any in one that denies. Likewise `ForAnyValue` with `IfExists`
    /// holds for a key that is not there in a statement that denies alone: AWS's pages say that it
    /// holds, those who measured it that it does not.
    pub fn holds(&self, context: &Context, effect: Effect) -> bool {
        let values = context.values(&self.key);
        if let Test::Absent(wanted) = &self.test {
            return wanted.contains(&values.is_empty());
        }
        let operator = self.operator;
        let passes = |value: &String| self.test.accepts(value, context) != operator.negated;
        match (operator.quantifier, effect) {
            (None, _) if values.is_empty() => operator.negated || operator.if_exists,
            (Some(Quantifier::Any), Effect::Deny) if values.is_empty() => operator.if_exists,
            (Some(Quantifier::All), _) | (None, Effect::Allow) => values.iter().all(passes),
            (Some(Quantifier::Any), _) | (None, Effect::Deny) => values.iter().any(passes),
        }
    }
}

/// Reads one value or a list of values. Numbers and truths are written as text.
fn texts(values: &Json) -> Option<Vec<String>> {
    let values = match values {
        Json::List(values) => values.as_slice(),
        value => std::slice::from_ref(value),
    };
    let text = |value: &Json| match value {
        Json::Text(text) | Json::Number(text) => Some(text.clone()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    };
    values.iter().map(text).collect()
}

/// Reads each value; one that `read` can't is a fault.
fn each<T>(
    values: &[String],
    what: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let read = |value: &String| {
        read(value).ok_or_else(|| Fault::Legacy(format!("`{value}` in a condition is no {what}")))
    };
    values.iter().map(read).collect()
}

impl Test {
    fn parse(family: Family, values: &[String], version: Version) -> Result<Self, Fault> {
        let patterns = |wildcards| {
            let syntax = version.syntax(wildcards);
            each(values, "string with valid variables", |v| Pattern::compile(v, syntax).ok())
        };
        Ok(match family {
            Family::StringEquals => Self::Text(patterns(Wildcards::Text)?),
            Family::StringLike => Self::Text(patterns(Wildcards::Read)?),
            Family::StringEqualsIgnoreCase => Self::TextWithoutCase(patterns(Wildcards::Text)?),
            Family::Numeric(order) => Self::Number(order, each(values, "number", number)?),
            Family::Date(order) => Self::Date(order, each(values, "date", Moment::parse)?),
            Family::Bool => {
                each(values, "truth", |value| {
                    truth(value)
                        .or((version == Version::V2012 && value.contains("${")).then_some(true))
                })?;
                Self::Truth(patterns(Wildcards::Text)?)
            }
            Family::BinaryEquals => Self::Binary(each(values, "Base64", binary)?),
            Family::IpAddress => Self::Network(each(values, "network", Network::parse)?),
            Family::Arn => Self::Arn(each(values, "ARN with valid variables", |value| {
                ArnPattern::compile(value, version).ok()
            })?),
            Family::Null => Self::Absent(each(values, "truth", truth)?),
        })
    }

    /// Whether a variable stands for `key`.
    fn mentions(&self, key: &str) -> bool {
        match self {
            Self::Text(patterns) | Self::TextWithoutCase(patterns) | Self::Truth(patterns) => {
                patterns.iter().any(|pattern| pattern.mentions(key))
            }
            Self::Arn(patterns) => patterns.iter().any(|pattern| pattern.mentions(key)),
            Self::Number(..)
            | Self::Date(..)
            | Self::Binary(_)
            | Self::Network(_)
            | Self::Absent(_) => false,
        }
    }

    /// Whether `value` matches any of the policy's. What is not of the operator's type matches
    /// none.
    fn accepts(&self, value: &str, context: &Context) -> bool {
        match self {
            Self::Text(patterns) => patterns.iter().any(|pattern| pattern.matches(value, context)),
            Self::TextWithoutCase(patterns) => {
                let value = value.to_lowercase();
                let same = |text: String| text.to_lowercase() == value;
                patterns.iter().any(|pattern| pattern.resolve(context).is_some_and(same))
            }
            Self::Number(order, wanted) => number(value)
                .is_some_and(|value| wanted.iter().any(|wanted| order.holds(&value, wanted))),
            Self::Date(order, wanted) => Moment::parse(value)
                .is_some_and(|value| wanted.iter().any(|wanted| order.holds(&value, wanted))),
            Self::Truth(patterns) => truth(value).is_some_and(|value| {
                let same = |text: String| truth(&text) == Some(value);
                patterns.iter().any(|pattern| pattern.resolve(context).is_some_and(same))
            }),
            Self::Binary(wanted) => binary(value).is_some_and(|value| wanted.contains(&value)),
            Self::Network(networks) => value
                .parse::<IpAddr>()
                .is_ok_and(|address| networks.iter().any(|network| network.contains(address))),
            Self::Arn(patterns) => patterns.iter().any(|pattern| pattern.matches(value, context)),
            Self::Absent(_) => false,
        }
    }
}

/// Reads a decimal number. Integers are exact up to 2⁵³.
fn number(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if decimal { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn binary(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}
