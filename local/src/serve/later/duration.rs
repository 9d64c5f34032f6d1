use std::time::Duration;

use anyhow::Context;

/// The longest.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// Parses a number and its unit, such as `90m`, of `shortest` to 30 days.
pub(super) fn parse(text: &str, shortest: Duration) -> anyhow::Result<Duration> {
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
    let duration = Duration::from_secs(number.checked_mul(seconds).context(form)?);
    if !(shortest..=LONGEST).contains(&duration) {
        let (shortest, longest) = (shortest.as_secs(), LONGEST.as_secs() / 86_400);
        anyhow::bail!("must be {shortest} seconds to {longest} days");
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let shortest = Duration::from_secs(24);
        let parse = |text: &str| parse(text, shortest).ok().map(|parsed| parsed.as_secs());
        assert_eq!(parse("24s"), Some(24));
        assert_eq!(parse("90m"), Some(5400));
        assert_eq!(parse("1d"), parse("24h"));
        for text in ["", "s", "24", "23s", "31d", "1w", "-1h", "1 h", "18446744073709551615d", "1é"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_are_told() {
        let error = parse("1s", Duration::from_secs(24)).unwrap_err().to_string();
        assert_eq!(error, "must be 24 seconds to 30 days");
    }
}
