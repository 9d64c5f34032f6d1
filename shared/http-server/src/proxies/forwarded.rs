//! The header `Forwarded`.
//!
//! Follows [RFC 7239](https://www.rfc-editor.org/rfc/rfc7239), strictly: what a client began and a
//! proxy went on with must not come to mean something else, so that a quote that does not end, or
//! a parameter that comes twice, refuses the whole. The parsers that others made split at commas
//! within quotes, or let the last parameter win.

use hyper::HeaderMap;
use hyper::header::FORWARDED;

use super::node::Node;
use super::{Hop, OriginError, is_host, lines, transport};

const MALFORMED: OriginError = OriginError::Malformed("Forwarded");

/// Returns the hops that the header lists, the nearest first, or `None` without the header.
pub(super) fn hops(
    headers: &HeaderMap,
) -> Result<Option<impl Iterator<Item = Result<Hop, OriginError>>>, OriginError> {
    let Some(lines) = lines(headers, &FORWARDED, "Forwarded")? else { return Ok(None) };
    let hops: Option<Vec<_>> = lines.into_iter().map(elements).collect();
    let hops = hops.ok_or(MALFORMED)?;
    Ok(Some(hops.into_iter().flatten().rev().map(Ok)))
}

/// Reads a line: elements, separated by commas; some may be empty.
fn elements(line: &str) -> Option<Vec<Hop>> {
    let mut rest = Rest(line);
    let mut hops = Vec::new();
    loop {
        rest.skip_blanks();
        if !rest.0.is_empty() && !rest.0.starts_with(',') {
            hops.push(element(&mut rest)?);
            rest.skip_blanks();
        }
        match (rest.0.is_empty(), rest.skip(',')) {
            (true, _) => return Some(hops),
            (false, true) => {}
            (false, false) => return None,
        }
    }
}

/// Reads an element: pairs, separated by semicolons.
fn element(rest: &mut Rest<'_>) -> Option<Hop> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    loop {
        let name = rest.token()?.to_ascii_lowercase();
        if !rest.skip('=') || pairs.iter().any(|(known, _)| *known == name) {
            return None;
        }
        pairs.push((name, rest.value()?));
        // Blanks around a semicolon are not in the grammar, but some write them.
        rest.skip_blanks();
        if !rest.skip(';') {
            break;
        }
        rest.skip_blanks();
    }
    let value = |name: &str| {
        let pair = pairs.iter().find(|(known, _)| known == name);
        pair.map(|(_, value)| value.as_str())
    };
    let node = value("for").map_or(Some(Node::Hidden), Node::parse_identifier)?;
    let transport = match value("proto") {
        Some(proto) => Some(transport(proto)?),
        None => None,
    };
    let host = match value("host") {
        Some(host) if is_host(host) => Some(host.to_owned()),
        Some(_) => return None,
        None => None,
    };
    Some(Hop { node, transport, host })
}

/// What is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// Goes past `expected`, if it is next.
    fn skip(&mut self, expected: char) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// Reads a token, or a string in quotes.
    fn value(&mut self) -> Option<String> {
        if !self.skip('"') {
            return self.bare_value().map(str::to_owned);
        }
        let mut value = String::new();
        let mut chars = self.0.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(chars.next()?),
                c => value.push(c),
            }
        }
        self.0 = chars.as_str();
        Some(value)
    }

    /// Reads a token that may have colons and brackets, as addresses with a port do: the grammar
    /// wants quotes around them, which some proxies leave out.
    fn bare_value(&mut self) -> Option<&'a str> {
        let end = self.0.find([',', ';', ' ', '\t', '"', '=']).unwrap_or(self.0.len());
        let (value, rest) = self.0.split_at(end);
        self.0 = rest;
        (!value.is_empty()).then_some(value)
    }
}
