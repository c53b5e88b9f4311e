"""Tool calls of a stream are the calls of the answer, however an endpoint numbers its pieces."""

from __future__ import annotations

import pytest

from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.growing import ENTRIES, PieceError
from routelab.runtime.attempts.tool_calls import ToolCalls

ROME, OSLO = '{"city":"Rome"}', '{"city":"Oslo"}'


def of(name=None, arguments=None, **more):
    """A piece of a call; its number is 0 unless something else is said."""
    said = {"name": name, "arguments": arguments}
    function = {key: value for key, value in said.items() if value is not None}
    piece = {"index": 0, **more, **({"function": function} if function else {})}
    return {key: value for key, value in piece.items() if value is not None}


STREAMS = {
    "as OpenAI": (
        [
            of("f", "", id="a"),
            of(None, ROME),
            of("g", "", id="b", index=1),
            of(None, OSLO, index=1),
        ],
        [("f", ROME), ("g", OSLO)],
    ),
    "one number, ids and names at the start": (
        [of("f", "", id="a"), of(None, ROME), of("g", "", id="b"), of(None, OSLO)],
        [("f", ROME), ("g", OSLO)],
    ),
    "interleaved, ids in every piece, names in the first": (
        [of("f", "", id="a"), of("g", "", id="b"), of(None, ROME, id="a"), of(None, OSLO, id="b")],
        [("f", ROME), ("g", OSLO)],
    ),
    "interleaved, ids and names in every piece": (
        [
            of("f", ROME[:5], id="a"),
            of("g", OSLO[:7], id="b"),
            of("f", ROME[5:], id="a"),
            of("g", OSLO[7:], id="b"),
        ],
        [("f", ROME), ("g", OSLO)],
    ),
    "a new id for each piece": (
        [of("f", "", id="a"), of(None, ROME[:4], id="b"), of(None, ROME[4:], id="c")],
        [("f", ROME)],
    ),
    "a new id without a name after whole arguments": (
        [of("f", ROME, id="a"), of(None, OSLO, id="b")],
        [("f", ROME), (None, OSLO)],
    ),
    "an id that only begins a call": (
        [of("f", "", id="a"), of(None, ROME), of(None, "", id="b"), of("g", OSLO)],
        [("f", ROME), ("g", OSLO)],
    ),
    "no ids and no arguments": ([of("f", ""), of("g", "")], [("f", ""), ("g", "")]),
    "no ids, arguments in a later piece": (
        [of("f", ROME), of("f", ""), of(None, OSLO)],
        [("f", ROME), ("f", OSLO)],
    ),
    "no ids, one name in every piece": ([of("f", ROME[:6]), of("f", ROME[6:])], [("f", ROME)]),
    "one id for all and no numbers": (
        [of("f", ROME, id="a", index=None), of("g", OSLO, id="a", index=None)],
        [("f", ROME), ("g", OSLO)],
    ),
    "one id for all under numbers of their own": (
        [of("f", ROME, id="a"), of("g", OSLO, id="a", index=1)],
        [("f", ROME), ("g", OSLO)],
    ),
    "the whole call once more": (
        [of("f", ROME[:6], id="a"), of(None, ROME[6:]), of("f", ROME, id="a")],
        [("f", ROME)],
    ),
    "a name in pieces": (
        [of("get_", "", id="a"), of("weather", ""), of(None, ROME)],
        [("get_weather", ROME)],
    ),
    "numbers as text, out of order": (
        [of("g", OSLO, id="b", index="2"), of("f", ROME, id="a", index="1")],
        [("f", ROME), ("g", OSLO)],
    ),
    "arguments of nothing at first": (
        [of("f", id="a"), {"index": 0, "function": {"arguments": None}}, of(None, ROME)],
        [("f", ROME)],
    ),
}


def said(calls):
    return [(it["function"].get("name"), it["function"].get("arguments")) for it in calls]


@pytest.mark.parametrize("which", STREAMS)
@pytest.mark.parametrize("together", [False, True])
def test_calls_are_told_apart_and_so_they_are_for_clients_that_go_by_numbers(which, together):
    pieces, expected = STREAMS[which]
    assembly, by_number = Assembly(), {}
    for entries in [pieces] if together else [[it] for it in pieces]:
        taken = assembly.add({"choices": [{"index": 0, "delta": {"tool_calls": entries}}]})
        for entry in taken.piece["choices"][0]["delta"].get("tool_calls", ()):
            name, arguments = by_number.get(entry["index"], ("", ""))
            function = entry.get("function", {})
            more = function.get("name") or ""
            name += more if more != name else ""
            by_number[entry["index"]] = name, arguments + (function.get("arguments") or "")
    assert said(assembly.body()["choices"][0]["message"]["tool_calls"]) == expected
    assert [by_number[it] for it in sorted(by_number)] == [(a or "", b) for a, b in expected]


def test_a_piece_that_needs_no_mending_is_passed_on_as_it_came():
    piece = {"choices": [{"index": 0, "delta": {"tool_calls": [of("f", ROME, id="a")]}}]}
    assert Assembly().add(piece).piece is piece


def test_custom_tools_go_on_by_their_input():
    calls = ToolCalls()
    calls.add({"index": 0, "id": "a", "type": "custom", "custom": {"name": "py", "input": "pri"}})
    calls.add({"index": 0, "custom": {"input": "nt"}})
    (call,) = calls
    assert call["custom"] == {"name": "py", "input": "print"}


def test_calls_have_an_end():
    calls = ToolCalls()
    for at in range(ENTRIES):
        calls.add(of("f", ROME, id=str(at), index=at))
    with pytest.raises(PieceError, match="tool calls"):
        calls.add(of("f", ROME, id="x", index=ENTRIES))
