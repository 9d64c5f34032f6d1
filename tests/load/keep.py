"""Keeps files in memory until its standard input ends: keep.py FILE...

The tool itself can't: a map of a file is unsafe code to Rust. Says `kept` when all are.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
]
LIBC.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
MAP_FAILED = ctypes.c_void_p(-1).value


def keep(path: Path) -> None:
    """Reads a file into memory, and locks it there as long as this process lives."""
    with path.open("rb") as file:
        size = path.stat().st_size
        at = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if at == MAP_FAILED or LIBC.mlock(at, size) != 0:
        sys.exit(f"{path}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        keep(Path(argument))
    print("kept", flush=True)
    sys.stdin.read()
