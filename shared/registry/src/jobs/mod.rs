//! Jobs that failed too often: set aside with the reason, listed, tried again, deleted.

mod dead_letters;
mod set_aside;

pub use dead_letters::{DeadLetter, DeadLetters, WhichLetters};
pub use set_aside::SetAside;
