use berth_types::{
    AccessKeyId, Digest, PolicyName, PrincipalArn, RepositoryName, RepositoryPrefix, Tag,
    TrustName, UploadId, UserName,
};
use uuid::Uuid;

use super::{
    BACKFILLS, DELETED, FIGURES, IMAGES, MANIFESTS, NAMES, POLICIES, PROOFS, PULL_TIME_EXCLUSIONS,
    PULLED, RepositoryId, SEALING_KEYS, TAGS, TRUSTS, UPLOADS, USERS, backfill_pages, content,
    image_tags, layer, lifecycle_preview_pages, links, of_trust, of_user, outbox, partition_of,
    proof, referrers, replications, shard, uses,
};
use crate::outbox::EventId;
use crate::ports::{Key, ObjectKey, Timestamp};
use crate::replication::BackfillId;
use crate::settings::{PrefixedKind, ReplicationDestination};

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
