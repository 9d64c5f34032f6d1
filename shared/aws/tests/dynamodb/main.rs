//! The table on DynamoDB, by the real SDK against DynamoDB Local, which is AWS's own.

mod contract;
mod faults;
mod server;

#[allow(dead_code, reason = "some faults are for objects alone")]
#[path = "../ministack/wire.rs"]
mod wire;
