use crate::PolicyKind;

/// Why a policy was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct InvalidPolicy {
    /// What kind of policy it should have been.
    pub kind: PolicyKind,
    /// What is wrong with it. Its message is for people; AWS says less: see
    /// [`InvalidPolicy::aws_message`].
    pub fault: Fault,
}

/// One thing that is wrong with a policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is too long.
    #[error("the policy has {characters} characters, expected at most {most}")]
    TooLong {
        /// How many it has, as its kind counts them.
        characters: usize,
        /// How many it may have.
        most: usize,
    },
    /// The text is no JSON, or not of the language's grammar.
    #[error("{0}")]
    Syntax(String),
    /// The version is not one that the kind of policy may have.
    #[error("the policy needs the version 2012-10-17")]
    Version,
    /// A value has no meaning.
    #[error("{0}")]
    Legacy(String),
    /// Two statements have the same `Sid`.
    #[error("the statement id `{0}` stands twice")]
    SidTwice(String),
    /// A `Sid` has characters other than letters and digits.
    #[error("the statement id `{0}` has characters other than letters and digits")]
    Sid(String),
    /// A statement has neither `Action` nor `NotAction`, or an empty one.
    #[error("a statement has no action")]
    ActionMissing,
    /// A statement has neither `Resource` nor `NotResource`, or an empty one.
    #[error("a statement has no resource")]
    ResourceMissing,
    /// A resource is neither an ARN nor `*`.
    #[error("the resource `{0}` is neither an ARN nor `*`")]
    Resource(String),
    /// A resource's partition is unknown.
    #[error("the partition `{partition}` of the resource `{resource}` is unknown")]
    Partition {
        /// The partition.
        partition: String,
        /// The resource, with what follows the partition.
        resource: String,
    },
    /// A resource ends before its service.
    #[error("the resource `{0}` names no service")]
    ResourceService(String),
    /// An action has no service before a colon.
    #[error("the action `{0}` names no service")]
    ActionService(String),
    /// An action has several colons.
    #[error("the action `{0}` has more than one colon")]
    ActionColons(String),
    /// The service of an action is no name.
    #[error("the service `{0}` of an action is no name")]
    Service(String),
    /// An action is not one that the kind of policy is about.
    #[error("the action `{0}` has no place in this kind of policy")]
    ForeignAction(String),
    /// A statement names a resource other than the one that the policy is attached to.
    #[error("the resource `{0}` has no place in this kind of policy")]
    ForeignResource(String),
    /// An identity policy names a principal.
    #[error("a policy of an identity names no principal")]
    PrincipalUnexpected,
    /// A policy of a resource names none.
    #[error("a statement has no principal")]
    PrincipalMissing,
    /// A principal can't be read.
    #[error("the principal has {0}")]
    Principal(String),
}

impl InvalidPolicy {
    /// Returns what AWS answers: for an identity's policy the message of IAM's
    /// `MalformedPolicyDocument` (`LimitExceeded` if it is too long), for others that of ECR's
    /// `InvalidParameterException`.
    #[must_use]
    pub fn aws_message(&self) -> String {
        match &self.kind {
            PolicyKind::Identity => self.fault.iam_message(),
            PolicyKind::Repository { .. } | PolicyKind::RepositoryTemplate => {
                constraint("Invalid repository policy provided")
            }
            PolicyKind::Registry(_) => constraint("Invalid registry policy provided"),
        }
    }
}

fn constraint(text: &str) -> String {
    format!("Invalid parameter at 'PolicyText' failed to satisfy constraint: '{text}'")
}

impl Fault {
    fn iam_message(&self) -> String {
        let text = match self {
            Self::TooLong { most, .. } => {
                return format!("Maximum policy size of {most} bytes exceeded");
            }
            Self::Resource(text) => {
                return format!("Resource {text} must be in ARN format or \"*\".");
            }
            Self::Partition { partition, resource } => {
                return format!(
                    "Partition \"{partition}\" is not valid for resource \"{resource}\"."
                );
            }
            Self::Service(name) => return format!("Vendor {name} is not valid"),
            // No policy of an identity is refused for what comes after the first.
            Self::Syntax(_)
            | Self::ForeignAction(_)
            | Self::ForeignResource(_)
            | Self::PrincipalMissing
            | Self::Principal(_) => "Syntax errors in policy.",
            Self::Version => "Policy document must be version 2012-10-17 or greater.",
            Self::Legacy(_) => "The policy failed legacy parsing",
            Self::SidTwice(_) => "Statement IDs (SID) in a single policy must be unique.",
            Self::Sid(_) => {
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*"
            }
            Self::ActionMissing => "Policy statement must contain actions.",
            Self::ResourceMissing => "Policy statement must contain resources.",
            Self::ResourceService(_) => {
                "Resource vendor must be fully qualified and cannot contain regexes."
            }
            Self::ActionService(_) => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            }
            Self::ActionColons(_) => "Actions/Condition can contain only one colon.",
            Self::PrincipalUnexpected => "Policy document should not specify a principal.",
        };
        text.to_owned()
    }
}
