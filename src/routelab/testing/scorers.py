"""The conformance suites of scorers and calibrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from routelab.core import Feedback, Request
from routelab.core.catalogue import Catalogue
from routelab.errors import PolicyError
from routelab.policies import Fixed
from routelab.policies import to_wire as policy_to_wire
from routelab.policy_file import Document, write
from routelab.scorers import Calibrator, Scorer, ScorerSet, from_wire, load_scorers, to_wire
from routelab.scorers import calibrators as kinds
from routelab.testing.requests import MODELS, answers, asked, requests
from routelab.testing.suite import Conformance, some

Batch: TypeAlias = list[tuple[Request, Feedback]]
batches = st.lists(st.tuples(requests, answers), max_size=5)


class ScorerConformance(Conformance):
    """JSON round trip, finite scores, and the same bits one by one, in batches, and loaded.

    Attributes:
        scorers: examples by name; they may ask each other.
        features: wire forms of the providers they read, by name.
        tensors: that both name.
        models: candidates, of which outputs are.
    """

    scorers: ClassVar[Mapping[str, Scorer]] = {}
    features: ClassVar[Mapping[str, Any]] = {}
    tensors: ClassVar[Mapping[str, Any]] = {}
    models: ClassVar[tuple[str, ...]] = MODELS
    scoring: ClassVar[ScorerSet]
    examples: ClassVar[Mapping[str, str]] = {"name": "scorers"}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.scoring = cls.loaded()

    @classmethod
    def loaded(cls) -> ScorerSet:
        """The examples as a policy directory with them would be loaded."""
        wires = {name: to_wire(scorer) for name, scorer in cls.scorers.items()}
        features, said = msgspec.json.decode(msgspec.json.encode([cls.features, wires]))
        tensors = safetensors.numpy.load(safetensors.numpy.save(dict(cls.tensors)))
        return load_scorers(features, said, tensors, models=cls.models)

    def test_json_gives_the_scorer_back(self, name: str) -> None:
        text = msgspec.json.encode(to_wire(self.scorers[name]))
        assert from_wire(msgspec.json.decode(text)) == self.scorers[name]

    @some
    @given(batch=batches)
    def test_many_are_the_same_bits_as_one_by_one_and_as_saved_and_loaded(
        self, name: str, batch: Batch
    ) -> None:
        loaded = self.loaded()
        asked_of = [request for request, _ in batch]
        seen = [answer for _, answer in batch]
        many = self.scoring.score_batch(name, asked_of, seen)
        assert many.shape == (len(batch), len(self.scoring.outputs(name)))
        assert many.dtype == np.float64
        one_by_one = [loaded.score(name, *pair) for pair in batch]
        assert many.tobytes() == np.array(one_by_one).reshape(many.shape).tobytes()
        assert np.isfinite(many).all()

    @some
    @given(batch=batches, data=st.data())
    def test_what_was_asked_before_does_not_matter(
        self, name: str, batch: Batch, data: st.DataObject
    ) -> None:
        """The memory of the last request is never mistaken for another, or for another answer.

        Args:
            name: of the scorer.
            batch: of requests and answers.
            data: draws of them.
        """
        other = data.draw(st.sampled_from(sorted(self.scorers)))
        asked_of, seen_of = [it for it, _ in batch], [seen for _, seen in batch]
        fresh = self.loaded().score_batch(name, asked_of, seen_of)
        for (request, seen), wanted in zip(batch, fresh, strict=True):
            once = Feedback("small", {"sure": 0.5}, completion_tokens=9.0)
            self.scoring.score(other, request, once)
            self.scoring.score(other, request, seen)
            said = np.array(self.scoring.score(name, request, seen))
            assert said.tobytes() == wanted.tobytes()

    def test_blocks_leave_no_seam(self, name: str) -> None:
        prompts = [asked(f"What is {i} + {i}?", task="maths" if i % 3 else "") for i in range(4100)]
        seen = [Feedback("small", {"sure": i / 4100}) for i in range(4100)]
        many = self.scoring.score_batch(name, prompts, seen)
        for row in (0, 2047, 2048, 4095, 4096, 4099):
            assert tuple(many[row]) == self.scoring.score(name, prompts[row], seen[row])

    def test_a_scorer_says_what_it_needs(self, name: str) -> None:
        scoring = self.scoring
        assert scoring.target(name) == self.scorers[name].target
        assert scoring.kind(name) == to_wire(self.scorers[name])["kind"]
        if scoring.reads_answer(name):
            with pytest.raises(PolicyError, match="has no answer yet"):
                scoring.score(name, asked("hello"))
        else:
            alone = scoring.score(name, asked("hello"))
            assert alone == scoring.score(name, asked("hello"), Feedback("large"))
        if not scoring.reads_text(name):
            silent = msgspec.structs.replace(asked(""), messages=None)
            assert scoring.score(name, silent) == scoring.score(name, asked("anything"))

    def test_a_policy_directory_gives_its_scorers_back(self, tmp_path: Path) -> None:
        document = Document(
            name="scored",
            policy=policy_to_wire(Fixed(self.models[0])),
            candidates=self.models,
            catalogue=Catalogue(),
            features=self.features,
            scorers={name: to_wire(scorer) for name, scorer in self.scorers.items()},
        )
        loaded = write(tmp_path / "scored.policy", document, "# scored\n", self.tensors)
        assert loaded.scoring.names == tuple(self.scorers)
        question = asked("Prove that 7 is prime.", task="maths"), Feedback("small", {"sure": 0.1})
        for name in self.scorers:
            assert loaded.scoring.score(name, *question) == self.scoring.score(name, *question)


class CalibratorConformance(Conformance):
    """JSON round trip, and a probability for a probability, in the same order.

    Attributes:
        calibrators: examples.
    """

    calibrators: ClassVar[Sequence[Calibrator]] = ()
    examples: ClassVar[Mapping[str, str]] = {"calibrator": "calibrators"}

    def test_json_gives_the_calibrator_back(self, calibrator: Calibrator) -> None:
        said = msgspec.json.decode(msgspec.json.encode(calibrator))
        assert kinds.REGISTRY.decode(said) == calibrator

    @some
    @given(one=st.floats(0.0, 1.0), other=st.floats(0.0, 1.0))
    def test_a_calibrator_keeps_order_and_stays_a_probability(
        self, calibrator: Calibrator, one: float, other: float
    ) -> None:
        low, high = calibrator(min(one, other)), calibrator(max(one, other))
        assert 0.0 <= low <= high * (1 + 1e-15) <= 1.0 + 1e-12
