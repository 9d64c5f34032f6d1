use std::str::FromStr;

use berth_registry::Identity;
use berth_types::{Region, RegistryId};

/// The most peers. A function's variables have 4 KB together.
const MOST: usize = 16;

/// Another registry, as a stack's output `AsPeer` says it:
/// `ACCOUNT/REGION=TABLE,BUCKET,KEY,ROLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSettings {
    /// Account that owns it.
    pub account: RegistryId,
    /// Region that it stands in.
    pub region: Region,
    /// Name of its table.
    pub table: String,
    /// Name of its bucket.
    pub bucket: String,
    /// ARN of its KMS key.
    pub key_id: String,
    /// ARN of the role that replicates to it.
    pub role: String,
}

impl PeerSettings {
    /// Returns which registry it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { registry_id: self.account.clone(), region: self.region.clone() }
    }
}

/// What is no list of peers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePeersError {
    /// A peer is not of the form.
    #[error("peer `{0}` must be ACCOUNT/REGION=TABLE,BUCKET,KEY,ROLE")]
    Form(String),
    /// Two peers are the same registry.
    #[error("the registry {0} is named twice")]
    Twice(String),
    /// They are too many.
    #[error("there are {0} peers, expected at most {MOST}")]
    Count(usize),
}

/// Peers, with white space between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peers(pub(crate) Vec<PeerSettings>);

impl FromStr for Peers {
    type Err = ParsePeersError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut peers: Vec<PeerSettings> = Vec::new();
        for named in text.split_whitespace() {
            let peer = peer(named).ok_or_else(|| ParsePeersError::Form(named.to_owned()))?;
            let is_same =
                |other: &PeerSettings| other.account == peer.account && other.region == peer.region;
            if peers.iter().any(is_same) {
                let PeerSettings { account, region, .. } = peer;
                return Err(ParsePeersError::Twice(format!("{account}/{region}")));
            }
            peers.push(peer);
        }
        if peers.len() > MOST {
            return Err(ParsePeersError::Count(peers.len()));
        }
        Ok(Self(peers))
    }
}

fn peer(text: &str) -> Option<PeerSettings> {
    let (registry, places) = text.split_once('=')?;
    let (account, region) = registry.split_once('/')?;
    let places: Vec<&str> = places.split(',').collect();
    let [table, bucket, key_id, role] = places[..] else { return None };
    if places.contains(&"") {
        return None;
    }
    Some(PeerSettings {
        account: account.parse().ok()?,
        region: region.parse().ok()?,
        table: table.to_owned(),
        bucket: bucket.to_owned(),
        key_id: key_id.to_owned(),
        role: role.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "123456789012/eu-west-1=berth-Table-1,berth-bucket-2,\
        arn:aws:kms:eu-west-1:123456789012:key/3,arn:aws:iam::123456789012:role/berth-PeerRole-4";

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        let error = text.parse::<Peers>().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }

    #[test]
    fn peers_are_read() {
        let other = ONE.replace("eu-west-1=", "us-east-2=");
        let Peers(peers) = format!(" {ONE}\n {other} ").parse().unwrap();
        assert_eq!(peers.len(), 2);
        let PeerSettings { account, region, table, bucket, key_id, role } = &peers[0];
        assert_eq!((account.as_str(), region.as_str()), ("123456789012", "eu-west-1"));
        assert_eq!((table.as_str(), bucket.as_str()), ("berth-Table-1", "berth-bucket-2"));
        assert_eq!(key_id, "arn:aws:kms:eu-west-1:123456789012:key/3");
        assert_eq!(role, "arn:aws:iam::123456789012:role/berth-PeerRole-4");
        assert_eq!(peers[1].region.as_str(), "us-east-2");
        assert_eq!("".parse::<Peers>().unwrap(), Peers::default());
    }

    #[test]
    fn what_is_no_peer_is_refused() {
        check_refused("berth", "peer `berth` must be ACCOUNT/REGION=");
        check_refused(&ONE.replace("123456789012/", "12/"), "peer `12/eu-west-1=");
        check_refused(&ONE.replace("/eu-west-1=", "/EU="), "peer `123456789012/EU=");
        check_refused(&ONE.replace(",berth-bucket-2", ""), "peer `123456789012/");
        check_refused(&ONE.replace("berth-bucket-2", ""), "peer `123456789012/");
        check_refused(
            &format!("{ONE} {ONE}"),
            "the registry 123456789012/eu-west-1 is named twice",
        );
        let many: Vec<String> =
            (1..=17).map(|n| ONE.replace("eu-west-1=", &format!("eu-west-{n}="))).collect();
        check_refused(&many.join(" "), "there are 17 peers");
    }
}
