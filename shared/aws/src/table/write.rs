//! Operations as DynamoDB's writes.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, TransactWriteItem, Update};
use berth_registry::ports::{
    Attributes, Condition, LARGEST_DOCUMENT, Operation, StoreError, StoreErrorKind,
};

use super::item::{self, ATTRIBUTES, COUNTERS, DOCUMENT, PARTITION, VERSION};

/// What expressions speak of. Every name has a placeholder, since many are reserved.
#[derive(Default)]
struct Words {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Words {
    /// Returns the placeholder of the attribute `name`.
    fn name(&mut self, placeholder: &str, name: &str) -> String {
        let placeholder = format!("#{placeholder}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    /// Returns the placeholder of `value`.
    fn value(&mut self, placeholder: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{placeholder}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        Some(self.names.clone()).filter(|names| !names.is_empty())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        Some(self.values.clone()).filter(|values| !values.is_empty())
    }

    /// Returns the expression of `condition`, or `None` if there is nothing to ask.
    fn condition(&mut self, condition: &Condition) -> Option<String> {
        Some(match condition {
            Condition::Any => return None,
            Condition::Absent => format!("attribute_not_exists({})", self.name("pk", PARTITION)),
            Condition::Present => self.present(),
            Condition::Version(version) => {
                let name = self.name("version", VERSION);
                format!("{name} = {}", self.value("expected", number(version)))
            }
            Condition::Attribute { name, value } => {
                let map = self.name("attributes", ATTRIBUTES);
                let name = self.name("attribute", name);
                let value = self.value("attribute", AttributeValue::S(value.clone()));
                format!("{map}.{name} = {value}")
            }
        })
    }

    fn present(&mut self) -> String {
        format!("attribute_exists({})", self.name("pk", PARTITION))
    }

    /// Returns what raises the version by one.
    fn raise(&mut self) -> String {
        let (name, one) = (self.name("version", VERSION), self.value("one", number(&1)));
        format!("{name} = {name} + {one}")
    }
}

/// Returns the write that does what `operation` says, in `table`.
pub(super) fn write(table: &str, operation: &Operation) -> Result<TransactWriteItem, StoreError> {
    let built = match operation {
        Operation::Put { document, attributes, first_version, .. } => {
            if document.len() > LARGEST_DOCUMENT {
                return Err(too_large(document.len()));
            }
            put(table, operation, document, attributes, *first_version)
        }
        Operation::Add { counters, .. } => add(table, operation, counters),
        Operation::Delete { .. } => delete(table, operation),
        Operation::Check { .. } => check(table, operation),
    };
    built.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}

fn put(
    table: &str,
    operation: &Operation,
    document: &[u8],
    attributes: &Attributes,
    first_version: u64,
) -> Result<TransactWriteItem, BuildError> {
    let mut words = Words::default();
    let texts =
        attributes.iter().map(|(name, text)| (name.clone(), AttributeValue::S(text.clone())));
    let texts = AttributeValue::M(texts.collect());
    let sets = [
        (
            words.name("document", DOCUMENT),
            words.value("document", AttributeValue::B(Blob::new(document))),
        ),
        (words.name("attributes", ATTRIBUTES), words.value("attributes", texts)),
    ];
    let mut sets: Vec<_> = sets.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let (name, none) =
        (words.name("counters", COUNTERS), words.value("none", AttributeValue::M(HashMap::new())));
    sets.push(format!("{name} = if_not_exists({name}, {none})"));
    // An item that is not there yet has the version before its first one.
    let before = words.value("before", number(&(i128::from(first_version) - 1)));
    let (name, one) = (words.name("version", VERSION), words.value("one", number(&1)));
    sets.push(format!("{name} = if_not_exists({name}, {before}) + {one}"));
    let condition = words.condition(operation.condition());
    update(table, operation, &words, &sets, condition)
}

fn add(
    table: &str,
    operation: &Operation,
    counters: &[(&'static str, i64)],
) -> Result<TransactWriteItem, BuildError> {
    let mut words = Words::default();
    let mut sets = vec![words.raise()];
    // An expression may set a counter only once.
    let mut sums: BTreeMap<_, i128> = BTreeMap::new();
    for (name, amount) in counters {
        *sums.entry(name).or_default() += i128::from(*amount);
    }
    for (position, (name, amount)) in sums.iter().enumerate() {
        let map = words.name("counters", COUNTERS);
        let name = words.name(&format!("counter{position}"), name);
        let amount = words.value(&format!("amount{position}"), number(amount));
        let zero = words.value("zero", number(&0));
        sets.push(format!("{map}.{name} = if_not_exists({map}.{name}, {zero}) + {amount}"));
    }
    let mut condition = words.present();
    if let Some(more) = words.condition(operation.condition()) {
        condition = format!("{condition} AND {more}");
    }
    update(table, operation, &words, &sets, Some(condition))
}

fn update(
    table: &str,
    operation: &Operation,
    words: &Words,
    sets: &[String],
    condition: Option<String>,
) -> Result<TransactWriteItem, BuildError> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(item::key(operation.key())))
        .update_expression(format!("SET {}", sets.join(", ")))
        .set_condition_expression(condition)
        .set_expression_attribute_names(words.names())
        .set_expression_attribute_values(words.values())
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn delete(table: &str, operation: &Operation) -> Result<TransactWriteItem, BuildError> {
    let mut words = Words::default();
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(item::key(operation.key())))
        .set_condition_expression(words.condition(operation.condition()))
        .set_expression_attribute_names(words.names())
        .set_expression_attribute_values(words.values())
        .build()?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

fn check(table: &str, operation: &Operation) -> Result<TransactWriteItem, BuildError> {
    let mut words = Words::default();
    // DynamoDB wants a condition, even if there is nothing to ask.
    let condition = words.condition(operation.condition()).unwrap_or_else(|| {
        let name = words.name("pk", PARTITION);
        format!("attribute_exists({name}) OR attribute_not_exists({name})")
    });
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(item::key(operation.key())))
        .condition_expression(condition)
        .set_expression_attribute_names(words.names())
        .set_expression_attribute_values(words.values())
        .build()?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn too_large(bytes: usize) -> StoreError {
    let text = format!("a document has {bytes} bytes, expected at most {LARGEST_DOCUMENT}");
    StoreError::new(StoreErrorKind::Internal, text)
}
