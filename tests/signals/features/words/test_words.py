"""Words as numbers: against what a reader would count, and compiled against plain."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest
from compiled_forms import each_form, form_of, needs_a_compiler
from hypothesis import given
from hypothesis import strategies as st

_compiled = form_of("routelab.signals.features.words", "_compiled")
in_each_form = each_form("routelab.signals.features.words")

spreads = st.binary(max_size=80) | st.lists(
    st.sampled_from([b"a", b"b", b"not", b"7", b"x7", b"\xc3\xa9", b"", b"long" * 30]), max_size=400
).map(b" ".join)


def codes_of(spread: bytes) -> list[int]:
    return [crc32(word) for word in spread.split(b" ") if word]


def packed(codes: list[int]) -> bytes:
    return np.array(codes, np.uint32).tobytes()


@needs_a_compiler
def test_it_is_compiled_where_there_is_a_compiler():
    assert _compiled is not None


@in_each_form
@given(spread=spreads)
def test_words_are_read_between_spaces(form, spread):
    words = [word for word in spread.split(b" ") if word]
    codes, letters, lettered = form.read(spread)
    assert codes == packed(codes_of(spread))
    assert letters == sum(map(len, words))
    assert lettered is any(word.isalpha() for word in words)


WORTH = np.array([0.0, 1.0, 1.5, 1.75])  # more than three occurrences are three


def idf_of(bits):
    return np.linspace(-0.5, 2.0, 2**bits) ** 3


@in_each_form
@given(spread=spreads, bits=st.integers(1, 12), weighted=st.booleans())
def test_words_and_pairs_are_counted_and_valued_by_column(form, spread, bits, weighted):
    codes = codes_of(spread)
    pairs = [(one * 0x9E3779B1 + two) % 2**32 for one, two in pairwise(codes)]
    counted = sorted(Counter(code >> (32 - bits) for code in codes + pairs).items())
    idf = idf_of(bits) if weighted else None
    values = [float(WORTH[min(times, 3)]) for _, times in counted]
    if weighted:
        values = [v * float(idf[column]) for v, (column, _) in zip(values, counted, strict=True)]
    squares = 0.0
    for v in values:
        squares += v * v
    length = math.sqrt(squares)
    found, valued = form.vector(packed(codes), bits, WORTH, idf)
    assert found.tolist() == [column for column, _ in counted]
    assert valued.tolist() == [v / length if length else v for v in values]


@in_each_form
def test_words_that_are_worth_nothing_are_zeros(form):
    indices, values = form.vector(packed([1 << 31, 7]), 1, np.zeros(2), None)
    assert (indices.tolist(), values.tolist()) == ([0, 1], [0.0, 0.0])
    assert [len(it) for it in form.vector(b"", 1, WORTH, np.ones(2))] == [0, 0]


@in_each_form
@given(spread=spreads, lists=st.lists(spreads, max_size=3))
def test_different_words_are_counted_and_found_in_lists(form, spread, lists):
    there = set(codes_of(spread))
    listed = [sorted(set(codes_of(it))) for it in lists]
    expected = len(there), *[len(there & set(it)) for it in listed]
    assert form.census(packed(codes_of(spread)), *map(packed, listed)) == expected


@in_each_form
def test_a_code_that_is_nought_is_a_word_like_others(form):
    codes = packed([0, 0, 2**32 - 1])
    assert form.census(codes, packed([0]), packed([2**32 - 1, 5])) == (2, 1, 1)
    columns, values = form.vector(codes, 24, np.arange(9.0), None)
    assert columns.tolist() == [0, 2**24 - 1]
    assert values.tolist() == [3.0 / math.sqrt(13.0), 2.0 / math.sqrt(13.0)]


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "call",
    [
        lambda form: form.read("text"),
        lambda form: form.vector(b"123", 8, WORTH, b""),
        lambda form: form.vector(b"", 0, WORTH, b""),
        lambda form: form.vector(b"", 25, WORTH, b""),
        lambda form: form.vector(b"", 8, WORTH, np.ones(255)),
        lambda form: form.vector(b"", 8, np.ones(0), b""),
        lambda form: form.vector(b"", 8, WORTH[::2], b""),
        lambda form: form.vector(b"", 8, WORTH, None),
        lambda form: form.vector(b"", 8, WORTH),
        lambda form: form.census(),
        lambda form: form.census("text"),
        lambda form: form.census(b"", "text"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_no_crash(call):
    with pytest.raises((TypeError, ValueError, BufferError)):
        call(_compiled)
