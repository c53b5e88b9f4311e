"""Every gate: what it lets pass, what it refuses, and what it says."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab import gates
from routelab.errors import PolicyError
from routelab.testing import GateConformance

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["answer"],
}
GERMAN = "Die Antwort auf diese Frage hängt davon ab, wie viele Personen an dem Treffen teilnehmen."

PASSES = [
    (gates.NonEmpty(), "x"),
    (gates.Length(least=2, most=3), "abc"),
    (gates.Json(), '{"a": [1, 2.5, null]}'),
    (gates.Json(), '```json\n{"a": 1}\n```\n'),
    (gates.Json(), '"half a pair: \\ud83d"'),
    (gates.JsonSchema(schema=SCHEMA), '{"answer": 42}'),
    (gates.Pattern(regex=r"\A[A-D]\Z"), "B"),
    (gates.Pattern(regex="TODO", absent=True), "all done"),
    (gates.Language(codes=("en",)), "The capital of France is Paris, which lies on the Seine."),
    (gates.Language(codes=("en", "fr")), "La réponse est la suivante : il pleut à Paris."),
    (gates.Language(codes=("en",)), "42"),
    (gates.Refusal(), "Sorry about the delay: the answer is 7, and I can help with more."),
    (gates.Refusal(), "To say sorry, write: I'm sorry." + " and more" * 80 + " I cannot help"),
]
REFUSES = [
    (gates.NonEmpty(), " \n\t", "empty"),
    (gates.Length(least=2), "x", "1 characters; at least 2"),
    (gates.Length(most=3), "abcd", "4 characters; 3 are allowed"),
    (gates.Json(), "{'a': 1}", "not JSON"),
    (gates.Json(), "NaN", "NaN is no JSON number"),
    (gates.Json(fenced=False), "```\n1\n```", "not JSON"),
    (gates.Json(), "[" * 100_000, "nested too deeply"),
    (gates.JsonSchema(schema=SCHEMA), '{"answer": "42", "why": 1}', r"\$\.answer: .*\$\.why: "),
    (gates.JsonSchema(schema=SCHEMA), "nothing", "not JSON"),
    (gates.Pattern(regex=r"\A[A-D]\Z"), "E", "must match"),
    (gates.Pattern(regex="TODO", absent=True, says="finish it"), "TODO", "finish it"),
    (gates.Language(codes=("en",)), GERMAN, "'de'"),
    (gates.Refusal(), "I\u2019m sorry, but I can\u2019t help with that.", "refusal"),
    (gates.Refusal(), "As an AI language model, I do not have opinions.", "refusal"),
    (gates.Refusal(), "I cannot assist with this request.", "refusal"),
    (gates.Refusal(phrases=("das darf ich nicht",)), "Das darf ich nicht sagen.", "refusal"),
]


@pytest.mark.parametrize("kind", gates.KINDS)
def test_every_kind_has_an_example_of_each_side(kind):
    if kind is not gates.Function:
        assert any(isinstance(gate, kind) for gate, _ in PASSES)
        assert any(isinstance(gate, kind) for gate, _, _ in REFUSES)


class TestEveryGate(GateConformance):
    passes = PASSES
    refuses = REFUSES


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_json_that_python_writes_passes(value):
    assert gates.Json().problem(json.dumps(value)) is None


def test_json_gives_a_function_back():
    gate = gates.Function(function="f")
    assert gates.REGISTRY.decode(msgspec.json.decode(msgspec.json.encode(gate))) == gate


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: gates.Length(least=5, most=3), "from 5 to 3"),
        (lambda: gates.Pattern(regex="("), r"pattern '\('"),
        (lambda: gates.Language(codes=()), "needs a language"),
        (lambda: gates.Language(codes=("xx",)).ready(), "'xx'.*it knows"),
        (lambda: gates.JsonSchema(schema={"type": 3}).ready(), "no JSON Schema"),
        (lambda: gates.Function(function=""), "name of a function"),
        (lambda: gates.Function(function="f", timeout_s=0.0), "timeout_s"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(make, why):
    with pytest.raises(PolicyError, match=why):
        make()
