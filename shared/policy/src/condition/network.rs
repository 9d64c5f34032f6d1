//! Networks, as `IpAddress` compares them.

use std::net::IpAddr;

/// A range of addresses, such as `203.0.113.0/24` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    base: IpAddr,
    /// Number of leading bits that all addresses of the network share.
    prefix: u32,
}

/// Leading bits of an IPv6 address that maps one of IPv4.
const MAPPED: u32 = 96;

impl Network {
    /// Reads CIDR notation; an address alone is a network of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let width = width(base);
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width)?
            }
            Some(_) => return None,
        };
        Some(match base.to_canonical() {
            canonical if canonical != base && prefix >= MAPPED => {
                Self { base: canonical, prefix: prefix - MAPPED }
            }
            _ => Self { base, prefix },
        })
    }

    /// Whether `address` lies in the network. An IPv4 address that came mapped into IPv6 is the
    /// IPv4 address.
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let width = width(self.base);
        width == self::width(address)
            && (bits(self.base) ^ bits(address)).checked_shr(width - self.prefix).unwrap_or(0) == 0
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, address: &str, contains: bool) {
        let network = Network::parse(network).unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), contains, "{network:?} {address}");
    }

    #[test]
    fn networks_contain_addresses() {
        for (network, address, contains) in [
            ("203.0.113.0/24", "203.0.113.0", true),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.77/24", "203.0.113.1", true),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("128.0.0.0/1", "127.0.0.1", false),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", true),
            ("2001:db8:1234:5678::/64", "2001:db8:1234:5679::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("2001:db8::1", "2001:db8::1", true),
            ("2001:db8::1", "2001:db8::2", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.114.9", false),
        ] {
            check(network, address, contains);
        }
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in ["", "*", "10.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "a"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
