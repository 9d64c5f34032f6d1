/// Why a text is no lifecycle policy, in the words of ECR's schema validator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLifecyclePolicy {
    /// The text is no JSON.
    #[error("Could not map policyString into LifecyclePolicy.")]
    NotJson,
    /// An object lacks members.
    #[error("object has missing required properties ([{}])", quoted(.0))]
    Missing(Vec<String>),
    /// An object has members that mean nothing.
    #[error("object instance has properties which are not allowed by the schema: ([{}])", quoted(.0))]
    Unknown(Vec<String>),
    /// A value is none of those that may be.
    #[error(
        "instance value (\"{found}\") not found in enum :(possible values: [{}])",
        quoted(values)
    )]
    Choice {
        /// The value.
        found: String,
        /// Those that may be.
        values: Vec<String>,
    },
    /// A value is of another type.
    #[error(
        "instance type ({found}) does not match any allowed primitive type (allowed: [\"{expected}\"])"
    )]
    Type {
        /// Its type.
        found: &'static str,
        /// The type that it must have.
        expected: &'static str,
    },
    /// A number is too small.
    #[error(
        "numeric instance is lower than the required minimum (minimum: {minimum}, found: {found})"
    )]
    TooSmall {
        /// The least that it may be.
        minimum: i64,
        /// What it is.
        found: i64,
    },
    /// A number is too large.
    #[error(
        "numeric instance is greater than the required maximum (maximum: {maximum}, found: {found})"
    )]
    TooLarge {
        /// The most that it may be.
        maximum: i64,
        /// What it is.
        found: i64,
    },
    /// A list has too few elements.
    #[error(
        "array is too short: must have at least {minimum} elements but instance has {found} elements"
    )]
    TooFew {
        /// The fewest that it may have.
        minimum: usize,
        /// How many it has.
        found: usize,
    },
    /// A list has too many elements.
    #[error(
        "array is too long: must have at most {maximum} elements but instance has {found} elements"
    )]
    TooMany {
        /// The most that it may have.
        maximum: usize,
        /// How many it has.
        found: usize,
    },
    /// Members of an object do not go together: a count and its unit, an action and its storage
    /// class.
    #[error("instance failed to match exactly one schema (matched 0 out of 2)")]
    NoSchema,
    /// A rule breaks a rule that the schema can't say.
    #[error("{0}")]
    Rule(String),
}

fn quoted(values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
    values.join(",")
}
