use berth_policy::{Policy, PolicyKind};

use crate::layout::POLICIES;
use crate::ports::{Consistency, Item, Query, ReadTable, Select, StoreError, StoreErrorKind};

/// Reads all policies that lie in `partition`, a user's or a trust's: one that is left out might
/// deny.
pub(super) async fn policies(
    table: &dyn ReadTable,
    partition: String,
) -> Result<Vec<Policy>, StoreError> {
    let mut policies = Vec::new();
    let mut after = None;
    loop {
        let query = Query {
            partition: partition.clone(),
            prefix: POLICIES.to_owned(),
            after,
            limit: 100,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = table.query(&query).await?;
        for item in &page.items {
            policies.push(parse(item)?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(policies);
        }
    }
}

/// Parses a stored policy, which was valid when it was stored.
fn parse(item: &Item) -> Result<Policy, StoreError> {
    let text = std::str::from_utf8(&item.document);
    let text = text.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
    Policy::parse(&PolicyKind::Identity, text, usize::MAX)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
}
