//! Who is calling, and what they may do.

mod action;
mod authenticator;
mod caller;
mod denied;
mod facts;
mod failed_logins;
mod gate;
mod known_keys;
mod known_trusts;
mod parsed_policies;
mod permit;
mod policies;
mod principal;
mod question;
mod sealing_keys;
mod secret;
mod session;
mod token;

pub use action::{Access, Action};
pub use authenticator::{
    AuthenticationError, Authenticator, FoundKey, IssuedToken, RootCredentials,
};
pub use caller::{Caller, Scope};
pub use denied::{Denied, DeniedBy, GateError};
pub use facts::{ClientAddress, Facts, Transport};
pub use failed_logins::FailedLogins;
pub use gate::Gate;
pub use known_keys::KnownKeys;
pub use known_trusts::KnownTrusts;
pub use permit::{ImagePermit, RegistryPermit, RepositoryPermit, TrustPermit, UserPermit};
pub use principal::{KnownUser, Principal};
pub use sealing_keys::SealingKeys;
pub use secret::Secret;
pub use session::{IssuedSession, KnownSession};
pub(crate) use session::{SESSION, SessionClaims, SessionToken};
