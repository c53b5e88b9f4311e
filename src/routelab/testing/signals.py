"""The conformance suite of signal sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
import pytest

from routelab.core import Request
from routelab.signals import SignalReading, parse
from routelab.testing.suite import Conformance

BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"choices": []},
    {"choices": [None]},
    {"choices": [{"message": {"content": None}}]},
    {"choices": [{"message": {"content": "text"}, "logprobs": {"content": [{"logprob": "x"}]}}]},
    {"choices": "none", "usage": 3, "routelab": {"signals": []}},
)
"""Responses that hold little, and none of it as it should be."""


class SignalConformance(Conformance):
    """A spec gives its source back, and a strange response is a missing value, never an error.

    Attributes:
        specs: examples, such as "logprob_q:0.25".
    """

    specs: ClassVar[Sequence[str]] = ()
    examples: ClassVar[Mapping[str, str]] = {"spec": "specs"}

    def label(self, example: Any) -> str:
        return str(example)

    def test_every_kind_prints_as_its_spec(self, spec: str) -> None:
        assert str(parse(spec)) == spec

    def test_a_source_says_what_it_asks_for(self, spec: str) -> None:
        source = parse(spec)
        assert source.samples >= 1
        assert msgspec.json.decode(msgspec.json.encode(source.fields)) == source.fields

    @pytest.mark.parametrize("body", BODIES)
    def test_a_strange_response_is_never_an_exception(self, spec: str, body: Any) -> None:
        source = parse(spec)
        reading = source.read(Request("r"), [body, *[None] * (source.samples - 1)])
        assert isinstance(reading, SignalReading)
        assert isinstance(reading.value, float)
        assert reading.note or not math.isnan(reading.value)
