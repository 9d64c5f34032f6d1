//! Roles that ECR assumes, as requests name them.

use berth_registry::Identity;

use crate::parameter::{InvalidParameter, text_length};

/// Checks the parameter `customRoleArn`: a role of the registry's own account.
pub(crate) fn custom_role(text: String, identity: &Identity) -> Result<String, InvalidParameter> {
    let at = "customRoleArn";
    text_length(at, &text, 0, 2048)?;
    let account = &identity.registry_id;
    let parts: Vec<_> = text.splitn(6, ':').collect();
    let is_here = match parts.as_slice() {
        ["arn", partition, "iam", "", of, resource] => {
            partition.starts_with("aws")
                && *of == account.as_str()
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    if !is_here {
        let constraint = format!("must be the ARN of a role of the account {account}");
        return Err(InvalidParameter::new(at, constraint));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        let identity = Identity {
            registry_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        assert_eq!(custom_role(text.to_owned(), &identity).is_ok(), valid, "{text}");
    }

    #[test]
    fn roles_are_of_the_own_account() {
        check("arn:aws:iam::123456789012:role/ecr", true);
        check("arn:aws-cn:iam::123456789012:role/service/ecr", true);
        check("arn:aws:iam::111122223333:role/ecr", false);
        check("arn:aws:iam::123456789012:user/ecr", false);
        check("arn:aws:iam::123456789012:role/", false);
        check("arn:aws:s3:::bucket", false);
        check("ecr", false);
    }
}
