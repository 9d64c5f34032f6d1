//! Where everything lies in the table and among the objects.
//!
//! | partition | sort key | document | attributes, counters |
//! |---|---|---|---|
//! | `name/NAME` | `repository` | [`Repository`](crate::Repository) | |
//! | `names` | NAME | repository id | |
//! | `deleted` | ID | name of a repository whose content waits for collection | |
//! | `repository/ID` | `image/DIGEST` | image summary | counters `parents`, `archivedParents` |
//! | `repository/ID` | `image/DIGEST/pulled` | time of the last pull | |
//! | `repository/ID` | `image/DIGEST/tag/TAG` | empty | |
//! | `repository/ID` | `manifest/DIGEST` | the manifest's bytes | `mediaType`; `object` if they are an object |
//! | `repository/ID` | `tag/TAG` | digest, media type, size | `digest` |
//! | `repository/ID` | `layer/DIGEST` | size, object, deletion | |
//! | `repository/ID` | `use/LAYER/IMAGE` | media type of the layer | |
//! | `repository/ID` | `referrer/SUBJECT/DIGEST` | descriptor | |
//! | `repository/ID` | `replication/DIGEST/ACCOUNT/REGION` | how far an image's replication is | |
//! | `repository/ID` | `lifecycle-policy` | text of the lifecycle policy | |
//! | `repository/ID` | `lifecycle-run` | when its lifecycle policy was evaluated last, and which version of it | |
//! | `repository/ID` | `lifecycle-preview` | what the last preview of a lifecycle policy came to | |
//! | `repository/ID` | `lifecycle-preview/RUN/DIGEST` | images that it acts on, this one the last | |
//! | `repository/ID` | `upload/UPLOAD` | upload session | |
//! | `repository/ID` | `figures` | what of the storage figures was counted without events | `counted`; counters of all that events told |
//! | `figures` | `registry` | empty | counters: the sum of all repositories' figures |
//! | `sealing-keys` | KEY | wrapped key that seals tokens, and when it was made | |
//! | `users` | NAME in lower case | user: name, when it was made, its access keys' ids, its policies' names | |
//! | `user/NAME` | `policy/POLICY` | text of a policy of the user | |
//! | `access-key/ID` | `access-key` | user, sealed secret, status | |
//! | `trusts` | NAME | trust: its id, whom it lets in, its policies' names | |
//! | `trust/NAME` | `policy/POLICY` | text of a policy of the trust's sessions | |
//! | `proofs` | TIME/SIGNATURE | empty: a proof of an AWS principal that was used | |
//! | `pull-time-exclusions` | ARN | when a principal's pulls were excluded | |
//! | `settings` | NAME | setting of the registry | |
//! | `templates` | PREFIX | template of the repositories that the registry makes | |
//! | `cache-rules` | PREFIX | rule of pull-through caches | |
//! | `backfills` | BACKFILL | backfill: its destination, how far it is | |
//! | `backfill/BACKFILL` | `page/NUMBER` | what it replicates, and what became of that | |
//! | `unended-backfills` | `unended-backfills` | the backfills that did not end | |
//! | `schedule` | `schedule` | up to when jobs that are due once a day are asked for | |
//! | `outbox/SHARD` | TIME/UUID | event: what changed | |
//! | `blob/DIGEST` | ID | name of a repository that links the blob | |
//! | `object/KEY` | `object` | digest of a blob's object, and since when nothing may name it | |
//!
//! Items of content lie under the repository's id; a name is one record that points to it, so
//! that a repository made anew under an old name starts empty.
//!
//! | object key | bytes |
//! |---|---|
//! | `blobs/ID/UPLOAD-NONCE` | a blob, or bytes of an upload, that was sent to the repository ID |
//! | `manifests/ID/DIGEST-NONCE` | a manifest of the repository ID that is too large for its item |
//!
//! An object's key so says who may name it, though nothing in the table should: that is how
//! collection finds out whether an object is anybody's.

mod objects;
mod place;

use berth_types::{Digest, Tag, TrustName, UserName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use objects::{ObjectOwner, blob_object, manifest_object, parse_object_key};
pub(crate) use place::Place;

use crate::outbox::EventId;
use crate::ports::{Key, Timestamp};
use crate::replication::BackfillId;
use crate::settings::PrefixedKind;

/// Id of a repository: a UUID, never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepositoryId(String);

impl RepositoryId {
    /// Makes an id out of a random UUID.
    #[must_use]
    pub fn new(uuid: Uuid) -> Self {
        Self(uuid.to_string())
    }

    /// Takes the id that is the sort key of an item.
    pub(crate) fn of_key(sort: String) -> Self {
        Self(sort)
    }

    /// Returns the id that has this text; `None` if none has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self::new)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many partitions the outbox has, so that no one of them takes every push.
pub(crate) const OUTBOX_SHARDS: u8 = 8;

/// Parses the key of an event: when it happened, and its UUID; `None` if it is another key.
pub(crate) fn parse_event_key(key: &Key) -> Option<(Timestamp, Uuid)> {
    let (at, uuid) = key.sort.split_once('/')?;
    let (at, uuid) = (Timestamp::from_millis(at.parse().ok()?), uuid.parse().ok()?);
    let is_event = Place::Event(EventId { at, uuid }).key() == *key;
    is_event.then_some((at, uuid))
}

/// Returns the partition of a shard of the outbox: the oldest event comes first.
pub(crate) fn outbox(shard: u8) -> String {
    format!("outbox/{shard}")
}

fn shard(event: Uuid) -> u8 {
    event.as_bytes()[0] % OUTBOX_SHARDS
}

/// Sort key of a repository's storage figures, and partition of the registry's.
pub(crate) const FIGURES: &str = "figures";

/// Partition of all backfills, the oldest first.
pub(crate) const BACKFILLS: &str = "backfills";

/// Returns the partition of a backfill's pages.
pub(crate) fn backfill_pages(id: BackfillId) -> String {
    format!("backfill/{id}")
}

/// Partition of the deleted repositories whose content is not collected yet.
pub(crate) const DELETED: &str = "deleted";

/// Begin of the sort keys of a repository's layers.
pub(crate) const LAYERS: &str = "layer/";

/// Begin of the sort keys of a repository's manifests.
pub(crate) const MANIFESTS: &str = "manifest/";

/// Begin of the sort keys of a repository's upload sessions.
pub(crate) const UPLOADS: &str = "upload/";

/// Partition of the names of all repositories.
pub(crate) const NAMES: &str = "names";

/// Partition of the keys that seal tokens.
pub(crate) const SEALING_KEYS: &str = "sealing-keys";

/// Partition of all users.
pub(crate) const USERS: &str = "users";

/// Partition of all trusts.
pub(crate) const TRUSTS: &str = "trusts";

/// Partition of the proofs that were used.
pub(crate) const PROOFS: &str = "proofs";

/// Begin of the sort keys of a user's policies, and of a trust's.
pub(crate) const POLICIES: &str = "policy/";

/// Returns the partition of the settings of a kind, each under its prefix.
pub(crate) fn partition_of(kind: PrefixedKind) -> &'static str {
    match kind {
        PrefixedKind::CreationTemplate => "templates",
        PrefixedKind::CacheRule => "cache-rules",
    }
}

/// Partition of the principals whose pulls are not recorded.
pub(crate) const PULL_TIME_EXCLUSIONS: &str = "pull-time-exclusions";

/// Begin of the sort keys of images, each followed by its last pull and its tags.
pub(crate) const IMAGES: &str = "image/";

/// End of the sort key of an image's last pull; before its tags.
const PULLED: &str = "pulled";

/// Begin of what follows an image in the sort key of one of its tags.
const TAG: &str = "tag/";

/// Begin of the sort keys of all referrers.
pub(crate) const REFERRERS: &str = "referrer/";

/// Begin of the sort keys of tags.
pub(crate) const TAGS: &str = "tag/";

/// Returns the partition of a repository's content.
pub(crate) fn content(id: &RepositoryId) -> String {
    format!("repository/{}", id.0)
}

/// Returns the partition of what belongs to a user.
pub(crate) fn of_user(name: &UserName) -> String {
    format!("user/{name}")
}

/// Returns the partition of what belongs to a trust.
pub(crate) fn of_trust(name: &TrustName) -> String {
    format!("trust/{name}")
}

/// Returns the sort key of a proof: the oldest come first.
pub(crate) fn proof(signed_at: Timestamp, signature: &str) -> String {
    format!("{:012}/{signature}", signed_at.seconds())
}

/// Returns the begin of the sort keys of an image's tags.
pub(crate) fn image_tags(digest: &Digest) -> String {
    format!("{IMAGES}{digest}/{TAG}")
}

/// Returns the sort key behind which everything of an image lies.
pub(crate) fn image(digest: &Digest) -> String {
    format!("{IMAGES}{digest}")
}

/// Returns a sort key that lies behind everything of an image, and before the next image.
pub(crate) fn behind_image(digest: &Digest) -> String {
    // What belongs to the image has a `/` there, and the next character is `0`.
    format!("{IMAGES}{digest}0")
}

/// What an item among a repository's images is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImagePart {
    /// The summary.
    Summary,
    /// The last pull.
    Pulled,
    /// One of the tags.
    Tag(Tag),
}

/// Parses the sort key of an item among a repository's images; `None` if it is damaged.
pub(crate) fn parse_image_key(sort: &str) -> Option<(Digest, ImagePart)> {
    let rest = sort.strip_prefix(IMAGES)?;
    let (digest, part) = match rest.split_once('/') {
        None => (rest, ImagePart::Summary),
        Some((digest, PULLED)) => (digest, ImagePart::Pulled),
        Some((digest, tag)) => (digest, ImagePart::Tag(tag.strip_prefix(TAG)?.parse().ok()?)),
    };
    Some((digest.parse().ok()?, part))
}

/// Begin of the sort keys of all pages of a repository's previews.
pub(crate) const LIFECYCLE_PREVIEWS: &str = "lifecycle-preview/";

/// Returns the begin of the sort keys of the pages of one run of a preview.
pub(crate) fn lifecycle_preview_pages(run: Uuid) -> String {
    format!("{LIFECYCLE_PREVIEWS}{run}/")
}

/// Begin of the sort keys of uses.
pub(crate) const USES: &str = "use/";

/// Returns the begin of the sort keys of what is known of an image's replications.
pub(crate) fn replications(digest: &Digest) -> String {
    format!("replication/{digest}/")
}

/// Returns the begin of the sort keys of a layer's uses.
pub(crate) fn uses(layer: &Digest) -> String {
    format!("{USES}{layer}/")
}

/// Returns a sort key that lies behind all uses of a layer, and before those of the next.
pub(crate) fn behind_uses(layer: &Digest) -> String {
    // Its uses have a `/` there, and the next character is `0`.
    format!("{USES}{layer}0")
}

/// Returns the sort key of a layer.
pub(crate) fn layer(digest: &Digest) -> String {
    format!("{LAYERS}{digest}")
}

/// Parses the sort key of a layer; `None` if it is another key.
pub(crate) fn parse_layer_key(sort: &str) -> Option<Digest> {
    sort.strip_prefix(LAYERS)?.parse().ok()
}

/// Parses the sort key of a use: the layer, and the image; `None` if it is another key.
pub(crate) fn parse_use_key(sort: &str) -> Option<(Digest, Digest)> {
    let (layer, image) = sort.strip_prefix(USES)?.split_once('/')?;
    Some((layer.parse().ok()?, image.parse().ok()?))
}

/// Returns the begin of the sort keys of a manifest's referrers.
pub(crate) fn referrers(subject: &Digest) -> String {
    format!("{REFERRERS}{subject}/")
}

/// Returns the partition of the repositories that link a blob.
pub(crate) fn links(digest: &Digest) -> String {
    format!("blob/{digest}")
}
