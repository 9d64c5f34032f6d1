//! Ranges of downloads and of chunks.

use std::ops::Range;

/// What a `Range` header asks of content of a known size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    /// All of it: there is no range, or none that this server takes.
    Whole,
    /// This part.
    Part(Range<u64>),
    /// Nothing that exists.
    Unsatisfiable,
}

/// Reads a `Range` header.
///
/// Follows [RFC 9110, section 14](https://www.rfc-editor.org/rfc/rfc9110#section-14): one range of
/// bytes is served; several, or another unit, are answered with the whole.
pub(crate) fn requested(header: Option<&str>, size: u64) -> Requested {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Requested::Whole;
    };
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return Requested::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => return Requested::Unsatisfiable,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Requested::Whole,
    };
    if range.start < range.end { Requested::Part(range) } else { Requested::Unsatisfiable }
}

/// Reads a chunk's `Content-Range`, which the specification writes `FIRST-LAST`; the form
/// `bytes FIRST-LAST/SIZE` of HTTP is taken as well.
pub(crate) fn chunk(header: &str) -> Option<Range<u64>> {
    let range = header.trim();
    let range = range.strip_prefix("bytes ").or_else(|| range.strip_prefix("bytes="));
    let range = range.unwrap_or(header.trim()).split('/').next().unwrap_or_default();
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    (first <= last && last < u64::MAX).then(|| first..last + 1)
}

/// Reads decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(header: &str, expected: &Requested) {
        assert_eq!(requested(Some(header), 10), *expected, "{header}");
    }

    #[test]
    fn reads_ranges_of_bytes() {
        check("bytes=0-4", &Requested::Part(0..5));
        check("bytes=5-", &Requested::Part(5..10));
        check("bytes=-3", &Requested::Part(7..10));
        check("bytes=-20", &Requested::Part(0..10));
        check("bytes=8-20", &Requested::Part(8..10));
        check("bytes=10-", &Requested::Unsatisfiable);
        check("bytes=10-12", &Requested::Unsatisfiable);
        check("bytes=-0", &Requested::Unsatisfiable);
        check("bytes=4-2", &Requested::Unsatisfiable);
        check("bytes=0-1,3-4", &Requested::Whole);
        check("lines=0-1", &Requested::Whole);
        check("bytes=x-y", &Requested::Whole);
        check("bytes=0-+4", &Requested::Whole);
        check("bytes=0-18446744073709551615", &Requested::Part(0..10));
        assert_eq!(requested(None, 10), Requested::Whole);
        assert_eq!(requested(Some("bytes=0-"), 0), Requested::Unsatisfiable);
    }

    #[test]
    fn reads_chunks() {
        assert_eq!(chunk("0-4"), Some(0..5));
        assert_eq!(chunk("bytes 5-9/*"), Some(5..10));
        assert_eq!(chunk("4-2"), None);
        assert_eq!(chunk("0-"), None);
        assert_eq!(chunk("-4"), None);
        assert_eq!(chunk("0-18446744073709551615"), None);
        assert_eq!(chunk("a-b"), None);
    }

    proptest! {
        #[test]
        fn parts_lie_within_the_content(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size in 0u64..100) {
            if let Requested::Part(range) = requested(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
