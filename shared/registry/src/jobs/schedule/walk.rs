use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};

use super::parts::Parts;
use super::{Schedule, Step};
use crate::collection::{RegistryCollection, RepositoryCollection};
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{NAMES, Place, RepositoryId};
use crate::lifecycle::LifecycleJob;
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency, Item, Query, Select, Timestamp};

/// How many names are read at once.
const PAGE: usize = 1000;

/// The most jobs that one event asks for, so that it fits an item.
const JOBS: usize = 200;

/// How far the schedule is, as the table keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// What was due up to then is asked for.
    done: Timestamp,
    /// The walk that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    walk: Option<Walk>,
}

/// A walk over the names of all repositories.
#[derive(Debug, Serialize, Deserialize)]
struct Walk {
    /// It asks for what is due up to then.
    to: Timestamp,
    /// The last name that it came to; `None` at the begin.
    after: Option<String>,
}

impl Schedule {
    /// Begins a walk, or goes on with the one that was begun, by one page of names.
    pub(super) async fn step(&self) -> Result<Step, RegistryError> {
        let key = Place::Schedule.key();
        let now = self.clock.now();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return self.begin(now, Condition::Absent).await;
        };
        let State { done, walk } = decode(&item)?;
        if done > now.plus(self.period) {
            // The clock was wrong then, and was put back.
            return self.begin(now, Condition::Version(item.version)).await;
        }
        let Walk { to, after } = walk.unwrap_or(Walk { to: now, after: None });
        let Some(parts) = Parts::between(done, to, self.period) else { return Ok(Step::Done) };
        let mut jobs = Vec::new();
        if after.is_none() && parts.have_registry() {
            jobs.push(Job::CollectRegistry(RegistryCollection::new()));
        }
        let query = Query {
            partition: NAMES.to_owned(),
            prefix: String::new(),
            after,
            limit: PAGE,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        self.jobs_of(&page.items, &parts, &mut jobs).await?;
        let state = match page.next {
            Some(after) => State { done, walk: Some(Walk { to, after: Some(after) }) },
            None => State { done: to, walk: None },
        };
        let version = Condition::Version(item.version);
        let mut operations = vec![put(key, encode(&state)?, now.millis(), version)];
        for jobs in jobs.chunks(JOBS) {
            let event = Event::new(Change::Due { jobs: jobs.to_vec() }, now);
            operations.push(event.operation()?);
        }
        Ok(if won(self.table.transact(operations).await)? { Step::Some } else { Step::Lost })
    }

    /// Begins to count: what was due before is not asked for.
    async fn begin(&self, now: Timestamp, condition: Condition) -> Result<Step, RegistryError> {
        let state = State { done: now, walk: None };
        let operation = put(Place::Schedule.key(), encode(&state)?, now.millis(), condition);
        let won = won(self.table.transact(vec![operation]).await)?;
        Ok(if won { Step::Done } else { Step::Lost })
    }

    /// Adds the jobs of those repositories that belong to `parts`. A name that can't be read is left
    /// out, and logged: it keeps no other from its turn.
    async fn jobs_of(
        &self,
        names: &[Item],
        parts: &Parts,
        jobs: &mut Vec<Job>,
    ) -> Result<(), RegistryError> {
        let mut due = Vec::new();
        for item in names {
            match (decode::<RepositoryId>(item), item.key.sort.parse::<RepositoryName>()) {
                (Ok(id), Ok(name)) if parts.have(&id) => due.push((name, id)),
                (Ok(_), Ok(_)) => {}
                _ => tracing::error!(key = ?item.key, "a repository's name can't be read"),
            }
        }
        let keys: Vec<_> = due.iter().map(|(_, id)| Place::LifecyclePolicy(id).key()).collect();
        let policies = self.table.batch_get(&keys, Consistency::Strong).await?;
        for ((name, id), policy) in due.into_iter().zip(policies) {
            if policy.is_some() {
                let (repository, id) = (name.clone(), id.clone());
                jobs.push(Job::Lifecycle(LifecycleJob { repository, id }));
            }
            jobs.push(Job::CollectRepository(RepositoryCollection::new(name, id)));
        }
        Ok(())
    }
}
