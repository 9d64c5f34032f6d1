//! The headers `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
//!
//! No standard defines them; see
//! [MDN](https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For). Each
//! proxy adds an address at the end of the first. Some add to the others as well, some replace them.

use hyper::HeaderMap;
use hyper::header::HeaderName;

use super::node::Node;
use super::{Hop, OriginError, is_host, lines, transport};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Returns the hops that the headers list, the nearest first, or `None` without the headers.
pub(super) fn hops(
    headers: &HeaderMap,
) -> Result<Option<impl Iterator<Item = Result<Hop, OriginError>>>, OriginError> {
    let nodes = items(headers, &FOR, "X-Forwarded-For")?;
    let protos = items(headers, &PROTO, "X-Forwarded-Proto")?;
    let hosts = items(headers, &HOST, "X-Forwarded-Host")?;
    if nodes.is_empty() && protos.is_empty() && hosts.is_empty() {
        return Ok(None);
    }
    let places = 0..nodes.len().max(1);
    Ok(Some(places.map(move |place| {
        let node = match nodes.get(place) {
            Some(item) => Node::parse_item(item).ok_or(malformed("X-Forwarded-For"))?,
            None => Node::Peer,
        };
        let transport = match said_at(&protos, place) {
            Some(item) => Some(transport(item).ok_or(malformed("X-Forwarded-Proto"))?),
            None => None,
        };
        let host = match said_at(&hosts, place) {
            Some(item) if is_host(item) => Some(item.to_owned()),
            Some(_) => return Err(malformed("X-Forwarded-Host")),
            None => None,
        };
        Ok(Hop { node, transport, host })
    })))
}

/// Returns the items of a header, the last first.
fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Vec<&'a str>, OriginError> {
    let lines = lines(headers, name, shown)?.unwrap_or_default();
    let items = lines.into_iter().flat_map(|line| line.split(',')).map(str::trim);
    Ok(items.filter(|item| !item.is_empty()).rev().collect())
}

/// Returns what is said at a place. A list that is shorter than that of the addresses was not
/// added to by every proxy; its farthest item then holds for those beyond.
fn said_at<'a>(items: &[&'a str], place: usize) -> Option<&'a str> {
    items.get(place).or(items.last()).copied()
}

fn malformed(name: &'static str) -> OriginError {
    OriginError::Malformed(name)
}
