"""JSON of megabytes is read in steps, to the same value or to an error."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.runtime import large_json
from routelab.runtime.large_json import decode_anywhere, decode_steps, object_anywhere
from routelab.runtime.wire import LARGE, TooDeepError, decode_bounded, decode_json

MB = 1 << 20

SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.sampled_from([0.5])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def read(data, **limits):
    """The value, and how many steps it took."""
    steps, n = decode_steps(data, **limits), 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, n
        n += 1


@pytest.fixture
def fine(monkeypatch):
    """Slices so small that every cut is tried."""
    monkeypatch.setattr(large_json, "_SLICE", 16)
    monkeypatch.setattr(large_json, "_SMALL", 12)


@settings(max_examples=300, derandomize=True, database=None)
@given(VALUES, st.booleans(), st.integers(1, 40), st.integers(12, 30))
def test_steps_give_what_one_go_gives(value, ascii_, slice_, small):
    data = json.dumps(value, ensure_ascii=ascii_).encode(errors="surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_json, "_SLICE", slice_)
        patch.setattr(large_json, "_SMALL", small)
        assert read(b" " * (slice_ - 1) + data + b"\n" * (slice_ - 1))[0] == decode_json(data)


@settings(max_examples=300, derandomize=True, database=None)
@given(st.binary(max_size=60), st.integers(1, 20), st.integers(12, 30))
def test_other_bytes_are_an_error_of_ours_or_the_same_value(data, slice_, small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_json, "_SLICE", slice_)
        patch.setattr(large_json, "_SMALL", small)
        try:
            value, _ = read(b'{"a": ' + data)
        except ValueError:
            return
    assert value == decode_json(b'{"a": ' + data)


@pytest.mark.parametrize("sign", ['"', "\\", "ä", "€", "\U0001f600", "\n", "\x7f", "a\\n"])
@pytest.mark.parametrize("ascii_", [False, True])
def test_texts_are_cut_where_no_sign_is(fine, sign, ascii_):
    for length in range(30):
        value = {"a": "x" * length + sign * 30}
        assert read(json.dumps(value, ensure_ascii=ascii_).encode())[0] == value


def test_marks_in_texts_count_for_nothing(fine):
    value = {"a": '[{",:' * 200, "b": ["\\" * 31 + '"' + "[" * 99]}
    data = json.dumps(value).encode()
    assert read(data, depth=2, values=10)[0] == value


def test_what_is_deeper_is_refused(fine):
    data = b'{"a": ' + b"[" * 5 + b"1" + b"]" * 5 + b"}"
    assert read(data, depth=6)[0] == {"a": [[[[[1]]]]]}
    with pytest.raises(TooDeepError, match="more than 5 levels"):
        read(data, depth=5)


def test_what_holds_more_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(large_json, "_value", None)
    with pytest.raises(ValueError, match="more than 400,000 values"):
        read(b"[" + b"[]," * MB + b"0]")


def test_an_object_of_too_many_names_is_refused():
    few = {f"k{at}": at for at in range(large_json.NAMES)}
    assert read(json.dumps(few).encode())[0] == few
    with pytest.raises(ValueError, match="more than 50,000 different names"):
        read(json.dumps({**few, **{f"l{at}": at for at in range(1_000)}}).encode())


def test_names_that_come_again_are_as_many_as_there_are():
    value = [{"a": at} for at in range(60_000)]
    assert read(json.dumps(value).encode())[0] == value


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": ' + b"9" * MB + b"}",
        b'{"a": "' + b"x" * MB + b'", "b": }',
        b'{"a": "' + b"x" * MB,
        b'{"a": "' + b"\xff" * MB + b'"}',
        b'{"a": "' + b"\\ud800" * (MB // 2) + b'"}',
        b" " * (3 * MB),
        b" " * (2 * MB) + b"{}",
        b'"' + b"x" * MB + b'" "' + b"x" * MB + b'"',
    ],
)
def test_what_is_no_json_is_an_error(data):
    with pytest.raises(ValueError, match=r"."):
        read(data)


def test_numbers_that_json_has_not_are_taken_where_there_is_little():
    data = b'{"b": "%b", "a": -Infinity}' % (b"x" * LARGE)
    assert read(data)[0]["a"] == float("-inf")
    with pytest.raises(ValueError, match="malformed"):
        read(data.replace(b"x", b"xx"))


def test_many_values_take_many_steps():
    data = json.dumps({"a": [{"b": "x" * 20}] * 50_000}).encode()
    value, steps = read(data)
    assert value == decode_bounded(data)
    assert steps > 10


def test_others_have_their_turns_meanwhile():
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def asked(data):
        other = asyncio.create_task(others())
        value = await object_anywhere(data)
        other.cancel()
        return value

    assert asyncio.run(asked(b'{"a": [' + b"[]," * 150_000 + b"0]}")) is None or turns == 0
    turns = 0
    large = b'{"a": [' + b'{"b": "c"},' * 130_000 + b"0]}"
    assert len(asyncio.run(asked(large))["a"]) == 130_001
    assert turns > 10


def test_small_bodies_are_read_at_once():
    steps = decode_anywhere(b'{"a": 1}')
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value == {"a": 1}


def test_anything_but_an_object_is_none():
    assert asyncio.run(object_anywhere(b"[1]")) is None
    assert asyncio.run(object_anywhere(b"[" + b" " * MB + b"1]")) is None
    assert asyncio.run(object_anywhere(b"{")) is None
