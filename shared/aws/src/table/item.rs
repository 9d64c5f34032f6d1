//! An item as DynamoDB has it.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use berth_registry::ports::{Attributes, Counters, Item, Key, Select, StoreError, StoreErrorKind};
use bytes::Bytes;

pub(super) const PARTITION: &str = "pk";
pub(super) const SORT: &str = "sk";
pub(super) const DOCUMENT: &str = "document";
pub(super) const VERSION: &str = "version";
pub(super) const ATTRIBUTES: &str = "attributes";
pub(super) const COUNTERS: &str = "counters";

/// An item's or a key's attributes.
pub(super) type Values = HashMap<String, AttributeValue>;

/// Returns the attributes of a key.
pub(super) fn key(key: &Key) -> Values {
    let text = |text: &String| AttributeValue::S(text.clone());
    Values::from([(PARTITION.to_owned(), text(&key.partition)), (SORT.to_owned(), text(&key.sort))])
}

/// Reads a key.
pub(super) fn parse_key(values: &mut Values) -> Result<Key, StoreError> {
    Ok(Key { partition: text(values, PARTITION)?, sort: text(values, SORT)? })
}

/// Reads an item, or what was selected of it.
pub(super) fn parse(mut values: Values, select: Select) -> Result<Item, StoreError> {
    let key = parse_key(&mut values)?;
    let (mut version, mut document) = (0, Bytes::new());
    let (mut attributes, mut counters) = (Attributes::new(), Counters::new());
    if select == Select::Items {
        let Some(AttributeValue::N(digits)) = values.remove(VERSION) else {
            return Err(damaged(VERSION));
        };
        version = number(VERSION, &digits)?;
        let Some(AttributeValue::B(bytes)) = values.remove(DOCUMENT) else {
            return Err(damaged(DOCUMENT));
        };
        document = Bytes::from(bytes.into_inner());
        attributes = map(&mut values, ATTRIBUTES, |value| match value {
            AttributeValue::S(text) => Ok(text),
            _ => Err(damaged(ATTRIBUTES)),
        })?;
        counters = map(&mut values, COUNTERS, |value| match value {
            AttributeValue::N(digits) => number(COUNTERS, &digits),
            _ => Err(damaged(COUNTERS)),
        })?;
    }
    Ok(Item { key, document, version, attributes, counters })
}

fn text(values: &mut Values, name: &str) -> Result<String, StoreError> {
    match values.remove(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(name)),
    }
}

fn map<T>(
    values: &mut Values,
    name: &str,
    mut read: impl FnMut(AttributeValue) -> Result<T, StoreError>,
) -> Result<BTreeMap<String, T>, StoreError> {
    let Some(AttributeValue::M(values)) = values.remove(name) else {
        return Err(damaged(name));
    };
    values.into_iter().map(|(name, value)| Ok((name, read(value)?))).collect()
}

fn number<N: FromStr>(name: &str, digits: &str) -> Result<N, StoreError> {
    digits.parse().map_err(|_| damaged(name))
}

fn damaged(name: &str) -> StoreError {
    let text = format!("an item of the table has no `{name}`, or one of another type");
    StoreError::new(StoreErrorKind::Damaged, text)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    fn values() -> Values {
        let number = |digits: &str| AttributeValue::N(digits.to_owned());
        let mut values =
            key(&Key { partition: "repository".to_owned(), sort: "tag#latest".to_owned() });
        values.insert(DOCUMENT.to_owned(), AttributeValue::B(Blob::new("{}")));
        values.insert(VERSION.to_owned(), number("7"));
        values.insert(
            ATTRIBUTES.to_owned(),
            AttributeValue::M([("kind".to_owned(), AttributeValue::S("tag".to_owned()))].into()),
        );
        values.insert(
            COUNTERS.to_owned(),
            AttributeValue::M([("pulls".to_owned(), number("-3"))].into()),
        );
        values
    }

    #[test]
    fn an_item_is_read() {
        let item = parse(values(), Select::Items).unwrap();
        assert_eq!(
            (item.key.partition.as_str(), item.key.sort.as_str()),
            ("repository", "tag#latest")
        );
        assert_eq!((item.document.as_ref(), item.version), (&b"{}"[..], 7));
        assert_eq!((item.attributes["kind"].as_str(), item.counter("pulls")), ("tag", -3));
    }

    #[test]
    fn what_was_not_selected_is_empty() {
        let item = parse(values(), Select::Keys).unwrap();
        assert_eq!(item.version, 0);
        assert!(item.document.is_empty() && item.attributes.is_empty() && item.counters.is_empty());
    }

    #[test]
    fn damage_is_told() {
        for name in [PARTITION, SORT, DOCUMENT, VERSION, ATTRIBUTES, COUNTERS] {
            for broken in [None, Some(AttributeValue::Null(true))] {
                let mut values = values();
                values.remove(name);
                values.extend(broken.map(|value| (name.to_owned(), value)));
                let error = parse(values, Select::Items).unwrap_err();
                assert_eq!(error.kind(), StoreErrorKind::Damaged);
                assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
            }
        }
    }
}
