use berth_lifecycle::LifecyclePolicy;
use berth_types::RepositoryName;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::judge::{Judgement, Planned, judge, read_images};
use super::last_run::LastRun;
use super::record::PlannedAction;
use super::{LifecycleWorker, damaged};
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::jobs::{Job, WorkError};
use crate::layout::{Place, RepositoryId};
use crate::manifests::{Decision, Seen};
use crate::ports::{Condition, Consistency, Operation, Timestamp};
use crate::repositories::{LifecyclePolicyText, Repository};

/// How many images are decided about together.
const TOGETHER: usize = 50;

/// How many such groups are worked on at once.
const AT_ONCE: usize = 8;

/// Lets the lifecycle policy of a repository act. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleJob {
    /// Name of the repository, for people.
    pub repository: RepositoryName,
    /// Its id.
    pub id: RepositoryId,
}

/// A repository's policy, while it is in force.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) repository: Repository,
    policy: LifecyclePolicy,
    /// Version of the policy.
    version: u64,
}

/// What became of some images.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    done: usize,
    /// Those that changed since they were judged.
    spared: usize,
    /// Lists that are gone: what they listed may go now.
    lists: usize,
    /// Those that were not looked at.
    left: usize,
}

impl LifecycleWorker {
    /// Lets a repository's policy act, if it has one. What is left at `until`, and what was listed
    /// by lists that are gone now, is left to a job that evaluates the policy anew.
    pub(super) async fn run_policy(
        &self,
        job: LifecycleJob,
        until: Timestamp,
    ) -> Result<Vec<Job>, WorkError> {
        let LifecycleJob { repository: name, id } = &job;
        let Some(in_force) = self.in_force(name, id).await? else { return Ok(Vec::new()) };
        let Some(images) = read_images(self.table(), id).await? else {
            let reason = format!("the images of `{name}` are too many for a lifecycle policy");
            return Err(WorkError::Hopeless(reason));
        };
        let evaluated_at = self.clock().now();
        let count = images.len();
        let judged = judge(in_force.policy.clone(), images, evaluated_at).await?;
        let Judgement { planned, rest, rules: _ } = judged;
        drop(rest);
        // Referrers follow by jobs of their own, once their subjects are where they go.
        let planned: Vec<_> = planned.into_iter().filter(|planned| !planned.follows).collect();
        let tally = self.act(&in_force, planned, until).await?;
        let Tally { done, spared, lists, left } = tally;
        tracing::info!(repository = %name, images = count, done, spared, left, "lifecycle policy acted");
        self.note(&in_force, evaluated_at).await?;
        let again = left > 0 || lists > 0;
        Ok(again.then_some(Job::Lifecycle(job)).into_iter().collect())
    }

    /// Returns the repository's policy, if it stands and has one.
    pub(super) async fn in_force(
        &self,
        name: &RepositoryName,
        id: &RepositoryId,
    ) -> Result<Option<InForce>, RegistryError> {
        let keys = [Place::Repository(name).key(), Place::LifecyclePolicy(id).key()];
        let items = self.table().batch_get(&keys, Consistency::Strong).await?;
        let [Some(repository), Some(policy)] = &items[..] else { return Ok(None) };
        let record: Repository = decode(repository)?;
        if record.id != *id || record.deletion_began.is_some() {
            return Ok(None);
        }
        let text = decode::<LifecyclePolicyText>(policy)?.text;
        let version = policy.version;
        Ok(Some(InForce { repository: record, policy: text.parse().map_err(damaged)?, version }))
    }

    /// Carries out what was planned, several groups of images at once, until it is late or the
    /// policy is another one.
    async fn act(
        &self,
        in_force: &InForce,
        planned: Vec<Planned>,
        until: Timestamp,
    ) -> Result<Tally, RegistryError> {
        let mut groups = Vec::new();
        let mut planned = planned.into_iter().peekable();
        while planned.peek().is_some() {
            groups.push(planned.by_ref().take(TOGETHER).collect::<Vec<_>>());
        }
        let act_on = |(place, group): (usize, Vec<Planned>)| async move {
            // Something is done however late it is, so that jobs which follow one another end.
            if place > 0 && self.clock().now() >= until {
                return Ok(Tally { left: group.len(), ..Tally::default() });
            }
            match self.in_force(&in_force.repository.name, &in_force.repository.id).await? {
                Some(now) if now.version == in_force.version => {
                    self.act_on(&now.repository, group).await
                }
                _ => Ok(Tally { spared: group.len(), ..Tally::default() }),
            }
        };
        let acts: Vec<_> = groups.into_iter().enumerate().map(act_on).collect();
        let tallies = stream::iter(acts).buffer_unordered(AT_ONCE);
        tallies.try_fold(Tally::default(), |sum, tally| async move { Ok(sum.plus(tally)) }).await
    }

    async fn act_on(
        &self,
        repository: &Repository,
        planned: Vec<Planned>,
    ) -> Result<Tally, RegistryError> {
        let mut tally = Tally::default();
        let mut decided = Vec::new();
        for Planned { image, action, .. } in planned {
            let seen = Seen::from(image);
            let decision = match action {
                PlannedAction::Expire => Decision::Delete,
                PlannedAction::Untag(tags) => Decision::Untag(tags),
                PlannedAction::Archive => {
                    let done = self.archive_seen(repository, &seen).await?;
                    tally.count(&seen, done, done);
                    continue;
                }
            };
            decided.push((seen, decision));
        }
        if decided.is_empty() {
            return Ok(tally);
        }
        let done = self.removal.carry_out(repository, &decided).await?;
        for ((seen, decision), done) in decided.iter().zip(done) {
            tally.count(seen, done, done && !matches!(decision, Decision::Untag(_)));
        }
        Ok(tally)
    }

    /// Moves an image to the archive, if it is as it was seen.
    pub(super) async fn archive_seen(
        &self,
        repository: &Repository,
        seen: &Seen,
    ) -> Result<bool, RegistryError> {
        let checks = vec![seen.not_pulled(&repository.id)];
        self.archive.archive_judged(repository, &seen.digest, seen.version(), checks).await
    }

    /// Takes note of the evaluation, if its policy still is the repository's.
    async fn note(&self, in_force: &InForce, evaluated_at: Timestamp) -> Result<(), RegistryError> {
        let (id, policy) = (&in_force.repository.id, in_force.version);
        let document = encode(&LastRun { policy, evaluated_at })?;
        let operations = vec![
            put(Place::LifecycleRun(id).key(), document, evaluated_at.millis(), Condition::Any),
            Operation::Check {
                key: Place::LifecyclePolicy(id).key(),
                condition: Condition::Version(policy),
            },
        ];
        won(self.table().transact(operations).await)?;
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, seen: &Seen, done: bool, is_gone: bool) {
        *(if done { &mut self.done } else { &mut self.spared }) += 1;
        self.lists += usize::from(is_gone && seen.summary.is_index());
    }

    fn plus(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            spared: self.spared + other.spared,
            lists: self.lists + other.lists,
            left: self.left + other.left,
        }
    }
}
