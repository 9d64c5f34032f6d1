//! Inputs of operations: the first line is the target, the rest its JSON.

#![no_main]

mod registry;

use std::sync::LazyLock;

use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;

use self::registry::{Door, FuzzedRegistry};

static REGISTRY: LazyLock<FuzzedRegistry> = LazyLock::new(|| FuzzedRegistry::new(Door::Open));

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (target, body) = (&input[..end], &input[end + 1..]);
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .body(Bytes::copy_from_slice(body));
    if let Ok(request) = request {
        REGISTRY.answer(request);
    }
});
