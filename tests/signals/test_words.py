"""Words as numbers: against what a reader would count, and compiled against plain."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest
from compiling import needs_a_compiler
from hypothesis import given
from hypothesis import strategies as st

from routelab.signals.features.words import plain

try:
    from routelab.signals.features.words import _compiled
except ImportError:
    _compiled = None
    forms = [plain]
else:
    forms = [plain, _compiled]

spreads = st.binary(max_size=80) | st.lists(
    st.sampled_from([b"a", b"b", b"not", b"7", b"x7", b"\xc3\xa9", b"", b"long" * 30]), max_size=400
).map(b" ".join)
each_form = pytest.mark.parametrize("form", forms, ids=lambda form: form.__name__.split(".")[-1])


def codes_of(spread: bytes) -> list[int]:
    return [crc32(word) for word in spread.split(b" ") if word]


def packed(codes: list[int]) -> bytes:
    return np.array(codes, np.uint32).tobytes()


@needs_a_compiler
def test_it_is_compiled_where_there_is_a_compiler():
    assert _compiled is not None


@each_form
@given(spread=spreads)
def test_words_are_read_between_spaces(form, spread):
    words = [word for word in spread.split(b" ") if word]
    codes, letters, lettered = form.read(spread)
    assert codes == packed(codes_of(spread))
    assert letters == sum(map(len, words))
    assert lettered is any(word.isalpha() for word in words)


@each_form
@given(spread=spreads, bits=st.integers(1, 24))
def test_words_and_pairs_are_counted_by_column(form, spread, bits):
    codes = codes_of(spread)
    pairs = [(one * 0x9E3779B1 + two) % 2**32 for one, two in pairwise(codes)]
    counted = sorted(Counter(code >> (32 - bits) for code in codes + pairs).items())
    columns, times = (np.frombuffer(it, np.int64) for it in form.columns(packed(codes), bits))
    assert list(zip(columns, times, strict=True)) == counted


@each_form
@given(spread=spreads, lists=st.lists(spreads, max_size=3))
def test_different_words_are_counted_and_found_in_lists(form, spread, lists):
    there = set(codes_of(spread))
    listed = [sorted(set(codes_of(it))) for it in lists]
    expected = len(there), *[len(there & set(it)) for it in listed]
    assert form.census(packed(codes_of(spread)), *map(packed, listed)) == expected


@each_form
def test_a_code_that_is_nought_is_a_word_like_others(form):
    codes = packed([0, 0, 2**32 - 1])
    assert form.census(codes, packed([0]), packed([2**32 - 1, 5])) == (2, 1, 1)
    columns, times = (np.frombuffer(it, np.int64) for it in form.columns(codes, 24))
    assert columns.tolist() == [0, 2**24 - 1]
    assert times.tolist() == [3, 2]


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "call",
    [
        lambda form: form.read("text"),
        lambda form: form.columns(b"123", 8),
        lambda form: form.columns(b"", 0),
        lambda form: form.columns(b"", 25),
        lambda form: form.columns(b""),
        lambda form: form.census(),
        lambda form: form.census("text"),
        lambda form: form.census(b"", "text"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_no_crash(call):
    with pytest.raises((TypeError, ValueError)):
        call(_compiled)
