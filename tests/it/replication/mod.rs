//! Replication of images to other registries.

mod access;
mod deletions;
mod faults;
mod pushes;
mod races;
mod rights;
mod settings;
mod world;
