use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use berth_registry::Schedule;

/// The shortest period, each of whose 24 parts is a second.
const SHORTEST: Duration = Duration::from_secs(24);

/// How often what is due once in a period is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Period(pub(super) Duration);

impl Default for Period {
    fn default() -> Self {
        Self(Schedule::DAY)
    }
}

impl FromStr for Period {
    type Err = anyhow::Error;

    /// Parses a number and its unit, such as `90m`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = "must be a number of seconds, minutes, hours or days, such as 90m";
        let unit = text.chars().last().context(form)?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => anyhow::bail!(form),
        };
        let number: u64 = text[..text.len() - 1].parse().ok().context(form)?;
        let period = Duration::from_secs(number.checked_mul(seconds).context(form)?);
        anyhow::ensure!(
            (SHORTEST..=30 * Schedule::DAY).contains(&period),
            "must be 24 seconds to 30 days"
        );
        Ok(Self(period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_have_a_unit() {
        let parse = |text: &str| text.parse::<Period>().ok().map(|period| period.0.as_secs());
        assert_eq!(parse("24s"), Some(24));
        assert_eq!(parse("90m"), Some(5400));
        assert_eq!(parse("1d"), parse("24h"));
        for text in ["", "s", "24", "23s", "31d", "1w", "-1h", "1 h", "18446744073709551615d", "1é"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
