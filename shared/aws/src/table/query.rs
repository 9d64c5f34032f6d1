//! Reading a range of a partition.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use berth_registry::ports::{Key, Page, Query, Select, StoreError};

use super::item::{self, PARTITION, SORT};
use super::{DynamoTable, is_strong};
use crate::failure::store_error;

/// Where a query begins.
#[derive(Debug, PartialEq, Eq)]
enum Start<'a> {
    /// At the first key with the prefix.
    First,
    /// Behind this key, which has the prefix.
    Behind(&'a str),
    /// Behind all that have the prefix.
    End,
}

/// Returns a page of a partition.
pub(super) async fn page(table: &DynamoTable, query: &Query) -> Result<Page, StoreError> {
    let mut request = match start(&query.prefix, query.after.as_deref()) {
        Start::First => request(table, query),
        Start::Behind(sort) => {
            let key = Key { partition: query.partition.clone(), sort: sort.to_owned() };
            request(table, query).set_exclusive_start_key(Some(item::key(&key)))
        }
        Start::End => return Ok(Page::default()),
    };
    // One more than is wanted tells whether anything follows: DynamoDB gives a key to go on from
    // whenever the limit was reached.
    request = request.limit(i32::try_from(query.limit.saturating_add(1)).unwrap_or(i32::MAX));
    let answer = request.send().await.map_err(store_error)?;
    let items = answer.items.unwrap_or_default().into_iter();
    let items: Result<Vec<_>, _> = items.map(|values| item::parse(values, query.select)).collect();
    let mut items = items?;
    if items.len() > query.limit {
        items.truncate(query.limit);
        let next = items.last().map(|item| item.key.sort.clone());
        return Ok(Page { items, next });
    }
    // A page of 1 MB is full.
    let last = answer.last_evaluated_key;
    let next = last.map(|mut key| item::parse_key(&mut key)).transpose()?.map(|key| key.sort);
    Ok(Page { items, next })
}

fn request(table: &DynamoTable, query: &Query) -> QueryFluentBuilder {
    let text = |text: &String| AttributeValue::S(text.clone());
    let mut request = table
        .client
        .query()
        .table_name(&table.name)
        .consistent_read(is_strong(query.consistency))
        .expression_attribute_names("#pk", PARTITION)
        .expression_attribute_values(":pk", text(&query.partition));
    request = if query.prefix.is_empty() {
        // DynamoDB takes no empty text in a key's condition.
        request.key_condition_expression("#pk = :pk")
    } else {
        request
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#sk", SORT)
            .expression_attribute_values(":prefix", text(&query.prefix))
    };
    match query.select {
        Select::Items => request,
        Select::Keys => {
            request.projection_expression("#pk, #sk").expression_attribute_names("#sk", SORT)
        }
    }
}

/// Finds where to begin. A key to begin behind need not exist, but DynamoDB refuses one that the
/// query could not return.
fn start<'a>(prefix: &str, after: Option<&'a str>) -> Start<'a> {
    match after {
        None | Some("") => Start::First,
        Some(after) if after.starts_with(prefix) => Start::Behind(after),
        Some(after) if after < prefix => Start::First,
        Some(_) => Start::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_where_dynamodb_takes_it() {
        assert_eq!(start("", None), Start::First);
        assert_eq!(start("", Some("")), Start::First);
        assert_eq!(start("", Some("a")), Start::Behind("a"));
        assert_eq!(start("tag#", None), Start::First);
        assert_eq!(start("tag#", Some("")), Start::First);
        assert_eq!(start("tag#", Some("a")), Start::First);
        assert_eq!(start("tag#", Some("tag")), Start::First);
        assert_eq!(start("tag#", Some("tag#")), Start::Behind("tag#"));
        assert_eq!(start("tag#", Some("tag#a")), Start::Behind("tag#a"));
        assert_eq!(start("tag#", Some("tag$")), Start::End);
        assert_eq!(start("tag#", Some("é")), Start::End);
    }
}
