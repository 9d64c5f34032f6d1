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

use berth_types::{
    AccessKeyId, Digest, PolicyName, PrincipalArn, RepositoryName, RepositoryPrefix, Tag,
    TrustName, UploadId, UserName,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::outbox::EventId;
use crate::ports::{Key, ObjectKey, Timestamp};
use crate::replication::BackfillId;
use crate::settings::{PrefixedKind, ReplicationDestination};

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

/// Place of one item in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Repository(&'a RepositoryName),
    Listing(&'a RepositoryName),
    Deleted(&'a RepositoryId),
    Image(&'a RepositoryId, &'a Digest),
    Pulled(&'a RepositoryId, &'a Digest),
    ImageTag(&'a RepositoryId, &'a Digest, &'a Tag),
    Manifest(&'a RepositoryId, &'a Digest),
    Tag(&'a RepositoryId, &'a Tag),
    Layer(&'a RepositoryId, &'a Digest),
    Use {
        repository: &'a RepositoryId,
        layer: &'a Digest,
        image: &'a Digest,
    },
    Referrer {
        repository: &'a RepositoryId,
        subject: &'a Digest,
        digest: &'a Digest,
    },
    Replication {
        repository: &'a RepositoryId,
        digest: &'a Digest,
        destination: &'a ReplicationDestination,
    },
    LifecyclePolicy(&'a RepositoryId),
    LifecycleRun(&'a RepositoryId),
    LifecyclePreview(&'a RepositoryId),
    LifecyclePreviewPage {
        repository: &'a RepositoryId,
        run: Uuid,
        last: &'a Digest,
    },
    Upload(&'a RepositoryId, &'a UploadId),
    Figures(&'a RepositoryId),
    RegistryFigures,
    Link(&'a Digest, &'a RepositoryId),
    Object(&'a ObjectKey),
    PullTimeExclusion(&'a PrincipalArn),
    SealingKey(Uuid),
    Setting(&'a str),
    Prefixed(PrefixedKind, &'a RepositoryPrefix),
    User(&'a UserName),
    UserPolicy(&'a UserName, &'a PolicyName),
    AccessKey(&'a AccessKeyId),
    Trust(&'a TrustName),
    TrustPolicy(&'a TrustName, &'a PolicyName),
    Proof {
        signed_at: Timestamp,
        signature: &'a str,
    },
    Event(EventId),
    Schedule,
    Backfill(BackfillId),
    BackfillPage {
        backfill: BackfillId,
        page: u32,
    },
    UnendedBackfills,
}

impl Place<'_> {
    /// Returns the key.
    pub(crate) fn key(self) -> Key {
        let content = |id: &RepositoryId, sort: String| Key { partition: content(id), sort };
        match self {
            Self::Repository(name) => {
                Key { partition: format!("name/{name}"), sort: "repository".to_owned() }
            }
            Self::Listing(name) => {
                Key { partition: NAMES.to_owned(), sort: name.as_str().to_owned() }
            }
            Self::Deleted(id) => Key { partition: DELETED.to_owned(), sort: id.0.clone() },
            Self::Image(id, digest) => content(id, format!("{IMAGES}{digest}")),
            Self::Pulled(id, digest) => content(id, format!("{IMAGES}{digest}/{PULLED}")),
            Self::ImageTag(id, digest, tag) => content(id, format!("{}{tag}", image_tags(digest))),
            Self::Manifest(id, digest) => content(id, format!("{MANIFESTS}{digest}")),
            Self::Tag(id, tag) => content(id, format!("{TAGS}{tag}")),
            Self::Layer(id, digest) => content(id, layer(digest)),
            Self::Use { repository, layer, image } => {
                content(repository, format!("{}{image}", uses(layer)))
            }
            Self::Referrer { repository, subject, digest } => {
                content(repository, format!("{}{digest}", referrers(subject)))
            }
            Self::Replication { repository, digest, destination } => {
                let ReplicationDestination { region, registry_id } = destination;
                let sort = format!("{}{registry_id}/{region}", replications(digest));
                content(repository, sort)
            }
            Self::LifecyclePolicy(id) => content(id, "lifecycle-policy".to_owned()),
            Self::LifecycleRun(id) => content(id, "lifecycle-run".to_owned()),
            Self::LifecyclePreview(id) => content(id, "lifecycle-preview".to_owned()),
            Self::LifecyclePreviewPage { repository, run, last } => {
                content(repository, format!("{}{last}", lifecycle_preview_pages(run)))
            }
            Self::Upload(id, upload) => content(id, format!("{UPLOADS}{upload}")),
            Self::Figures(id) => content(id, FIGURES.to_owned()),
            Self::RegistryFigures => {
                Key { partition: FIGURES.to_owned(), sort: "registry".to_owned() }
            }
            Self::PullTimeExclusion(principal) => {
                let partition = PULL_TIME_EXCLUSIONS.to_owned();
                Key { partition, sort: principal.to_string() }
            }
            Self::Link(digest, id) => Key { partition: links(digest), sort: id.0.clone() },
            Self::Object(object) => {
                let partition = format!("object/{}", object.as_str());
                Key { partition, sort: "object".to_owned() }
            }
            Self::Setting(name) => Key { partition: "settings".to_owned(), sort: name.to_owned() },
            Self::Prefixed(kind, prefix) => {
                Key { partition: partition_of(kind).to_owned(), sort: prefix.folder().to_owned() }
            }
            Self::SealingKey(id) => {
                Key { partition: SEALING_KEYS.to_owned(), sort: id.to_string() }
            }
            Self::User(name) => Key { partition: USERS.to_owned(), sort: name.folded() },
            Self::UserPolicy(user, policy) => {
                Key { partition: of_user(user), sort: format!("{POLICIES}{policy}") }
            }
            Self::Trust(name) => Key { partition: TRUSTS.to_owned(), sort: name.to_string() },
            Self::Proof { signed_at, signature } => {
                Key { partition: PROOFS.to_owned(), sort: proof(signed_at, signature) }
            }
            Self::Schedule => Key { partition: "schedule".to_owned(), sort: "schedule".to_owned() },
            Self::Event(id) => {
                let sort = format!("{:014}/{}", id.at.millis(), id.uuid);
                Key { partition: outbox(shard(id.uuid)), sort }
            }
            Self::Backfill(id) => Key { partition: BACKFILLS.to_owned(), sort: id.to_string() },
            Self::BackfillPage { backfill, page } => {
                Key { partition: backfill_pages(backfill), sort: format!("page/{page:08}") }
            }
            Self::UnendedBackfills => {
                let name = "unended-backfills".to_owned();
                Key { partition: name.clone(), sort: name }
            }
            Self::TrustPolicy(trust, policy) => {
                Key { partition: of_trust(trust), sort: format!("{POLICIES}{policy}") }
            }
            Self::AccessKey(id) => {
                Key { partition: format!("access-key/{id}"), sort: "access-key".to_owned() }
            }
        }
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

/// Returns the key of an object for bytes that an upload sends to a repository; the nonce tells
/// attempts at one upload apart.
pub(crate) fn blob_object(id: &RepositoryId, upload: &UploadId, nonce: Uuid) -> ObjectKey {
    ObjectKey::new(format!("{BLOB_OBJECTS}{}/{upload}-{}", id.0, nonce.simple()))
}

/// Returns the key of a large manifest's object; the nonce tells pushes of one manifest apart.
pub(crate) fn manifest_object(id: &RepositoryId, digest: &Digest, nonce: Uuid) -> ObjectKey {
    let (algorithm, hex) = (digest.algorithm().as_str(), digest.hex());
    // Half of a UUID's bits: the key of a SHA-512 digest is as long as a key may be.
    let nonce = nonce.as_u64_pair().0;
    ObjectKey::new(format!("{MANIFEST_OBJECTS}{}/{algorithm}-{hex}-{nonce:016x}", id.0))
}

/// Begin of the keys of blobs' objects.
const BLOB_OBJECTS: &str = "blobs/";

/// Begin of the keys of manifests' objects.
const MANIFEST_OBJECTS: &str = "manifests/";

/// Who may name an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObjectOwner {
    /// An upload's session and, once the upload has ended, layers of any repository.
    Upload(RepositoryId, UploadId),
    /// A manifest.
    Manifest(RepositoryId, Digest),
}

/// Parses the key of an object; `None` if it has a form that is not made any more, or never was.
pub(crate) fn parse_object_key(key: &ObjectKey) -> Option<ObjectOwner> {
    if let Some(rest) = key.as_str().strip_prefix(BLOB_OBJECTS) {
        let (repository, rest) = rest.split_once('/')?;
        let (upload, _) = rest.rsplit_once('-')?;
        return Some(ObjectOwner::Upload(RepositoryId::parse(repository)?, upload.parse().ok()?));
    }
    let (repository, rest) = key.as_str().strip_prefix(MANIFEST_OBJECTS)?.split_once('/')?;
    let (digest, _) = rest.rsplit_once('-')?;
    let digest = digest.replacen('-', ":", 1).parse().ok()?;
    Some(ObjectOwner::Manifest(RepositoryId::parse(repository)?, digest))
}

#[cfg(test)]
mod tests {
    use berth_types::Algorithm;

    use super::*;

    #[test]
    fn keys_of_objects_say_who_may_name_them() {
        let id = RepositoryId::new(Uuid::from_u128(7));
        let upload: UploadId = Uuid::from_u128(8).to_string().parse().unwrap();
        let key = blob_object(&id, &upload, Uuid::from_u128(9));
        let owner = ObjectOwner::Upload(id.clone(), upload);
        assert_eq!(parse_object_key(&key), Some(owner));
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"a manifest");
            let key = manifest_object(&id, &digest, Uuid::from_u128(u128::MAX));
            assert!(key.as_str().len() <= 200, "a file's name has room for 200 bytes");
            assert_eq!(parse_object_key(&key), Some(ObjectOwner::Manifest(id.clone(), digest)));
        }
        for other in ["", "blobs/x", "blobs/x/y", "blobs/x/y-z", "manifests/x", "manifests/a/b-c"] {
            assert_eq!(parse_object_key(&ObjectKey::new(other.to_owned())), None, "{other}");
        }
    }
}
