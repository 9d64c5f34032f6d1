//! Writing long bodies past the page cache.
//!
//! A layer is written once, in order, and must be on the disk before it is acknowledged. Through
//! the page cache each byte is copied into a page that was made for it, and the sync then waits
//! for all of them. Written directly (`O_DIRECT`), whole blocks go to the disk from one buffer
//! that is used again and again, and the sync has nothing left to wait for. What is read later
//! comes into the page cache then.
//!
//! Only whole, aligned blocks can go so; the rest, short bodies, and file systems that don't take
//! it are written the ordinary way.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};

use bytes::Bytes;

/// Size of a block: large enough that the disk is busy with it while the next is gathered.
pub(super) const BLOCK: usize = 512 * 1024;

/// What direct writes are aligned to, in memory and in the file.
const ALIGNMENT: usize = 4096;

/// A file that is written at its cursor, in blocks where that is possible.
pub(super) struct BlockFile {
    file: File,
    offset: u64,
    mode: Mode,
}

enum Mode {
    /// Nothing long was written yet.
    Fresh,
    /// Blocks are gathered and written directly.
    Direct(Block),
    /// All goes through the page cache.
    Cached,
}

/// A block that is gathered.
struct Block {
    memory: Vec<u8>,
    /// Where the aligned part of the memory begins.
    start: usize,
    filled: usize,
}

impl BlockFile {
    /// Takes a file whose cursor is at `offset`.
    pub(super) fn new(file: File, offset: u64) -> Self {
        Self { file, offset, mode: Mode::Fresh }
    }

    /// Returns the file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether what was written waits in the page cache for a sync.
    pub(super) fn is_cached(&self) -> bool {
        !matches!(self.mode, Mode::Direct(_))
    }

    /// Writes more pieces of a body that goes on after them; some may wait for the next.
    pub(super) fn write(&mut self, pieces: &[Bytes]) -> io::Result<u64> {
        if matches!(self.mode, Mode::Fresh) {
            let is_aligned = self.offset.is_multiple_of(ALIGNMENT as u64);
            let is_direct = is_aligned && set_direct(&self.file, Caching::Off);
            self.mode = if is_direct { Mode::Direct(Block::new()) } else { Mode::Cached };
        }
        let Mode::Direct(block) = &mut self.mode else {
            return write_pieces(&self.file, pieces);
        };
        let mut size = 0;
        for piece in pieces {
            size += piece.len() as u64;
            let mut rest = piece.as_ref();
            while !rest.is_empty() {
                rest = block.fill(rest);
                if block.is_full() {
                    (&self.file).write_all(block.bytes())?;
                    block.filled = 0;
                }
            }
        }
        Ok(size)
    }

    /// Writes the last pieces, and what waited; none may follow.
    pub(super) fn end(&mut self, pieces: &[Bytes]) -> io::Result<u64> {
        if let Mode::Direct(block) = &self.mode {
            set_direct(&self.file, Caching::On);
            (&self.file).write_all(block.bytes())?;
            self.mode = Mode::Cached;
        }
        write_pieces(&self.file, pieces)
    }
}

impl Block {
    fn new() -> Self {
        let memory = vec![0; BLOCK + ALIGNMENT];
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { memory, start, filled: 0 }
    }

    /// Takes what fits off the front of `bytes`, and returns the rest.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
        let begin = self.start + self.filled;
        self.memory[begin..begin + now.len()].copy_from_slice(now);
        self.filled += now.len();
        later
    }

    fn is_full(&self) -> bool {
        self.filled == BLOCK
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }
}

/// Whether writes go through the page cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caching {
    On,
    Off,
}

/// Turns direct writing on or off; `false` if the file system does not take it.
#[cfg(target_os = "linux")]
fn set_direct(file: &File, caching: Caching) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let set = |flags: OFlags| {
        let flags = match caching {
            Caching::On => flags - OFlags::DIRECT,
            Caching::Off => flags | OFlags::DIRECT,
        };
        fcntl_setfl(file, flags)
    };
    fcntl_getfl(file).and_then(set).is_ok()
}

/// Other systems have no such flag.
#[cfg(not(target_os = "linux"))]
fn set_direct(_file: &File, _caching: Caching) -> bool {
    false
}

/// Writes all of `pieces` at the file's cursor, and returns their size.
fn write_pieces(mut file: &File, pieces: &[Bytes]) -> io::Result<u64> {
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    // Empty slices at the front would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut rest, 0);
    let mut size = 0;
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                size += written;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size as u64)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom};

    use super::*;

    #[track_caller]
    fn check(folder: &std::path::Path, offset: usize, writes: &[&[usize]], last: &[usize]) {
        let mut expected = vec![9; offset];
        let path = folder.join("file");
        std::fs::write(&path, &expected).unwrap();
        let mut file = File::options().write(true).open(&path).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        let mut blocks = BlockFile::new(file, offset as u64);
        let mut next = 0_u8;
        let mut make = |lengths: &[usize]| -> Vec<Bytes> {
            let mut piece = |length: &usize| {
                next = next.wrapping_add(1);
                let piece = vec![next; *length];
                expected.extend_from_slice(&piece);
                Bytes::from(piece)
            };
            lengths.iter().map(&mut piece).collect()
        };
        for lengths in writes {
            let size: usize = lengths.iter().sum();
            assert_eq!(blocks.write(&make(lengths)).unwrap(), size as u64);
        }
        let size: usize = last.iter().sum();
        assert_eq!(blocks.end(&make(last)).unwrap(), size as u64);
        assert!(std::fs::read(&path).unwrap() == expected, "{offset} {writes:?} {last:?}");
    }

    #[test]
    fn writes_bodies_of_all_sizes_at_all_offsets() {
        // Beside the sources is a disk, where /tmp may be memory that takes no direct writes.
        for folder in [tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir()] {
            let folder = folder.unwrap();
            for offset in [0, 5, ALIGNMENT, BLOCK] {
                check(folder.path(), offset, &[], &[]);
                check(folder.path(), offset, &[], &[5, 6]);
                check(folder.path(), offset, &[&[BLOCK]], &[]);
                check(folder.path(), offset, &[&[BLOCK, 1], &[BLOCK - 1]], &[0]);
                check(folder.path(), offset, &[&[3 * BLOCK + 77], &[0, 5]], &[BLOCK + 1, 9]);
            }
        }
    }
}
