//! What the tests stand on: registries, requests, content, and a check of the store.

mod classes;
mod clock;
mod collecting;
mod content;
mod dated;
mod encrypting;
mod faulty;
mod fsck;
mod http;
mod later;
pub mod lifecycle;
mod meddling;
mod registry;
mod short_pages;
mod signing;
mod steady;
mod system;
mod wandering;

pub use classes::Classes;
pub use clock::TestClock;
pub use collecting::DAY;
pub use content::{Manifest, bytes, digest, digest512, image, image_of, index_of};
pub use encrypting::{EncryptingObjects, TestKms};
pub use faulty::{Fails, FaultyObjects, FaultyTable, Plan, SharedPlan};
pub use http::{Answer, Call};
pub use later::{Faulty, Told, dispatch};
pub use meddling::{MeddledTable, Meddler};
pub use registry::{KEY_ID, SECRET, Store, TestRegistry, identity, images_permit, permit, root};
pub use short_pages::ShortPages;
pub use signing::SigningObjects;
pub use system::{Delivery, System};
pub use wandering::WanderingTable;
