//! Blobs that cost the client nothing: one shared pattern, repeated, and a unique end.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use rustix::fs::{MemfdFlags, memfd_create, sendfile};
use sha2::{Digest as _, Sha256};

/// Bytes of the pattern: small enough to stay in the processor's cache.
const PATTERN: usize = 1 << 20;

/// Bytes of one chunk of a streamed body: what Go's `io.Copy`, and so Docker, sends at once.
const CHUNK: usize = 32 << 10;

/// Bytes at the end of a blob that make it unique.
const TAIL: usize = 32;

/// The pattern, in files that live in memory, so that the kernel sends it without copying.
#[derive(Debug)]
pub struct Pattern {
    bytes: Vec<u8>,
    plain: File,
    chunked: File,
    chunked_length: usize,
}

impl Pattern {
    /// Makes the pattern: bytes that do not compress.
    ///
    /// # Errors
    ///
    /// Fails when there is no memory for it.
    pub fn new() -> Result<Self> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bytes = Vec::with_capacity(PATTERN);
        while bytes.len() < PATTERN {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        let mut framed = Vec::with_capacity(PATTERN + PATTERN / CHUNK * 16);
        for chunk in bytes.chunks(CHUNK) {
            framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
        }
        let plain = memory_file(&bytes)?;
        let chunked = memory_file(&framed)?;
        Ok(Self { bytes, plain, chunked, chunked_length: framed.len() })
    }
}

fn memory_file(bytes: &[u8]) -> Result<File> {
    let mut file = File::from(memfd_create("berth-bench", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}

/// A blob to push, and its digest.
#[derive(Clone, Debug)]
pub struct Blob {
    repeats: u64,
    tail: [u8; TAIL],
    digest: String,
}

impl Blob {
    /// Returns the digest, as `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.repeats * PATTERN as u64 + TAIL as u64
    }

    /// Sends the blob as the body of a request that states its length.
    ///
    /// # Errors
    ///
    /// Fails when the server closes the connection.
    pub fn send(&self, pattern: &Pattern, mut stream: &TcpStream) -> Result<()> {
        for _ in 0..self.repeats {
            send_file(stream, &pattern.plain, PATTERN)?;
        }
        Ok(stream.write_all(&self.tail)?)
    }

    /// Sends the blob as the body of a request with `Transfer-Encoding: chunked`.
    ///
    /// # Errors
    ///
    /// Fails when the server closes the connection.
    pub fn send_chunked(&self, pattern: &Pattern, mut stream: &TcpStream) -> Result<()> {
        for _ in 0..self.repeats {
            send_file(stream, &pattern.chunked, pattern.chunked_length)?;
        }
        let mut end = format!("{TAIL:x}\r\n").into_bytes();
        end.extend_from_slice(&self.tail);
        end.extend_from_slice(b"\r\n0\r\n\r\n");
        Ok(stream.write_all(&end)?)
    }
}

fn send_file(stream: &TcpStream, file: &File, length: usize) -> Result<()> {
    let mut offset = 0;
    while offset < length as u64 {
        let rest = length - usize::try_from(offset)?;
        if sendfile(stream, file, Some(&mut offset), rest)? == 0 {
            bail!("the pattern ended early");
        }
    }
    Ok(())
}

/// Makes unique blobs of one size, each for the price of hashing its end.
#[derive(Debug)]
pub struct BlobMaker {
    repeats: u64,
    begun: Sha256,
    made: AtomicU64,
}

impl BlobMaker {
    /// Prepares blobs of about `size` bytes; hashes that many, once.
    #[must_use]
    pub fn new(pattern: &Pattern, size: u64) -> Self {
        let repeats = size / PATTERN as u64;
        let mut begun = Sha256::new();
        for _ in 0..repeats {
            begun.update(&pattern.bytes);
        }
        Self { repeats, begun, made: AtomicU64::new(0) }
    }

    /// Makes a blob unlike every other of this maker.
    pub fn blob(&self) -> Blob {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut tail = [0; TAIL];
        tail[..8].copy_from_slice(&number.to_le_bytes());
        let digest = self.begun.clone().chain_update(tail).finalize();
        Blob { repeats: self.repeats, tail, digest: format!("sha256:{}", hex::encode(digest)) }
    }
}

/// Returns the digest of the bytes, as `sha256:…`.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn sends_what_the_digest_says() {
        let pattern = Pattern::new().unwrap();
        let maker = BlobMaker::new(&pattern, 2 << 20);
        let (first, second) = (maker.blob(), maker.blob());
        assert_ne!(first.digest(), second.digest());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut received = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
            received
        });
        second.send(&pattern, &TcpStream::connect(address).unwrap()).unwrap();
        let received = server.join().unwrap();
        assert_eq!(received.len() as u64, second.size());
        assert_eq!(digest_of(&received), second.digest());
    }
}
