//! Times, as the `Date…` operators compare them.

/// A point in time: seconds since 1970, and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64, u32);

const SECONDS_OF_DAY: i64 = 86_400;

impl Moment {
    /// Reads seconds since 1970, or one of the
    /// [formats of ISO 8601 that the W3C names](https://www.w3.org/TR/NOTE-datetime). Digits alone
    /// are seconds, so that a year needs its month. A time without a zone is one of UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(|seconds| Self(seconds, 0));
        }
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let midnight = days(date)? * SECONDS_OF_DAY;
        let Some(time) = time else { return Some(Self(midnight, 0)) };
        let (time, offset) = split_zone(time)?;
        let (seconds, nanoseconds) = time_of_day(time)?;
        Some(Self(midnight + seconds - offset, nanoseconds))
    }
}

/// Days from 1970-01-01 to `YYYY-MM` or `YYYY-MM-DD`.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 4)?;
    let month = number(parts.next()?, 1, 2)?;
    let day = match parts.next() {
        Some(day) => number(day, 1, 2)?,
        None => 1,
    };
    let valid = parts.next().is_none()
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day);
    valid.then(|| days_since_1970(year, month, day))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts in years that begin in March, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year - 719_468
}

/// Splits `hh:mm…` from its zone, and returns the zone's offset in seconds.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let (time, zone) = time.split_at(at);
    let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "00"));
    let (hours, minutes) = (number(hours, 2, 2)?, number(minutes, 2, 2)?);
    let offset = (hours <= 23 && minutes <= 59).then_some((hours * 60 + minutes) * 60)?;
    Some((time, if zone.starts_with('-') { -offset } else { offset }))
}

/// Seconds and nanoseconds of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.s`.
fn time_of_day(time: &str) -> Option<(i64, u32)> {
    let mut parts = time.split(':');
    let hours = number(parts.next()?, 1, 2)?;
    let minutes = number(parts.next()?, 1, 2)?;
    let (seconds, fraction) = match parts.next() {
        None => (0, "0"),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            (number(whole, 1, 2)?, fraction)
        }
    };
    let valid = parts.next().is_none() && hours <= 23 && minutes <= 59 && seconds <= 59;
    number(fraction, 1, 9)?;
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    valid.then_some(((hours * 60 + minutes) * 60 + seconds, nanoseconds))
}

/// Reads digits alone, `least` to `most` of them.
fn number(text: &str, least: usize, most: usize) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let valid = digits && (least..=most).contains(&text.len());
    if valid { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, seconds, nanoseconds) in [
            ("0", 0, 0),
            ("1700000000", 1_700_000_000, 0),
            ("1970-01", 0, 0),
            ("1970-01-02", 86_400, 0),
            ("1969-12-31", -86_400, 0),
            ("0001-01-01", -62_135_596_800, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
            ("2000-02-29T00:00Z", 951_782_400, 0),
            ("2023-11-14T22:13:20Z", 1_700_000_000, 0),
            ("2023-11-14t22:13:20z", 1_700_000_000, 0),
            ("2023-11-14T22:13:20", 1_700_000_000, 0),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000, 0),
            ("2023-11-14T16:43:20-05:30", 1_700_000_000, 0),
            ("2023-11-14T23:13:20+01", 1_700_000_000, 0),
            ("2023-11-14T22:13:20.5Z", 1_700_000_000, 500_000_000),
            ("2023-11-14T22:13:20.123456789Z", 1_700_000_000, 123_456_789),
        ] {
            assert_eq!(Moment::parse(text), Some(Moment(seconds, nanoseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "-1",
            "9223372036854775808",
            "1.5",
            "now",
            "234-13",
            "2023-13",
            "2023-00-01",
            "2023-02-29",
            "2023-04-31",
            "2023-1-1-1",
            "2023-11-14T",
            "2023-11-14T22",
            "2023-11-14T24:00Z",
            "2023-11-14T22:60Z",
            "2023-11-14T22:13:60Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20.1999999999+10:59",
            "2016-12-13t2:00:00.593194+1",
            "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20 Z",
            "2023-11-14T22:13:20ZZ",
            "١٩٧٠-01-01",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
