use std::fmt;

use crate::policy::{Action, Count, Rule};

/// What a policy says of some images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation<'p> {
    /// What happens to each image, in the order of the images.
    pub verdicts: Vec<Verdict<'p>>,
    /// What each rule does, in the order of their priority.
    pub rules: Vec<RuleReport<'p>>,
}

/// What happens to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// What is done to it; `None` if it stays as it is.
    pub action: Option<Action>,
    /// The one rule that decides: the first whose tag requirements it matches and which, if it
    /// retains images, retains it. Of a referrer that follows its subject, the subject's.
    pub rule: Option<&'p Rule>,
    /// Why.
    pub reason: Reason,
}

/// Why an image goes or stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It stays: it matches no rule's tag requirements.
    Unmatched,
    /// The rule's count selects it; it goes, or stays if the rule retains it.
    Selected(Measure),
    /// It stays: the rule's count leaves it alone.
    Spared(Measure),
    /// It stays, though the rule's count selects it: so many manifest lists list it that keep it from
    /// that.
    Listed(u64),
    /// It goes or stays with its subject, which stands at this place among the images.
    Follows(usize),
}

/// What a rule's count compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nothing.
    None,
    /// Its place among the images that match the rule's tag requirements; the youngest has 1.
    Place(u64),
    /// Whole days since it was pushed, or came back from the archive.
    DaysSincePush(u64),
    /// Whole days since it was last pulled.
    DaysSincePull(u64),
    /// Whole days since it was archived.
    DaysSinceTransition(u64),
}

/// What one rule does to some images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleReport<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// How many images match its tag requirements, those of higher rules included.
    pub matching: u64,
    /// How many of these its count selects, those of higher rules included.
    pub selected: u64,
    /// How many images it acts on, referrers of these included. A rule that retains acts on none.
    pub acted: u64,
    /// Sum of the sizes of those that it expires, in bytes. Layers that they share count for each.
    pub bytes: u64,
}

impl fmt::Display for Verdict<'_> {
    /// Writes the reason, such as ``rule 2 expires it: 41 days since its push, more than 30``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(rule) = self.rule else {
            return match self.reason {
                Reason::Follows(_) => f.write_str("its subject stays"),
                _ => f.write_str("no rule matches its tags"),
            };
        };
        let (priority, action) = (rule.priority, rule.action);
        match self.reason {
            Reason::Unmatched => f.write_str("no rule matches its tags"),
            Reason::Selected(measure) => {
                let verb = match action {
                    Action::Expire => "expires",
                    Action::Archive => "archives",
                    Action::Retain => "retains",
                    Action::Untag => "untags",
                };
                write!(f, "rule {priority} {verb} it")?;
                explain(f, measure, rule.selection.count, true)
            }
            Reason::Spared(measure) => {
                write!(f, "rule {priority} leaves it alone")?;
                explain(f, measure, rule.selection.count, false)
            }
            Reason::Listed(lists) => {
                write!(f, "rule {priority} would act, but manifest lists list it: {lists}")
            }
            Reason::Follows(_) if self.action.is_some() => {
                write!(f, "its subject goes by rule {priority}")
            }
            Reason::Follows(_) => f.write_str("its subject stays"),
        }
    }
}

/// Writes what was compared.
fn explain(
    f: &mut fmt::Formatter<'_>,
    measure: Measure,
    count: Count,
    selected: bool,
) -> fmt::Result {
    let (limit, is_above) = match count {
        Count::All => return Ok(()),
        Count::ImagesAtMost(limit)
        | Count::PushedWithinDays(limit)
        | Count::PulledWithinDays(limit) => (limit, !selected),
        Count::ImagesMoreThan(limit)
        | Count::DaysSincePush(limit)
        | Count::DaysSincePull(limit)
        | Count::DaysSinceTransition(limit) => (limit, selected),
    };
    let relation = if is_above { "more than" } else { "at most" };
    match measure {
        Measure::None => Ok(()),
        Measure::Place(place) => write!(f, ": number {place} by age, {relation} {limit}"),
        Measure::DaysSincePush(days) => {
            write!(f, ": {days} days since its push, {relation} {limit}")
        }
        Measure::DaysSincePull(days) => {
            write!(f, ": {days} days since its last pull, {relation} {limit}")
        }
        Measure::DaysSinceTransition(days) => {
            write!(f, ": {days} days in the archive, {relation} {limit}")
        }
    }
}
