use std::collections::BTreeMap;

use crate::Principal;

/// What a request says beside its principal, action and resource: keys such as `aws:SourceIp`
/// with one value or several.
///
/// Keys compare without case. Values are text, whatever their type: addresses as they are
/// written, times as ISO 8601 or seconds since 1970, binary values as Base64, truths as `true` and
/// `false`. A key with no value is a key that is not there. See
/// [AWS global condition context keys](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// Returns a context that says of `principal` what AWS says: `aws:PrincipalArn`,
    /// `aws:PrincipalAccount`, `aws:PrincipalType` and `aws:username`, those that it has.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        let mut context = Self::default();
        match principal {
            Principal::Anonymous => {
                context
                    .set("aws:PrincipalAccount", "anonymous")
                    .set("aws:PrincipalType", "Anonymous");
            }
            Principal::Aws(principal) => {
                context
                    .set("aws:PrincipalArn", principal.lasting_arn())
                    .set("aws:PrincipalAccount", principal.account())
                    .set("aws:PrincipalType", principal.type_name());
                if let Some(name) = principal.user_name() {
                    context.set("aws:username", name);
                }
            }
            Principal::Service(name) => {
                context.set("aws:PrincipalServiceName", name.as_str());
                context.set("aws:PrincipalIsAWSService", "true");
            }
            Principal::Federated(_) => {}
        }
        context
    }

    /// Gives `key` one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.values.insert(key.to_lowercase(), vec![value.into()]);
        self
    }

    /// Gives `key` all of `values`, for keys that may have several, such as `aws:TagKeys`.
    pub fn set_list<V: Into<String>>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        self.values.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    /// Returns the values of a key in lower case; none if it is not there.
    pub(crate) fn values(&self, key: &str) -> &[String] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_compare_without_case() {
        let mut context = Context::default();
        context.set("aws:SourceIp", "10.0.0.1").set("AWS:sourceip", "10.0.0.2");
        assert_eq!(context.values("aws:sourceip"), ["10.0.0.2"]);
        context.set_list("aws:TagKeys", Vec::<String>::new());
        assert!(context.values("aws:tagkeys").is_empty());
    }

    #[track_caller]
    fn check(principal: &Principal, key: &str, values: &[&str]) {
        assert_eq!(Context::of(principal).values(key), values, "{key}");
    }

    #[test]
    fn principals_describe_themselves() {
        let user = Principal::Aws("arn:aws:iam::111122223333:user/team/kim".parse().unwrap());
        check(&user, "aws:principalarn", &["arn:aws:iam::111122223333:user/team/kim"]);
        check(&user, "aws:principalaccount", &["111122223333"]);
        check(&user, "aws:principaltype", &["User"]);
        check(&user, "aws:username", &["kim"]);
        let session = "arn:aws:sts::111122223333:assumed-role/ci/run-7".parse().unwrap();
        let session = Principal::Aws(session);
        check(&session, "aws:principalarn", &["arn:aws:iam::111122223333:role/ci"]);
        check(&session, "aws:principaltype", &["AssumedRole"]);
        check(&session, "aws:username", &[]);
        check(&Principal::Anonymous, "aws:principalarn", &[]);
        check(&Principal::Anonymous, "aws:principalaccount", &["anonymous"]);
        let service = Principal::Service("codebuild.amazonaws.com".to_owned());
        check(&service, "aws:principalisawsservice", &["true"]);
        check(&service, "aws:principalaccount", &[]);
    }
}
