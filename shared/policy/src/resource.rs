//! Which texts of a `Resource` IAM accepts.

use crate::Fault;

/// Checks that a text begins as an ARN does, or is `*`.
pub(crate) fn check_format(text: &str) -> Result<(), Fault> {
    if text == "*" {
        return Ok(());
    }
    let Some((prefix, rest)) = text.split_once(':') else {
        return Err(Fault::Resource(text.to_owned()));
    };
    let (partition, rest) = match rest.split_once(':') {
        Some((partition, rest)) => (partition, Some(rest)),
        None => (rest, None),
    };
    if !is_partition(partition) {
        let resource = spell_out(partition, rest.unwrap_or_default());
        return Err(Fault::Partition { partition: partition.to_owned(), resource });
    }
    if prefix != "arn" {
        return Err(Fault::Resource(text.to_owned()));
    }
    match rest.and_then(|rest| rest.split(':').next()) {
        Some(service) if !service.contains(['*', '?', '$']) => Ok(()),
        _ => Err(Fault::ResourceService(text.to_owned())),
    }
}

/// Checks that an incomplete ARN leaves out only whole parts at its end.
pub(crate) fn check_parts(text: &str) -> Result<(), Fault> {
    let complete = text.matches(':').count() >= 5;
    let service = text.split(':').nth(2);
    let valid = text == "*"
        || ((complete || !text.contains("::")) && service.is_some_and(|name| !name.is_empty()));
    match valid {
        true => Ok(()),
        false => Err(Fault::Legacy(format!("the resource `{text}` is no complete ARN"))),
    }
}

fn is_partition(text: &str) -> bool {
    text == "*" || text == "aws" || text.starts_with("aws-")
}

/// Writes an ARN as IAM's message does: what is missing is `*`.
fn spell_out(partition: &str, rest: &str) -> String {
    let mut parts: Vec<&str> = rest.splitn(4, ':').collect();
    if parts == [""] {
        parts.clear();
    }
    parts.resize(4, "*");
    format!("arn:{partition}:{}", parts.join(":"))
}
