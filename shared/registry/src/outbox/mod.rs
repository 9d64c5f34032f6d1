//! The outbox: what happened, written by the transaction that made it happen.
//!
//! An event is an operation among the others of its transaction, so that there is none of what did
//! not happen, and one of all that did. [`Event`]s lie there until dispatch has told of them, queued
//! their jobs and counted them. Use cases never send to a queue: who wants a job done writes
//! [`Change::Asked`].

mod announcement;
mod consequences;
mod dispatch;
mod event;
mod sweep;
mod watch;

pub use dispatch::Dispatch;
pub use event::{Change, ChangedImage, Event, EventId, Origin};
pub use watch::{WatchedTable, Written, WrittenEvents};
