//! Signatures of requests to ECR's API, in the header and in the query: the first line is path and
//! query, the next are headers, and behind an empty line stands the body.

#![no_main]

mod registry;

use std::sync::LazyLock;

use bytes::Bytes;
use http::Request;
use libfuzzer_sys::fuzz_target;

use self::registry::{Door, FuzzedRegistry};

static REGISTRY: LazyLock<FuzzedRegistry> = LazyLock::new(|| FuzzedRegistry::new(Door::Signed));

/// Signatures that the root made, in the seeds: only with one of them is anyone let in.
const SIGNATURES: [&str; 3] = [
    "45ed7a098b80543b50f010072f0efc4110d1edb555b87b4d3dcaddd17ea5493b",
    "f57b0bc0ed4c9a69f23814d90e63cc1fec96526ef7c97bb5ca1025f6409c1d58",
    "de5660d1d9daf81be07dd2a1a977f07ab2fb6a85ef5111529b96766552d12b3d",
];

fuzz_target!(|input: &[u8]| {
    let Some(request) = request(input) else { return };
    let is_let_in = REGISTRY.answer(request).status().is_success();
    let decoded = percent_encoding::percent_decode(input).decode_utf8_lossy();
    let is_signed = SIGNATURES.iter().any(|known| decoded.contains(known));
    assert!(!is_let_in || is_signed, "let in: {}", input.escape_ascii());
});

fn request(input: &[u8]) -> Option<Request<Bytes>> {
    let mut rest = input;
    let mut request = Request::post(line(&mut rest)?);
    loop {
        match line(&mut rest)? {
            b"" => break,
            header => {
                let colon = header.iter().position(|byte| *byte == b':')?;
                let (name, value) = header.split_at(colon);
                request = request.header(name, value[1..].trim_ascii());
            }
        }
    }
    request.body(Bytes::copy_from_slice(rest)).ok()
}

fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line)
}
