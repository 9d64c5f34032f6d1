//! Storage figures: how many images there are, and how large they are, for each repository and for
//! the registry.
//!
//! No push counts, since pushes share no item. What counts is the outbox's reader: the transaction
//! that deletes an event adds what it tells to the figures of its repository and of the registry
//! ([`operations`]). So the figures and the events that still lie in the outbox are together what
//! there is, at every moment.

mod amounts;
mod events;
mod existing;
mod item;
mod read;

pub(crate) use amounts::Amounts;
pub(crate) use events::{image_of, make_registry_figures, operations};
pub use existing::{CountingProgress, ExistingImages};
pub(crate) use item::{Counted, FiguresItem};
pub use read::{Figures, FiguresExtent, FiguresPage, RepositoryFigures, StorageFigures};
