//! Reading the members of a document, with the schema's faults.

use serde_json::{Map, Value};

use crate::fault::InvalidLifecyclePolicy as Fault;

/// The largest number that a rule takes.
const LARGEST: i64 = i32::MAX as i64;

/// Returns the members of an object that has all of `required` and no more than `optional`.
pub(crate) fn object<'a>(
    value: &'a Value,
    required: &[&str],
    optional: &[&str],
) -> Result<&'a Map<String, Value>, Fault> {
    let members = value.as_object().ok_or_else(|| mistyped(value, "object"))?;
    let missing: Vec<_> = required.iter().filter(|name| !members.contains_key(**name)).collect();
    if !missing.is_empty() {
        return Err(Fault::Missing(missing.into_iter().map(ToString::to_string).collect()));
    }
    let is_known = |name: &str| required.contains(&name) || optional.contains(&name);
    let unknown: Vec<_> = members.keys().filter(|name| !is_known(name)).cloned().collect();
    match unknown.is_empty() {
        true => Ok(members),
        false => Err(Fault::Unknown(unknown)),
    }
}

/// Returns the elements of a list that is not empty.
pub(crate) fn array(value: &Value) -> Result<&[Value], Fault> {
    let elements = value.as_array().ok_or_else(|| mistyped(value, "array"))?;
    match elements.is_empty() {
        true => Err(Fault::TooFew { minimum: 1, found: 0 }),
        false => Ok(elements),
    }
}

/// Returns a text.
pub(crate) fn text(value: &Value) -> Result<&str, Fault> {
    value.as_str().ok_or_else(|| mistyped(value, "string"))
}

/// Returns the texts of a list, none of which is empty.
pub(crate) fn texts(value: &Value) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    for element in array(value)? {
        match text(element)? {
            "" => return refuse("string \"\" is too short (length: 0, required minimum: 1)"),
            text => found.push(text.to_owned()),
        }
    }
    Ok(found)
}

/// Returns a text that is one of `values`.
pub(crate) fn choice<'a>(value: &'a Value, values: &[&str]) -> Result<&'a str, Fault> {
    let found = text(value)?;
    match values.contains(&found) {
        true => Ok(found),
        false => Err(Fault::Choice {
            found: found.to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
        }),
    }
}

/// Returns an integer of at least 1.
pub(crate) fn positive(value: &Value) -> Result<u32, Fault> {
    let found = value.as_i64().ok_or_else(|| mistyped(value, "integer"))?;
    if found < 1 {
        return Err(Fault::TooSmall { minimum: 1, found });
    }
    match u32::try_from(found) {
        Ok(number) if found <= LARGEST => Ok(number),
        _ => Err(Fault::TooLarge { maximum: LARGEST, found }),
    }
}

/// Refuses what the schema can't say.
pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Rule(reason.into()))
}

fn mistyped(value: &Value, expected: &'static str) -> Fault {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Fault::Type { found, expected }
}
