//! Names of condition operators.

/// An operator such as `ForAnyValue:StringNotLikeIfExists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub family: Family,
    /// Whether the comparison is turned round, as in `StringNotEquals`.
    pub negated: bool,
    pub quantifier: Option<Quantifier>,
    pub if_exists: bool,
}

/// What an operator compares, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    BinaryEquals,
    IpAddress,
    Arn,
    Null,
}

/// Which of the values of a key must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Any,
}

/// A comparison of values that have an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// All operators without prefix and suffix: name in lower case, what it compares, negated or not.
const NAMES: &[(&str, Family, bool)] = &[
    ("stringequals", Family::StringEquals, false),
    ("stringnotequals", Family::StringEquals, true),
    ("stringequalsignorecase", Family::StringEqualsIgnoreCase, false),
    ("stringnotequalsignorecase", Family::StringEqualsIgnoreCase, true),
    ("stringlike", Family::StringLike, false),
    ("stringnotlike", Family::StringLike, true),
    ("numericequals", Family::Numeric(Order::Equal), false),
    ("numericnotequals", Family::Numeric(Order::Equal), true),
    ("numericlessthan", Family::Numeric(Order::Less), false),
    ("numericlessthanequals", Family::Numeric(Order::LessOrEqual), false),
    ("numericgreaterthan", Family::Numeric(Order::Greater), false),
    ("numericgreaterthanequals", Family::Numeric(Order::GreaterOrEqual), false),
    ("dateequals", Family::Date(Order::Equal), false),
    ("datenotequals", Family::Date(Order::Equal), true),
    ("datelessthan", Family::Date(Order::Less), false),
    ("datelessthanequals", Family::Date(Order::LessOrEqual), false),
    ("dategreaterthan", Family::Date(Order::Greater), false),
    ("dategreaterthanequals", Family::Date(Order::GreaterOrEqual), false),
    ("bool", Family::Bool, false),
    ("binaryequals", Family::BinaryEquals, false),
    ("ipaddress", Family::IpAddress, false),
    ("notipaddress", Family::IpAddress, true),
    ("arnequals", Family::Arn, false),
    ("arnnotequals", Family::Arn, true),
    ("arnlike", Family::Arn, false),
    ("arnnotlike", Family::Arn, true),
    ("null", Family::Null, false),
];

impl Operator {
    /// Reads an operator's name, whatever its case. `Null` takes no suffix: it asks itself whether
    /// a key exists.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (quantifier, name) = match name.split_once(':') {
            Some(("forallvalues", name)) => (Some(Quantifier::All), name),
            Some(("foranyvalue", name)) => (Some(Quantifier::Any), name),
            Some(_) => return None,
            None => (None, name.as_str()),
        };
        let (if_exists, name) = match name.strip_suffix("ifexists") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let (_, family, negated) = NAMES.iter().find(|(known, ..)| *known == name)?;
        let valid = *family != Family::Null || !if_exists;
        valid.then_some(Self { family: *family, negated: *negated, quantifier, if_exists })
    }
}

impl Order {
    /// Whether `left` stands so to `right`. Values without an order stand in none.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whatever_their_case() {
        let plain = Operator::parse("StringEquals").unwrap();
        let expected = Operator {
            family: Family::StringEquals,
            negated: false,
            quantifier: None,
            if_exists: false,
        };
        assert_eq!(plain, expected);
        let full = Operator::parse("foranyvalue:stringNotLikeIFEXISTS").unwrap();
        let expected = Operator {
            family: Family::StringLike,
            negated: true,
            quantifier: Some(Quantifier::Any),
            if_exists: true,
        };
        assert_eq!(full, expected);
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "StringEqual",
            "IfExists",
            "NullIfExists",
            "ForAllValues:",
            "ForAllValues::StringEquals",
            "ForSomeValues:StringEquals",
            "StringEquals:ForAllValues",
            "BoolNot",
            "StringEqualsIfExistsIfExists",
        ] {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
