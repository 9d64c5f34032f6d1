//! Patterns of ARNs, compared part by part.

use crate::Context;
use crate::draft::Version;
use crate::pattern::{InvalidVariable, Pattern, Wildcards};

/// Parts of an ARN: `arn`, partition, service, region, account, and the rest.
const PARTS: usize = 6;

/// A pattern of ARNs. A wildcard never reaches beyond its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`.
    Every,
    Parts(Vec<Pattern>),
}

impl ArnPattern {
    /// Compiles the pattern of a `Resource`: parts that are missing at its end match everything,
    /// as [Amazon Resource Names](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)
    /// says of incomplete ARNs.
    pub fn resource(text: &str, version: Version) -> Result<Self, InvalidVariable> {
        let pattern = Self::compile(text, version)?;
        Ok(match pattern {
            Self::Every => Self::Every,
            Self::Parts(mut parts) => {
                parts.resize(PARTS, Pattern::any());
                Self::Parts(parts)
            }
        })
    }

    /// Compiles the pattern of a condition, such as `ArnLike`. An incomplete one matches nothing.
    pub fn compile(text: &str, version: Version) -> Result<Self, InvalidVariable> {
        if text == "*" {
            return Ok(Self::Every);
        }
        let pattern = Pattern::compile(text, version.syntax(Wildcards::Read))?;
        Ok(Self::Parts(pattern.split_at_colons(PARTS)))
    }

    /// Whether a variable stands for `key`, which is in lower case.
    pub fn mentions(&self, key: &str) -> bool {
        match self {
            Self::Every => false,
            Self::Parts(parts) => parts.iter().any(|part| part.mentions(key)),
        }
    }

    /// Whether `resource`, an ARN or `*`, is one that a `Resource` of this pattern names.
    pub fn names(&self, resource: &str, context: &Context) -> bool {
        *self == Self::Every || self.matches(resource, context)
    }

    /// Whether `arn` is an ARN of this pattern.
    pub fn matches(&self, arn: &str, context: &Context) -> bool {
        let found: Vec<&str> = arn.splitn(PARTS, ':').collect();
        let well_formed = found.len() == PARTS && found[0] == "arn";
        match self {
            Self::Every => well_formed,
            Self::Parts(parts) => {
                well_formed
                    && parts.len() == PARTS
                    && parts.iter().zip(found).all(|(part, text)| part.matches(text, context))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app";

    #[track_caller]
    fn check(pattern: &str, arn: &str, as_resource: bool, as_condition: bool) {
        let mut context = Context::default();
        context.set("aws:username", "team").set("a:colons", "a:b");
        let resource = ArnPattern::resource(pattern, Version::V2012).unwrap();
        assert_eq!(resource.names(arn, &context), as_resource, "resource {pattern}, {arn}");
        let condition = ArnPattern::compile(pattern, Version::V2012).unwrap();
        assert_eq!(condition.matches(arn, &context), as_condition, "condition {pattern}, {arn}");
    }

    #[test]
    fn parts_match_one_by_one() {
        for (pattern, as_resource, as_condition) in [
            (REPOSITORY, true, true),
            ("*", true, true),
            ("arn:aws:ecr:*:*:repository/team/*", true, true),
            ("arn:aws:ecr:eu-*-?:1111????3333:repository/*", true, true),
            ("arn:*:ecr:*:*:*", true, true),
            ("arn:aws:ecr:*:*:repository/${aws:username}/*", true, true),
            ("arn:aws:ecr:*:*:repository/${aws:userid}/*", false, false),
            ("arn:aws:ecr:*:*:repository/${aws:userid, 'team'}/*", true, true),
            ("arn:aws:ecr:*:*:repository/other/*", false, false),
            ("arn:aws:ecr:*:*:Repository/*", false, false),
            ("ARN:aws:ecr:*:*:repository/*", false, false),
            ("arn:aws:ecr:*:444455556666:repository/*", false, false),
            // Incomplete.
            ("arn:aws:ecr", true, false),
            ("arn:aws:ecr:*", true, false),
            ("arn:aws:s3", false, false),
            // A wildcard stays in its part.
            ("arn:aws:ecr:*:repository/team/app", false, false),
            ("", false, false),
        ] {
            check(pattern, REPOSITORY, as_resource, as_condition);
        }
    }

    #[test]
    fn the_last_part_may_hold_colons() {
        check("arn:aws:sns:*:*:a:b", "arn:aws:sns:eu-west-1:111122223333:a:b", true, true);
        check("arn:aws:sns:*:*:a*", "arn:aws:sns:eu-west-1:111122223333:a:b", true, true);
        check("arn:aws:sns:*:*:${a:colons}", "arn:aws:sns:eu-west-1:1:a:b", true, true);
        // The user guide's example of what `StringLike` matches and `ArnLike` doesn't.
        check(
            "arn:aws:someservice:*:111122223333:finance/*",
            "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            false,
            false,
        );
    }

    #[test]
    fn what_is_no_arn_matches_nothing_but_all() {
        check("*", "*", true, false);
        check("arn:aws:ecr:*:*:repository/*", "*", false, false);
        check("arn:*:*:*:*:*", "not an ARN", false, false);
    }
}
