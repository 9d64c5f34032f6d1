//! What policies do to images.

mod beyond;
mod bounds;
mod properties;
mod random;
mod reference;
mod referrers;
mod scale;
mod storage;
mod support;
mod vectors;
