//! Uploads of blobs: begun, continued, finished, cancelled.
//!
//! A session holds what any process needs to take the next chunk: how far the upload is, the
//! state of its hash, its parts. A chunk takes the session's lease before its bytes move. The end
//! records that it completes before the store does, so that a retry can finish it; the layer and
//! the session's removal are one transaction. A blob that comes in one request needs no lease: its
//! object has a key of its own, which becomes the layer's or is deleted.
//!
//! A store may have a smallest part. Bytes that are too few for one wait in an object of their own,
//! the tail; the next chunk is stored behind a copy of them.

mod append;
mod begin;
mod cancel;
mod copy;
mod expiry;
mod finish;
mod hashing;
mod lease;
mod session;
mod status;
mod tail;

pub use append::Chunk;
pub(crate) use expiry::Collectable;
pub use finish::FinishedUpload;
