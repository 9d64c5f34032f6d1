//! How long bodies may be, where requests and answers travel.

/// Bytes that bodies may have on their way to the API and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Length of the parts of a layer that clients are asked for, in bytes. As base64 a part fits in
    /// [`request`](Self::request), beside the other members of its input.
    pub part: u64,
    /// Longest body of a request, in bytes.
    pub request: usize,
    /// Longest body of an answer, in bytes.
    pub answer: usize,
}

impl BodyLimits {
    /// Where a connection carries bodies: parts are as long as ECR's, and the rest bounds memory.
    pub const STREAMED: Self =
        Self { part: 10 * 1024 * 1024, request: 16 * 1024 * 1024, answer: 64 * 1024 * 1024 };
}
