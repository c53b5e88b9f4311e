"""What every kind of scorer and calibrator owes a policy, whatever kind is added."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_world import FEATURES, MODELS, SCORERS, TENSORS, WIRES

from routelab.core.catalogue import Catalogue
from routelab.core.protocol import Feedback
from routelab.errors import PolicyError
from routelab.policies import Fixed
from routelab.policies import to_wire as policy_to_wire
from routelab.policy_file import Document, write
from routelab.scorers import (
    CALIBRATORS,
    KINDS,
    Beta,
    Isotonic,
    Platt,
    Temperature,
    from_wire,
    load,
    to_wire,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "signals"))
from features_world import answers, asked, requests

SCORING = load(FEATURES, WIRES, TENSORS, models=MODELS)
every_scorer = pytest.mark.parametrize("name", SCORERS)
some = settings(deadline=None, max_examples=25)
batches = st.lists(st.tuples(requests, answers), max_size=5)
CALIBRATED = (
    Platt(0.7, -0.3),
    Beta(0.5, 2.0, 0.1),
    Isotonic(x=(0.2,), y=(0.5,)),
    Isotonic(x=(0.0, 0.3, 0.30000000000000004, 1.0), y=(0.1, 0.1, 0.6, 0.9)),
    Temperature(0.4),
)


def test_every_kind_has_an_example():
    assert {type(scorer) for scorer in SCORERS.values()} == {*KINDS}
    assert {type(calibrator) for calibrator in CALIBRATED} == {*CALIBRATORS}


@every_scorer
def test_json_gives_the_scorer_back(name):
    text = msgspec.json.encode(to_wire(SCORERS[name]))
    assert from_wire(msgspec.json.decode(text)) == SCORERS[name]


@every_scorer
@some
@given(batch=batches)
def test_many_are_the_same_bits_as_one_by_one_and_as_saved_and_loaded(name, batch):
    wires = msgspec.json.decode(msgspec.json.encode([FEATURES, WIRES]))
    loaded = load(*wires, safetensors.numpy.load(safetensors.numpy.save(TENSORS)))
    asked_of = [request for request, _ in batch]
    seen = [answer for _, answer in batch]
    many = SCORING.score_batch(name, asked_of, seen)
    assert many.shape == (len(batch), len(SCORING.outputs(name)))
    assert many.dtype == np.float64
    one_by_one = [loaded.score(name, *pair) for pair in batch]
    assert many.tobytes() == np.array(one_by_one).reshape(many.shape).tobytes()
    assert np.isfinite(many).all()


@every_scorer
@some
@given(batch=batches, other=st.sampled_from(sorted(SCORERS)))
def test_what_was_asked_before_does_not_matter(name, batch, other):
    """The memory of the last request is never mistaken for another, or for another answer."""
    fresh = (
        load(FEATURES, WIRES, TENSORS).score_batch(name, *zip(*batch, strict=True)) if batch else ()
    )
    for (request, seen), wanted in zip(batch, fresh, strict=True):
        SCORING.score(other, request, Feedback("small", {"sure": 0.5}, completion_tokens=9.0))
        SCORING.score(other, request, seen)
        assert np.array(SCORING.score(name, request, seen)).tobytes() == wanted.tobytes()


@every_scorer
def test_blocks_leave_no_seam(name):
    prompts = [asked(f"What is {i} + {i}?", task="maths" if i % 3 else "") for i in range(4100)]
    seen = [Feedback("small", {"sure": i / 4100}) for i in range(4100)]
    many = SCORING.score_batch(name, prompts, seen)
    for row in (0, 2047, 2048, 4095, 4096, 4099):
        assert tuple(many[row]) == SCORING.score(name, prompts[row], seen[row])


@every_scorer
def test_a_scorer_says_what_it_needs(name):
    assert SCORING.target(name) == SCORERS[name].target
    assert SCORING.kind(name) == WIRES[name]["kind"]
    if SCORING.reads_answer(name):
        with pytest.raises(PolicyError, match="has no answer yet"):
            SCORING.score(name, asked("hello"))
    else:
        alone = SCORING.score(name, asked("hello"))
        assert alone == SCORING.score(name, asked("hello"), Feedback("large"))
    if not SCORING.reads_text(name):
        silent = msgspec.structs.replace(asked(""), messages=None)
        assert SCORING.score(name, silent) == SCORING.score(name, asked("anything"))


def test_a_policy_directory_gives_its_scorers_back(tmp_path):
    document = Document(
        name="scored",
        policy=policy_to_wire(Fixed("small")),
        candidates=MODELS,
        catalogue=Catalogue(),
        features=FEATURES,
        scorers=WIRES,
    )
    loaded = write(tmp_path / "scored.policy", document, "# scored\n", TENSORS)
    assert loaded.scoring.names == tuple(SCORERS)
    for name in SCORERS:
        question = asked("Prove that 7 is prime.", task="maths"), Feedback("small", {"sure": 0.1})
        assert loaded.scoring.score(name, *question) == SCORING.score(name, *question)


def test_an_unknown_scorer_is_named():
    with pytest.raises(PolicyError, match="no scorer 'mood'; there are: quality, bare"):
        SCORING.score("mood", asked("hello"))
    with pytest.raises(PolicyError, match="there are: none"):
        load({}, {}, {}).outputs("mood")


@pytest.mark.parametrize("calibrator", CALIBRATED, ids=lambda it: type(it).__name__.lower())
@some
@given(one=st.floats(0.0, 1.0), other=st.floats(0.0, 1.0))
def test_a_calibrator_keeps_order_and_stays_a_probability(calibrator, one, other):
    low, high = calibrator(min(one, other)), calibrator(max(one, other))
    assert 0.0 <= low <= high * (1 + 1e-15) <= 1.0 + 1e-12


@some
@given(p=st.floats(1e-9, 1.0 - 1e-9))
def test_calibrators_that_change_nothing(p):
    for calibrator in (Platt(1.0, 0.0), Beta(1.0, 1.0, 0.0), Temperature(1.0)):
        assert calibrator(p) == pytest.approx(p, rel=1e-9)
    assert Isotonic(x=(0.0, 1.0), y=(0.0, 1.0))(p) == p


def test_isotonic_meets_its_knots_and_is_flat_outside():
    bent = Isotonic(x=(0.25, 0.5, 1.0), y=(0.0, 0.5, 0.75))
    assert [bent(x) for x in (0.0, 0.25, 0.375, 0.5, 0.75, 1.0, 9.0)] == [
        *(0.0, 0.0, 0.25, 0.5, 0.625, 0.75, 0.75),
    ]
    assert math.isclose(bent(math.nextafter(0.5, 0.0)), 0.5)
