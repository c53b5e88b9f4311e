"""What may take long is judged apart, and ends in a verdict whatever the answer."""

from __future__ import annotations

import json
import math

import pytest

from routelab import gates
from routelab.errors import PolicyError
from routelab.gates import is_quick, verdict
from routelab.gates.judging import INLINE
from routelab.gates.schema_effort import schema_effort
from routelab.gates.search_effort import search_effort

NODE = {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/n"}}}}
TREE = {"$ref": "#/$defs/n", "$defs": {"n": NODE}}
TWICE = [
    {"type": "array", "items": {"$ref": "#/$defs/n"}, "maxItems": 1},
    {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1},
]
DOUBLED = {"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": TWICE}}}
"""Which takes twice as long for each level of an answer."""

DOUBLING = {
    f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}, {"$ref": f"#/$defs/d{at + 1}"}]}
    for at in range(24)
}
ROW = {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}
FLAT = {"type": "array", "items": ROW, "uniqueItems": True}


@pytest.mark.parametrize(
    "schema",
    [
        TREE,
        DOUBLED,
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "#/$defs/nowhere"},
        {"$dynamicRef": "#node"},
        {"$id": "http://schemas.test/a", "type": "object"},
        {"unevaluatedProperties": False},
        {"type": "string", "pattern": "^(?=.*a)b"},
    ],
)
def test_nothing_bounds_what_leads_anywhere(schema):
    assert schema_effort(schema) == math.inf


def test_references_count_as_often_as_they_are_followed():
    schema = {"$defs": {**DOUBLING, "d24": {"type": "integer"}}, "$ref": "#/$defs/d0"}
    assert schema_effort(schema) > 2**24
    assert schema_effort(FLAT) == 10  # every value in it


@pytest.mark.parametrize(
    ("regex", "length", "quick"),
    [
        (r"\d+", 100_000, True),
        (r"\A[A-D]\Z", 100_000, True),
        (r"\s+$", 900, True),
        (r"\s+$", 100_000, False),
        (r"<.*>.*</.*>", 2_000, False),
        ("a?" * 25 + "a" * 25, 30, False),
        (r"\bI\b.{0,60}\bcannot\b", 10_000, True),
    ],
)
def test_searches_that_may_take_long_are_known(regex, length, quick):
    assert (search_effort(regex, length) <= INLINE) is quick


@pytest.mark.parametrize(
    ("gate", "text", "says"),
    [
        (gates.JsonSchema(TREE), '{"c":[' * 30 + "]}" * 30, None),
        (gates.JsonSchema(TREE), '{"c":[' * 30 + "1" + "]}" * 30, "does not fit"),
        (gates.JsonSchema({"type": "array"}), json.dumps([1] * 400_000), None),
        (gates.Json(), "[" * 2_000_000, "nested too deeply"),
        (gates.Pattern(r"\s+$"), " " * 3_000 + "x", "must match"),
    ],
)
def test_a_process_gives_the_same_verdict(gate, text, says):
    assert not is_quick(gate, text)
    found = verdict(gate, text, within_s=60.0)
    assert found is None if says is None else says in found
    assert found == gate.problem(text)


@pytest.mark.parametrize(
    ("gate", "text"),
    [
        (gates.JsonSchema(DOUBLED), "[" * 40 + "1" + "]" * 40),
        (gates.Pattern("a?" * 30 + "a" * 30), "a" * 30),
    ],
)
def test_what_takes_too_long_is_refused(gate, text):
    assert "gave no verdict in 0.2 s" in verdict(gate, text, within_s=0.2)


@pytest.mark.parametrize(
    ("schema", "text", "says"),
    [
        ({"type": "number", "multipleOf": 0.01}, "1e400", "too large"),
        ({"type": "integer"}, "9" * 5_000, "not JSON"),
        ({"type": "integer"}, "9" * 400, None),
        ({"type": "number", "multipleOf": 5e-324}, "3", None),
        ({"type": "object", "additionalProperties": {"type": "string"}}, '{"\\ud800": 1}', "half"),
        ({"uniqueItems": True}, json.dumps([{"a": it} for it in range(3_000)] * 2), "non-unique"),
        ({"type": "object"}, '{"a":' * 900 + "1" + "}" * 900, None),
        ({"type": "object"}, '{"a":' * 100_000, "nested too deeply"),
        ({"$ref": "#"}, "1", None),
    ],
)
def test_odd_answers_are_judged(schema, text, says):
    found = verdict(gates.JsonSchema(schema), text, within_s=60.0)
    assert found is None if says is None else says in found


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "file:///etc/passwd"},
        {"$schema": "http://127.0.0.1:9/schema", "type": "object"},
        {"$schema": 5},
        {"$schema": ["x"]},
        {"$id": "http://[", "$ref": "x"},
        {"$dynamicRef": "#nope"},
        {"$ref": "#/$defs/nowhere"},
    ],
)
def test_a_schema_that_leads_out_is_refused_when_the_router_is_made(schema):
    with pytest.raises(PolicyError, match="the schema of a gate"):
        gates.JsonSchema(schema).ready()
