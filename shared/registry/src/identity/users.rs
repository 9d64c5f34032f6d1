use berth_types::UserName;

use super::record::StoredUser;
use super::{IdentityError, Users};
use crate::access::{Action, RegistryPermit, UserPermit};
use crate::contention::Attempts;
use crate::document::{decode, encode, put};
use crate::layout::{Place, USERS};
use crate::ports::{
    Condition, Consistency, Operation, Query, Select, StoreError, StoreErrorKind, Timestamp,
    TransactError,
};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: UserName,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A page of users, in the order of their names in lower case.
#[derive(Clone, Debug, Default)]
pub struct UserPage {
    /// The users.
    pub users: Vec<User>,
    /// Name after which the next page begins; `None` at the end.
    pub next: Option<UserName>,
}

impl Users {
    /// Makes the user that the permit names, without access keys and policies. There must be none
    /// whose name differs in case alone, as in
    /// [IAM](https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html).
    pub async fn create(&self, permit: &UserPermit) -> Result<User, IdentityError> {
        permit.must_be(Action::CreateUser);
        let (name, created_at) = (permit.name().clone(), self.clock.now());
        let (access_keys, policies) = (Vec::new(), Vec::new());
        let stored = StoredUser { name: name.clone(), created_at, access_keys, policies };
        let key = Place::User(&name).key();
        let operation = put(key, encode(&stored)?, created_at.millis(), Condition::Absent);
        match self.table.transact(vec![operation]).await {
            Ok(()) => Ok(User { name, created_at }),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(IdentityError::UserExists(name))
            }
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    /// Returns at most `limit` users (1 to 1,000) after the name `after`.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        after: Option<&UserName>,
        limit: usize,
    ) -> Result<UserPage, IdentityError> {
        permit.must_be(Action::ListUsers);
        let query = Query {
            partition: USERS.to_owned(),
            prefix: String::new(),
            after: after.map(UserName::folded),
            limit: limit.clamp(1, 1000),
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        let mut users = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let StoredUser { name, created_at, .. } = decode(item)?;
            users.push(User { name, created_at });
        }
        let next = page.next.as_deref().map(parse).transpose()?;
        Ok(UserPage { users, next })
    }

    /// Deletes the user that the permit names, with its access keys and policies.
    pub async fn delete(&self, permit: &UserPermit) -> Result<(), IdentityError> {
        permit.must_be(Action::DeleteUser);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (user, version) = self.current(name).await?;
            let keys = user.access_keys.iter().map(|id| Place::AccessKey(id).key());
            let policies = user.policies.iter().map(|it| Place::UserPolicy(name, it).key());
            let condition = Condition::Version(version);
            let mut operations =
                vec![Operation::Delete { key: Place::User(name).key(), condition }];
            for key in keys.chain(policies) {
                operations.push(Operation::Delete { key, condition: Condition::Any });
            }
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}

fn parse(name: &str) -> Result<UserName, StoreError> {
    name.parse().map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
}
