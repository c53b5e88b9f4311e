"""Server-sent events: the same events, however the bytes are cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.runtime.attempts.events import MAX_EVENT, Event, EventError, EventParser

FIELDS = ("data", "data:", "data: ", "data:  x", "event: e", "event", "id: 1", "retry: 5", ":", "x")
TEXTS = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=6)
LINES = st.one_of(
    st.just(""),
    st.builds(str.__add__, st.sampled_from(FIELDS), TEXTS),
    TEXTS,
)
STREAMS = st.tuples(
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"]),
    st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r", "\r\n"])), max_size=20),
    st.sampled_from([b"", b"data: unfinished", b"\r", b"\xff"]),
).map(lambda it: it[0] + "".join(line + end for line, end in it[1]).encode() + it[2])


def by_the_book(stream):
    """The standard's algorithm on the whole text at once."""
    text = stream.decode(errors="replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    events, data, name = [], "", ""
    for line in lines:
        if not line:
            if data:
                events.append((data.removesuffix("\n"), name))
            data, name = "", ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data += value + "\n"
        elif field == "event":
            name = value
    return events


def parsed(chunks):
    parser = EventParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return [(event.data.decode(errors="replace"), event.name) for event in events]


@given(STREAMS, st.data())
def test_any_stream_in_any_cut_gives_the_standards_events(stream, data):
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    cuts = [0, *places, len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(cuts)]
    assert parsed(chunks) == by_the_book(stream)


@given(STREAMS)
def test_byte_by_byte_gives_the_standards_events(stream):
    assert parsed([stream[at : at + 1] for at in range(len(stream))]) == by_the_book(stream)


def test_every_cut_in_two_of_the_standards_own_example():
    stream = b"\xef\xbb\xbf: hi\r\ndata: YHOO\r\ndata: +2\r\rdata\n\ndata\ndata\n\ndata:"
    for at in range(len(stream) + 1):
        assert parsed([stream[:at], stream[at:]]) == [("YHOO\n+2", ""), ("", ""), ("\n", "")]


def test_an_event_is_given_with_its_last_byte_even_after_a_lone_carriage_return():
    parser = EventParser()
    assert parser.feed(b"data: 1\r") == []
    assert parser.feed(b"\r") == [Event(b"1")]
    assert parser.feed(b"\ndata: 2\n\n") == [Event(b"2")]


@pytest.mark.parametrize("endless", [b"x" * 2**20, b"data: " + b"x" * 2**20 + b"\n"])
def test_an_event_without_end_is_refused(endless):
    with pytest.raises(EventError, match="more than 16 MiB"):
        parsed([endless] * (2 * MAX_EVENT // 2**20))
