//! Whose word on a request's origin is believed.

mod forwarded;
mod node;
mod x_forwarded;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::str::FromStr;

use berth_registry::access::{ClientAddress, Transport};
use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;

use self::node::Node;

/// Longest value that is read of `Forwarded`, or of each `X-Forwarded-…`, in bytes over all its
/// lines.
const LONGEST_VALUE: usize = 4096;

/// The proxies whose `Forwarded` and `X-Forwarded-…` are believed; none by default.
///
/// Who connects to the server could say anything of itself, so only what the nearest proxies say
/// counts: headers are read from their end, and what stands before the first address that is no
/// trusted proxy's is the client's own word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Error of parsing [`TrustedProxies`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no IP address and no network such as 10.0.0.0/8")]
pub struct ParseTrustedProxiesError(String);

impl FromStr for TrustedProxies {
    type Err = ParseTrustedProxiesError;

    /// Reads addresses and networks in CIDR notation, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = |item: &str| {
            let address = item.parse::<IpAddr>().map(IpNet::from);
            let network = address.or_else(|_| item.parse::<IpNet>());
            network.map_err(|_| ParseTrustedProxiesError(item.to_owned()))
        };
        text.split(',').map(|item| network(item.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// Where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Address of the client, unless a proxy keeps it to itself.
    pub(crate) client: Option<ClientAddress>,
    /// How the client speaks to the first of the trusted proxies, if that is said.
    pub(crate) transport: Option<Transport>,
    /// The host that the client asked for, if that is said.
    pub(crate) host: Option<String>,
}

/// Why what a trusted proxy says can't be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OriginError {
    #[error("the header `{0}` is not valid")]
    Malformed(&'static str),
    #[error("the header `{0}` is too long")]
    TooLong(&'static str),
    #[error("`Forwarded` and `X-Forwarded-For` contradict each other")]
    Contradiction,
}

/// What one proxy says of the request that it received.
#[derive(Clone, Debug)]
struct Hop {
    node: Node,
    transport: Option<Transport>,
    host: Option<String>,
}

impl TrustedProxies {
    /// Whether no proxy is trusted.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns where a request comes from that `peer` sent with these headers.
    ///
    /// A proxy writes one of the two kinds of headers, and may pass the client's own of the other
    /// kind on. Which of them it wrote can't be seen, so that both must say the same.
    pub(crate) fn origin(
        &self,
        peer: Option<ClientAddress>,
        headers: &HeaderMap,
    ) -> Result<Origin, OriginError> {
        let of_peer = Origin { client: peer, ..Origin::default() };
        let Some(ClientAddress(_)) = peer.filter(|peer| self.trust(peer.0)) else {
            return Ok(of_peer);
        };
        let standard = forwarded::hops(headers)?;
        let standard = standard.map(|hops| self.farthest(&of_peer, hops)).transpose()?;
        let de_facto = x_forwarded::hops(headers)?;
        let de_facto = de_facto.map(|hops| self.farthest(&of_peer, hops)).transpose()?;
        match (standard, de_facto) {
            (Some(standard), Some(de_facto)) if standard != de_facto => {
                Err(OriginError::Contradiction)
            }
            (standard, de_facto) => Ok(standard.or(de_facto).unwrap_or(of_peer)),
        }
    }

    fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Goes back along `hops`, the nearest first, as far as trusted proxies speak.
    fn farthest(
        &self,
        peer: &Origin,
        hops: impl Iterator<Item = Result<Hop, OriginError>>,
    ) -> Result<Origin, OriginError> {
        let mut farthest = peer.clone();
        for hop in hops {
            let Hop { node, transport, host } = hop?;
            let (client, is_proxy) = match node {
                Node::Address(address) => (Some(ClientAddress(address)), self.trust(address)),
                Node::Peer => (peer.client, false),
                Node::Hidden => (None, false),
            };
            farthest = Origin { client, transport, host };
            if !is_proxy {
                break;
            }
        }
        Ok(farthest)
    }
}

/// Returns a header's lines, or `None` if there are none.
fn lines<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<Vec<&'a str>>, OriginError> {
    let values = headers.get_all(name).iter();
    let lines: Result<Vec<_>, _> = values.map(hyper::header::HeaderValue::to_str).collect();
    let lines = lines.map_err(|_| OriginError::Malformed(shown))?;
    match lines.iter().map(|line| line.len()).sum::<usize>() {
        _ if lines.is_empty() => Ok(None),
        length if length > LONGEST_VALUE => Err(OriginError::TooLong(shown)),
        _ => Ok(Some(lines)),
    }
}

/// Reads `http` or `https`.
fn transport(text: &str) -> Option<Transport> {
    if text.eq_ignore_ascii_case("https") {
        return Some(Transport::Tls);
    }
    text.eq_ignore_ascii_case("http").then_some(Transport::Plain)
}

/// Whether a host is a name or address with or without a port, and nothing else.
pub(crate) fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(allowed)
}
