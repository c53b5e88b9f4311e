"""Card numbers in texts: 13 to 19 digits whose last one checks the others."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

CARD = "[card]"

_LEAST, _MOST = 13, 19
_GAPS = " \u00a0\u2009\u202f.\\-\u2010-\u2013"
_RUN = re.compile(rf"(?<![0-9])[0-9](?:[{_GAPS}]?[0-9]){{{_LEAST - 1},}}+")
"""Digits with one sign between two of them at most, the whole run."""
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])
"""Digits of twice a digit, added up."""


def redacted_cards(text: str) -> str:
    """The text with `[card]` in place of each number that a card may have.

    It begins with 2 to 6, passes the check of its last digit, and is written in one piece or in
    groups of other than two digits, as dates are.

    Source: ISO/IEC 7812-1, annex B, the check digit of H. P. Luhn.
    """
    return _RUN.sub(lambda run: _redacted(run[0]), text)


def _redacted(run: str) -> str:
    parts, at = [], 0
    for begin, end in _cards(run):
        parts += [run[at:begin], CARD]
        at = end
    return "".join([*parts, run[at:]]) if parts else run


def _cards(run: str) -> list[tuple[int, int]]:
    """Where cards begin and end; of those that begin at one place the longest."""
    letters = np.frombuffer(run.encode("utf-32-le"), dtype=np.uint32)
    at = np.flatnonzero((letters >= ord("0")) & (letters <= ord("9")))
    digits = (letters[at] - ord("0")).astype(np.int64)
    n = len(digits)
    begins = np.diff(at, prepend=-2) > 1
    ends = np.append(begins[1:], True)
    sums = _alternating_sums(digits)
    pairs = _group_pairs(begins)
    lengths = np.zeros(n, dtype=np.int64)
    for length in range(_LEAST, min(_MOST, n) + 1):
        first = np.arange(n - length + 1)
        last = first + length - 1
        total = sums[last % 2, last + 1] - sums[last % 2, first]
        good = begins[first] & ends[last] & (digits[first] >= 2) & (digits[first] <= 6)
        good &= (total % 10 == 0) & (pairs[last + 1] == pairs[first])
        lengths[first[good]] = length
    found: list[tuple[int, int]] = []
    starts, k = np.flatnonzero(lengths), 0
    while k < len(starts):
        first = starts[k]
        after = first + lengths[first]
        found.append((int(at[first]), int(at[after - 1]) + 1))
        k = int(np.searchsorted(starts, after))
    return found


def _alternating_sums(digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """(2, n + 1) sums up to each digit; row p doubles the digits whose index has not parity p."""
    n, doubled = len(digits), _DOUBLED[digits]
    odd = np.arange(n) % 2 == 1
    rows = np.stack([np.where(odd, doubled, digits), np.where(odd, digits, doubled)])
    return np.concatenate([np.zeros((2, 1), dtype=np.int64), np.cumsum(rows, axis=1)], axis=1)


def _group_pairs(begins: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n + 1,) how many digits up to each stand in a group of exactly two."""
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.append(starts, len(begins)))
    of_two = np.repeat(sizes == 2, sizes)
    return np.concatenate([[0], np.cumsum(of_two)])
