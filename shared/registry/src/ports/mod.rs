//! What the registry asks of the world: a table, objects, keys, queues, who hears of events, the time,
//! and who called AWS.
//!
//! A port hides a service, not a rule. Every rule stands above it, once, so that an adapter is
//! small and one contract suite (`tests/contract`) covers it whole.

mod callers;
mod clock;
mod error;
mod events;
mod keys;
mod listing;
mod objects;
mod queue;
mod table;

pub use callers::{AwsCaller, IdentifyCallers, IdentifyError, SignedCall};
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{KeyRefusal, StoreError, StoreErrorKind};
pub use events::{
    ActionResult, ActionType, EventDetail, ImageAction, PublishEvents, RegistryEvent,
    ReplicationAction, StorageMove,
};
pub use keys::{CheckKeys, DATA_KEY_BYTES, DataKey, UnwrapKeys, WrapKeys, WrappedKey};
pub use listing::{ListObjects, ListedMultipart, ListedObject, Listing, MOST_LISTED};
pub use objects::{
    BodyError, ByteRange, ByteStream, CopySource, DeleteObjects, Download, FileRegion, MOST_PARTS,
    MoveObjects, MultipartId, NewObject, ObjectKey, PartTag, PutError, ReadObjects, StorageClass,
    WriteObjects,
};
pub use queue::{
    LARGEST_MESSAGE, LONGEST_REASON, MOST_RECEIVED, Message, NewMessage, Receipt, Receive,
    ReceiveMessages, SendMessages,
};
pub use table::{
    Attributes, Condition, Consistency, Counters, Item, Key, LARGEST_DOCUMENT, MOST_OPERATIONS,
    Operation, Page, Query, ReadTable, Select, TransactError, WriteTable,
};
