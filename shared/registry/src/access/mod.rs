//! Who is calling, and what they may do.

mod action;
mod authenticator;
mod caller;
mod failed_logins;
mod gate;
mod sealing_keys;
mod secret;
mod token;

pub use action::{Access, Action};
pub use authenticator::{AuthenticationError, Authenticator, IssuedToken, RootCredentials};
pub use caller::{Caller, Scope};
pub use failed_logins::FailedLogins;
pub use gate::{Denied, Gate, RegistryPermit, RepositoryPermit, UserPermit};
pub use sealing_keys::SealingKeys;
pub use secret::Secret;
