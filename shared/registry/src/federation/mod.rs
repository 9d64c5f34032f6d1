//! Whom of AWS the registry lets in, and their sessions.
//!
//! A trust is one item: whom it means, and the names of the policies that its sessions act with. A
//! session lies nowhere: its token says all of it, sealed by one of the
//! [`SealingKeys`](crate::access::SealingKeys), and it ends with its trust.

mod error;
mod policies;
mod proofs;
mod record;
mod sessions;
mod trusts;

pub use error::{SessionError, TrustError};
pub(crate) use record::StoredTrust;
pub use sessions::{Proof, SessionWish, Sessions};
pub use trusts::{NewTrust, Trust, TrustPage};

use std::sync::Arc;

use berth_types::TrustName;

use crate::access::KnownTrusts;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::layout::Place;
use crate::ports::{Clock, Condition, Consistency, Operation, StoreError, WriteTable};

/// The use cases of trusts.
#[derive(Clone, Debug)]
pub struct Trusts {
    table: Arc<dyn WriteTable>,
    known: Arc<KnownTrusts>,
    clock: Arc<dyn Clock>,
}

impl Trusts {
    /// Puts the use cases on a table, and on what the process knows of trusts, which forgets what
    /// they change.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>, known: Arc<KnownTrusts>, clock: Arc<dyn Clock>) -> Self {
        Self { table, known, clock }
    }

    /// Carries out a change; `false` if another request changed the same first.
    async fn commit(&self, operations: Vec<Operation>) -> Result<bool, StoreError> {
        let result = won(self.table.transact(operations).await);
        // Even one that failed may have been carried out.
        self.known.forget();
        result
    }

    /// Returns a trust as it is now, and its item's version.
    async fn current(&self, name: &TrustName) -> Result<(StoredTrust, u64), TrustError> {
        let item = self.table.get(&Place::Trust(name).key(), Consistency::Strong).await?;
        let item = item.ok_or_else(|| TrustError::TrustUnknown(name.clone()))?;
        Ok((decode(&item)?, item.version))
    }
}

/// Makes the operation that changes a trust that is still of this version.
fn change(name: &TrustName, trust: &StoredTrust, version: u64) -> Result<Operation, StoreError> {
    let key = Place::Trust(name).key();
    Ok(put(key, encode(trust)?, version, Condition::Version(version)))
}
