"""The conformance suite of gates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from routelab.gates import REGISTRY, Gate
from routelab.testing.suite import Conformance, some

Passing: TypeAlias = tuple[Gate, str]
Refused: TypeAlias = tuple[Gate, str, str]


class GateConformance(Conformance):
    """JSON round trip, what passes, what is refused and why, and no text that makes it fail.

    Attributes:
        passes: gates with a text each that they let pass.
        refuses: gates with a text each that they refuse, and a pattern of what they say then.
    """

    passes: ClassVar[Sequence[Passing]] = ()
    refuses: ClassVar[Sequence[Refused]] = ()
    examples: ClassVar[Mapping[str, str]] = {"passing": "passes", "refused": "refuses"}

    def label(self, example: Any) -> str:
        return super().label(example[0])

    def test_an_answer_passes(self, passing: Passing) -> None:
        gate, text = passing
        gate.ready()
        assert gate.problem(text) is None

    def test_an_answer_is_refused_and_told_why(self, refused: Refused) -> None:
        gate, text, why = refused
        gate.ready()
        said = gate.problem(text)
        assert said is not None
        assert re.search(why, said)
        assert len(said) < 500

    @some
    @given(text=st.text(max_size=200))
    def test_no_text_makes_a_gate_fail(self, text: str) -> None:
        every = [*(it[0] for it in self.passes), *(it[0] for it in self.refuses)]
        for gate in {type(gate): gate for gate in every}.values():
            gate.ready()
            said = gate.problem(text)
            assert said is None or isinstance(said, str)

    def test_json_gives_the_gate_back(self, passing: Passing) -> None:
        gate, _ = passing
        assert REGISTRY.decode(msgspec.json.decode(msgspec.json.encode(gate))) == gate
