use super::record::Repository;
use crate::access::RepositoryPermit;
use crate::outbox::{Change, Event};
use crate::ports::{Operation, StoreError, Timestamp};

/// Returns the operation that tells that settings of a repository change by `permit`.
pub(super) fn changed(
    repository: &Repository,
    permit: &RepositoryPermit,
    now: Timestamp,
) -> Result<Operation, StoreError> {
    let change = Change::RepositoryChanged {
        repository: repository.name.clone(),
        repository_id: repository.id.clone(),
        origin: permit.origin().cloned(),
    };
    Event::new(change, now).operation()
}
