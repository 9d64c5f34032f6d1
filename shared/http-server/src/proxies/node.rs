use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Who sent a request to a proxy, by the proxy's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Whoever has this address.
    Address(IpAddr),
    /// The proxy says nothing of it: it is the server's own peer, as far as is known.
    Peer,
    /// The proxy keeps the address to itself.
    Hidden,
}

impl Node {
    /// Reads a node identifier of `Forwarded`: an address, of IPv6 in brackets, `unknown` or a
    /// name that begins with `_`; each with or without a port, which may be such a name too.
    ///
    /// Follows [RFC 7239, section 6](https://www.rfc-editor.org/rfc/rfc7239#section-6).
    pub(super) fn parse_identifier(text: &str) -> Option<Self> {
        let (node, rest) = if let Some(bracketed) = text.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            (Self::Address(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)), rest)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            let is_hidden = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
            let address = name.parse().ok().map(|address| Self::Address(IpAddr::V4(address)));
            (address.or(is_hidden.then_some(Self::Hidden))?, rest)
        };
        match rest.strip_prefix(':') {
            None if rest.is_empty() => Some(node),
            Some(port) if is_port(port) || is_obfuscated(port) => Some(node),
            _ => None,
        }
    }

    /// Reads an item of `X-Forwarded-For`: an address with or without a port, or `unknown`.
    pub(super) fn parse_item(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("unknown") {
            return Some(Self::Hidden);
        }
        let address = text.parse::<IpAddr>().ok();
        let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
        let bracketed = || {
            let address = text.strip_prefix('[')?.strip_suffix(']')?;
            address.parse().ok().map(IpAddr::V6)
        };
        address.or_else(with_port).or_else(bracketed).map(Self::Address)
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_obfuscated(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}
