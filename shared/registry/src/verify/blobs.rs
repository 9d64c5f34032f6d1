//! Computing the digests of blobs, on all processors.

use std::collections::HashSet;
use std::sync::Arc;

use berth_types::{Algorithm, Digest, Hasher, RepositoryName};
use futures_util::StreamExt;
use tokio::task::JoinSet;

use super::Damage;
use crate::error::RegistryError;
use crate::ports::{ObjectKey, PutError, ReadObjects};

/// A blob whose bytes are to be checked.
#[derive(Debug)]
pub(super) struct Blob {
    /// A repository that has it.
    pub(super) repository: RepositoryName,
    /// The digest that its bytes should have.
    pub(super) digest: Digest,
    /// Where they are.
    pub(super) object: ObjectKey,
    /// How many they are.
    pub(super) size: u64,
}

/// Checks blobs, as many at once as there are processors, and each object once.
#[derive(Debug)]
pub(super) struct Blobs {
    objects: Arc<dyn ReadObjects>,
    most: usize,
    running: JoinSet<(Blob, Result<(), Damage>)>,
    /// Fingerprints of what was checked: repositories share objects.
    checked: HashSet<[u8; 16]>,
}

impl Blobs {
    /// Makes what checks blobs of `objects`.
    pub(super) fn of(objects: Arc<dyn ReadObjects>) -> Self {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { objects, most, running: JoinSet::new(), checked: HashSet::new() }
    }

    /// Begins to check a blob, unless its object was checked; waits while too many are, and returns
    /// those that are done meanwhile.
    pub(super) async fn check(&mut self, blob: Blob) -> Vec<(Blob, Result<(), Damage>)> {
        let mut done = Vec::new();
        if !self.checked.insert(fingerprint(&blob)) {
            return done;
        }
        while self.running.len() >= self.most {
            done.extend(self.next().await);
        }
        let objects = self.objects.clone();
        self.running.spawn(async move {
            let result = check(objects.as_ref(), &blob).await;
            (blob, result)
        });
        done
    }

    /// Waits for one of those that are being checked; `None` if none is.
    pub(super) async fn next(&mut self) -> Option<(Blob, Result<(), Damage>)> {
        // A task that panicked has said so; there is nothing to tell of its blob.
        loop {
            match self.running.join_next().await? {
                Ok(done) => return Some(done),
                Err(error) => tracing::error!(%error, "a blob was not checked"),
            }
        }
    }
}

/// Returns what tells an object of a size and digest from all others.
fn fingerprint(Blob { digest, object, size, .. }: &Blob) -> [u8; 16] {
    let text = format!("{}\n{digest}\n{size}", object.as_str());
    let hash = Digest::of(Algorithm::Sha256, text.as_bytes());
    let mut fingerprint = [0; 16];
    for (byte, hex) in fingerprint.iter_mut().zip(hash.hex().as_bytes().chunks(2)) {
        let hex = std::str::from_utf8(hex).unwrap_or_default();
        *byte = u8::from_str_radix(hex, 16).unwrap_or_default();
    }
    fingerprint
}

/// Reads a blob piece by piece, and compares its digest.
async fn check(objects: &dyn ReadObjects, blob: &Blob) -> Result<(), Damage> {
    let actual = hash(objects, blob).await;
    let actual = actual.map_err(|error| Damage::of_object(&blob.object, &error))?;
    match actual == blob.digest {
        true => Ok(()),
        false => Err(Damage::DigestDiffers(actual.to_string())),
    }
}

async fn hash(objects: &dyn ReadObjects, blob: &Blob) -> Result<Digest, RegistryError> {
    let mut hasher = Hasher::new(blob.digest.algorithm());
    let mut stream = objects.read(&blob.object, 0..blob.size).await?;
    while let Some(piece) = stream.next().await {
        hasher.update(&piece.map_err(PutError::Body)?);
    }
    Ok(hasher.finish())
}
