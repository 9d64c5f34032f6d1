//! What every implementation of a port must do, as suites; and ports that misbehave.
//!
//! A suite takes a port and panics at the first check that fails; it prints each check's name
//! before it runs. The checks use keys of their own, so that one fresh port runs all of them.
//! The wrappers stand between the registry and a real port, to make true in a test what is rare:
//! conflicts and failures; and to count calls.

mod around;
mod conflicting;
mod counting;
mod key_check;
mod keys;
mod objects;
mod queue;
mod table;
mod unreliable;

pub use around::{Around, ObjectsAround, TableAround};
pub use conflicting::ConflictingTable;
pub use counting::{Calls, Counter, CountingObjects, CountingTable};
pub use key_check::{KeysToCheck, key_check_suite};
pub use keys::keys_suite;
pub use objects::{listing_suite, objects_suite};
pub use queue::{MOST_RECEIVED_ALIVE, Queues, queue_suite};
pub use table::table_suite;
pub use unreliable::{Failures, UnreliableObjects, UnreliableTable};

/// Runs the functions one after another, each with the port and a name that is its own.
macro_rules! run_checks {
    ($fixture:expr; $($module:ident :: $check:ident),+ $(,)?) => {
        $({
            let name = concat!(stringify!($module), "-", stringify!($check));
            println!("check {name}");
            $module::$check(&$fixture(name)).await;
        })+
    };
}
pub(crate) use run_checks;
