//! Storage figures: how many images there are, and how large they are, for each repository and for
//! the registry.
//!
//! No push counts, since pushes share no item. What counts is the outbox's reader: the transaction
//! that deletes an event adds what it tells to the figures of its repository and of the registry
//! ([`operations`]). So the figures and the events that still lie in the outbox are together what
//! there is, at every moment.

mod amounts;
mod events;
mod item;

pub(crate) use events::operations;
pub(crate) use item::FiguresItem;
