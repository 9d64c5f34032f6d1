//! Users, their access keys and their policies.
//!
//! A user is one item, which lists the user's access keys and policies: whatever adds or removes
//! one changes the item on condition of its version, so that limits hold under races, and a user
//! is deleted with all that belongs to it in one transaction. An access key is found by its id in
//! one read; its secret lies sealed by one of the [`SealingKeys`](crate::access::SealingKeys), bound
//! to the id.

mod access_keys;
mod error;
mod policies;
mod record;
mod users;

pub(crate) use access_keys::new_access_key;
pub use access_keys::{AccessKey, AccessKeyStatus, NewAccessKey};
pub use error::IdentityError;
pub use users::{User, UserPage};

use std::sync::Arc;

use berth_types::UserName;

use self::record::StoredUser;
pub(crate) use self::record::{StoredAccessKey, purpose};
use crate::access::KnownKeys;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::layout::Place;
use crate::ports::{Clock, Condition, Consistency, Operation, StoreError, WriteTable};

/// The use cases of users.
#[derive(Clone, Debug)]
pub struct Users {
    table: Arc<dyn WriteTable>,
    known: Arc<KnownKeys>,
    clock: Arc<dyn Clock>,
}

impl Users {
    /// Puts the use cases on a table, and on what the process knows of access keys, which forgets
    /// what they change.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>, known: Arc<KnownKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { table, known, clock }
    }

    /// Carries out a change; `false` if another request changed the same first.
    async fn commit(&self, operations: Vec<Operation>) -> Result<bool, StoreError> {
        let result = won(self.table.transact(operations).await);
        // Even one that failed may have been carried out.
        self.known.forget();
        result
    }

    /// Returns a user as it is now, and its item's version. The name is written as the user's is:
    /// policies compare it so.
    async fn current(&self, name: &UserName) -> Result<(StoredUser, u64), IdentityError> {
        let item = self.table.get(&Place::User(name).key(), Consistency::Strong).await?;
        let unknown = || IdentityError::UserUnknown(name.clone());
        let item = item.ok_or_else(unknown)?;
        let user: StoredUser = decode(&item)?;
        if user.name != *name {
            return Err(unknown());
        }
        Ok((user, item.version))
    }
}

/// Makes the operation that changes a user who is still of this version.
fn change(name: &UserName, user: &StoredUser, version: u64) -> Result<Operation, StoreError> {
    let key = Place::User(name).key();
    Ok(put(key, encode(user)?, version, Condition::Version(version)))
}
