use std::collections::VecDeque;

use crate::ports::{Consistency, Item, Query, ReadTable, Select, StoreError};

/// How many items are read at once.
const AT_ONCE: usize = 500;

/// A range of a partition, read page by page.
#[derive(Debug)]
pub(super) struct Range<'a> {
    table: &'a dyn ReadTable,
    /// The next read; `None` after the last.
    query: Option<Query>,
    read: VecDeque<Item>,
}

impl<'a> Range<'a> {
    /// Begins to read the items whose sort keys begin with `prefix`, behind `after`.
    pub(super) fn over(
        table: &'a dyn ReadTable,
        partition: String,
        prefix: &str,
        after: Option<String>,
        select: Select,
    ) -> Self {
        let (limit, consistency, prefix) = (AT_ONCE, Consistency::Strong, prefix.to_owned());
        let query = Query { partition, prefix, after, limit, consistency, select };
        Self { table, query: Some(query), read: VecDeque::new() }
    }

    /// Returns the next item, and leaves it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Item>, StoreError> {
        while self.read.is_empty()
            && let Some(query) = self.query.take()
        {
            let page = self.table.query(&query).await?;
            self.read.extend(page.items);
            self.query = page.next.map(|after| Query { after: Some(after), ..query });
        }
        Ok(self.read.front())
    }

    /// Returns the next item.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, StoreError> {
        self.peek().await?;
        Ok(self.read.pop_front())
    }
}
