"""Words as numbers in Python and numpy: what the compiled form gives, where there is none."""

from __future__ import annotations

from array import array
from zlib import crc32

import numpy as np

_MIX = np.uint32(0x9E3779B1)  # odd, so that multiplying by it loses nothing
_FENCE = np.uint32(0xFFFFFFFF)  # equals no column, which has 24 bits at most


def read(spread: bytes, /) -> tuple[bytes, int, bool]:
    """The words between spaces: their codes, their bytes in all, and whether one is all letters.

    A code is the word's CRC-32, as a uint32 of this machine; letters are those of ASCII.
    """
    words = spread.split(b" ")
    codes = array("I", [crc32(word) for word in words if word])
    letters = len(spread) - spread.count(b" ")
    return codes.tobytes(), letters, any(map(bytes.isalpha, words))


def columns(codes: bytes, bits: int, /) -> tuple[bytes, bytes]:
    """Distinct columns of n words and their n - 1 pairs, ascending, and how often each occurs.

    A column is the first `bits` bits of a word's code, or of a pair's; both results are int64.
    """
    single = np.frombuffer(codes, np.uint32)
    n, shift = len(single), np.uint32(32 - bits)
    if not n:
        return b"", b""
    fenced = np.empty(2 * n + 1, np.uint32)
    fenced[1 : n + 1] = single
    pairs = fenced[n + 1 : -1]
    np.multiply(single[:-1], _MIX, out=pairs)
    pairs += single[1:]
    fenced >>= shift
    fenced[0] = fenced[-1] = _FENCE
    found = fenced[1:]
    found.sort()
    (edges,) = (found != fenced[:-1]).nonzero()
    starts = edges[:-1]
    times = (edges[1:] - starts).astype(np.int64)
    return found.take(starts).astype(np.int64).tobytes(), times.tobytes()


def census(codes: bytes, /, *lists: bytes) -> tuple[int, ...]:
    """How many of the codes are different, and how many of those are in each list of codes.

    A list has no code twice.
    """
    there = set(memoryview(codes).cast("I"))
    return len(there), *[len(there.intersection(memoryview(it).cast("I"))) for it in lists]
