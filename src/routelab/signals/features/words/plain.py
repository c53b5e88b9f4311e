"""Words as numbers in Python and numpy: what the compiled form gives, where there is none."""

from __future__ import annotations

import math
from array import array
from functools import lru_cache
from zlib import crc32

import numpy as np

from routelab.core import Floats, Ints

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


def vector(codes: bytes, bits: int, worth: Floats, idf: Floats | None) -> tuple[Ints, Floats]:
    """(k,) columns of n words and their n - 1 pairs, ascending, and (k,) values of length one.

    A column is the first `bits` bits of a word's code, or of a pair's; the length is Euclidean.

    Args:
        codes: of the words, as `read` gives them.
        bits: of a column's number.
        worth: (most + 1,) float64 value by number of occurrences; more than `most` count as many.
        idf: (2**bits,) float64 that a column's value is multiplied by; None for 1.
    Source: hashed words as features, Weinberger et al. 2009, arXiv 0902.2206.
    """
    indices, times = _columns(codes, bits)
    if not len(indices):
        return indices, np.empty(0)
    values = worth.take(times, mode="clip")
    if idf is not None:
        values *= idf.take(indices)
    length = math.sqrt(np.add.accumulate(values * values)[-1])
    return indices, values / length if length > 0.0 else values


def _columns(codes: bytes, bits: int) -> tuple[Ints, Ints]:
    """Each different column, and how often it occurs."""
    single = np.frombuffer(codes, np.uint32)
    n, shift = len(single), np.uint32(32 - bits)
    if not n:
        return np.empty(0, np.int64), np.empty(0, np.int64)
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
    return found.take(starts).astype(np.int64), edges[1:] - starts


def census(codes: bytes, /, *lists: bytes) -> tuple[int, ...]:
    """How many of the codes are different, and how many of those are in each list of codes.

    A list has no code twice.
    """
    there = set(memoryview(codes).cast("I").tolist())
    return len(there), *[len(_listed(it) & there) for it in lists]


@lru_cache(maxsize=64)
def _listed(codes: bytes) -> frozenset[int]:
    return frozenset(memoryview(codes).cast("I"))
