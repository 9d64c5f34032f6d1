use std::time::Duration;

use berth_policy::PrincipalPattern;
use berth_types::TrustName;
use uuid::Uuid;

use super::record::StoredTrust;
use super::{TrustError, Trusts};
use crate::access::{Action, RegistryPermit, TrustPermit};
use crate::contention::Attempts;
use crate::document::{decode, encode, put};
use crate::layout::{Place, TRUSTS};
use crate::ports::{
    Condition, Consistency, Item, Operation, Query, ReadTable, Select, StoreError, StoreErrorKind,
    Timestamp, TransactError,
};

/// The most trusts of a registry, so that who asks for a session is compared with few.
const MOST: usize = 100;

/// The most principals that a trust names.
const MOST_PRINCIPALS: usize = 50;

/// The shortest session, as in
/// [AssumeRole](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
pub(super) const SHORTEST_SESSION: Duration = Duration::from_mins(15);

/// The longest session, likewise.
const LONGEST_SESSION: Duration = Duration::from_hours(12);

/// Whom of AWS the registry lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Name.
    pub name: TrustName,
    /// Tells it from others that had or will have its name.
    pub id: Uuid,
    /// Whom it lets in.
    pub principals: Vec<PrincipalPattern>,
    /// The longest session.
    pub max_session: Duration,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a trust is made of.
#[derive(Clone, Debug)]
pub struct NewTrust {
    /// Whom it lets in: 1 to 50.
    pub principals: Vec<PrincipalPattern>,
    /// The longest session: 15 minutes to 12 hours.
    pub max_session: Duration,
}

/// A page of trusts, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct TrustPage {
    /// The trusts.
    pub trusts: Vec<Trust>,
    /// Name after which the next page begins; `None` at the end.
    pub next: Option<TrustName>,
}

impl Trusts {
    /// Makes the trust that the permit names, without policies: its sessions may do what policies
    /// of resources let them, and no more.
    pub async fn create(&self, permit: &TrustPermit, new: NewTrust) -> Result<Trust, TrustError> {
        permit.must_be(Action::CreateTrust);
        let NewTrust { principals, max_session } = new;
        if !(1..=MOST_PRINCIPALS).contains(&principals.len()) {
            return Err(TrustError::Principals(MOST_PRINCIPALS));
        }
        if !(SHORTEST_SESSION..=LONGEST_SESSION).contains(&max_session) {
            let (least, most) = (SHORTEST_SESSION, LONGEST_SESSION);
            return Err(TrustError::Duration { least, most });
        }
        if page(self.table.as_ref(), None, MOST).await?.trusts.len() >= MOST {
            return Err(TrustError::TooManyTrusts(MOST));
        }
        let (name, created_at) = (permit.name().clone(), self.clock.now());
        let trust = Trust { name, id: Uuid::new_v4(), principals, max_session, created_at };
        let operation = put(
            Place::Trust(&trust.name).key(),
            encode(&StoredTrust::of(&trust))?,
            created_at.millis(),
            Condition::Absent,
        );
        let result = self.table.transact(vec![operation]).await;
        self.known.forget();
        match result {
            Ok(()) => Ok(trust),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(TrustError::TrustExists(trust.name))
            }
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    /// Returns at most `limit` trusts (1 to 1,000) after the name `after`.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        after: Option<&TrustName>,
        limit: usize,
    ) -> Result<TrustPage, TrustError> {
        permit.must_be(Action::ListTrusts);
        Ok(page(self.table.as_ref(), after, limit).await?)
    }

    /// Deletes the trust that the permit names, with its policies. Its sessions end.
    pub async fn delete(&self, permit: &TrustPermit) -> Result<(), TrustError> {
        permit.must_be(Action::DeleteTrust);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (trust, version) = self.current(name).await?;
            let condition = Condition::Version(version);
            let mut operations =
                vec![Operation::Delete { key: Place::Trust(name).key(), condition }];
            for policy in &trust.policies {
                let key = Place::TrustPolicy(name, policy).key();
                operations.push(Operation::Delete { key, condition: Condition::Any });
            }
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}

/// Reads at most `limit` trusts after the name `after`.
pub(super) async fn page(
    table: &dyn ReadTable,
    after: Option<&TrustName>,
    limit: usize,
) -> Result<TrustPage, StoreError> {
    let query = Query {
        partition: TRUSTS.to_owned(),
        prefix: String::new(),
        after: after.map(TrustName::to_string),
        limit: limit.clamp(1, 1000),
        consistency: Consistency::Strong,
        select: Select::Items,
    };
    let page = table.query(&query).await?;
    let trusts = page.items.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(TrustPage { trusts, next: page.next.as_deref().map(parse_name).transpose()? })
}

fn parse(item: &Item) -> Result<Trust, StoreError> {
    let StoredTrust { id, principals, max_session_seconds, created_at, .. } = decode(item)?;
    Ok(Trust {
        name: parse_name(&item.key.sort)?,
        id,
        principals,
        max_session: Duration::from_secs(max_session_seconds),
        created_at,
    })
}

fn parse_name(name: &str) -> Result<TrustName, StoreError> {
    name.parse().map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
}
