use crate::Context;
use crate::pattern::{Pattern, Syntax, Variables, Wildcards};

/// What a policy is attached to, which decides what it must and may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A user or a session: no `Principal`, but a `Resource`.
    Identity,
    /// A repository: a `Principal`, and actions of the repository's service alone. A `Resource`,
    /// which ECR refuses, may be the repository's own ARN.
    Repository {
        /// ARN of the repository.
        arn: String,
    },
    /// A template of repositories of `ecr`: what one's policy may say of whatever repository, so no
    /// `Resource`.
    RepositoryTemplate,
    /// A registry: a `Principal`, a `Resource`, and the actions of the scope alone.
    Registry(RegistryScope),
}

/// What a registry policy is about.
///
/// Follows [Private registry permissions](https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistryScope {
    /// Replication and caches: `ecr:ReplicateImage`, `ecr:CreateRepository` and
    /// `ecr:BatchImportUpstreamImage`.
    V1,
    /// Every action of ECR.
    #[default]
    V2,
}

/// The actions that [`RegistryScope::V1`] is about.
const V1_ACTIONS: [&str; 3] =
    ["ecr:batchimportupstreamimage", "ecr:createrepository", "ecr:replicateimage"];

impl PolicyKind {
    /// Returns how many characters AWS lets a policy of this kind have: 10,240 for
    /// [ECR's](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html),
    /// 6,144 for [IAM's](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
    #[must_use]
    pub fn usual_size(&self) -> usize {
        match self {
            Self::Identity => 6_144,
            Self::Repository { .. } | Self::RepositoryTemplate | Self::Registry(_) => 10_240,
        }
    }

    /// Counts the characters of a policy: IAM leaves white space out, ECR does not.
    pub(crate) fn size_of(&self, text: &str) -> usize {
        match self {
            Self::Identity => text.chars().filter(|character| !character.is_whitespace()).count(),
            Self::Repository { .. } | Self::RepositoryTemplate | Self::Registry(_) => {
                text.chars().count()
            }
        }
    }

    /// Whether `action`, maybe with wildcards, has a place in a policy of this kind.
    pub(crate) fn takes_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let service = match self {
            Self::Identity => return true,
            Self::Repository { arn } => arn.split(':').nth(2).unwrap_or_default(),
            Self::Registry(RegistryScope::V1) => return names_v1_action(&action),
            Self::RepositoryTemplate | Self::Registry(RegistryScope::V2) => "ecr",
        };
        action == "*" || action.split_once(':').is_some_and(|(named, _)| named == service)
    }
}

impl RegistryScope {
    /// Whether a registry policy of this scope has a say about `action`, such as `ecr:PutImage`.
    #[must_use]
    pub fn covers(self, action: &str) -> bool {
        match self {
            Self::V1 => V1_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action)),
            Self::V2 => action.split_once(':').is_some_and(|(service, _)| service == "ecr"),
        }
    }
}

/// Whether `action` in lower case is one of the scope's, or a pattern of `ecr` that one matches.
fn names_v1_action(action: &str) -> bool {
    let syntax = Syntax { wildcards: Wildcards::Read, variables: Variables::Text };
    let Ok(pattern) = Pattern::compile(action, syntax) else { return false };
    V1_ACTIONS.iter().any(|known| pattern.matches(known, &Context::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &PolicyKind, action: &str, takes: bool) {
        assert_eq!(kind.takes_action(action), takes, "{kind:?} {action}");
    }

    #[test]
    fn kinds_take_actions() {
        let arn = |service: &str| format!("arn:aws:{service}:eu-west-1:111122223333:repository/a");
        let private = PolicyKind::Repository { arn: arn("ecr") };
        let public = PolicyKind::Repository { arn: arn("ecr-public") };
        check(&PolicyKind::Identity, "s3:GetObject", true);
        for (action, in_private, in_public) in [
            ("ecr:PutImage", true, false),
            ("ECR:putimage", true, false),
            ("ecr:*", true, false),
            ("*", true, true),
            ("ecr-public:PutImage", false, true),
            ("ec*:PutImage", false, false),
            ("s3:GetObject", false, false),
            ("berth:ListUsers", false, false),
        ] {
            check(&private, action, in_private);
            check(&public, action, in_public);
        }
    }

    #[test]
    fn registries_take_the_actions_of_their_scope() {
        let (old, new) =
            (PolicyKind::Registry(RegistryScope::V1), PolicyKind::Registry(RegistryScope::V2));
        for (action, in_old, in_new) in [
            ("ecr:ReplicateImage", true, true),
            ("ecr:createrepository", true, true),
            ("ecr:BatchImportUpstreamImage", true, true),
            ("ecr:*", true, true),
            ("ecr:Create*", true, true),
            ("ecr:PutImage", false, true),
            ("ecr:Put*", false, true),
            ("ecr-public:PutImage", false, false),
            ("s3:*", false, false),
        ] {
            check(&old, action, in_old);
            check(&new, action, in_new);
        }
        assert!(RegistryScope::V1.covers("ecr:ReplicateImage"));
        assert!(!RegistryScope::V1.covers("ecr:PutImage"));
        assert!(RegistryScope::V2.covers("ecr:PutImage"));
        assert!(!RegistryScope::V2.covers("berth:ListUsers"));
    }
}
